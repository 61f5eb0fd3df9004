//! `/sys/class/power_supply`: batteries, mains adapters and other supplies of power.
//! Kernel: 2.6.22 and later. Privileges: none. Cost: one listing, and a read for each attribute that a supply has; to
//! read one may mean to ask the firmware (a battery: milliseconds).

use std::path::Path;

use exposition::{Family, LabelText, gauge};
use kernel::Host;
use kernel::scan::ParseError;

use super::attribute_labels::AttributeLabels;
use super::device_class::{Description, DeviceClass};
use super::readings::{self, Column, signed};
use crate::{Flag, FlagKind, Settings, SettingsError, Spec};

const INFO: Family = gauge("node_power_supply_info", "info of /sys/class/power_supply/<power_supply>.");

/// The family is named after the first, and shows the attribute of the second name.
macro_rules! column {
    ($name:literal, $file:literal, $number:expr) => {
        Column::new(
            gauge(
                concat!("node_power_supply_", $name),
                concat!($name, " value of /sys/class/power_supply/<power_supply>."),
            ),
            $file,
            $number,
        )
    };
    ($name:literal, $number:expr) => {
        column!($name, $name, $number)
    };
}

const COLUMNS: [Column; 49] = [
    column!("authentic", signed),
    column!("calibrate", signed),
    column!("capacity", signed),
    column!("capacity_alert_max", signed),
    column!("capacity_alert_min", signed),
    column!("charge_ampere", "charge_now", of_millionths),
    column!("charge_control_limit", of_millionths),
    column!("charge_control_limit_max", of_millionths),
    column!("charge_counter", of_millionths),
    column!("charge_empty", of_millionths),
    column!("charge_empty_design", of_millionths),
    column!("charge_full", of_millionths),
    column!("charge_full_design", of_millionths),
    column!("charge_term_current", of_millionths),
    column!("constant_charge_current", of_millionths),
    column!("constant_charge_current_max", of_millionths),
    column!("constant_charge_voltage", of_millionths),
    column!("constant_charge_voltage_max", of_millionths),
    column!("current_ampere", "current_now", of_millionths),
    column!("current_boot", of_millionths),
    column!("current_max", of_millionths),
    column!("cyclecount", "cycle_count", signed),
    column!("energy_empty", of_millionths),
    column!("energy_empty_design", of_millionths),
    column!("energy_full", of_millionths),
    column!("energy_full_design", of_millionths),
    column!("energy_watthour", "energy_now", of_millionths),
    column!("input_current_limit", of_millionths),
    column!("online", signed),
    column!("power_watt", "power_now", of_millionths),
    column!("precharge_current", of_millionths),
    column!("present", signed),
    column!("temp_alert_max_celsius", "temp_alert_max", of_tenths),
    column!("temp_alert_min_celsius", "temp_alert_min", of_tenths),
    column!("temp_ambient_celsius", "temp_ambient", of_tenths),
    column!("temp_ambient_max_celsius", "temp_ambient_max", of_tenths),
    column!("temp_ambient_min_celsius", "temp_ambient_min", of_tenths),
    column!("temp_celsius", "temp", of_tenths),
    column!("temp_max_celsius", "temp_max", of_tenths),
    column!("temp_min_celsius", "temp_min", of_tenths),
    column!("time_to_empty_seconds", "time_to_empty_now", signed),
    column!("time_to_full_seconds", "time_to_full_now", signed),
    column!("voltage_boot", of_millionths),
    column!("voltage_max", of_millionths),
    column!("voltage_max_design", of_millionths),
    column!("voltage_min", of_millionths),
    column!("voltage_min_design", of_millionths),
    column!("voltage_ocv", of_millionths),
    column!("voltage_volt", "voltage_now", of_millionths),
];

const IGNORED: Flag = Flag {
    name: "collector.powersupply.ignored-supplies",
    kind: FlagKind::Text { default: "^$" },
    help: "regular expression of the power supplies to ignore",
    aliases: &[],
};

pub const SPEC: Spec = Spec {
    name: "powersupplyclass",
    is_on_by_default: true,
    help: "batteries and other supplies of power, from /sys/class/power_supply",
    families: &readings::families::<{ 1 + COLUMNS.len() }>(&[INFO], &COLUMNS),
    flags: &[IGNORED],
    build: |host, settings| Ok(Box::new(supplies(host, settings)?)),
};

fn supplies(host: &Host, settings: &Settings) -> Result<DeviceClass, SettingsError> {
    let ignored = settings.pattern(IGNORED.name)?;
    let describe = move |host: &Host, name: &str, path: &Path, _: &mut Vec<u8>| {
        if ignored.as_ref().is_some_and(|pattern| pattern.is_match(name)) {
            return None;
        }
        let attribute = |file| host.attribute(path.join(file));
        let info = AttributeLabels::omitting_empty()
            .read_from("capacity_level", attribute("capacity_level"))
            .read_from("charge_type", attribute("charge_type"))
            .read_from("health", attribute("health"))
            .read_from("manufacturer", attribute("manufacturer"))
            .read_from("model_name", attribute("model_name"))
            .fixed("power_supply", name)
            .read_from("scope", attribute("scope"))
            .read_from("serial_number", attribute("serial_number"))
            .read_from("status", attribute("status"))
            .read_from("technology", attribute("technology"))
            .read_from("type", attribute("type"))
            .read_from("usb_type", attribute("usb_type"));
        Some(Description { labels: LabelText::new([("power_supply", name)]), info })
    };
    Ok(DeviceClass::new(host, "class/power_supply", &COLUMNS, describe).with_info(INFO))
}

/// Microvolts, microampere hours and so on.
fn of_millionths(bytes: &[u8]) -> Result<Option<f64>, ParseError> {
    Ok(signed(bytes)?.map(|millionths| millionths / 1e6))
}

fn of_tenths(bytes: &[u8]) -> Result<Option<f64>, ParseError> {
    Ok(signed(bytes)?.map(|tenths| tenths / 10.0))
}
