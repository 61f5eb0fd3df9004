//! What an attribute of a hardware monitoring sensor is shown as: the family's name and unit. Part of the collector
//! `hwmon`.

use exposition::Kind;
use kernel::sys::hwmon::{cleaned, number, text};

/// How a property of a sensor is shown.
#[derive(Debug, PartialEq)]
pub struct Shown {
    pub family: String,
    pub kind: Kind,
    pub help: String,
    pub unit: Unit,
}

/// How the attribute's text becomes a number in the family's unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    AsIs,
    Thousandths,
    Millionths,
    /// 1 for the text "1", 0 for any other.
    IsOne,
}

/// `None` for a property that is no number of its own. `has_plain` tells whether the sensor also has an attribute
/// without a property (`fan2` beside `fan2_input`), which then has the shorter name.
pub fn shown(sensor_kind: &str, property: &str, has_plain: bool) -> Option<Shown> {
    let gauge = |family: String, help: String, unit| Some(Shown { family, kind: Kind::Gauge, help, unit });
    match (sensor_kind, property) {
        ("beep_enable", "") => {
            return gauge("node_hwmon_beep_enabled".into(), "Hardware beep enabled".into(), Unit::IsOne);
        }
        ("vrm", "") => {
            let family = "node_hwmon_voltage_regulator_version".into();
            return gauge(family, "Hardware voltage regulator".into(), Unit::AsIs);
        }
        ("update_interval", "") => {
            let family = "node_hwmon_update_interval_seconds".into();
            return gauge(family, "Hardware monitor update interval".into(), Unit::Thousandths);
        }
        ("beep_enable" | "vrm" | "update_interval", _) | (_, "label") => return None,
        _ => {}
    }
    let name = match property {
        "" => format!("node_hwmon_{sensor_kind}"),
        "input" if !has_plain => format!("node_hwmon_{sensor_kind}"),
        _ => format!("node_hwmon_{sensor_kind}_{}", cleaned(property)),
    };
    match (sensor_kind, property) {
        (_, "fault" | "alarm") => gauge(name, format!("Hardware sensor {property} status ({sensor_kind})"), Unit::AsIs),
        (_, "beep") => {
            let help = "Hardware monitor sensor has beeping enabled".into();
            gauge(format!("{name}_enabled"), help, Unit::AsIs)
        }
        ("in" | "cpu", _) => {
            gauge(format!("{name}_volts"), format!("Hardware monitor for voltage ({property})"), Unit::Thousandths)
        }
        ("temp", property) if property != "type" => {
            let property = if property.is_empty() { "input" } else { property };
            let help = format!("Hardware monitor for temperature ({property})");
            gauge(format!("{name}_celsius"), help, Unit::Thousandths)
        }
        ("curr", _) => {
            gauge(format!("{name}_amps"), format!("Hardware monitor for current ({property})"), Unit::Thousandths)
        }
        ("energy", _) => Some(Shown {
            family: format!("{name}_joule_total"),
            kind: Kind::Counter,
            help: format!("Hardware monitor for joules used so far ({property})"),
            unit: Unit::Millionths,
        }),
        ("power", "accuracy") => {
            gauge(name, "Hardware monitor power meter accuracy, as a ratio".into(), Unit::Millionths)
        }
        ("power", "average_interval" | "average_interval_min" | "average_interval_max") => {
            let help = format!("Hardware monitor power usage update interval ({property})");
            gauge(format!("{name}_seconds"), help, Unit::Thousandths)
        }
        ("power", _) => {
            let help = format!("Hardware monitor for power usage in watts ({property})");
            gauge(format!("{name}_watt"), help, Unit::Millionths)
        }
        ("humidity", _) => gauge(
            name,
            format!("Hardware monitor for humidity, as node_exporter scales it ({property})"),
            Unit::Millionths,
        ),
        ("fan", "input" | "min" | "max" | "target") => {
            let help = format!("Hardware monitor for fan revolutions per minute ({property})");
            gauge(format!("{name}_rpm"), help, Unit::AsIs)
        }
        ("freq", "input") => {
            gauge(format!("{name}_freq_mhz"), "Hardware monitor for GPU frequency in MHz".into(), Unit::Millionths)
        }
        _ => gauge(name, format!("Hardware monitor {sensor_kind} element {property}"), Unit::AsIs),
    }
}

impl Unit {
    pub fn value(self, bytes: &[u8]) -> Option<f64> {
        match self {
            Unit::AsIs => number(bytes),
            Unit::Thousandths => number(bytes).map(|value| value * 0.001),
            Unit::Millionths => number(bytes).map(|value| value / 1_000_000.0),
            Unit::IsOne => Some(f64::from(u8::from(text(bytes) == b"1"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(sensor_kind: &str, property: &str) -> Option<String> {
        shown(sensor_kind, property, false).map(|shown| shown.family)
    }

    #[test]
    fn units_follow_the_kind_of_the_sensor() {
        let names = [
            ("temp", "crit_hyst", "node_hwmon_temp_crit_hyst_celsius"),
            ("temp", "type", "node_hwmon_temp_type"),
            ("temp", "alarm", "node_hwmon_temp_alarm"),
            ("temp", "crit_alarm", "node_hwmon_temp_crit_alarm_celsius"),
            ("fan", "input", "node_hwmon_fan_rpm"),
            ("fan", "div", "node_hwmon_fan_div"),
            ("in", "beep", "node_hwmon_in_beep_enabled"),
            ("cpu", "vid", "node_hwmon_cpu_vid_volts"),
            ("power", "average", "node_hwmon_power_average_watt"),
            ("power", "accuracy", "node_hwmon_power_accuracy"),
            ("power", "average_interval_max", "node_hwmon_power_average_interval_max_seconds"),
            ("energy", "input", "node_hwmon_energy_joule_total"),
            ("freq", "input", "node_hwmon_freq_freq_mhz"),
            ("vrm", "", "node_hwmon_voltage_regulator_version"),
        ];
        for (sensor_kind, property, family) in names {
            assert_eq!(name(sensor_kind, property).as_deref(), Some(family), "{sensor_kind} {property}");
        }
        assert_eq!(name("temp", "label"), None);
        assert_eq!(name("vrm", "max"), None);
    }

    #[test]
    fn an_input_beside_a_plain_attribute_has_the_longer_name() {
        let family = |property| shown("fan", property, true).map(|shown| shown.family);
        assert_eq!(family("input").as_deref(), Some("node_hwmon_fan_input_rpm"));
        assert_eq!(family("").as_deref(), Some("node_hwmon_fan"));
    }

    #[test]
    fn numbers_come_in_the_units_of_the_kernel() {
        assert_eq!(Unit::Thousandths.value(b"61000\n"), Some(61.0));
        assert_eq!(Unit::Millionths.value(b"341000000\n"), Some(341.0));
        assert_eq!([Unit::IsOne.value(b"1\n"), Unit::IsOne.value(b"yes\n")], [Some(1.0), Some(0.0)]);
        assert_eq!(Unit::AsIs.value(b"n/a"), None);
    }
}
