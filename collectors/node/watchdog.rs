//! `/sys/class/watchdog`: hardware that restarts the machine when nobody has told it for a while that all is well.
//! Kernel: 4.5 and later, built with `CONFIG_WATCHDOG_SYSFS`. Privileges: none. Cost: one listing, ten reads per device.

use exposition::{Family, LabelText, gauge};
use kernel::Host;

use super::attribute_labels::AttributeLabels;
use super::device_class::{Description, DeviceClass};
use super::readings::{self, Column, signed};
use crate::Spec;

const INFO: Family = gauge("node_watchdog_info", "Info of /sys/class/watchdog/<watchdog>");

const COLUMNS: [Column; 7] = [
    Column::new(
        gauge("node_watchdog_access_cs0", "Value of /sys/class/watchdog/<watchdog>/access_cs0"),
        "access_cs0",
        signed,
    ),
    Column::new(
        gauge("node_watchdog_bootstatus", "Value of /sys/class/watchdog/<watchdog>/bootstatus"),
        "bootstatus",
        signed,
    ),
    Column::new(
        gauge("node_watchdog_fw_version", "Value of /sys/class/watchdog/<watchdog>/fw_version"),
        "fw_version",
        signed,
    ),
    Column::new(
        gauge("node_watchdog_nowayout", "Value of /sys/class/watchdog/<watchdog>/nowayout"),
        "nowayout",
        signed,
    ),
    Column::new(
        gauge("node_watchdog_pretimeout_seconds", "Value of /sys/class/watchdog/<watchdog>/pretimeout"),
        "pretimeout",
        signed,
    ),
    Column::new(
        gauge("node_watchdog_timeleft_seconds", "Value of /sys/class/watchdog/<watchdog>/timeleft"),
        "timeleft",
        signed,
    ),
    Column::new(
        gauge("node_watchdog_timeout_seconds", "Value of /sys/class/watchdog/<watchdog>/timeout"),
        "timeout",
        signed,
    ),
];

pub const SPEC: Spec = Spec {
    name: "watchdog",
    is_on_by_default: true,
    help: "watchdog timers, from /sys/class/watchdog",
    families: &readings::families::<{ 1 + COLUMNS.len() }>(&[INFO], &COLUMNS),
    flags: &[],
    build: |host, _| Ok(Box::new(watchdogs(host))),
};

fn watchdogs(host: &Host) -> DeviceClass {
    let describe = |host: &Host, name: &str, path: &std::path::Path, _: &mut Vec<u8>| {
        let attribute = |file| host.attribute(path.join(file));
        let info = AttributeLabels::new()
            .read_from("identity", attribute("identity"))
            .fixed("name", name)
            .read_from("options", attribute("options"))
            .read_from("pretimeout_governor", attribute("pretimeout_governor"))
            .read_from("state", attribute("state"))
            .read_from("status", attribute("status"));
        Some(Description { labels: LabelText::new([("name", name)]), info })
    };
    DeviceClass::new(host, "class/watchdog", &COLUMNS, describe).with_info(INFO)
}
