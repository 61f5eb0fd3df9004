//! `/proc/sys/fs/file-nr`, any kernel: `593 0 2466170`. The kernel shows the file in one piece.

use crate::scan::{Fields, ParseError};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileNr {
    /// Open file descriptions of the whole machine.
    pub allocated: u64,
    /// How many there may be (`fs.file-max`).
    pub maximum: u64,
}

impl FileNr {
    pub fn parse(bytes: &[u8]) -> Result<Self, ParseError> {
        let mut fields = Fields::new(1, bytes);
        let allocated = fields.number("allocated files")?;
        fields.number("free files")?;
        Ok(FileNr { allocated, maximum: fields.number("the maximum of files")? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_first_and_the_third_number_count() {
        let file_nr = FileNr::parse(b"593\t0\t9223372036854775807\n").expect("valid");
        assert_eq!(file_nr, FileNr { allocated: 593, maximum: 9_223_372_036_854_775_807 });
        let error = FileNr::parse(b"593 0").expect_err("too short");
        assert_eq!(error.to_string(), r#"line 1: expected the maximum of files, found """#);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
            let _ = FileNr::parse(&bytes);
        }
    }
}
