//! A disk that is full, or whose syncs fail, when a test says so.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use crate::{Disk, DiskFile, OsDisk};

const UNLIMITED: i64 = i64::MAX;

#[derive(Clone, Debug, Default)]
pub struct FaultyDisk {
    faults: Arc<Faults>,
}

#[derive(Debug)]
struct Faults {
    /// Bytes that can still be written; a write that needs more writes what fits.
    room_bytes: AtomicI64,
    fails_to_sync: AtomicBool,
    fails_to_truncate: AtomicBool,
}

struct FaultyFile {
    file: Arc<dyn DiskFile>,
    faults: Arc<Faults>,
}

impl Default for Faults {
    fn default() -> Self {
        Faults {
            room_bytes: AtomicI64::new(UNLIMITED),
            fails_to_sync: AtomicBool::new(false),
            fails_to_truncate: AtomicBool::new(false),
        }
    }
}

impl FaultyDisk {
    pub fn fill_after(&self, bytes: i64) {
        self.faults.room_bytes.store(bytes, Ordering::Relaxed);
    }

    pub fn fail_to_sync(&self, fails: bool) {
        self.faults.fails_to_sync.store(fails, Ordering::Relaxed);
    }

    pub fn fail_to_truncate(&self, fails: bool) {
        self.faults.fails_to_truncate.store(fails, Ordering::Relaxed);
    }

    pub fn heal(&self) {
        self.fill_after(UNLIMITED);
        self.fail_to_sync(false);
        self.fail_to_truncate(false);
    }

    fn is_full(&self) -> bool {
        self.faults.room_bytes.load(Ordering::Relaxed) <= 0
    }

    fn wrap(&self, file: Arc<dyn DiskFile>) -> Arc<dyn DiskFile> {
        Arc::new(FaultyFile { file, faults: Arc::clone(&self.faults) })
    }
}

fn no_space() -> io::Error {
    io::Error::from(io::ErrorKind::StorageFull)
}

impl Disk for FaultyDisk {
    fn create(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        if self.is_full() { Err(no_space()) } else { OsDisk.create(path).map(|file| self.wrap(file)) }
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        OsDisk.open(path).map(|file| self.wrap(file))
    }

    fn create_dir_all(&self, path: &Path) -> io::Result<()> {
        OsDisk.create_dir_all(path)
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        OsDisk.list(dir)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        if self.is_full() { Err(no_space()) } else { OsDisk.rename(from, to) }
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        OsDisk.remove(path)
    }

    fn sync_dir(&self, _: &Path) -> io::Result<()> {
        Ok(())
    }
}

impl DiskFile for FaultyFile {
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let room = self.faults.room_bytes.load(Ordering::Relaxed);
        if room == UNLIMITED {
            return self.file.write_at(bytes, offset);
        }
        let fits = (room.max(0) as usize).min(bytes.len());
        self.faults.room_bytes.fetch_sub(fits as i64, Ordering::Relaxed);
        self.file.write_at(&bytes[..fits], offset)?;
        if fits == bytes.len() { Ok(()) } else { Err(no_space()) }
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.file.read_at(buffer, offset)
    }

    fn size_bytes(&self) -> io::Result<u64> {
        self.file.size_bytes()
    }

    fn truncate(&self, size_bytes: u64) -> io::Result<()> {
        if self.faults.fails_to_truncate.load(Ordering::Relaxed) {
            return Err(io::Error::other("truncation failed"));
        }
        self.file.truncate(size_bytes)
    }

    fn sync(&self) -> io::Result<()> {
        if self.faults.fails_to_sync.load(Ordering::Relaxed) {
            return Err(io::Error::other("sync failed"));
        }
        // No test ends the machine, so nothing needs to be waited for.
        Ok(())
    }
}
