//! Names and texts in the folder of a hardware monitoring chip (`/sys/class/hwmon/hwmon<N>`): `temp1_input`,
//! `fan2_alarm`, `pwm1_auto_point1_temp`, `update_interval`.

use crate::scan::parse_f64;

/// What the name of an attribute says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SensorFile<'a> {
    /// `temp`, `fan`, ...; one of `KINDS`.
    pub kind: &'a str,
    /// Which of the chip's sensors of that kind; 0 where the name has no number.
    pub number: u32,
    /// What of the sensor: `input`, `max`, `crit_alarm`; empty where the name ends with the number.
    pub property: &'a str,
}

/// What chips measure or set. Folders of chips hold other files too.
const KINDS: [&str; 14] = [
    "beep_enable",
    "cpu",
    "curr",
    "energy",
    "fan",
    "freq",
    "humidity",
    "in",
    "intrusion",
    "power",
    "pwm",
    "temp",
    "update_interval",
    "vrm",
];

/// Bytes of an attribute that count, as with node_exporter.
const READ_BYTES: usize = 128;

/// `None` for what is no attribute of a sensor.
pub fn sensor_file(name: &str) -> Option<SensorFile<'_>> {
    let digits_start = name.find(|c: char| c.is_ascii_digit()).unwrap_or(name.len());
    let (kind, rest) = name.split_at(digits_start);
    let digits_end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    let (digits, rest) = rest.split_at(digits_end);
    let property = match rest {
        "" => "",
        _ => rest.strip_prefix('_').filter(|property| !property.is_empty())?,
    };
    let number = if digits.is_empty() { 0 } else { digits.parse().ok()? };
    KINDS.contains(&kind).then_some(SensorFile { kind, number, property })
}

/// The text of an attribute; blanks within its line are part of it.
pub fn text(bytes: &[u8]) -> &[u8] {
    let mut text = &bytes[..bytes.len().min(READ_BYTES)];
    while let [b'\n', rest @ ..] | [rest @ .., b'\n'] = text {
        text = rest;
    }
    text
}

/// `None` for an attribute that is no number: some are names of sensors or shares in percent.
pub fn number(bytes: &[u8]) -> Option<f64> {
    parse_f64(text(bytes))
}

/// A name as a label has it: lower case letters, digits and colons, with single or several `_` between.
pub fn cleaned(name: &str) -> String {
    let is_kept = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == ':';
    let replaced = name.to_lowercase().replace(|c| !is_kept(c), "_");
    replaced.trim_matches('_').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{any, proptest};

    fn parts(name: &str) -> Option<(&str, u32, &str)> {
        sensor_file(name).map(|file| (file.kind, file.number, file.property))
    }

    #[test]
    fn names_are_kind_number_and_property() {
        assert_eq!(parts("temp1_input"), Some(("temp", 1, "input")));
        assert_eq!(parts("pwm12_auto_point1_temp"), Some(("pwm", 12, "auto_point1_temp")));
        assert_eq!(parts("fan2"), Some(("fan", 2, "")));
        assert_eq!(parts("update_interval"), Some(("update_interval", 0, "")));
        assert_eq!(parts("in0_alarm"), Some(("in", 0, "alarm")));
    }

    #[test]
    fn other_files_are_no_sensors() {
        for name in ["", "name", "device", "power", "uevent", "temp1_", "temp1x", "temp_1", "1", "in99999999999_input"]
        {
            let expected = (name == "power").then_some(("power", 0, ""));
            assert_eq!(parts(name), expected, "{name}");
        }
    }

    #[test]
    fn texts_that_are_no_numbers_are_none() {
        assert_eq!(number(b"-1500\n"), Some(-1500.0));
        assert_eq!(number(b"1.5e3"), Some(1500.0));
        for odd in [&b"95.0%\n"[..], b"", b"\n", b" 12", b"unavailable\n", b"\xff\xfe"] {
            assert_eq!(number(odd), None, "{odd:?}");
        }
        assert_eq!(text(b"Left side \n"), b"Left side ");
    }

    #[test]
    fn labels_are_plain() {
        assert_eq!(cleaned("0000:9d:00.0"), "0000:9d:00_0");
        assert_eq!(cleaned("coretemp\n"), "coretemp");
        assert_eq!(cleaned("S Clk"), "s_clk");
        assert_eq!(cleaned("!!\n"), "");
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), name in ".*") {
            number(&bytes);
            cleaned(&name);
            sensor_file(&name);
        }
    }
}
