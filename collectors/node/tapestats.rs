//! `/sys/class/scsi_tape/<drive>/stats`: requests, bytes and times of SCSI tape drives.
//! Kernel: 4.2 and later. Privileges: none. Cost: one listing, ten reads per drive.

use std::path::Path;

use exposition::{LabelText, counter, gauge};
use kernel::Host;
use kernel::scan::ParseError;

use super::attribute_labels::AttributeLabels;
use super::device_class::{Description, DeviceClass};
use super::readings::{self, Column, unsigned};
use crate::{Flag, FlagKind, Settings, SettingsError, Spec};

const COLUMNS: [Column; 10] = [
    Column::new(
        gauge("node_tape_io_now", "The number of I/Os currently outstanding to this device."),
        "stats/in_flight",
        unsigned,
    ),
    Column::new(
        counter(
            "node_tape_io_others_total",
            "Requests to the drive that neither read nor write; their time is that of all I/O less reads and writes.",
        ),
        "stats/other_cnt",
        unsigned,
    ),
    Column::new(
        counter(
            "node_tape_io_time_seconds_total",
            "Time spent waiting for all I/O, movements of the tape for seeking and rewinding included.",
        ),
        "stats/io_ns",
        seconds,
    ),
    Column::new(
        counter("node_tape_read_bytes_total", "The number of bytes read from the tape drive."),
        "stats/read_byte_cnt",
        unsigned,
    ),
    Column::new(
        counter("node_tape_read_time_seconds_total", "The amount of time spent waiting for read requests to complete."),
        "stats/read_ns",
        seconds,
    ),
    Column::new(
        counter("node_tape_reads_completed_total", "The number of read requests issued to the tape drive."),
        "stats/read_cnt",
        unsigned,
    ),
    Column::new(
        counter(
            "node_tape_residual_total",
            "Reads and writes that moved less than was asked for: reads with a buffer larger than the block on tape, \
             writes that did not all reach the tape.",
        ),
        "stats/resid_cnt",
        unsigned,
    ),
    Column::new(
        counter(
            "node_tape_write_time_seconds_total",
            "The amount of time spent waiting for write requests to complete.",
        ),
        "stats/write_ns",
        seconds,
    ),
    Column::new(
        counter("node_tape_writes_completed_total", "The number of write requests issued to the tape drive."),
        "stats/write_cnt",
        unsigned,
    ),
    Column::new(
        counter("node_tape_written_bytes_total", "The number of bytes written to the tape drive."),
        "stats/write_byte_cnt",
        unsigned,
    ),
];

const IGNORED: Flag = Flag {
    name: "collector.tapestats.ignored-devices",
    kind: FlagKind::Text { default: "^$" },
    help: "regular expression of the tape drives to ignore",
    aliases: &[],
};

pub const SPEC: Spec = Spec {
    name: "tapestats",
    is_on_by_default: true,
    help: "requests, bytes and times of SCSI tape drives, from /sys/class/scsi_tape",
    families: &readings::families::<{ COLUMNS.len() }>(&[], &COLUMNS),
    flags: &[IGNORED],
    build: |host, settings| Ok(Box::new(drives(host, settings)?)),
};

fn drives(host: &Host, settings: &Settings) -> Result<DeviceClass, SettingsError> {
    let ignored = settings.pattern(IGNORED.name)?;
    let describe = move |_: &Host, name: &str, path: &Path, _: &mut Vec<u8>| {
        let is_wanted = is_drive(name) && !ignored.as_ref().is_some_and(|pattern| pattern.is_match(name));
        let labels = LabelText::new([("device", name)]);
        (is_wanted && path.join("stats").is_dir()).then(|| Description { labels, info: AttributeLabels::new() })
    };
    Ok(DeviceClass::new(host, "class/scsi_tape", &COLUMNS, describe).showing_missing_as_zero())
}

/// The kernel has eight names for a drive, one per density and for whether it rewinds; `st0` is the drive's own.
fn is_drive(name: &str) -> bool {
    let number = name.strip_prefix("st").unwrap_or_default();
    !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
}

fn seconds(bytes: &[u8]) -> Result<Option<f64>, ParseError> {
    Ok(unsigned(bytes)?.map(|nanoseconds| nanoseconds * 0.000_000_001))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_name_of_a_drive_counts() {
        let names = ["nst0", "st0", "st0a", "st12", "st", "sto1", "nst0m"];
        assert_eq!(names.map(is_drive), [false, true, false, true, false, false, false]);
    }
}
