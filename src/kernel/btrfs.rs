//! What only `ioctl(2)` on a mount of btrfs tells (`linux/btrfs.h`): its devices, how full they are and what errors they
//! had. Kernel: 3.3 and later. Privileges: none, but the mount point must be readable. The structs are taken apart as
//! bytes; numbers in them are those of the machine.

use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use nix::libc;

use crate::ffi::{Direction, ioctl_in_place};

/// `BTRFS_IOCTL_MAGIC`
const MAGIC: u32 = 0x94;
const DEV_INFO: u32 = 30;
const FS_INFO: u32 = 31;
const GET_DEV_STATS: u32 = 52;

const PATH_BYTES: usize = 1024;

/// A mounted file system, open while it is asked: a mount that is held open could not be unmounted.
#[derive(Debug)]
pub struct MountedBtrfs {
    folder: File,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FilesystemInfo {
    pub id: [u8; 16],
    pub devices: u64,
    /// The largest number that a device has; they need not follow one another.
    pub last_device: u64,
}

/// Room for what the kernel says of one device.
#[derive(Debug)]
pub struct DeviceRoom([u8; 4096]);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Device<'a> {
    pub uuid: [u8; 16],
    /// Given to block groups, whether they are full or not.
    pub used_bytes: u64,
    pub total_bytes: u64,
    /// Such as `/dev/sda`; empty for a device that is missing.
    pub path: &'a [u8],
}

/// Errors since the counters were reset; they outlive a reboot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeviceErrors {
    pub write: u64,
    pub read: u64,
    pub flush: u64,
    pub corruption: u64,
    pub generation: u64,
}

impl MountedBtrfs {
    pub fn open(mount_point: &Path) -> io::Result<Self> {
        let flags = libc::O_DIRECTORY | libc::O_NONBLOCK | libc::O_CLOEXEC;
        Ok(MountedBtrfs { folder: File::options().read(true).custom_flags(flags).open(mount_point)? })
    }

    pub fn info(&self) -> io::Result<FilesystemInfo> {
        let mut block = [0; 1024];
        ioctl_in_place(self.folder.as_fd(), Direction::Read, MAGIC, FS_INFO, &mut block)?;
        Ok(FilesystemInfo::parse(&block))
    }

    /// `None` where no device has the number.
    pub fn device<'a>(&self, number: u64, room: &'a mut DeviceRoom) -> io::Result<Option<Device<'a>>> {
        room.0.fill(0);
        room.0[..8].copy_from_slice(&number.to_ne_bytes());
        match ioctl_in_place(self.folder.as_fd(), Direction::ReadWrite, MAGIC, DEV_INFO, &mut room.0) {
            Ok(()) => Ok(Some(Device::parse(&room.0))),
            Err(error) if error.raw_os_error() == Some(libc::ENODEV) => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub fn device_errors(&self, number: u64) -> io::Result<DeviceErrors> {
        let mut block = [0; 1032];
        block[..8].copy_from_slice(&number.to_ne_bytes());
        // How many counters there is room for.
        block[8..16].copy_from_slice(&5_u64.to_ne_bytes());
        ioctl_in_place(self.folder.as_fd(), Direction::ReadWrite, MAGIC, GET_DEV_STATS, &mut block)?;
        Ok(DeviceErrors::parse(&block))
    }
}

impl FilesystemInfo {
    /// struct btrfs_ioctl_fs_info_args
    fn parse(block: &[u8; 1024]) -> Self {
        FilesystemInfo { last_device: number(block, 0), devices: number(block, 8), id: uuid(block, 16) }
    }
}

impl Default for DeviceRoom {
    fn default() -> Self {
        DeviceRoom([0; 4096])
    }
}

impl<'a> Device<'a> {
    /// struct btrfs_ioctl_dev_info_args: device number, UUID, used, total, reserved, path.
    fn parse(block: &'a [u8; 4096]) -> Self {
        let path = &block[block.len() - PATH_BYTES..];
        let end = memchr::memchr(0, path).unwrap_or(path.len());
        Device {
            uuid: uuid(block, 8),
            used_bytes: number(block, 24),
            total_bytes: number(block, 32),
            path: &path[..end],
        }
    }

    /// The last part of the path.
    pub fn name(&self) -> &'a [u8] {
        self.path.rsplit(|byte| *byte == b'/').next().unwrap_or_default()
    }
}

impl DeviceErrors {
    /// struct btrfs_ioctl_get_dev_stats: device number, number of counters, flags, counters.
    fn parse(block: &[u8; 1032]) -> Self {
        let counter = |place: usize| number(block, 24 + 8 * place);
        DeviceErrors {
            write: counter(0),
            read: counter(1),
            flush: counter(2),
            corruption: counter(3),
            generation: counter(4),
        }
    }
}

fn number(block: &[u8], at: usize) -> u64 {
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&block[at..at + 8]);
    u64::from_ne_bytes(bytes)
}

fn uuid(block: &[u8], at: usize) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&block[at..at + 16]);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn structs_are_read_where_the_kernel_puts_things() {
        let mut block = [0; 4096];
        block[8..24].copy_from_slice(&[7; 16]);
        block[24..32].copy_from_slice(&11_u64.to_ne_bytes());
        block[32..40].copy_from_slice(&u64::MAX.to_ne_bytes());
        block[3072..3080].copy_from_slice(b"/dev/sdb");
        let device = Device::parse(&block);
        assert_eq!(device, Device { uuid: [7; 16], used_bytes: 11, total_bytes: u64::MAX, path: b"/dev/sdb" });
        assert_eq!(device.name(), b"sdb");
        block[3072..].fill(b'x');
        assert_eq!(Device::parse(&block).name().len(), 1024, "a path that fills its place has no end");

        let mut block = [0; 1032];
        (0..5_u64).for_each(|place| {
            let at = 24 + 8 * place as usize;
            block[at..at + 8].copy_from_slice(&(place + 1).to_ne_bytes());
        });
        let errors = DeviceErrors { write: 1, read: 2, flush: 3, corruption: 4, generation: 5 };
        assert_eq!(DeviceErrors::parse(&block), errors);

        let mut block = [0; 1024];
        block[0] = 9;
        block[8] = 2;
        block[16..32].copy_from_slice(&[3; 16]);
        let little_or_big = |byte: u8| u64::from_ne_bytes([byte, 0, 0, 0, 0, 0, 0, 0]);
        let info = FilesystemInfo { id: [3; 16], devices: little_or_big(2), last_device: little_or_big(9) };
        assert_eq!(FilesystemInfo::parse(&block), info);
    }

    #[test]
    fn what_is_no_btrfs_refuses() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let file = dir.path().join("file");
        std::fs::write(&file, "").expect("written");
        assert!(MountedBtrfs::open(&file).is_err(), "only folders are asked");
        // The folder may happen to be on btrfs.
        if let Err(error) = MountedBtrfs::open(dir.path()).expect("a folder").info() {
            assert_eq!(error.raw_os_error(), Some(libc::ENOTTY));
        }
    }
}
