//! Group `disk`: the machine's file systems under the root, and what each container wrote under the container. For a
//! container, limit and inodes are those of the file system that its layer is on. The figures are measured in the
//! background (`layers`); `container_fs_usage_age_seconds` says how long ago.

use exposition::{Family, Page, gauge};

use super::cgroup::Cgroup;
use super::devices::Devices;
use super::layers::{State, Usage};

type UsageColumn = (Family, fn(&Usage) -> f64);

const COLUMNS: [UsageColumn; 5] = [
    (gauge("container_fs_usage_bytes", "Bytes that are used by the container on this file system."), |usage| {
        usage.used_bytes as f64
    }),
    (gauge("container_fs_limit_bytes", "Bytes that the file system has."), |usage| usage.size_bytes as f64),
    (gauge("container_fs_inodes_total", "Inodes that the file system has."), |usage| usage.inodes as f64),
    (gauge("container_fs_inodes_free", "Inodes of the file system that are free."), |usage| usage.free_inodes as f64),
    (gauge("container_fs_usage_age_seconds", "Time since the use of the file system was measured."), |usage| {
        usage.measured.elapsed().as_secs_f64()
    }),
];

pub const FAMILIES: &[Family] = &[COLUMNS[0].0, COLUMNS[1].0, COLUMNS[2].0, COLUMNS[3].0, COLUMNS[4].0];

pub fn write(page: &mut Page, cgroups: &[Cgroup], measured: &State, devices: &mut Devices) {
    for (family, value) in &COLUMNS {
        for cgroup in cgroups {
            if cgroup.is_root() {
                for (device, usage) in measured.filesystems() {
                    page.labelled_sample(family, &cgroup.labels, &[("device", device)], value(usage));
                }
            } else if let Some(usage) = measured.layer(&cgroup.path) {
                let path = usage.device.map_or("", |number| devices.of(number).path.as_str());
                let labels: &[(&str, &str)] = if path.is_empty() { &[] } else { &[("device", path)] };
                page.labelled_sample(family, &cgroup.labels, labels, value(usage));
            }
        }
    }
}
