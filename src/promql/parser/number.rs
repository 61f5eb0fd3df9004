//! The values of number literals, by Go's rules: `0x1f`, `0b1`, `017` (octal), `1_000`, `1e3`, `Inf`.

/// `None` when the text is no number after all.
pub fn number(text: &str) -> Option<f64> {
    if let Some(integer) = integer(text) {
        return Some(integer as f64);
    }
    if text.eq_ignore_ascii_case("inf") {
        return Some(f64::INFINITY);
    }
    if text.eq_ignore_ascii_case("nan") {
        return Some(f64::NAN);
    }
    if let Some(digits) = strip_prefix_of_base(text, 'x') {
        return hexadecimal(digits);
    }
    if text.contains('_') {
        // Underscores are for integers with a base only.
        return None;
    }
    // As in Go, out of range is an error and not infinite.
    text.parse().ok().filter(|number: &f64| number.is_finite())
}

fn integer(text: &str) -> Option<i64> {
    let (digits, radix) = if let Some(digits) = strip_prefix_of_base(text, 'x') {
        (digits, 16)
    } else if let Some(digits) = strip_prefix_of_base(text, 'b') {
        (digits, 2)
    } else if let Some(digits) = strip_prefix_of_base(text, 'o') {
        (digits, 8)
    } else if text.len() > 1 && text.starts_with('0') {
        (&text[1..], 8)
    } else {
        (text, 10)
    };
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte == b'_' || byte.is_ascii_hexdigit());
    if !is_number || digits.contains("__") || digits.ends_with('_') {
        return None;
    }
    i64::from_str_radix(&digits.replace('_', ""), radix).ok()
}

fn strip_prefix_of_base(text: &str, base: char) -> Option<&str> {
    let rest = text.strip_prefix('0')?;
    rest.strip_prefix(base).or_else(|| rest.strip_prefix(base.to_ascii_uppercase()))
}

/// Hexadecimal integers beyond 64 bits.
fn hexadecimal(digits: &str) -> Option<f64> {
    if digits.is_empty() {
        return None;
    }
    digits.chars().try_fold(0.0, |value, digit| Some(value * 16.0 + f64::from(digit.to_digit(16)?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_base_of_go_is_read() {
        for (text, value) in [
            ("5", 5.0),
            ("0x1F", 31.0),
            ("0x_1f", 31.0),
            ("0b101", 5.0),
            ("0o17", 15.0),
            ("017", 15.0),
            ("08", 8.0),
            ("1_000", 1000.0),
            ("12.34e6", 12_340_000.0),
            (".2", 0.2),
            ("2.", 2.0),
            ("9223372036854775808", 9_223_372_036_854_775_808.0),
            ("iNf", f64::INFINITY),
        ] {
            assert_eq!(number(text), Some(value), "{text}");
        }
        assert!(number("NaN").is_some_and(f64::is_nan));
    }

    #[test]
    fn other_texts_are_no_numbers() {
        for text in ["", "1__0", "1_", "1_0.5", "0x", "e5", "1e400"] {
            assert_eq!(number(text), None, "{text}");
        }
    }
}
