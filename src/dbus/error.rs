//! Why a connection is of no use any more. A method that fails is no such error, see `Fault`.

use std::io;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{0}")]
    Connect(io::Error),
    /// Its queue of connections is full: nobody accepts them.
    #[error("accepts no connections")]
    Busy,
    #[error("no answer in time")]
    TimedOut,
    #[error("closed the connection")]
    Closed,
    #[error("{0}")]
    Io(io::Error),
    #[error("refused to talk to us: {0:?}")]
    Refused(String),
    /// Says what was expected.
    #[error("sent something that is no D-Bus message: expected {0}")]
    Malformed(&'static str),
    #[error("sent a message of {0} bytes, more than is taken")]
    TooLong(usize),
}

pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// There is no socket, so no bus: nothing is broken.
    pub fn is_absent(&self) -> bool {
        matches!(self, Error::Connect(error) if error.kind() == io::ErrorKind::NotFound)
    }

    /// The other side has gone away, as when it was restarted; a new connection may do.
    pub fn is_gone(&self) -> bool {
        match self {
            Error::Closed => true,
            Error::Io(error) => matches!(error.kind(), io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset),
            _ => false,
        }
    }
}
