//! Kernel files that are read again and again.
//!
//! `pread` on a descriptor that stays open costs a half to a seventh of open, read and close. Each open file costs
//! about 4 KB of kernel memory in return, so their number has a budget; past it files are opened for each read.
//!
//! Files are opened with `O_NONBLOCK`: the kernel's own files do not notice it, and a FIFO that somebody put in the
//! place of one answers at once instead of hanging the scrape.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use nix::libc;

use crate::error::is_absent;
use crate::scan::ParseError;
use crate::{Error, Result};

/// Room for one read of most files; a longer file makes the buffer grow once.
const FIRST_READ_BYTES: usize = 8 * 1024;
/// What a reader takes at most, so that an endless file cannot take the machine's memory.
const MAX_FILE_BYTES: usize = 64 << 20;
/// Default of `--path.max-kept-files`.
const DEFAULT_MAX_KEPT_FILES: usize = 2048;

/// How many files may stay open. Shared by all readers of a host.
#[derive(Clone, Debug)]
pub struct FileBudget {
    counts: Arc<Counts>,
    /// What whoever has this handle leaves to others.
    reserved: usize,
}

#[derive(Debug)]
struct Counts {
    kept: AtomicUsize,
    limit: usize,
}

/// A file that is kept open between reads while the budget allows it.
///
/// When the file behind the descriptor is gone (`ENODEV`: its device or cgroup was removed) the descriptor is closed
/// and the path opened once more, so a device that came back is found again.
#[derive(Debug)]
pub struct KeptFile {
    path: Arc<Path>,
    open: Option<File>,
    budget: FileBudget,
}

/// Reads a file once by way of `buffer`: open, read, close. For what is read seldom or must not be kept. As with
/// `KeptFile`, only the slice that is returned counts: the buffer keeps its length, which saves clearing it each time.
pub fn read_file<'b>(path: &Path, buffer: &'b mut Vec<u8>) -> Result<&'b [u8]> {
    let filled = open(path).and_then(|file| read_to_end(&file, buffer)).map_err(|source| Error::io(path, source))?;
    Ok(&buffer[..filled])
}

/// As `read_file`; `None` where there is nothing to read. For files that many machines do not have: saying so costs
/// nothing.
pub fn read_file_if_there<'b>(path: &Path, buffer: &'b mut Vec<u8>) -> Result<Option<&'b [u8]>> {
    read_if_there(path, buffer, read_to_end)
}

/// As `read_file_if_there`, for files that the kernel shows in one piece, of which there are many: those of processes.
pub fn read_single_if_there<'b>(path: &Path, buffer: &'b mut Vec<u8>) -> Result<Option<&'b [u8]>> {
    read_if_there(path, buffer, read_until_short)
}

fn read_if_there<'b>(
    path: &Path,
    buffer: &'b mut Vec<u8>,
    read: fn(&File, &mut Vec<u8>) -> io::Result<usize>,
) -> Result<Option<&'b [u8]>> {
    match open(path).and_then(|file| read(&file, buffer)) {
        Ok(filled) => Ok(Some(&buffer[..filled])),
        Err(source) if is_absent(&source) => Ok(None),
        Err(source) => Err(Error::io(path, source)),
    }
}

impl FileBudget {
    pub fn new(limit: usize) -> Self {
        FileBudget { counts: Arc::new(Counts { kept: AtomicUsize::new(0), limit }), reserved: 0 }
    }

    /// The same budget for a reader that could use it all, but of which a part shall be left to others.
    pub fn leaving(&self, reserved: usize) -> Self {
        FileBudget { counts: self.counts.clone(), reserved }
    }

    /// Files that are open now.
    pub fn kept(&self) -> usize {
        self.counts.kept.load(Ordering::Relaxed)
    }

    pub fn limit(&self) -> usize {
        self.counts.limit
    }

    pub(crate) fn take_one(&self) -> bool {
        let room = self.counts.limit.saturating_sub(self.reserved);
        let more_if_room = |kept| (kept < room).then_some(kept + 1);
        self.counts.kept.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more_if_room).is_ok()
    }

    pub(crate) fn give_back(&self) {
        self.counts.kept.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Default for FileBudget {
    fn default() -> Self {
        FileBudget::new(DEFAULT_MAX_KEPT_FILES)
    }
}

impl KeptFile {
    pub fn new(path: PathBuf, budget: &FileBudget) -> Self {
        KeptFile { path: path.into(), open: None, budget: budget.clone() }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether it is open between reads; otherwise each read costs an open and a close as well.
    pub fn is_kept(&self) -> bool {
        self.open.is_some()
    }

    /// The whole file, read until the kernel says that there is no more. The slice lies in `buffer`, whose former
    /// content is gone and whose length means nothing.
    pub fn read<'b>(&mut self, buffer: &'b mut Vec<u8>) -> Result<&'b [u8]> {
        self.read_by(buffer, read_to_end)
    }

    /// As `read`, for files that the kernel shows in one piece (single values of sysfs and cgroupfs, `meminfo`,
    /// `loadavg`): a read that does not fill the buffer has reached the end, which saves the second system call.
    pub fn read_single<'b>(&mut self, buffer: &'b mut Vec<u8>) -> Result<&'b [u8]> {
        self.read_by(buffer, read_until_short)
    }

    /// Reads and parses; the parser's complaint gets the path.
    pub fn parse<'b, T>(
        &mut self,
        buffer: &'b mut Vec<u8>,
        parser: impl FnOnce(&'b [u8]) -> std::result::Result<T, ParseError>,
    ) -> Result<T> {
        // Borrowed apart from `self` so that the parsed value may borrow from the buffer.
        let bytes = self.read_by(buffer, read_to_end)?;
        parser(bytes).map_err(|problem| Error::Parse { path: self.path.clone(), problem })
    }

    /// As `parse`, for files that the kernel shows in one piece.
    pub fn parse_single<'b, T>(
        &mut self,
        buffer: &'b mut Vec<u8>,
        parser: impl FnOnce(&'b [u8]) -> std::result::Result<T, ParseError>,
    ) -> Result<T> {
        let bytes = self.read_by(buffer, read_until_short)?;
        parser(bytes).map_err(|problem| Error::Parse { path: self.path.clone(), problem })
    }

    fn read_by<'b>(
        &mut self,
        buffer: &'b mut Vec<u8>,
        read: fn(&File, &mut Vec<u8>) -> io::Result<usize>,
    ) -> Result<&'b [u8]> {
        if let Some(file) = &self.open {
            match read(file, buffer).map_err(|source| self.error(source)) {
                Ok(filled) => return Ok(&buffer[..filled]),
                Err(error) if error.is_absent() || is_stale(&error) => self.close(),
                Err(error) => return Err(error),
            }
        }
        let file = open(&self.path).map_err(|source| self.error(source))?;
        let filled = read(&file, buffer).map_err(|source| self.error(source))?;
        if self.budget.take_one() {
            self.open = Some(file);
        }
        Ok(&buffer[..filled])
    }

    fn error(&self, source: io::Error) -> Error {
        Error::Io { path: self.path.clone(), source }
    }

    /// Closes the descriptor; the next read opens the path anew.
    pub fn close(&mut self) {
        if self.open.take().is_some() {
            self.budget.give_back();
        }
    }
}

impl Drop for KeptFile {
    fn drop(&mut self) {
        self.close();
    }
}

/// A file of `/proc` that its module has removed since it was opened, and perhaps made anew, says `EIO`. So does a device
/// that is broken; it is asked once more, then.
fn is_stale(error: &Error) -> bool {
    matches!(error, Error::Io { source, .. } if source.raw_os_error() == Some(libc::EIO))
}

fn open(path: &Path) -> io::Result<File> {
    let flags = libc::O_NONBLOCK | libc::O_CLOEXEC;
    OpenOptions::new().read(true).custom_flags(flags).open(path)
}

fn read_to_end(file: &File, buffer: &mut Vec<u8>) -> io::Result<usize> {
    read_while(file, buffer, |_| true)
}

fn read_until_short(file: &File, buffer: &mut Vec<u8>) -> io::Result<usize> {
    read_while(file, buffer, |was_short| !was_short)
}

/// Reads on while the kernel gives bytes and `go_on` (told whether the last read left room) agrees. Returns how many
/// bytes at the buffer's start are the file's.
fn read_while(file: &File, buffer: &mut Vec<u8>, go_on: impl Fn(bool) -> bool) -> io::Result<usize> {
    if buffer.len() < FIRST_READ_BYTES {
        buffer.resize(FIRST_READ_BYTES, 0);
    }
    let mut filled = 0;
    loop {
        if filled == buffer.len() {
            if filled >= MAX_FILE_BYTES {
                return Err(io::Error::other("the file is longer than 64 MiB"));
            }
            buffer.resize(filled * 2, 0);
        }
        match file.read_at(&mut buffer[filled..], filled as u64) {
            Ok(0) => break,
            Ok(count) => {
                filled += count;
                if !go_on(filled < buffer.len()) {
                    break;
                }
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn a_long_file_is_read_whole_and_a_changed_one_anew() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let path = dir.path().join("stat");
        fs::write(&path, "x".repeat(100_000)).expect("written");
        let budget = FileBudget::new(1);
        let mut file = KeptFile::new(path.clone(), &budget);
        let mut buffer = Vec::new();
        assert_eq!(file.read(&mut buffer).expect("read").len(), 100_000);
        assert_eq!(file.read_single(&mut buffer).expect("read").len(), 100_000);
        fs::write(&path, "short").expect("written");
        assert_eq!(file.read(&mut buffer).expect("read"), b"short");
        assert_eq!(budget.kept(), 1);
        drop(file);
        assert_eq!(budget.kept(), 0);
    }

    #[test]
    fn past_the_budget_files_are_still_read_but_not_kept() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let path = dir.path().join("stat");
        fs::write(&path, "1").expect("written");
        let budget = FileBudget::new(0);
        let mut file = KeptFile::new(path, &budget);
        assert_eq!(file.read(&mut Vec::new()).expect("read"), b"1");
        assert_eq!(budget.kept(), 0);
    }

    #[test]
    fn a_greedy_reader_leaves_room_to_others() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let path = dir.path().join("stat");
        fs::write(&path, "1").expect("written");
        let budget = FileBudget::new(2);
        let greedy = budget.leaving(1);
        let mut files = [&greedy, &greedy, &budget].map(|budget| KeptFile::new(path.clone(), budget));
        for file in &mut files {
            file.read(&mut Vec::new()).expect("read");
        }
        assert_eq!((budget.kept(), files[1].open.is_some(), files[2].open.is_some()), (2, false, true));
    }

    #[test]
    fn a_fifo_in_the_place_of_a_file_does_not_hang() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let path = dir.path().join("fifo");
        nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRUSR).expect("a fifo");
        let error = KeptFile::new(path, &FileBudget::default()).read(&mut Vec::new()).expect_err("not seekable");
        assert!(error.to_string().contains("fifo: "), "{error}");
        assert!(!error.is_absent());
    }
}
