//! The outcome of a collector that reads several files, of which a machine may have only some.

use kernel::Error;

use crate::{Failure, Outcome};

/// What became of the files so far.
#[derive(Debug, Default)]
pub struct Several {
    has_read: bool,
    /// The first that was not there.
    absent: Option<Error>,
    /// The first that could not be read.
    failed: Option<Error>,
}

impl Several {
    pub fn note(&mut self, result: kernel::Result<()>) {
        match result {
            Ok(()) => self.has_read = true,
            Err(error) if error.is_absent() => self.absent = self.absent.take().or(Some(error)),
            Err(error) => self.failed = self.failed.take().or(Some(error)),
        }
    }

    /// One that could not be read is a failure, though the others are on the page; nothing is here when none was.
    pub fn outcome(self, nothing_here: impl FnOnce(Error) -> Outcome) -> Result<Outcome, Failure> {
        match (self.failed, self.absent) {
            (Some(error), _) => Err(error.into()),
            (None, Some(error)) if !self.has_read => Ok(nothing_here(error)),
            _ => Ok(Outcome::Collected),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io;

    fn error(kind: io::ErrorKind, errno: i32) -> kernel::Result<()> {
        let source = io::Error::from_raw_os_error(errno);
        assert_eq!(source.kind(), kind);
        Err(Error::io("/proc/x", source))
    }

    #[test]
    fn a_failure_counts_more_than_an_absence_and_a_read_more_than_an_absence() {
        let outcome = |results: Vec<kernel::Result<()>>| {
            let mut several = Several::default();
            results.into_iter().for_each(|result| several.note(result));
            several.outcome(|error| Outcome::absent(error.to_string()))
        };
        let absent = || error(io::ErrorKind::NotFound, nix::libc::ENOENT);
        let denied = || error(io::ErrorKind::PermissionDenied, nix::libc::EACCES);
        assert_eq!(outcome(vec![absent(), Ok(()), absent()]), Ok(Outcome::Collected));
        assert!(matches!(outcome(vec![absent(), absent()]), Ok(Outcome::Absent(_))));
        assert!(outcome(vec![absent(), denied(), Ok(())]).is_err_and(|failure| failure.0.contains("denied")));
    }
}
