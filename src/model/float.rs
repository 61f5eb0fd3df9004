//! Numbers as the Prometheus world writes them.

/// Appends the shortest text that reads back as the same number, in the form of Prometheus' JSON: plain digits, an
/// exponent only below 1e-6 and from 1e21 on; `NaN`, `+Inf`, `-Inf`.
pub fn write_float(out: &mut Vec<u8>, value: f64) {
    if value.is_nan() {
        out.extend_from_slice(b"NaN");
        return;
    }
    if value.is_infinite() {
        out.extend_from_slice(if value > 0.0 { b"+Inf" } else { b"-Inf" });
        return;
    }
    let magnitude = value.abs();
    if magnitude < 1e15 && value.trunc() == value {
        if value == 0.0 && value.is_sign_negative() {
            out.push(b'-');
        }
        out.extend_from_slice(itoa::Buffer::new().format(value as i64).as_bytes());
        return;
    }
    if (1e-6..1e21).contains(&magnitude) {
        // `Display` never writes an exponent and is the shortest text that round-trips.
        use std::io::Write;
        write!(out, "{value}").expect("writing to memory cannot fail");
        return;
    }
    write_with_exponent(out, value);
}

/// Go writes at least two digits of the exponent and its sign: `1e+21`, `5e-07`.
fn write_with_exponent(out: &mut Vec<u8>, value: f64) {
    let text = format!("{value:e}");
    let (mantissa, exponent) = text.split_once('e').expect("the {:e} format always has an exponent");
    let (sign, digits) = match exponent.strip_prefix('-') {
        Some(digits) => ('-', digits),
        None => ('+', exponent),
    };
    out.extend_from_slice(format!("{mantissa}e{sign}{digits:0>2}").as_bytes());
}

pub fn format_float(value: f64) -> String {
    let mut out = Vec::new();
    write_float(&mut out, value);
    String::from_utf8(out).expect("numbers are ASCII")
}

/// A number as expositions and PromQL spell it: decimal, exponent, hexadecimal integers are not; `Inf`, `+Inf`, `-Inf`
/// and `NaN` in any case. No underscores, no surrounding spaces.
pub fn parse_float(text: &[u8]) -> Option<f64> {
    let is_digit_form = |b: &u8| b.is_ascii_digit() || matches!(b, b'+' | b'-' | b'.' | b'e' | b'E');
    if text.len() <= 15 && !text.is_empty() && text.iter().all(u8::is_ascii_digit) {
        // The usual case, exactly representable.
        return Some(text.iter().fold(0u64, |number, digit| number * 10 + u64::from(digit - b'0')) as f64);
    }
    let text = std::str::from_utf8(text).ok()?;
    if text.bytes().all(|b| is_digit_form(&b)) {
        // Out of range is no number: the text was not "Inf".
        return text.parse().ok().filter(|number: &f64| number.is_finite());
    }
    let (negative, word) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let magnitude = if word.eq_ignore_ascii_case("inf") || word.eq_ignore_ascii_case("infinity") {
        f64::INFINITY
    } else if word.eq_ignore_ascii_case("nan") {
        f64::NAN
    } else {
        return None;
    };
    Some(if negative { -magnitude } else { magnitude })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_prometheus_json_has_them() {
        for (value, text) in [
            (0.0, "0"),
            (-0.0, "-0"),
            (1e6, "1000000"),
            (0.1, "0.1"),
            (123_456_789.25, "123456789.25"),
            (1e-6, "0.000001"),
            (5e-7, "5e-07"),
            (1e20, "100000000000000000000"),
            (1e21, "1e+21"),
            (1.5e-300, "1.5e-300"),
            (f64::INFINITY, "+Inf"),
            (f64::NEG_INFINITY, "-Inf"),
            (f64::NAN, "NaN"),
        ] {
            assert_eq!(format_float(value), text);
        }
    }

    #[test]
    fn numbers_are_read_as_expositions_spell_them() {
        for (text, value) in [
            ("0", 0.0),
            ("123456789012345", 123_456_789_012_345.0),
            ("18446744073709551615", 18_446_744_073_709_551_615.0),
            ("-1.5e+3", -1500.0),
            (".5", 0.5),
            ("+Inf", f64::INFINITY),
            ("-inf", f64::NEG_INFINITY),
        ] {
            assert_eq!(parse_float(text.as_bytes()), Some(value), "{text}");
        }
        assert!(parse_float(b"NaN").is_some_and(f64::is_nan));
        for text in ["", "1_000", " 1", "1 ", "0x1f", "e", "infinite", "--1", "1e400", "-1e400"] {
            assert_eq!(parse_float(text.as_bytes()), None, "{text}");
        }
    }
}
