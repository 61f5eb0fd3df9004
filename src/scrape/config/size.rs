//! Sizes as Prometheus spells them: `512KB`, `1.5GiB`. Both `KB` and `KiB` mean 1,024 bytes.

/// Bytes of a size; `0` needs no unit.
pub(crate) fn parse_size_bytes(text: &str) -> Option<u64> {
    if text == "0" {
        return Some(0);
    }
    let mut rest = text;
    let mut total = 0.0;
    while !rest.is_empty() {
        let number_len = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let unit_len = rest[number_len..].find(|c: char| c.is_ascii_digit() || c == '.');
        let unit_end = unit_len.map_or(rest.len(), |len| number_len + len);
        let number: f64 = rest[..number_len].parse().ok()?;
        total += number * unit_bytes(&rest[number_len..unit_end])?;
        rest = &rest[unit_end..];
    }
    (!text.is_empty() && total <= i64::MAX as f64).then_some(total as u64)
}

fn unit_bytes(unit: &str) -> Option<f64> {
    let prefix = unit.strip_suffix("iB").or_else(|| unit.strip_suffix('B'))?;
    let exponent = match prefix {
        "" if unit == "B" => 0,
        "K" => 1,
        "M" => 2,
        "G" => 3,
        "T" => 4,
        "P" => 5,
        "E" => 6,
        _ => return None,
    };
    Some(1024f64.powi(exponent))
}

/// The largest unit that divides the size.
pub(crate) fn format_size(bytes: u64) -> String {
    let units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    let mut count = bytes;
    let mut unit = 0;
    while count != 0 && count.is_multiple_of(1024) && unit + 1 < units.len() {
        count /= 1024;
        unit += 1;
    }
    format!("{count}{}", units[unit])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_spellings_of_a_unit_are_powers_of_1024() {
        for (text, bytes) in
            [("0", 0), ("1B", 1), ("1KB", 1024), ("1KiB", 1024), ("1.5GB", 3 << 29), ("1MB1KB", 1049600)]
        {
            assert_eq!(parse_size_bytes(text), Some(bytes), "{text}");
        }
    }

    #[test]
    fn other_spellings_are_refused() {
        for text in ["", "1", "-1GB", "KB", "1kb", "1iB", "1 MB", "1e3MB", "99999EB", "1.2.3MB"] {
            assert_eq!(parse_size_bytes(text), None, "{text}");
        }
    }

    #[test]
    fn printed_sizes_read_back() {
        for bytes in [0, 1, 1000, 1024, 15 << 20, (1 << 30) + 1] {
            assert_eq!(parse_size_bytes(&format_size(bytes)), Some(bytes));
        }
    }
}
