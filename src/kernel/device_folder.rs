//! The folder of one device, held open while many of its attributes are read one after another: each is found from
//! there, which saves the walk along the path and the links in it (a third of the cost of a file of sysfs).

use std::fs::File;
use std::io::Read;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::sync::Arc;

use nix::errno::Errno;
use nix::fcntl::{OFlag, open, openat};
use nix::sys::stat::Mode;

use crate::scan::ParseError;
use crate::{Error, Result};

/// Room for any attribute: sysfs shows one page at most.
const READ_BYTES: usize = 4096;

#[derive(Debug)]
pub struct DeviceFolder {
    path: Arc<Path>,
    folder: OwnedFd,
}

impl DeviceFolder {
    /// Absent where there is no such folder, or something else in its place.
    pub fn open(path: &Arc<Path>) -> Result<Self> {
        // Only a place to start from (`O_PATH`): needs no right to list it.
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let folder = open(&**path, flags, Mode::empty()).map_err(|errno| Error::io(path, errno.into()))?;
        Ok(DeviceFolder { path: path.clone(), folder })
    }

    /// The content of an attribute, from one read.
    pub fn read<'b>(&self, attribute: &str, buffer: &'b mut Vec<u8>) -> Result<&'b [u8]> {
        if buffer.len() < READ_BYTES {
            buffer.resize(READ_BYTES, 0);
        }
        let flags = OFlag::O_RDONLY | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
        let filled = openat(self.folder.as_fd(), attribute, flags, Mode::empty())
            .and_then(|file| read_once(&mut File::from(file), buffer))
            .map_err(|errno| Error::io(self.path.join(attribute), errno.into()))?;
        Ok(&buffer[..filled])
    }

    /// Reads and parses; the parser's complaint gets the path.
    pub fn parse<'b, T>(
        &self,
        attribute: &str,
        buffer: &'b mut Vec<u8>,
        parser: impl FnOnce(&'b [u8]) -> std::result::Result<T, ParseError>,
    ) -> Result<T> {
        parser(self.read(attribute, buffer)?).map_err(|problem| Error::parse(self.path.join(attribute), problem))
    }
}

fn read_once(file: &mut File, buffer: &mut [u8]) -> nix::Result<usize> {
    file.read(buffer).map_err(|error| Errno::from_raw(error.raw_os_error().unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn attributes_are_found_from_the_folder() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        fs::write(dir.path().join("mtu"), "1500\n").expect("written");
        let path: Arc<Path> = dir.path().into();
        let (folder, mut buffer) = (DeviceFolder::open(&path).expect("opened"), Vec::new());
        assert_eq!(folder.read("mtu", &mut buffer).expect("read"), b"1500\n");
        let error = folder.parse("mtu", &mut buffer, |bytes| Err::<(), _>(ParseError::new(1, "a word", bytes)));
        assert!(error.is_err_and(|error| error.to_string().contains("mtu:1: expected a word")));
        let error = folder.read("speed", &mut buffer).expect_err("missing");
        assert!(error.is_absent() && error.path().ends_with("speed"), "{error}");
        let file: Arc<Path> = dir.path().join("mtu").into();
        assert!(DeviceFolder::open(&file).expect_err("a file").is_absent());
    }
}
