//! A mount that never answers.

use std::fs::{File, OpenOptions, create_dir_all};
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};

use nix::mount::{MntFlags, MsFlags, mount, umount2};

use crate::{is_root, skip};

/// FUSE file systems whose server never answers: whoever opens or lists something below them waits for ever. They let
/// go of everybody when this is dropped.
pub struct HungMounts {
    points: Vec<PathBuf>,
    /// Never read from.
    devices: Vec<File>,
}

impl HungMounts {
    /// `None`, and a line on the terminal, where mounts are not to be had.
    pub fn new(test: &str, points: &[&Path]) -> Option<HungMounts> {
        if !is_root() {
            skip(test, "needs root to mount");
            return None;
        }
        let mut hung = HungMounts { points: Vec::new(), devices: Vec::new() };
        for point in points {
            if let Err(error) = hung.add(point) {
                skip(test, &format!("{}: {error}", point.display()));
                return None;
            }
        }
        Some(hung)
    }

    fn add(&mut self, point: &Path) -> std::io::Result<()> {
        let device = OpenOptions::new().read(true).write(true).open("/dev/fuse")?;
        create_dir_all(point)?;
        let data = format!("fd={},rootmode=40000,user_id=0,group_id=0", device.as_raw_fd());
        let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
        mount(Some("hung"), point, Some("fuse.hung"), flags, Some(data.as_str()))?;
        self.points.push(point.to_owned());
        self.devices.push(device);
        Ok(())
    }
}

impl Drop for HungMounts {
    fn drop(&mut self) {
        for point in &self.points {
            // Detached rather than unmounted: what waits for an answer is let go when the device is closed.
            let _ = umount2(point, MntFlags::MNT_DETACH);
        }
    }
}
