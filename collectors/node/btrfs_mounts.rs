//! The mounts of btrfs, from `/proc/1/mountinfo` (else that of the agent itself), and what they tell of the devices below
//! a file system. Part of the collector `btrfs`.

use std::path::{Path, PathBuf};

use exposition::LabelText;
use kernel::btrfs::{DeviceErrors, DeviceRoom, FilesystemInfo, MountedBtrfs};
use kernel::proc::mountinfo::{self, unescape};
use kernel::scan::to_text;
use kernel::{Host, KeptFile};

use super::mount_list::may_hang;
use super::parsed::parsed;
use crate::Scrape;

/// Numbers of devices grow with each that is exchanged; those past this are not asked for.
const LAST_NUMBER: u64 = 1 << 16;

pub struct BtrfsMounts {
    host: Host,
    files: [KeptFile; 2],
    /// What the list was made from.
    text: Vec<u8>,
    mounts: Vec<Mount>,
    room: DeviceRoom,
}

struct Mount {
    /// Subvolumes that are mounted apart have the same.
    source: String,
    /// As this process reaches it.
    path: PathBuf,
}

/// A device as the file system itself describes it.
pub struct BtrfsDevice {
    uuid: [u8; 16],
    path: Vec<u8>,
    pub labels: LabelText,
    /// In the order of `ERRORS`.
    pub error_labels: [LabelText; ERRORS.len()],
    pub total_bytes: u64,
    pub unused_bytes: u64,
    /// `None` for a device that is missing.
    pub errors: Option<DeviceErrors>,
}

type Error = (&'static str, fn(&DeviceErrors) -> u64);

/// By the label `type`.
pub const ERRORS: [Error; 5] = [
    ("write", |errors| errors.write),
    ("read", |errors| errors.read),
    ("flush", |errors| errors.flush),
    ("corruption", |errors| errors.corruption),
    ("generation", |errors| errors.generation),
];

impl BtrfsMounts {
    pub fn new(host: &Host) -> Self {
        BtrfsMounts {
            host: host.clone(),
            files: [host.proc_file("1/mountinfo"), host.proc_file("self/mountinfo")],
            text: Vec::new(),
            mounts: Vec::new(),
            room: DeviceRoom::default(),
        }
    }

    /// Asks each file system once. `found` is given the file system, and says whether it took the answer, so that
    /// another mount of it need not be asked. A mount that may not be opened, or that is none of btrfs after all, is
    /// passed over.
    pub fn ask(
        &mut self,
        scrape: &mut Scrape<'_>,
        mut found: impl FnMut(&MountedBtrfs, &FilesystemInfo, &mut DeviceRoom) -> bool,
    ) -> kernel::Result<()> {
        self.update(scrape)?;
        let mut answered = "";
        for mount in &self.mounts {
            if mount.source == answered {
                continue;
            }
            let Ok(mounted) = MountedBtrfs::open(&mount.path) else { continue };
            let Ok(info) = mounted.info() else { continue };
            if found(&mounted, &info, &mut self.room) {
                answered = &mount.source;
            }
        }
        Ok(())
    }

    fn update(&mut self, scrape: &mut Scrape<'_>) -> kernel::Result<()> {
        let [first, own] = &mut self.files;
        let (length, path) = match first.read(scrape.buffer) {
            Ok(text) => (text.len(), first.path()),
            Err(error) if error.is_absent() || error.is_denied() => (own.read(scrape.buffer)?.len(), own.path()),
            Err(error) => return Err(error),
        };
        let text = &scrape.buffer[..length];
        if text == self.text {
            return Ok(());
        }
        self.text.clear();
        self.text.extend_from_slice(text);
        let all: Vec<_> = parsed(mountinfo::mounts(text), path, scrape.problems).collect();
        let slow: Vec<_> =
            all.iter().filter(|mount| may_hang(mount.filesystem)).map(|mount| unescape(mount.mount_point)).collect();
        let of_btrfs = all.iter().filter(|mount| mount.filesystem == b"btrfs");
        self.mounts = of_btrfs
            .map(|mount| (to_text(mount.source), unescape(mount.mount_point)))
            // What lies below a network mount, or is hidden by one, hangs with it.
            .filter(|(_, point)| !slow.iter().any(|slow| Path::new(point).starts_with(slow)))
            .map(|(source, point)| Mount { source, path: self.host.roots.host_path(point) })
            .collect();
        // Those of one file system one after another; the order within stays.
        self.mounts.sort_by(|one, other| one.source.cmp(&other.source));
        Ok(())
    }
}

/// Brings `devices` up to date. One that is missing is there without its errors.
pub fn read_devices(
    mounted: &MountedBtrfs,
    info: &FilesystemInfo,
    room: &mut DeviceRoom,
    filesystem: &str,
    devices: &mut Vec<BtrfsDevice>,
) -> std::io::Result<()> {
    let mut seen = 0;
    for number in 0..=info.last_device.min(LAST_NUMBER) {
        if seen as u64 == info.devices {
            break;
        }
        let Some(device) = mounted.device(number, room)? else { continue };
        if devices.get(seen).is_none_or(|known| known.uuid != device.uuid || known.path != device.path) {
            devices.truncate(seen);
            devices.push(BtrfsDevice::new(device.uuid, device.path, device.name(), filesystem));
        }
        let known = &mut devices[seen];
        known.total_bytes = device.total_bytes;
        known.unused_bytes = device.total_bytes.saturating_sub(device.used_bytes);
        known.errors = mounted.device_errors(number).ok();
        seen += 1;
    }
    devices.truncate(seen);
    Ok(())
}

impl BtrfsDevice {
    fn new(uuid: [u8; 16], path: &[u8], name: &[u8], filesystem: &str) -> Self {
        let device_uuid = uuid_text(&uuid);
        let name = to_text(name);
        let labels = [("btrfs_dev_uuid", &*device_uuid), ("device", &*name), ("uuid", filesystem)];
        let with_type = |kind| LabelText::new([labels[0], labels[1], ("type", kind), labels[2]]);
        BtrfsDevice {
            uuid,
            path: path.to_vec(),
            labels: LabelText::new(labels),
            error_labels: ERRORS.map(|(kind, _)| with_type(kind)),
            total_bytes: 0,
            unused_bytes: 0,
            errors: None,
        }
    }
}

/// Digits in groups of 8, 4, 4, 4 and 12, as everybody writes a UUID.
fn uuid_text(uuid: &[u8; 16]) -> String {
    let digits: String = uuid.iter().map(|byte| format!("{byte:02x}")).collect();
    [&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]].join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_has_the_labels_of_its_file_system_and_its_own() {
        let uuid = [0x74, 0xc3, 0x20, 0xdc, 0xd0, 0x3b, 0x46, 0x2a, 0xbb, 0x61, 0x8a, 0x63, 0x71, 0x37, 0x9f, 0x65];
        let device = BtrfsDevice::new(uuid, b"/dev/sdb", b"sdb", "f1");
        let labels = r#"btrfs_dev_uuid="74c320dc-d03b-462a-bb61-8a6371379f65",device="sdb",uuid="f1""#;
        assert_eq!(device.labels.as_bytes(), labels.as_bytes());
        let with_type = labels.replace(",uuid=", r#",type="read",uuid="#);
        assert_eq!(device.error_labels[1].as_bytes(), with_type.as_bytes());
    }
}
