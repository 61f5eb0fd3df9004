//! How much disk containers' writable layers take, and the machine's own file systems. Walking a layer may take minutes
//! and a file system may not answer at all, so both are measured on a thread of their own, at an easy pace, and a scrape
//! shows the last result with its age.
//!
//! A layer's size is what `du` says: blocks of all files on the layer's file system, hard links once. Cost: each layer
//! once a minute, with at most a fifth of one CPU.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs::{self, Metadata};
use std::os::linux::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use kernel::cgroup::DeviceNumber;
use kernel::proc::mountinfo::{mounts, unescape};
use kernel::{Roots, read_file};
use nix::sys::statvfs::statvfs;

/// Between measurements of one layer.
const LAYER_INTERVAL: Duration = Duration::from_secs(60);
/// Between looks at the machine's file systems.
const FILESYSTEMS_INTERVAL: Duration = Duration::from_secs(10);
/// After so many entries the walk rests four times as long as they took.
const ENTRIES_BETWEEN_RESTS: usize = 500;
const REST_FACTOR: u32 = 4;
/// A layer with more entries is not measured.
const MAX_ENTRIES: usize = 20_000_000;
/// Hard links are told apart up to this number of files that have several.
const MAX_LINKED: usize = 1_000_000;
/// More mounted devices than this are left out.
const MAX_FILESYSTEMS: usize = 256;

/// File systems on a device of this machine, which answer at once.
const LOCAL: [&[u8]; 9] = [b"ext2", b"ext3", b"ext4", b"xfs", b"btrfs", b"f2fs", b"vfat", b"jfs", b"zfs"];

/// Ends its thread when dropped.
pub struct Layers {
    shared: Arc<Shared>,
    roots: Arc<Roots>,
    is_started: bool,
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
pub struct State {
    /// Layers by cgroup, as paths on this host.
    wanted: BTreeMap<String, PathBuf>,
    measured: HashMap<String, Usage>,
    /// When each was last tried, with or without success.
    tried: HashMap<String, Instant>,
    /// The machine's file systems by device (`/dev/sda1`).
    filesystems: Vec<(String, Usage)>,
    is_stopped: bool,
}

#[derive(Clone, Copy, Debug)]
pub struct Usage {
    pub used_bytes: u64,
    /// Size of the file system.
    pub size_bytes: u64,
    pub inodes: u64,
    pub free_inodes: u64,
    /// The device of the file system, where it has one.
    pub device: Option<DeviceNumber>,
    pub measured: Instant,
}

impl Layers {
    pub fn new(roots: &Arc<Roots>) -> Layers {
        let shared = Shared { state: Mutex::new(State::default()), changed: Condvar::new() };
        Layers { shared: Arc::new(shared), roots: roots.clone(), is_started: false }
    }

    /// Which layers to measure from now on: those of cgroups that are there.
    pub fn want(&mut self, layers: impl Iterator<Item = (String, PathBuf)>) {
        let wanted: BTreeMap<_, _> = layers.map(|(cgroup, layer)| (cgroup, self.roots.host_path(layer))).collect();
        let mut state = self.shared.lock();
        state.measured.retain(|cgroup, _| wanted.contains_key(cgroup));
        state.tried.retain(|cgroup, _| wanted.contains_key(cgroup));
        state.wanted = wanted;
        drop(state);
        self.shared.changed.notify_all();
        self.start();
    }

    /// The last results.
    pub fn look(&self) -> MutexGuard<'_, State> {
        self.shared.lock()
    }

    fn start(&mut self) {
        if !self.is_started {
            let (shared, roots) = (self.shared.clone(), self.roots.clone());
            let work = move || measure_until_stopped(&shared, &roots);
            self.is_started = thread::Builder::new().name("layers".to_owned()).spawn(work).is_ok();
        }
    }
}

impl Drop for Layers {
    fn drop(&mut self) {
        self.shared.lock().is_stopped = true;
        self.shared.changed.notify_all();
    }
}

impl State {
    pub fn layer(&self, cgroup: &str) -> Option<&Usage> {
        self.measured.get(cgroup)
    }

    pub fn filesystems(&self) -> &[(String, Usage)] {
        &self.filesystems
    }

    /// The layer whose last turn is longest ago, and how long until its next.
    fn next(&self) -> Option<(Duration, String, PathBuf)> {
        let due = |cgroup: &String| {
            self.tried.get(cgroup).map_or(Duration::ZERO, |tried| LAYER_INTERVAL.saturating_sub(tried.elapsed()))
        };
        let (cgroup, layer) = self.wanted.iter().min_by_key(|(cgroup, _)| due(cgroup))?;
        Some((due(cgroup), cgroup.clone(), layer.clone()))
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_stopped(&self) -> bool {
        self.lock().is_stopped
    }
}

fn measure_until_stopped(shared: &Shared, roots: &Roots) {
    let mut looked: Option<Instant> = None;
    while !shared.is_stopped() {
        if looked.is_none_or(|looked| looked.elapsed() >= FILESYSTEMS_INTERVAL) {
            let filesystems = filesystems(roots);
            shared.lock().filesystems = filesystems;
            looked = Some(Instant::now());
        }
        let state = shared.lock();
        match state.next() {
            Some((Duration::ZERO, cgroup, layer)) => {
                drop(state);
                let usage = measure(&layer, &|| shared.is_stopped());
                let mut state = shared.lock();
                // The cgroup may be gone, or another's by now.
                if state.wanted.get(&cgroup) == Some(&layer) {
                    state.tried.insert(cgroup.clone(), Instant::now());
                    usage.and_then(|usage| state.measured.insert(cgroup, usage));
                }
            }
            next => {
                let until_layer = next.map_or(LAYER_INTERVAL, |(due, _, _)| due);
                let until_look = FILESYSTEMS_INTERVAL.saturating_sub(looked.map_or(Duration::ZERO, |at| at.elapsed()));
                let wait = until_layer.min(until_look);
                drop(shared.changed.wait_timeout(state, wait).unwrap_or_else(PoisonError::into_inner));
            }
        }
    }
}

/// The size of everything below a directory. `None` when it cannot be read or must stop.
fn measure(layer: &Path, is_stopped: &dyn Fn() -> bool) -> Option<Usage> {
    let top = fs::symlink_metadata(layer).ok()?;
    let mut used_bytes = blocks(&top);
    let mut linked = HashSet::new();
    let mut open = vec![layer.to_owned()];
    let (mut entries, mut since_rest) = (0, Instant::now());
    while let Some(directory) = open.pop() {
        // A directory that goes away or may not be read is left out.
        let Ok(listing) = fs::read_dir(&directory) else { continue };
        for entry in listing.flatten() {
            entries += 1;
            if entries % ENTRIES_BETWEEN_RESTS == 0 {
                thread::sleep(since_rest.elapsed() * REST_FACTOR);
                if is_stopped() || entries > MAX_ENTRIES {
                    return None;
                }
                since_rest = Instant::now();
            }
            let Ok(metadata) = entry.metadata() else { continue };
            if metadata.st_dev() != top.st_dev() {
                continue;
            }
            let is_counted_before = !metadata.is_dir()
                && metadata.st_nlink() > 1
                && linked.len() < MAX_LINKED
                && !linked.insert(metadata.st_ino());
            if !is_counted_before {
                used_bytes += blocks(&metadata);
            }
            if metadata.is_dir() {
                open.push(entry.path());
            }
        }
    }
    let device = device_of(&top);
    Some(Usage { used_bytes, device, ..capacity(layer)? })
}

fn blocks(metadata: &Metadata) -> u64 {
    metadata.st_blocks() * 512
}

fn device_of(metadata: &Metadata) -> Option<DeviceNumber> {
    let number = metadata.st_dev();
    let (major, minor) = (nix::sys::stat::major(number) as u32, nix::sys::stat::minor(number) as u32);
    // Major 0 are numbers without a device: overlay, btrfs, tmpfs.
    (major > 0).then_some(DeviceNumber { major, minor })
}

/// Use and size of the file system that a path is on.
fn capacity(path: &Path) -> Option<Usage> {
    let stat = statvfs(path).ok()?;
    let block_bytes = stat.fragment_size();
    Some(Usage {
        used_bytes: (stat.blocks() - stat.blocks_free().min(stat.blocks())) * block_bytes,
        size_bytes: stat.blocks() * block_bytes,
        inodes: stat.files(),
        free_inodes: stat.files_free(),
        device: None,
        measured: Instant::now(),
    })
}

/// Each mounted device of the machine once.
fn filesystems(roots: &Roots) -> Vec<(String, Usage)> {
    let mut found: Vec<(String, Usage)> = Vec::new();
    let mut buffer = Vec::new();
    let Ok(bytes) = read_file(&roots.proc("1/mountinfo"), &mut buffer) else { return found };
    for mount in mounts(bytes).flatten() {
        let source = unescape(mount.source);
        let is_device = source.starts_with("/dev/") || mount.filesystem == b"zfs";
        let is_known = found.iter().any(|(known, _)| *known == source);
        if !is_device || is_known || !LOCAL.contains(&mount.filesystem) || found.len() >= MAX_FILESYSTEMS {
            continue;
        }
        if let Some(usage) = capacity(&roots.host_path(unescape(mount.mount_point))) {
            found.push((source, usage));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hard_links_count_once_and_directories_count() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        fs::create_dir(dir.path().join("deep")).expect("made");
        fs::write(dir.path().join("deep/file"), vec![1u8; 100_000]).expect("written");
        fs::hard_link(dir.path().join("deep/file"), dir.path().join("again")).expect("linked");
        let usage = measure(dir.path(), &|| false).expect("readable");
        let folders = ["", "deep"].map(|name| blocks(&fs::metadata(dir.path().join(name)).expect("there")));
        let file = blocks(&fs::metadata(dir.path().join("again")).expect("there"));
        assert_eq!(usage.used_bytes, folders.iter().sum::<u64>() + file);
        assert!(usage.size_bytes > 0 && usage.inodes >= usage.free_inodes);
        assert!(measure(&dir.path().join("missing"), &|| false).is_none());
    }

    #[test]
    fn wanted_layers_are_measured_and_others_forgotten() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let mut layers = Layers::new(&Arc::new(Roots::default()));
        layers.want([("/docker/a".to_owned(), dir.path().to_owned())].into_iter());
        while layers.look().layer("/docker/a").is_none() {
            thread::sleep(Duration::from_millis(1));
        }
        layers.want(std::iter::empty());
        assert!(layers.look().layer("/docker/a").is_none());
    }
}
