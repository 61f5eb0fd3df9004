//! The envelope of every answer: `{"status":"success","data":…}` or `{"status":"error","errorType":…,"error":…}`, and
//! the HTTP status that belongs to each kind of error.

use http::{Response, StatusCode};
use model::StorageError;
use promql::MemoryTaken;
use serde::Serialize;

use super::json::{write_string, write_strings};
use crate::query_pool::{PoolError, Stop};

pub type Answer = Result<Success, ApiError>;

/// The whole body of an answer.
#[derive(Debug)]
pub struct Success(Vec<u8>);

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiError {
    pub kind: ErrorKind,
    pub message: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    BadData,
    Execution,
    Canceled,
    Timeout,
    Internal,
    Unavailable,
}

/// Hints and warnings that go with an answer.
#[derive(Clone, Debug, Default)]
pub struct Notes {
    pub warnings: Vec<String>,
    pub infos: Vec<String>,
}

impl Success {
    /// The beginning of a body; the data follow, then `finish`.
    pub fn begin() -> Vec<u8> {
        br#"{"status":"success","data":"#.to_vec()
    }

    pub fn finish(mut body: Vec<u8>, notes: &Notes) -> Success {
        for (key, texts) in [("warnings", &notes.warnings), ("infos", &notes.infos)] {
            if !texts.is_empty() {
                body.extend_from_slice(format!(",\"{key}\":").as_bytes());
                write_strings(&mut body, texts);
            }
        }
        body.push(b'}');
        Success(body)
    }

    /// Small data, by way of serde.
    pub fn of(data: &impl Serialize) -> Answer {
        let mut body = Success::begin();
        write_json(&mut body, data)?;
        Ok(Success::finish(body, &Notes::default()))
    }

    /// A list of names.
    pub fn of_strings(texts: &[String], notes: &Notes) -> Success {
        let mut body = Success::begin();
        write_strings(&mut body, texts);
        Success::finish(body, notes)
    }
}

impl ApiError {
    pub fn new(kind: ErrorKind, message: impl ToString) -> ApiError {
        ApiError { kind, message: message.to_string() }
    }

    pub fn bad_data(message: impl ToString) -> ApiError {
        ApiError::new(ErrorKind::BadData, message)
    }

    /// `invalid parameter "step": …`
    pub fn parameter(name: &str, reason: impl std::fmt::Display) -> ApiError {
        ApiError::bad_data(format!("invalid parameter \"{name}\": {reason}"))
    }
}

impl ErrorKind {
    pub fn as_str(self) -> &'static str {
        match self {
            ErrorKind::BadData => "bad_data",
            ErrorKind::Execution => "execution",
            ErrorKind::Canceled => "canceled",
            ErrorKind::Timeout => "timeout",
            ErrorKind::Internal => "internal",
            ErrorKind::Unavailable => "unavailable",
        }
    }

    fn status(self) -> StatusCode {
        match self {
            ErrorKind::BadData => StatusCode::BAD_REQUEST,
            ErrorKind::Execution => StatusCode::UNPROCESSABLE_ENTITY,
            // Nginx' number for a client that went away; there is no name for it.
            ErrorKind::Canceled => StatusCode::from_u16(499).unwrap_or(StatusCode::BAD_REQUEST),
            ErrorKind::Timeout => StatusCode::SERVICE_UNAVAILABLE,
            ErrorKind::Internal | ErrorKind::Unavailable => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

pub fn write_json(body: &mut Vec<u8>, data: &impl Serialize) -> Result<(), ApiError> {
    serde_json::to_writer(body, data).map_err(|error| ApiError::new(ErrorKind::Internal, error))
}

impl From<Stop> for ApiError {
    fn from(stop: Stop) -> ApiError {
        let kind = match stop {
            Stop::Late => ErrorKind::Timeout,
            Stop::Cancelled => ErrorKind::Canceled,
            Stop::Memory(_) => ErrorKind::Execution,
        };
        ApiError::new(kind, stop)
    }
}

impl From<MemoryTaken> for ApiError {
    fn from(taken: MemoryTaken) -> ApiError {
        Stop::from(taken).into()
    }
}

impl From<PoolError> for ApiError {
    fn from(error: PoolError) -> ApiError {
        let kind = match error {
            PoolError::Queued => ErrorKind::Timeout,
            PoolError::Panicked => ErrorKind::Internal,
        };
        ApiError::new(kind, error)
    }
}

impl From<StorageError> for ApiError {
    fn from(error: StorageError) -> ApiError {
        match error {
            StorageError::Cancelled => Stop::Cancelled.into(),
            StorageError::Unreadable(_) => ApiError::new(ErrorKind::Execution, error),
        }
    }
}

pub fn respond(answer: Answer) -> Response {
    match answer {
        Ok(Success(body)) => Response::json(StatusCode::OK, body),
        Err(ApiError { kind, message }) => {
            let mut body = format!(r#"{{"status":"error","errorType":"{}","error":"#, kind.as_str()).into_bytes();
            write_string(&mut body, &message);
            body.push(b'}');
            Response::json(kind.status(), body)
        }
    }
}
