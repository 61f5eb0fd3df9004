//! `/proc/1/mountinfo` (else that of the agent itself) and statvfs(3): space and files of mounted file systems.
//! Kernel: 2.6.26 and later. Privileges: none for most mounts. Cost: two or three reads of mountinfo, one statvfs per
//! mount; the list is taken apart only when it has changed.
//!
//! A mount that does not answer costs itself: it has `node_filesystem_device_error` 1, with the labels that it always
//! has, and is not asked again while it hangs. `node_filesystem_readonly` tells what the kernel says of the mount and of
//! its file system; node_exporter 1.10 to 1.12 say 0 of most read-only mounts.

use std::io;
use std::time::{Duration, Instant};

use exposition::{Family, LabelText, Page, gauge};
use kernel::{Host, KeptFile};
use model::parse_duration_ms;
use nix::errno::Errno;
use nix::sys::statvfs::Statvfs;

use super::device_filter::DeviceFilter;
use super::mount_list::{Mount, MountList, Wanted};
use super::stat_pool::{Answer, StatPool, ask};
use crate::{Collector, Failure, Flag, FlagKind, Outcome, Scrape, Settings, SettingsError, Spec};

const SIZE: Family = gauge("node_filesystem_size_bytes", "Filesystem size in bytes.");
const FREE: Family = gauge("node_filesystem_free_bytes", "Filesystem free space in bytes.");
const AVAIL: Family = gauge("node_filesystem_avail_bytes", "Filesystem space available to non-root users in bytes.");
const FILES: Family = gauge("node_filesystem_files", "Filesystem total file nodes.");
const FILES_FREE: Family = gauge("node_filesystem_files_free", "Filesystem total free file nodes.");
const PURGEABLE: Family =
    gauge("node_filesystem_purgeable_bytes", "Filesystem space available including purgeable space (MacOS specific).");
const READONLY: Family = gauge("node_filesystem_readonly", "Filesystem read-only status.");
const DEVICE_ERROR: Family =
    gauge("node_filesystem_device_error", "Whether an error occurred while getting statistics for the given device.");
const MOUNT_INFO: Family = gauge("node_filesystem_mount_info", "Filesystem mount information.");

const POINTS_INCLUDE: Flag = Flag {
    name: "collector.filesystem.mount-points-include",
    kind: FlagKind::Text { default: "" },
    help: "regular expression of the mount points to include; not together with mount-points-exclude",
    aliases: &[],
};
const POINTS_EXCLUDE: Flag = Flag {
    name: "collector.filesystem.mount-points-exclude",
    kind: FlagKind::Text {
        default: "^/(dev|proc|run/credentials/.+|sys|var/lib/docker/.+|var/lib/containers/storage/.+)($|/)",
    },
    help: "regular expression of the mount points to exclude; not together with mount-points-include",
    aliases: &["collector.filesystem.ignored-mount-points"],
};
const KINDS_INCLUDE: Flag = Flag {
    name: "collector.filesystem.fs-types-include",
    kind: FlagKind::Text { default: "" },
    help: "regular expression of the file system types to include; not together with fs-types-exclude",
    aliases: &[],
};
const KINDS_EXCLUDE: Flag = Flag {
    name: "collector.filesystem.fs-types-exclude",
    kind: FlagKind::Text {
        default: "^(autofs|binfmt_misc|bpf|cgroup2?|configfs|debugfs|devpts|devtmpfs|fusectl|hugetlbfs|iso9660|mqueue\
            |nsfs|overlay|proc|procfs|pstore|rpc_pipefs|securityfs|selinuxfs|squashfs|erofs|sysfs|tracefs)$",
    },
    help: "regular expression of the file system types to exclude; not together with fs-types-include",
    aliases: &["collector.filesystem.ignored-fs-types"],
};
const MOUNT_TIMEOUT: Flag = Flag {
    name: "collector.filesystem.mount-timeout",
    kind: FlagKind::Text { default: "5s" },
    help: "how long a mount may take to answer, where the scrape's deadline leaves that long",
    aliases: &[],
};
const STAT_WORKERS: Flag = Flag {
    name: "collector.filesystem.stat-workers",
    kind: FlagKind::Text { default: "16" },
    help: "threads that ask mounts which may never answer, at most",
    aliases: &[],
};

const ONCE: Flag = Flag {
    name: "collector.filesystem.once-per-device",
    kind: FlagKind::Switch { default: false },
    help: "show each file system once, by its shortest mount point, however often it is mounted",
    aliases: &[],
};

pub const SPEC: Spec = Spec {
    name: "filesystem",
    is_on_by_default: true,
    help: "space and files of mounted file systems, from mountinfo and statvfs",
    families: &[SIZE, FREE, AVAIL, FILES, FILES_FREE, PURGEABLE, READONLY, DEVICE_ERROR, MOUNT_INFO],
    flags: &[POINTS_INCLUDE, POINTS_EXCLUDE, KINDS_INCLUDE, KINDS_EXCLUDE, MOUNT_TIMEOUT, STAT_WORKERS, ONCE],
    build: |host, settings| Ok(Box::new(Filesystem::new(host, settings)?)),
};

/// A family and what it shows of an answer.
type Column = (Family, fn(&Statvfs) -> f64);

const COLUMNS: [Column; 6] = [
    (SIZE, |stat| in_bytes(stat, stat.blocks() as f64)),
    (FREE, |stat| in_bytes(stat, stat.blocks_free() as f64)),
    (AVAIL, |stat| in_bytes(stat, stat.blocks_available() as f64)),
    (FILES, |stat| stat.files() as f64),
    (FILES_FREE, |stat| stat.files_free() as f64),
    (PURGEABLE, |_| 0.0),
];

struct Filesystem {
    host: Host,
    /// Those of the first process, else (when `/proc` hides it) our own.
    files: [KeptFile; 2],
    wanted: Wanted,
    mount_timeout: Duration,
    pool: StatPool,
    list: MountList,
    /// In the order of the list.
    answers: Vec<Answer>,
}

impl Filesystem {
    fn new(host: &Host, settings: &Settings) -> Result<Self, SettingsError> {
        let refused = |flag: &Flag| SettingsError {
            flag: flag.name.to_owned(),
            reason: format!("invalid value {:?}", settings.text(flag.name)),
        };
        let timeout_ms = parse_duration_ms(settings.text(MOUNT_TIMEOUT.name)).map_err(|_| refused(&MOUNT_TIMEOUT))?;
        let workers = settings.text(STAT_WORKERS.name).parse().map_err(|_| refused(&STAT_WORKERS))?;
        Ok(Filesystem {
            host: host.clone(),
            files: [host.proc_file("1/mountinfo"), host.proc_file("self/mountinfo")],
            wanted: Wanted {
                points: DeviceFilter::from_flags(settings, POINTS_INCLUDE.name, POINTS_EXCLUDE.name)?,
                kinds: DeviceFilter::from_flags(settings, KINDS_INCLUDE.name, KINDS_EXCLUDE.name)?,
                once_per_device: settings.is_on(ONCE.name),
            },
            mount_timeout: Duration::from_millis(u64::try_from(timeout_ms).map_err(|_| refused(&MOUNT_TIMEOUT))?),
            pool: StatPool::new(workers),
            list: MountList::default(),
            answers: Vec::new(),
        })
    }

    fn read_list(&mut self, scrape: &mut Scrape<'_>) -> kernel::Result<()> {
        let [first, own] = &mut self.files;
        let (length, path) = match first.read(scrape.buffer) {
            Ok(text) => (text.len(), first.path()),
            Err(error) if error.is_absent() || error.is_denied() => (own.read(scrape.buffer)?.len(), own.path()),
            Err(error) => return Err(error),
        };
        let (text, roots) = (&scrape.buffer[..length], &self.host.roots);
        self.list.update(text, path, roots, &self.wanted, scrape.problems);
        Ok(())
    }

    /// Asks every mount. Those that may hang have most of the time that is left, so that the rest can be written.
    fn ask(&mut self, deadline: Instant) {
        self.answers.clear();
        let mounts = &self.list.mounts;
        self.answers.extend(mounts.iter().map(|mount| if mount.may_hang { Answer::Hung } else { ask(&mount.path) }));
        let slow: Vec<usize> = (0..mounts.len()).filter(|place| mounts[*place].may_hang).collect();
        if slow.is_empty() {
            return;
        }
        let paths: Vec<_> = slow.iter().map(|place| mounts[*place].path.as_path()).collect();
        let now = Instant::now();
        let patience = self.mount_timeout.min(deadline.saturating_duration_since(now) * 4 / 5);
        for (place, answer) in slow.into_iter().zip(self.pool.ask_all(&paths, now + patience)) {
            self.answers[place] = answer;
        }
    }

    fn write(&self, page: &mut Page, problems: &mut Vec<String>) {
        let asked = || self.list.mounts.iter().zip(&self.answers);
        for (family, value) in &COLUMNS {
            for (mount, answer) in asked() {
                if let Some(stat) = answer.known() {
                    page.labelled_sample(family, &mount.labels, &[], value(stat));
                }
            }
        }
        for family in [&READONLY, &DEVICE_ERROR] {
            for (mount, answer) in asked() {
                let is_error = answer.known().is_none();
                let value = if *family == READONLY { mount.is_read_only } else { is_error };
                page.labelled_sample(family, &labels_of(mount, answer), &[], f64::from(u8::from(value)));
            }
        }
        for info in &self.list.infos {
            if self.answers[info.mount].known().is_some() {
                page.labelled_sample(&MOUNT_INFO, &info.labels, &[], 1.0);
            }
        }
        problems.extend(asked().filter(|(_, answer)| answer.known().is_none()).map(|(mount, answer)| match answer {
            Answer::Refused(errno) => format!("{}: {}", mount.path.display(), error_text(*errno)),
            _ => format!("{}: the mount does not answer", mount.path.display()),
        }));
    }
}

impl Collector for Filesystem {
    fn collect(&mut self, scrape: &mut Scrape<'_>) -> Result<Outcome, Failure> {
        if let Err(error) = self.read_list(scrape) {
            return Outcome::of_error(error);
        }
        self.ask(scrape.deadline);
        self.write(scrape.page, scrape.problems);
        Ok(Outcome::Collected)
    }
}

/// Its usual labels; the error is named in them only when the mount itself has told it.
fn labels_of<'a>(mount: &'a Mount, answer: &Answer) -> std::borrow::Cow<'a, LabelText> {
    match answer {
        Answer::Refused(errno) => std::borrow::Cow::Owned(mount.labels_with_error(&error_text(*errno))),
        Answer::Known(_) | Answer::Hung => std::borrow::Cow::Borrowed(&mount.labels),
    }
}

/// The C library's text with a small first letter, which is what Go has.
fn error_text(errno: Errno) -> String {
    if errno == Errno::ESTALE {
        return "stale NFS file handle".to_owned();
    }
    let text = io::Error::from(errno).to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    let mut characters = text.chars();
    characters.next().map(|first| first.to_lowercase().chain(characters).collect()).unwrap_or_default()
}

/// Counts of blocks are in units of the fragment size, as df(1) has it.
fn in_bytes(stat: &Statvfs, blocks: f64) -> f64 {
    blocks * stat.fragment_size() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_worded_as_go_words_them() {
        assert_eq!(error_text(Errno::EACCES), "permission denied");
        assert_eq!(error_text(Errno::ENOENT), "no such file or directory");
        assert_eq!(error_text(Errno::EIO), "input/output error");
        assert_eq!(error_text(Errno::ESTALE), "stale NFS file handle");
    }
}
