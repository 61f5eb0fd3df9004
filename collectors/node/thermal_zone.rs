//! `/sys/class/thermal`: temperatures of thermal zones, and how far cooling devices are throttled.
//! Kernel: 2.6.26 and later. Privileges: none. Cost: one listing, a read per zone, two per cooling device; to read a
//! temperature may mean to ask the firmware.

use std::path::Path;

use exposition::{LabelText, gauge};
use kernel::Host;

use super::attribute_labels::{AttributeLabels, text_of};
use super::device_class::{Description, DeviceClass};
use super::readings::{self, Column, signed};
use crate::Spec;

/// A zone has the first, a cooling device the others.
const COLUMNS: [Column; 3] = [
    Column::new(gauge("node_thermal_zone_temp", "Zone temperature in Celsius"), "temp", |bytes| {
        Ok(signed(bytes)?.map(|millidegrees| millidegrees / 1000.0))
    }),
    Column::new(
        gauge("node_cooling_device_cur_state", "Current throttle state of the cooling device"),
        "cur_state",
        signed,
    ),
    Column::new(
        gauge("node_cooling_device_max_state", "Maximum throttle state of the cooling device"),
        "max_state",
        signed,
    ),
];

pub const SPEC: Spec = Spec {
    name: "thermal_zone",
    is_on_by_default: true,
    help: "temperatures and cooling devices, from /sys/class/thermal",
    families: &readings::families::<{ COLUMNS.len() }>(&[], &COLUMNS),
    flags: &[],
    build: |host, _| Ok(Box::new(zones_and_cooling_devices(host))),
};

fn zones_and_cooling_devices(host: &Host) -> DeviceClass {
    let describe = |host: &Host, name: &str, path: &Path, buffer: &mut Vec<u8>| {
        let kind = text_of(host, &path.join("type"), buffer);
        let labels = if let Some(number) = numbered(name, "thermal_zone") {
            LabelText::new([("type", &*kind), ("zone", number)])
        } else {
            LabelText::new([("name", numbered(name, "cooling_device")?), ("type", &*kind)])
        };
        Some(Description { labels, info: AttributeLabels::new() })
    };
    DeviceClass::new(host, "class/thermal", &COLUMNS, describe).succeeding_without()
}

/// What follows the prefix, when that begins with a digit.
fn numbered<'a>(name: &'a str, prefix: &str) -> Option<&'a str> {
    name.strip_prefix(prefix).filter(|rest| rest.starts_with(|first: char| first.is_ascii_digit()))
}
