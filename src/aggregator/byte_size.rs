//! Sizes as Prometheus' flags spell them: `512MB`, `1.5GiB`. Every unit is a power of 1024, with or without the `i`.

/// `None` when the text is no size or does not fit.
pub fn parse_byte_size(text: &str) -> Option<u64> {
    let digits = text.bytes().take_while(|b| b.is_ascii_digit() || *b == b'.').count();
    let (number, unit) = text.split_at(digits);
    let exponent = match unit {
        "B" => 0,
        "KB" | "KiB" => 1,
        "MB" | "MiB" => 2,
        "GB" | "GiB" => 3,
        "TB" | "TiB" => 4,
        "PB" | "PiB" => 5,
        "EB" | "EiB" => 6,
        "" if number == "0" => 0,
        _ => return None,
    };
    let unit_bytes = 1u64 << (10 * exponent);
    match number.parse::<u64>() {
        Ok(whole) => whole.checked_mul(unit_bytes),
        Err(_) => {
            let bytes = number.parse::<f64>().ok()? * unit_bytes as f64;
            (bytes < u64::MAX as f64).then_some(bytes as u64)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_powers_of_1024() {
        for (text, bytes) in [
            ("0", Some(0)),
            ("0B", Some(0)),
            ("512MB", Some(512 << 20)),
            ("1.5KiB", Some(1536)),
            ("7EB", Some(7 << 60)),
            ("16EB", None),
            ("5", None),
            ("5x", None),
            ("GB", None),
            ("-1GB", None),
            ("1.2.3GB", None),
        ] {
            assert_eq!(parse_byte_size(text), bytes, "{text}");
        }
    }
}
