//! Numbers as Go's messages show them (`%v`): the fewest digits that read back the same, with an exponent below 1e-4 and
//! from 1e6 on.

pub(crate) fn general(value: f64) -> String {
    if !value.is_finite() {
        return model::format_float(value);
    }
    let scientific = format!("{value:e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..6).contains(&exponent) {
        return format!("{value}");
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}e{sign}{:02}", exponent.unsigned_abs())
}

#[cfg(test)]
mod tests {
    use super::general;

    #[test]
    fn exponents_appear_at_the_same_places_as_in_go() {
        for (value, text) in [
            (0.0, "0"),
            (100_000.0, "100000"),
            (1e6, "1e+06"),
            (1_700_000_060.0, "1.70000006e+09"),
            (0.0001, "0.0001"),
            (0.000_012, "1.2e-05"),
            (-1e19, "-1e+19"),
            (f64::NAN, "NaN"),
            (f64::INFINITY, "+Inf"),
        ] {
            assert_eq!(general(value), text);
        }
    }
}
