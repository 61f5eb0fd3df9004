//! Sample values. Nearly all of them are short decimals, which are exact in a few integer steps; the rest goes to the
//! standard library.

/// Powers of ten that a double holds exactly.
const EXACT_POWERS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20,
    1e21, 1e22,
];

/// Mantissas up to here are exact in a double.
const EXACT_MANTISSA: u64 = 1 << 53;

/// More digits than this may overflow 64 bits.
const MAX_DIGITS: usize = 19;

pub(crate) fn parse_number(text: &[u8]) -> Option<f64> {
    parse_short_decimal(text).or_else(|| model::parse_float(text))
}

/// `-12`, `0.25`, `1.5e+09`: an exact mantissa times or divided by an exact power of ten is rounded once, so the result
/// is the nearest double. `None` when the text is not of this kind, be it another kind or no number at all.
#[inline]
fn parse_short_decimal(text: &[u8]) -> Option<f64> {
    let (is_negative, mut rest) = match text.split_first()? {
        (b'-', rest) => (true, rest),
        _ => (false, text),
    };
    let mut mantissa = 0;
    let whole_digits = take_digits(&mut rest, &mut mantissa);
    let mut digits = whole_digits;
    let mut exponent = 0;
    if let [b'.', fraction @ ..] = rest {
        rest = fraction;
        let fraction_digits = take_digits(&mut rest, &mut mantissa);
        digits += fraction_digits;
        exponent = -(fraction_digits as i32);
    }
    if digits == 0 || digits > MAX_DIGITS {
        return None;
    }
    if let [b'e' | b'E', written @ ..] = rest {
        exponent += parse_exponent(written)?;
    } else if !rest.is_empty() {
        return None;
    }
    let magnitude = scale(mantissa, exponent)?;
    Some(if is_negative { -magnitude } else { magnitude })
}

/// Takes digits off the front, returns how many; the value wraps around when there are too many.
#[inline]
fn take_digits(rest: &mut &[u8], value: &mut u64) -> usize {
    let mut count = 0;
    while let Some(digit) = rest.get(count).map(|byte| byte.wrapping_sub(b'0'))
        && digit < 10
    {
        *value = value.wrapping_mul(10).wrapping_add(u64::from(digit));
        count += 1;
    }
    *rest = &rest[count..];
    count
}

fn parse_exponent(text: &[u8]) -> Option<i32> {
    let (is_negative, mut digits) = match text.split_first()? {
        (b'-', digits) => (true, digits),
        (b'+', digits) => (false, digits),
        _ => (false, text),
    };
    let mut value = 0;
    let count = take_digits(&mut digits, &mut value);
    let is_whole = digits.is_empty() && (1..=3).contains(&count);
    is_whole.then_some(if is_negative { -(value as i32) } else { value as i32 })
}

#[inline]
fn scale(mantissa: u64, exponent: i32) -> Option<f64> {
    if exponent == 0 {
        return Some(mantissa as f64);
    }
    let power = *EXACT_POWERS.get(exponent.unsigned_abs() as usize)?;
    if mantissa > EXACT_MANTISSA {
        return None;
    }
    Some(if exponent < 0 { mantissa as f64 / power } else { mantissa as f64 * power })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn spellings_of_exporters_are_read() {
        for (text, value) in [
            ("0", 0.0),
            ("-0", -0.0),
            ("1.5e+09", 1.5e9),
            ("2.391e-05", 2.391e-5),
            (".5", 0.5),
            ("5.", 5.0),
            ("+1", 1.0),
            ("18446744073709551615", 18_446_744_073_709_551_615.0),
            ("9007199254740993", 9_007_199_254_740_993.0),
            ("0000000000000000000000000000000000000000001.2e-1", 0.12),
            ("1e308", 1e308),
            ("+Inf", f64::INFINITY),
            ("-inf", f64::NEG_INFINITY),
        ] {
            assert_eq!(parse_number(text.as_bytes()).map(f64::to_bits), Some(f64::to_bits(value)), "{text}");
        }
        assert!(parse_number(b"nan").is_some_and(f64::is_nan));
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for text in
            ["", "-", ".", "e5", "1e", "1e+", "1.2.3", "1 ", "0x1p-3", "0o1", "0b1", "1_000", "12a", "--1", "1e400"]
        {
            assert_eq!(parse_number(text.as_bytes()), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_double_reads_as_the_standard_library_reads_it(bits: u64) {
            let value = f64::from_bits(bits);
            prop_assume!(value.is_finite());
            for text in [format!("{value}"), format!("{value:e}")] {
                prop_assert_eq!(parse_number(text.as_bytes()), Some(value));
            }
        }

        #[test]
        fn short_decimals_read_as_the_standard_library_reads_them(text in "-?[0-9]{1,12}(\\.[0-9]{1,9})?(e[+-]?[0-9]{1,3})?") {
            let value = text.parse().ok().filter(|value: &f64| value.is_finite());
            prop_assert_eq!(parse_number(text.as_bytes()), value);
        }
    }
}
