//! JSON (RFC 8259) as Prometheus writes it, appended to a buffer without anything in between.

use model::{Labels, Samples, write_float};

pub fn write_string(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    let bytes = text.as_bytes();
    let mut copied = 0;
    for (index, &byte) in bytes.iter().enumerate() {
        if byte >= b' ' && byte != b'"' && byte != b'\\' {
            continue;
        }
        out.extend_from_slice(&bytes[copied..index]);
        copied = index + 1;
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            control => out.extend_from_slice(format!("\\u{control:04x}").as_bytes()),
        }
    }
    out.extend_from_slice(&bytes[copied..]);
    out.push(b'"');
}

pub fn write_strings<T: AsRef<str>>(out: &mut Vec<u8>, texts: &[T]) {
    out.push(b'[');
    for (index, text) in texts.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        write_string(out, text.as_ref());
    }
    out.push(b']');
}

/// `{"__name__":"up","job":"a"}`
pub fn write_labels(out: &mut Vec<u8>, labels: &Labels) {
    out.push(b'{');
    for (index, (name, value)) in labels.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        write_string(out, name);
        out.push(b':');
        write_string(out, value);
    }
    out.push(b'}');
}

/// Seconds; milliseconds behind the point only where there are some: `1700000000`, `1700000000.050`.
pub fn write_timestamp(out: &mut Vec<u8>, timestamp_ms: i64) {
    if timestamp_ms < 0 {
        out.push(b'-');
    }
    let ms = timestamp_ms.unsigned_abs();
    write_decimal(out, ms / 1000);
    let fraction = ms % 1000;
    if fraction != 0 {
        let digits =
            [b'.', b'0' + (fraction / 100) as u8, b'0' + (fraction / 10 % 10) as u8, b'0' + (fraction % 10) as u8];
        out.extend_from_slice(&digits);
    }
}

/// `[1700000000.5,"1"]`
pub fn write_point(out: &mut Vec<u8>, timestamp_ms: i64, value: f64) {
    out.push(b'[');
    write_timestamp(out, timestamp_ms);
    out.extend_from_slice(b",\"");
    write_float(out, value);
    out.extend_from_slice(b"\"]");
}

pub fn write_points(out: &mut Vec<u8>, samples: &Samples) {
    out.push(b'[');
    for (index, sample) in samples.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        write_point(out, sample.timestamp_ms, sample.value);
    }
    out.push(b']');
}

fn write_decimal(out: &mut Vec<u8>, mut number: u64) {
    let mut digits = [0u8; 20];
    let mut start = digits.len();
    loop {
        start -= 1;
        digits[start] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[start..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).expect("UTF-8")
    }

    #[test]
    fn strings_read_back() {
        for plain in ["", "plain", "ü\u{2028}", "a\"b\\c\nd\te\r\u{1}\u{1f}", "\u{7f}"] {
            let written = text(|out| write_string(out, plain));
            assert_eq!(serde_json::from_str::<String>(&written).expect(&written), plain);
        }
    }

    #[test]
    fn timestamps_have_three_digits_or_none() {
        for (ms, written) in [
            (0, "0"),
            (500, "0.500"),
            (1_700_000_000_000, "1700000000"),
            (1_700_000_000_007, "1700000000.007"),
            (-1500, "-1.500"),
        ] {
            assert_eq!(text(|out| write_timestamp(out, ms)), written);
        }
        assert_eq!(text(|out| write_timestamp(out, i64::MIN)), "-9223372036854775.808");
    }

    #[test]
    fn points_and_labels() {
        let samples = Samples { timestamps_ms: vec![1000, 2500], values: vec![1.0, f64::NAN] };
        assert_eq!(text(|out| write_points(out, &samples)), r#"[[1,"1"],[2.500,"NaN"]]"#);
        let labels = Labels::from_pairs([("__name__", "up"), ("a", "\"")]);
        assert_eq!(text(|out| write_labels(out, &labels)), r#"{"__name__":"up","a":"\""}"#);
    }
}
