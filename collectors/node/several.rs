//! The outcome of a collector that reads several files, of which a machine may have only some.

use kernel::Error;

use crate::{Failure, Outcome};

/// What became of the files so far.
#[derive(Debug, Default)]
pub struct Several {
    has_read: bool,
    /// The first that was not there.
    absent: Option<Error>,
    /// Those that could not be read.
    failed: Vec<Error>,
}

impl Several {
    pub fn note(&mut self, result: kernel::Result<()>) {
        match result {
            Ok(()) => self.has_read = true,
            Err(error) if error.is_absent() => self.absent = self.absent.take().or(Some(error)),
            Err(error) => self.failed.push(error),
        }
    }

    /// A file that could not be read is a problem of its own while others could; it is a failure when none could.
    pub fn outcome(
        mut self,
        problems: &mut Vec<String>,
        nothing_here: impl FnOnce(Error) -> Outcome,
    ) -> Result<Outcome, Failure> {
        if self.has_read {
            problems.extend(self.failed.iter().map(Error::to_string));
            return Ok(Outcome::Collected);
        }
        match (self.failed.pop(), self.absent) {
            (Some(error), _) => Err(error.into()),
            (None, Some(error)) => Ok(nothing_here(error)),
            (None, None) => Ok(Outcome::Collected),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::libc;
    use std::io;

    fn outcome(results: Vec<kernel::Result<()>>) -> (Result<Outcome, Failure>, Vec<String>) {
        let (mut several, mut problems) = (Several::default(), Vec::new());
        results.into_iter().for_each(|result| several.note(result));
        let outcome = several.outcome(&mut problems, |error| Outcome::absent(error.to_string()));
        (outcome, problems)
    }

    fn error(errno: i32) -> kernel::Result<()> {
        Err(Error::io("/proc/x", io::Error::from_raw_os_error(errno)))
    }

    #[test]
    fn one_file_that_can_be_read_is_enough() {
        let (result, problems) = outcome(vec![error(libc::ENOENT), Ok(()), error(libc::EACCES)]);
        assert_eq!(result, Ok(Outcome::Collected));
        assert_eq!(problems, ["/proc/x: Permission denied (os error 13)"]);
    }

    #[test]
    fn without_any_a_failure_counts_more_than_an_absence() {
        let (result, _) = outcome(vec![error(libc::ENOENT), error(libc::EOPNOTSUPP)]);
        assert!(matches!(result, Ok(Outcome::Absent(reason)) if reason.contains("No such file")));
        let (result, problems) = outcome(vec![error(libc::ENOENT), error(libc::EACCES)]);
        assert!(result.is_err_and(|failure| failure.0.contains("denied")));
        assert!(problems.is_empty());
    }
}
