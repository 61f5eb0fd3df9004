//! What can go wrong when a kernel file is read: always with the path, and with line and text where there are any.

use std::io;
use std::path::Path;
use std::sync::Arc;

use nix::libc;

use crate::scan::ParseError;

pub type Result<T> = std::result::Result<T, Error>;

/// The path is shared with whoever keeps the file: a file that is not there, and is asked for on each scrape, costs no
/// allocation.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{}: {source}", path.display())]
    Io { path: Arc<Path>, source: io::Error },
    #[error("{}:{}: {}", path.display(), problem.line, problem.text())]
    Parse { path: Arc<Path>, problem: ParseError },
}

impl Error {
    pub fn io(path: impl AsRef<Path>, source: io::Error) -> Self {
        Error::Io { path: path.as_ref().into(), source }
    }

    /// What a parser complained about, with the path that the parser does not know.
    pub fn parse(path: impl AsRef<Path>, problem: ParseError) -> Self {
        Error::Parse { path: path.as_ref().into(), problem }
    }

    pub fn path(&self) -> &Path {
        match self {
            Error::Io { path, .. } | Error::Parse { path, .. } => path,
        }
    }

    /// The file does not exist (`ENOENT`, `ENOTDIR`), went away while it was open (`ENODEV`), belongs to a process that
    /// ended (`ESRCH`), or its feature is switched off (`EOPNOTSUPP`): nothing to read, and nothing broken.
    pub fn is_absent(&self) -> bool {
        matches!(self, Error::Io { source, .. } if is_absent(source))
    }

    /// The kernel has the feature, but it is switched off (`EOPNOTSUPP`).
    pub fn is_switched_off(&self) -> bool {
        matches!(self, Error::Io { source, .. } if source.raw_os_error() == Some(libc::EOPNOTSUPP))
    }

    /// The driver has no value for this attribute, or not now (`EINVAL`), as the speed of a link that is down.
    pub fn is_without_value(&self) -> bool {
        matches!(self, Error::Io { source, .. } if source.raw_os_error() == Some(libc::EINVAL))
    }

    /// The kernel refuses us the file (`EACCES`, `EPERM`).
    pub fn is_denied(&self) -> bool {
        matches!(self, Error::Io { source, .. } if source.kind() == io::ErrorKind::PermissionDenied)
    }
}

pub(crate) fn is_absent(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::ENOENT | libc::ENOTDIR | libc::ENODEV | libc::ESRCH | libc::EOPNOTSUPP))
}

/// `None` where there is nothing to read, the error where something is broken.
pub trait Optional<T> {
    fn optional(self) -> Result<Option<T>>;
}

impl<T> Optional<T> for Result<T> {
    fn optional(self) -> Result<Option<T>> {
        match self {
            Ok(value) => Ok(Some(value)),
            Err(error) if error.is_absent() => Ok(None),
            Err(error) => Err(error),
        }
    }
}
