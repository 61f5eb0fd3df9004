//! The number of a block device as `io.stat` and `blkio.*` write it: `259:0`.

use std::fmt;

use crate::scan::parse_u64;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeviceNumber {
    pub major: u32,
    pub minor: u32,
}

impl DeviceNumber {
    pub fn parse(text: &[u8]) -> Option<Self> {
        let colon = memchr::memchr(b':', text)?;
        let number = |digits| parse_u64(digits).and_then(|number| u32::try_from(number).ok());
        Some(DeviceNumber { major: number(&text[..colon])?, minor: number(&text[colon + 1..])? })
    }
}

impl fmt::Display for DeviceNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.major, self.minor)
    }
}
