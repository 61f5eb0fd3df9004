//! The names in a folder of sysfs or procfs, listed again and again without an allocation.
//!
//! Devices come and go while the agent runs, and sysfs tells it by the names in a folder only. A listing costs an open,
//! two `getdents64` and a close; it says whether anything changed, so that what is known about devices is worked out
//! anew only then.

use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use nix::libc;

use crate::error::is_absent;
use crate::scan::parse_u64;
use crate::{Error, Result, ffi};

/// Room for one call of `getdents64`.
const READ_BYTES: usize = 8 * 1024;
/// What is remembered of one folder at most: a bound against a folder that never ends.
const MAX_NAMES_BYTES: usize = 16 << 20;
/// struct linux_dirent64 before the name: d_ino, d_off, d_reclen, d_type.
const HEADER_BYTES: usize = 19;

#[derive(Debug)]
pub struct Folder {
    path: Arc<Path>,
    /// Each name ends in NUL, in the order in which the kernel gives them.
    names: Vec<u8>,
    /// The listing before; its room is used for the next one.
    before: Vec<u8>,
}

impl Folder {
    pub fn new(path: PathBuf) -> Self {
        Folder { path: path.into(), names: Vec::new(), before: Vec::new() }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Lists the folder; `true` when its names, or their order, are not those of the listing before. `buffer` is only
    /// room.
    pub fn list(&mut self, buffer: &mut Vec<u8>) -> Result<bool> {
        std::mem::swap(&mut self.names, &mut self.before);
        self.names.clear();
        match list_names(&self.path, buffer, &mut self.names) {
            Ok(()) => Ok(self.names != self.before),
            Err(source) => {
                self.names.clear();
                Err(Error::Io { path: self.path.clone(), source })
            }
        }
    }

    /// The names of the last listing, without `.` and `..`, in the order in which the kernel gave them.
    pub fn names(&self) -> impl Iterator<Item = &[u8]> {
        self.names.split(|byte| *byte == 0).filter(|name| !name.is_empty())
    }
}

/// The names in a folder that are numbers, in place of what `numbers` held: processes in `/proc`, threads in `task`.
/// `false` where there is no such folder, which costs nothing to say.
pub fn list_numbers(path: &Path, buffer: &mut Vec<u8>, numbers: &mut Vec<u32>) -> Result<bool> {
    numbers.clear();
    let take = |name: &[u8]| {
        numbers.extend(parse_u64(name).and_then(|number| u32::try_from(number).ok()));
        Ok(())
    };
    match list(path, buffer, take) {
        Ok(()) => Ok(true),
        Err(source) if is_absent(&source) => Ok(false),
        Err(source) => Err(Error::io(path, source)),
    }
}

fn list_names(path: &Path, buffer: &mut Vec<u8>, names: &mut Vec<u8>) -> io::Result<()> {
    list(path, buffer, |name| {
        names.extend_from_slice(name);
        names.push(0);
        if names.len() > MAX_NAMES_BYTES {
            return Err(io::Error::other("the names in the folder are longer than 16 MiB"));
        }
        Ok(())
    })
}

fn list(path: &Path, buffer: &mut Vec<u8>, mut take: impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
    let mut options = File::options();
    options.read(true).custom_flags(libc::O_DIRECTORY | libc::O_NONBLOCK | libc::O_CLOEXEC);
    let folder = options.open(path)?;
    if buffer.len() < READ_BYTES {
        buffer.resize(READ_BYTES, 0);
    }
    loop {
        let filled = ffi::read_folder(folder.as_fd(), buffer)?;
        if filled == 0 {
            return Ok(());
        }
        each_name(&buffer[..filled], &mut take)?;
    }
}

/// Takes apart what `getdents64` filled in.
fn each_name(mut entries: &[u8], mut take: impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
    while let Some(length) = entries.get(16..18) {
        let length = usize::from(u16::from_ne_bytes([length[0], length[1]]));
        let Some(name) = entries.get(HEADER_BYTES..length) else { return Ok(()) };
        let name = name.split(|byte| *byte == 0).next().unwrap_or_default();
        if !name.is_empty() && name != b"." && name != b".." {
            take(name)?;
        }
        entries = &entries[length..];
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{Strategy, any, proptest};
    use std::collections::BTreeSet;
    use std::fs;

    fn names(folder: &Folder) -> BTreeSet<String> {
        folder.names().map(|name| String::from_utf8(name.to_vec()).expect("plain")).collect()
    }

    #[test]
    fn a_listing_tells_whether_names_came_or_went() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        for number in 0..1000 {
            fs::write(dir.path().join(format!("device-with-a-long-name-{number}")), "").expect("written");
        }
        let (mut folder, mut buffer) = (Folder::new(dir.path().to_owned()), Vec::new());
        assert!(folder.list(&mut buffer).expect("listed"));
        assert_eq!(names(&folder).len(), 1000);
        assert!(!folder.list(&mut buffer).expect("listed"));
        fs::remove_file(dir.path().join("device-with-a-long-name-7")).expect("removed");
        assert!(folder.list(&mut buffer).expect("listed"));
        assert_eq!(names(&folder).len(), 999);
    }

    #[test]
    fn a_folder_that_is_not_there_is_absent_and_forgotten() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let path = dir.path().join("class");
        let (mut folder, mut buffer) = (Folder::new(path.clone()), Vec::new());
        assert!(folder.list(&mut buffer).expect_err("missing").is_absent());
        fs::create_dir(&path).expect("a folder");
        fs::write(path.join("eth0"), "").expect("written");
        assert!(folder.list(&mut buffer).expect("listed"));
        fs::remove_dir_all(&path).expect("removed");
        assert!(folder.list(&mut buffer).expect_err("missing").is_absent());
        assert_eq!(folder.names().count(), 0);
        fs::write(&path, "").expect("a file in its place");
        assert!(folder.list(&mut buffer).expect_err("no folder").is_absent());
    }

    #[test]
    fn only_numbers_are_processes() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        for name in ["1", "42", "4294967296", "self", "12x", "-1"] {
            fs::create_dir(dir.path().join(name)).expect("a folder");
        }
        let (mut buffer, mut numbers) = (Vec::new(), vec![7]);
        assert!(list_numbers(dir.path(), &mut buffer, &mut numbers).expect("listed"));
        numbers.sort_unstable();
        assert_eq!(numbers, [1, 42]);
        assert!(!list_numbers(&dir.path().join("2"), &mut buffer, &mut numbers).expect("nothing there"));
        assert!(numbers.is_empty());
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>().prop_map(|byte| byte % 64), 0..400)) {
            let _ = each_name(&bytes, |_| Ok(()));
        }
    }
}
