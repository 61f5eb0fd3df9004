//! The mounts that the collector `filesystem` tells of, made from `/proc/1/mountinfo`: filtered, each once, with their
//! labels written and the knowledge whether asking them can hang.

use std::borrow::Cow;
use std::collections::HashSet;
use std::path::{Path, PathBuf};

use exposition::LabelText;
use kernel::Roots;
use kernel::proc::mountinfo::{self, unescape};
use kernel::scan::to_text;

use super::device_filter::DeviceFilter;
use super::parsed::parsed;

/// File systems of this machine's own disks and memory. Whatever is not here (network, FUSE, what we do not know) may
/// wait for somebody else.
const ANSWER_AT_ONCE: &[&str] = &[
    "bcachefs",
    "bpf",
    "btrfs",
    "cgroup",
    "cgroup2",
    "configfs",
    "debugfs",
    "devpts",
    "devtmpfs",
    "efivarfs",
    "erofs",
    "exfat",
    "ext2",
    "ext3",
    "ext4",
    "f2fs",
    "fusectl",
    "hugetlbfs",
    "iso9660",
    "jfs",
    "mqueue",
    "nilfs2",
    "nsfs",
    "ntfs3",
    "overlay",
    "proc",
    "pstore",
    "ramfs",
    "reiserfs",
    "securityfs",
    "selinuxfs",
    "squashfs",
    "sysfs",
    "tmpfs",
    "tracefs",
    "udf",
    "vfat",
    "xfs",
    "zfs",
];

#[derive(Default)]
pub struct MountList {
    pub mounts: Vec<Mount>,
    /// The labels of `node_filesystem_mount_info`. A mount point that is mounted over twice has two.
    pub infos: Vec<MountInfo>,
    /// What the list was made from.
    text: Vec<u8>,
}

/// Which mounts are shown.
pub struct Wanted {
    pub points: DeviceFilter,
    pub kinds: DeviceFilter,
    /// A file system that is mounted several times is shown by its shortest mount point alone.
    pub once_per_device: bool,
}

pub struct Mount {
    pub device: String,
    pub mount_point: String,
    pub kind: String,
    /// As this process reaches it.
    pub path: PathBuf,
    pub is_read_only: bool,
    pub may_hang: bool,
    /// Of all families while there is no error.
    pub labels: LabelText,
}

pub struct MountInfo {
    pub labels: LabelText,
    /// Place in `MountList::mounts`.
    pub mount: usize,
}

impl MountList {
    /// Makes the list anew when the file has changed since.
    pub fn update(&mut self, text: &[u8], path: &Path, roots: &Roots, wanted: &Wanted, problems: &mut Vec<String>) {
        if text == self.text {
            return;
        }
        self.text.clear();
        self.text.extend_from_slice(text);
        self.mounts.clear();
        self.infos.clear();
        let all: Vec<_> = parsed(mountinfo::mounts(text), path, problems).collect();
        let slow: Vec<String> =
            all.iter().filter(|mount| may_hang(mount.filesystem)).map(|mount| unescape(mount.mount_point)).collect();
        let chosen = wanted.once_per_device.then(|| one_point_each(&all, roots, wanted));
        let mut known_infos = HashSet::new();
        for mount in &all {
            let seen = unescape(mount.mount_point);
            let point = &*as_the_host_sees_it(&seen, roots);
            let kind = to_text(mount.filesystem);
            if !wanted.points.is_wanted(point) || !wanted.kinds.is_wanted(&kind) {
                continue;
            }
            if chosen.as_ref().is_some_and(|chosen| !chosen.contains(&mount.mount_point)) {
                continue;
            }
            let device = to_text(mount.source);
            let is_same = |one: &Mount| one.mount_point == point && one.device == device && one.kind == kind;
            let place = self.mounts.iter().position(is_same).unwrap_or_else(|| {
                let may_hang = slow.iter().any(|slow| Path::new(&seen).starts_with(slow));
                self.mounts.push(Mount::new(&device, point, &kind, roots, mount, may_hang));
                self.mounts.len() - 1
            });
            let number = to_text(mount.device);
            let Some((major, minor)) = number.split_once(':') else {
                problems.push(format!("{}: expected major:minor of {point}, found {number:?}", path.display()));
                continue;
            };
            let labels =
                LabelText::new([("device", &*device), ("major", major), ("minor", minor), ("mountpoint", point)]);
            if known_infos.insert(labels.clone()) {
                self.infos.push(MountInfo { labels, mount: place });
            }
        }
    }
}

impl Mount {
    fn new(device: &str, point: &str, kind: &str, roots: &Roots, mount: &mountinfo::Mount<'_>, may_hang: bool) -> Self {
        let is_read_only = has_option(mount.options, b"ro") || has_option(mount.super_options, b"ro");
        Mount {
            device: device.to_owned(),
            mount_point: point.to_owned(),
            kind: kind.to_owned(),
            path: roots.host_path(point),
            is_read_only,
            may_hang,
            labels: labels(device, point, kind, ""),
        }
    }

    /// The labels of a mount that was asked and refused.
    pub fn labels_with_error(&self, error: &str) -> LabelText {
        labels(&self.device, &self.mount_point, &self.kind, error)
    }
}

/// The mount point that stands for each file system: the shortest, of several that are as short the first. A file
/// system is known by the number of its device; the parts of a btrfs have numbers of their own but one source.
fn one_point_each<'a>(all: &[mountinfo::Mount<'a>], roots: &Roots, wanted: &Wanted) -> HashSet<&'a [u8]> {
    let is_wanted = |mount: &&mountinfo::Mount<'_>| {
        let seen = unescape(mount.mount_point);
        wanted.points.is_wanted(&as_the_host_sees_it(&seen, roots))
            && wanted.kinds.is_wanted(&to_text(mount.filesystem))
    };
    let mut candidates: Vec<_> = all.iter().filter(is_wanted).collect();
    // Stable: those of one length keep their order.
    candidates.sort_by_key(|mount| mount.mount_point.len());
    let (mut numbers, mut sources) = (HashSet::new(), HashSet::new());
    let mut chosen = HashSet::new();
    for mount in candidates {
        let is_own_disk = mount.source.starts_with(b"/dev/");
        let is_known = numbers.contains(mount.device) || is_own_disk && sources.contains(mount.source);
        // What is mounted over a chosen point hides it and is shown beside it, as ever.
        if !is_known || chosen.contains(mount.mount_point) {
            chosen.insert(mount.mount_point);
        }
        numbers.insert(mount.device);
        if is_own_disk {
            sources.insert(mount.source);
        }
    }
    chosen
}

fn labels(device: &str, point: &str, kind: &str, error: &str) -> LabelText {
    LabelText::new([("device", device), ("device_error", error), ("fstype", kind), ("mountpoint", point)])
}

/// Seen from within a container, the host's mounts are below its root; others keep their path.
fn as_the_host_sees_it<'a>(seen: &'a str, roots: &Roots) -> Cow<'a, str> {
    match Path::new(seen).strip_prefix(&roots.rootfs) {
        Ok(below) if roots.rootfs != Path::new("/") => format!("/{}", below.display()).into(),
        _ => seen.into(),
    }
}

pub fn may_hang(kind: &[u8]) -> bool {
    !ANSWER_AT_ONCE.iter().any(|known| known.as_bytes() == kind)
}

fn has_option(options: &[u8], wanted: &[u8]) -> bool {
    options.split(|byte| *byte == b',').any(|option| option == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Settings;

    const TEXT: &[u8] = b"27 1 254:0 / / rw,relatime - ext4 /dev/vda rw,discard\n\
        30 27 0:40 / /srv rw - nfs4 server:/export\\040a rw,addr=10.0.0.1\n\
        31 30 8:1 / /srv/below ro - ext4 /dev/sda1 rw\n\
        32 27 0:41 / /tmp\\040x rw - tmpfs tmpfs ro,size=4k\n\
        33 27 0:23 / /dev/shm rw - tmpfs tmpfs rw\n\
        34 33 0:27 / /dev/shm rw - tmpfs tmpfs rw\n\
        35 27 0:50 / /proc rw - proc proc rw\n";

    fn list(roots: &Roots, text: &[u8]) -> MountList {
        list_of(roots, text, false)
    }

    fn list_of(roots: &Roots, text: &[u8], once_per_device: bool) -> MountList {
        let mut settings = Settings::default();
        settings.set("kinds", vec!["^proc$".to_owned()]);
        let points = DeviceFilter::from_flags(&settings, "none", "none").expect("valid");
        let kinds = DeviceFilter::from_flags(&settings, "none", "kinds").expect("valid");
        let wanted = Wanted { points, kinds, once_per_device };
        let mut list = MountList::default();
        let mut problems = Vec::new();
        list.update(text, Path::new("mountinfo"), roots, &wanted, &mut problems);
        assert!(problems.is_empty(), "{problems:?}");
        list
    }

    #[test]
    fn mounts_are_named_once_and_known_by_what_they_are() {
        let list = list(&Roots::default(), TEXT);
        let points: Vec<_> = list.mounts.iter().map(|mount| mount.mount_point.as_str()).collect();
        assert_eq!(points, ["/", "/srv", "/srv/below", "/tmp x", "/dev/shm"]);
        let may_hang: Vec<_> = list.mounts.iter().map(|mount| mount.may_hang).collect();
        assert_eq!(may_hang, [false, true, true, false, false], "what lies below a network mount hangs with it");
        let read_only: Vec<_> = list.mounts.iter().map(|mount| mount.is_read_only).collect();
        assert_eq!(read_only, [false, false, true, true, false]);
        assert_eq!(list.mounts[1].device, "server:/export\\040a", "as node_exporter has it");
        let infos: Vec<_> = list.infos.iter().map(|info| info.mount).collect();
        assert_eq!(infos, [0, 1, 2, 3, 4, 4], "both that are mounted on /dev/shm");
    }

    #[test]
    fn the_hosts_root_is_taken_off_and_put_before() {
        let roots = Roots { rootfs: "/host".into(), ..Roots::default() };
        let text = b"1 0 254:0 / /host rw - ext4 /dev/vda rw\n2 1 0:40 / /host/boot rw - vfat /dev/vda1 rw\n\
            3 1 0:41 / /elsewhere rw - tmpfs tmpfs rw\n";
        let list = list(&roots, text);
        let mounts: Vec<_> =
            list.mounts.iter().map(|mount| (mount.mount_point.as_str(), mount.path.to_str().expect("UTF-8"))).collect();
        assert_eq!(mounts, [("/", "/host/"), ("/boot", "/host/boot"), ("/elsewhere", "/host/elsewhere")]);
    }

    #[test]
    fn a_file_system_that_is_mounted_often_is_shown_by_its_shortest_mount_point() {
        let text = b"1 0 254:1 /a /var/lib/a rw - ext4 /dev/vda1 rw\n2 0 254:1 / / rw - ext4 /dev/vda1 rw\n\
            3 0 254:1 /b /proc rw - ext4 /dev/vda1 rw\n4 0 0:30 /home /home rw - btrfs /dev/vdb rw\n\
            5 0 0:31 /srv /srv rw - btrfs /dev/vdb rw\n6 0 0:40 / /tmp rw - tmpfs tmpfs rw\n\
            7 0 0:41 / /run rw - tmpfs tmpfs rw\n8 0 0:50 / /p rw - proc proc rw\n";
        let points = |once| {
            let list = list_of(&Roots::default(), text, once);
            assert!(list.infos.iter().all(|info| info.mount < list.mounts.len()));
            list.mounts.into_iter().map(|mount| mount.mount_point).collect::<Vec<_>>()
        };
        assert_eq!(points(true), ["/", "/srv", "/tmp", "/run"]);
        assert_eq!(points(false).len(), 7);
    }
}
