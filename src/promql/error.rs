//! What can go wrong with a query, in Prometheus' words where it has words for it.

use model::StorageError;

use crate::memory::MemoryTaken;
use crate::position::Position;

/// A text that is not a query: `1:5: parse error: unexpected end of input`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{position}: parse error: {message}")]
pub struct ParseError {
    pub position: Position,
    pub message: String,
}

/// Why a query has no answer.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum QueryError {
    #[error(transparent)]
    Parse(#[from] ParseError),
    /// A range query needs a scalar or an instant vector.
    #[error("invalid expression type {found:?} for range query, must be Scalar or instant Vector")]
    InvalidType { found: &'static str },
    /// The query means something in PromQL that this engine does not compute.
    #[error("{position}: {what} is not supported")]
    Unsupported { what: String, position: Position },
    /// The limit of samples held at one time (`QueryOptions::max_samples`).
    #[error("query processing would load too many samples into memory in query execution")]
    TooManySamples,
    /// The limit of memory (`QueryOptions::max_bytes`).
    #[error("query processing would take more than {limit} bytes of memory in query execution")]
    TooManyBytes { limit: usize },
    /// Other queries hold what this one would need (`QueryOptions::lease`).
    #[error(transparent)]
    MemoryTaken(#[from] MemoryTaken),
    #[error("query timed out in query execution")]
    Timeout,
    #[error("query was canceled in query execution")]
    Cancelled,
    #[error("{0}")]
    Storage(StorageError),
    /// The query cannot be answered for this data or with these parameters, such as a match of many to many.
    #[error("{0}")]
    Execution(String),
}

/// The classes of errors of Prometheus' HTTP API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorType {
    BadData,
    Execution,
    Timeout,
    Canceled,
    Internal,
}

impl QueryError {
    pub fn error_type(&self) -> ErrorType {
        match self {
            QueryError::Parse(_) | QueryError::InvalidType { .. } => ErrorType::BadData,
            QueryError::Timeout => ErrorType::Timeout,
            QueryError::Cancelled => ErrorType::Canceled,
            QueryError::Storage(_) => ErrorType::Internal,
            QueryError::Unsupported { .. }
            | QueryError::TooManySamples
            | QueryError::TooManyBytes { .. }
            | QueryError::MemoryTaken(_)
            | QueryError::Execution(_) => ErrorType::Execution,
        }
    }

    pub(crate) fn execution(message: impl Into<String>) -> Self {
        QueryError::Execution(message.into())
    }
}

impl ErrorType {
    /// The field `errorType` of an answer.
    pub fn as_str(self) -> &'static str {
        match self {
            ErrorType::BadData => "bad_data",
            ErrorType::Execution => "execution",
            ErrorType::Timeout => "timeout",
            ErrorType::Canceled => "canceled",
            ErrorType::Internal => "internal",
        }
    }
}

impl From<StorageError> for QueryError {
    fn from(error: StorageError) -> Self {
        match error {
            StorageError::Cancelled => QueryError::Cancelled,
            unreadable => QueryError::Storage(unreadable),
        }
    }
}
