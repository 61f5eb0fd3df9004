//! One attribute of a device: a small file of sysfs that many drivers do not have.
//!
//! Whether a device has an attribute does not change while the device is there. So a file that was not there is not
//! asked for again: whoever keeps the attribute makes it anew when devices come or go.

use std::path::{Path, PathBuf};

use crate::scan::{self, ParseError};
use crate::{Error, FileBudget, KeptFile, Result};

#[derive(Debug)]
pub struct Attribute {
    file: KeptFile,
    is_missing: bool,
}

impl Attribute {
    pub fn new(path: PathBuf, budget: &FileBudget) -> Self {
        Attribute { file: KeptFile::new(path, budget), is_missing: false }
    }

    pub fn path(&self) -> &Path {
        self.file.path()
    }

    /// Whether the file was not there when it was read last.
    pub fn is_missing(&self) -> bool {
        self.is_missing
    }

    /// Whether its file is open between reads (`KeptFile::is_kept`).
    pub fn is_kept(&self) -> bool {
        self.file.is_kept()
    }

    /// The text without blanks and line feed at its ends, from one read. `None` where the device has no such
    /// attribute, or has gone.
    pub fn text<'b>(&mut self, buffer: &'b mut Vec<u8>) -> Result<Option<&'b [u8]>> {
        self.parse(buffer, |bytes| Ok(scan::trim(bytes)))
    }

    /// An unsigned decimal number.
    pub fn number(&mut self, buffer: &mut Vec<u8>) -> Result<Option<u64>> {
        self.parse(buffer, scan::number)
    }

    /// A decimal number that may be negative.
    pub fn signed(&mut self, buffer: &mut Vec<u8>) -> Result<Option<i64>> {
        self.parse(buffer, |bytes| {
            let text = scan::trim(bytes);
            scan::parse_i64(text).ok_or_else(|| ParseError::new(1, "a number", text))
        })
    }

    pub fn parse<'b, T>(
        &mut self,
        buffer: &'b mut Vec<u8>,
        parser: impl FnOnce(&'b [u8]) -> std::result::Result<T, ParseError>,
    ) -> Result<Option<T>> {
        if self.is_missing {
            return Ok(None);
        }
        match self.file.parse_single(buffer, parser) {
            Ok(value) => Ok(Some(value)),
            Err(error) if error.is_absent() => {
                self.is_missing = is_not_there(&error);
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }
}

/// As opposed to an attribute that is there but has nothing to say now (`EOPNOTSUPP`).
fn is_not_there(error: &Error) -> bool {
    matches!(error, Error::Io { source, .. } if source.kind() == std::io::ErrorKind::NotFound)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn what_was_not_there_is_not_asked_for_again() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let path = dir.path().join("temp1_max");
        let mut attribute = Attribute::new(path.clone(), &FileBudget::default());
        assert_eq!(attribute.number(&mut Vec::new()).expect("absent"), None);
        fs::write(&path, "100\n").expect("written");
        assert_eq!(attribute.number(&mut Vec::new()).expect("still absent"), None);
        assert!(attribute.is_missing());
        let mut anew = Attribute::new(path, &FileBudget::default());
        assert_eq!(anew.number(&mut Vec::new()).expect("read"), Some(100));
    }

    #[test]
    fn numbers_may_be_negative_and_text_is_trimmed() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let path = dir.path().join("temp1_input");
        fs::write(&path, " -12 \n").expect("written");
        let mut attribute = Attribute::new(path, &FileBudget::default());
        let mut buffer = Vec::new();
        assert_eq!(attribute.signed(&mut buffer).expect("read"), Some(-12));
        assert_eq!(attribute.text(&mut buffer).expect("read"), Some(&b"-12"[..]));
        let error = attribute.number(&mut buffer).expect_err("negative").to_string();
        assert!(error.ends_with(r#"temp1_input:1: expected a number, found "-12""#), "{error}");
    }
}
