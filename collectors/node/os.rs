//! `/etc/os-release`, else `/usr/lib/os-release`, below `--path.rootfs`: which distribution this is.
//! Kernel: any. Privileges: none. Cost: one stat; the file is read again only when it has changed.

use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use exposition::{Family, LabelText, gauge};
use kernel::os_release::OsRelease;
use kernel::{Error, Host, read_file};

use crate::{Collector, Failure, Outcome, Scrape, Spec};

const INFO: Family = gauge("node_os_info", "A metric with a constant '1' value labeled by the fields of os-release.");
const VERSION: Family = gauge("node_os_version", "Metric containing the major.minor part of the OS version.");
const SUPPORT_END: Family = gauge("node_os_support_end_timestamp_seconds", "The end-of-life date timestamp of the OS.");

/// Labels of `node_os_info` and the fields that they come from.
const INFO_LABELS: [(&str, &str); 12] = [
    ("build_id", "BUILD_ID"),
    ("id", "ID"),
    ("id_like", "ID_LIKE"),
    ("image_id", "IMAGE_ID"),
    ("image_version", "IMAGE_VERSION"),
    ("name", "NAME"),
    ("pretty_name", "PRETTY_NAME"),
    ("variant", "VARIANT"),
    ("variant_id", "VARIANT_ID"),
    ("version", "VERSION"),
    ("version_codename", "VERSION_CODENAME"),
    ("version_id", "VERSION_ID"),
];
const VERSION_LABELS: [(&str, &str); 3] = [("id", "ID"), ("id_like", "ID_LIKE"), ("name", "NAME")];

pub const SPEC: Spec = Spec {
    name: "os",
    is_on_by_default: true,
    help: "the distribution and its version, from os-release",
    families: &[INFO, VERSION, SUPPORT_END],
    flags: &[],
    build: |host, _| Ok(Box::new(Os::new(host))),
};

struct Os {
    /// In the order in which they are tried.
    paths: [PathBuf; 2],
    known: Option<Distribution>,
}

/// What a file said, ready to be written.
struct Distribution {
    stamp: Stamp,
    info: LabelText,
    version_labels: LabelText,
    version: Option<f64>,
    support_end_seconds: Option<f64>,
}

/// Changes when the file does: device, inode, length, and the time of the last change with its nanoseconds.
#[derive(Clone, Copy, PartialEq)]
struct Stamp(u64, u64, u64, i64, i64);

impl Os {
    fn new(host: &Host) -> Self {
        let paths = ["/etc/os-release", "/usr/lib/os-release"].map(|path| host.roots.host_path(path));
        Os { paths, known: None }
    }

    /// The distribution, read anew when the file has changed.
    fn distribution(&mut self, buffer: &mut Vec<u8>) -> Result<&Distribution, Error> {
        let (path, stamp) = first_file(&self.paths)?;
        let known = match self.known.take().filter(|known| known.stamp == stamp) {
            Some(known) => known,
            None => {
                let bytes = read_file(path, buffer)?;
                let release = OsRelease::parse(bytes).map_err(|problem| Error::parse(path, problem))?;
                Distribution::new(&release, stamp)
            }
        };
        Ok(self.known.insert(known))
    }
}

fn first_file(paths: &[PathBuf; 2]) -> Result<(&Path, Stamp), Error> {
    let [first, second] = paths;
    match std::fs::metadata(first) {
        Ok(metadata) => Ok((first, Stamp::of(&metadata))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let metadata = std::fs::metadata(second).map_err(|error| Error::io(second, error))?;
            Ok((second, Stamp::of(&metadata)))
        }
        Err(error) => Err(Error::io(first, error)),
    }
}

impl Collector for Os {
    fn collect(&mut self, scrape: &mut Scrape<'_>) -> Result<Outcome, Failure> {
        let distribution = match self.distribution(scrape.buffer) {
            Ok(distribution) => distribution,
            Err(error) => return Outcome::of_error(error),
        };
        scrape.page.labelled_sample(&INFO, &distribution.info, &[], 1.0);
        if let Some(version) = distribution.version {
            scrape.page.labelled_sample(&VERSION, &distribution.version_labels, &[], version);
        }
        if let Some(seconds) = distribution.support_end_seconds {
            scrape.page.sample(&SUPPORT_END, &[], seconds);
        }
        Ok(Outcome::Collected)
    }
}

impl Distribution {
    fn new(release: &OsRelease, stamp: Stamp) -> Self {
        let labels = |labels: &[(&'static str, &str)]| {
            LabelText::new(labels.iter().map(|(label, field)| (*label, release.value(field))))
        };
        Distribution {
            stamp,
            info: labels(&INFO_LABELS),
            version_labels: labels(&VERSION_LABELS),
            version: major_minor(release.value("VERSION_ID")),
            support_end_seconds: day_seconds(release.value("SUPPORT_END")),
        }
    }
}

impl Stamp {
    fn of(metadata: &Metadata) -> Self {
        Stamp(metadata.dev(), metadata.ino(), metadata.len(), metadata.mtime(), metadata.mtime_nsec())
    }
}

/// The number that a version begins with: 20.04 of `20.04.2`; `None` when there is none or it is 0.
fn major_minor(version: &str) -> Option<f64> {
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let major = digits(version);
    let minor = match version[major..].strip_prefix('.') {
        Some(rest) if major > 0 => 1 + digits(rest),
        _ => 0,
    };
    version[..major + minor].parse().ok().filter(|number| *number > 0.0)
}

/// Midnight UTC of a date such as `2025-05-13`, in seconds since the epoch.
fn day_seconds(date: &str) -> Option<f64> {
    let milliseconds = model::parse_timestamp_ms(&format!("{date}T00:00:00Z")).ok()?;
    Some((milliseconds / 1000) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_the_number_at_its_beginning() {
        for (text, number) in [
            ("20.04", Some(20.04)),
            ("3.19.1", Some(3.19)),
            ("12", Some(12.0)),
            ("7.", Some(7.0)),
            ("", None),
            ("rolling", None),
            (".5", None),
            ("0", None),
        ] {
            assert_eq!(major_minor(text), number, "{text}");
        }
    }

    #[test]
    fn the_end_of_support_is_a_day() {
        assert_eq!(day_seconds("2024-05-14"), Some(1_715_644_800.0));
        assert_eq!(day_seconds("next year"), None);
        assert_eq!(day_seconds(""), None);
    }
}
