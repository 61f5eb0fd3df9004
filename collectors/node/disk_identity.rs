//! What is known about a block device besides its counters: udev's properties (`/run/udev/data/b<major>:<minor>`) and
//! whether it turns (`/sys/block/<name>/queue/rotational`). Part of the collector `diskstats`.
//!
//! Where udev is not there (a container without its folder), the info labels are empty, as with node_exporter.

use std::collections::BTreeMap;

use exposition::{Family, LabelText, Page, gauge};
use kernel::scan::{number, parse_f64, to_text};
use kernel::udev::properties;
use kernel::{Host, read_file};

const INFO: Family = gauge("node_disk_info", "Info of /sys/block/<block_device>.");
const FILESYSTEM: Family = gauge("node_disk_filesystem_info", "Info about disk filesystem.");
const DEVICE_MAPPER: Family = gauge("node_disk_device_mapper_info", "Info about disk device mapper.");
const WRITE_CACHE: Family = gauge("node_disk_ata_write_cache", "ATA disk has a write cache.");
const WRITE_CACHE_ENABLED: Family = gauge("node_disk_ata_write_cache_enabled", "ATA disk has its write cache enabled.");
const ROTATION_RATE: Family = gauge("node_disk_ata_rotation_rate_rpm", "ATA disk rotation rate in RPMs (0 for SSDs).");

pub const FAMILIES: [Family; 6] = [INFO, FILESYSTEM, DEVICE_MAPPER, WRITE_CACHE, WRITE_CACHE_ENABLED, ROTATION_RATE];

/// Properties of udev that hold numbers, and their families.
const ATA: [(&str, Family); 3] = [
    ("ID_ATA_WRITE_CACHE", WRITE_CACHE),
    ("ID_ATA_WRITE_CACHE_ENABLED", WRITE_CACHE_ENABLED),
    ("ID_ATA_ROTATION_RATE_RPM", ROTATION_RATE),
];

pub struct DiskIdentity {
    /// The label that all series of the device have.
    pub device: LabelText,
    info: LabelText,
    filesystem: Option<LabelText>,
    device_mapper: Option<LabelText>,
    ata: [Option<f64>; ATA.len()],
}

impl DiskIdentity {
    pub fn look_up(host: &Host, name: &str, major: u64, minor: u64) -> Self {
        let mut buffer = Vec::new();
        let path = host.roots.udev(format!("b{major}:{minor}"));
        let known: BTreeMap<String, String> = match read_file(&path, &mut buffer) {
            Ok(bytes) => properties(bytes).map(|(name, value)| (to_text(name), to_text(value))).collect(),
            Err(_) => BTreeMap::new(),
        };
        let property = |name: &str| known.get(name).map_or("", String::as_str);
        // What is printed on the disk; virtio devices have but the last.
        let serials = ["SCSI_IDENT_SERIAL", "ID_SERIAL_SHORT", "ID_SERIAL"].map(property);
        let serial = serials.into_iter().find(|serial| !serial.is_empty()).unwrap_or_default();
        let (major, minor) = (major.to_string(), minor.to_string());
        let info = LabelText::new([
            ("device", name),
            ("major", &major),
            ("minor", &minor),
            ("model", property("ID_MODEL")),
            ("path", property("ID_PATH")),
            ("revision", property("ID_REVISION")),
            ("rotational", &rotational(host, name)),
            ("serial", serial),
            ("wwn", property("ID_WWN")),
        ]);
        let has = |name: &str| !property(name).is_empty();
        DiskIdentity {
            device: LabelText::new([("device", name)]),
            info,
            filesystem: has("ID_FS_TYPE").then(|| {
                LabelText::new([
                    ("device", name),
                    ("type", property("ID_FS_TYPE")),
                    ("usage", property("ID_FS_USAGE")),
                    ("uuid", property("ID_FS_UUID")),
                    ("version", property("ID_FS_VERSION")),
                ])
            }),
            device_mapper: has("DM_NAME").then(|| {
                LabelText::new([
                    ("device", name),
                    ("lv_layer", property("DM_LV_LAYER")),
                    ("lv_name", property("DM_LV_NAME")),
                    ("name", property("DM_NAME")),
                    ("uuid", property("DM_UUID")),
                    ("vg_name", property("DM_VG_NAME")),
                ])
            }),
            ata: ATA.map(|(name, _)| if has("ID_ATA") { parse_f64(property(name).as_bytes()) } else { None }),
        }
    }
}

/// The info families of all devices.
pub fn write<'a>(disks: impl Iterator<Item = &'a DiskIdentity> + Clone, page: &mut Page) {
    for disk in disks.clone() {
        page.labelled_sample(&INFO, &disk.info, &[], 1.0);
    }
    for labels in disks.clone().filter_map(|disk| disk.filesystem.as_ref()) {
        page.labelled_sample(&FILESYSTEM, labels, &[], 1.0);
    }
    for labels in disks.clone().filter_map(|disk| disk.device_mapper.as_ref()) {
        page.labelled_sample(&DEVICE_MAPPER, labels, &[], 1.0);
    }
    for (place, (_, family)) in ATA.iter().enumerate() {
        for disk in disks.clone() {
            if let Some(value) = disk.ata[place] {
                page.labelled_sample(family, &disk.device, &[], value);
            }
        }
    }
}

/// "1" for a disk that turns; "0" for any other and where the kernel does not say.
fn rotational(host: &Host, name: &str) -> String {
    // The kernel writes slashes in names as exclamation marks (`cciss!c0d0`); diskstats has them as slashes.
    let path = host.roots.sys(format!("block/{}/queue/rotational", name.replace('/', "!")));
    let turns = read_file(&path, &mut Vec::new()).ok().and_then(|bytes| number(bytes).ok()).unwrap_or(0);
    turns.to_string()
}
