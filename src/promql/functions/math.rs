//! Functions and operators on single numbers, with Go's rules for the odd ones.

pub(crate) fn sign(value: f64) -> f64 {
    // Keeps zeros and NaN as they are.
    if value < 0.0 {
        -1.0
    } else if value > 0.0 {
        1.0
    } else {
        value
    }
}

pub(crate) fn radians(degrees: f64) -> f64 {
    degrees * std::f64::consts::PI / 180.0
}

pub(crate) fn degrees(radians: f64) -> f64 {
    radians * 180.0 / std::f64::consts::PI
}

/// Above this the plain formulas for `asinh` and `acosh` would overflow or lose nothing by an approximation.
const LARGE: f64 = (1u64 << 28) as f64;

pub(crate) fn asinh(value: f64) -> f64 {
    let magnitude = value.abs();
    if !value.is_finite() || magnitude < 1.0 / LARGE {
        return value;
    }
    let result = if magnitude > LARGE {
        magnitude.ln() + std::f64::consts::LN_2
    } else if magnitude > 2.0 {
        (2.0 * magnitude + 1.0 / ((magnitude * magnitude + 1.0).sqrt() + magnitude)).ln()
    } else {
        (magnitude + magnitude * magnitude / (1.0 + (1.0 + magnitude * magnitude).sqrt())).ln_1p()
    };
    result.copysign(value)
}

pub(crate) fn acosh(value: f64) -> f64 {
    if value < 1.0 || value.is_nan() {
        return f64::NAN;
    }
    if value >= LARGE {
        value.ln() + std::f64::consts::LN_2
    } else if value > 2.0 {
        (2.0 * value - 1.0 / (value + (value * value - 1.0).sqrt())).ln()
    } else {
        let above_one = value - 1.0;
        (above_one + (2.0 * above_one + above_one * above_one).sqrt()).ln_1p()
    }
}

pub(crate) fn atanh(value: f64) -> f64 {
    let magnitude = value.abs();
    if magnitude > 1.0 || value.is_nan() {
        return f64::NAN;
    }
    if magnitude < 1.0 / LARGE {
        return value;
    }
    let doubled = magnitude + magnitude;
    let result = if magnitude < 0.5 {
        0.5 * (doubled + doubled * magnitude / (1.0 - magnitude)).ln_1p()
    } else {
        0.5 * (doubled / (1.0 - magnitude)).ln_1p()
    };
    result.copysign(value)
}

/// The larger number: infinity wins over NaN, NaN over everything else.
pub(crate) fn max(left: f64, right: f64) -> f64 {
    if left == f64::INFINITY || right == f64::INFINITY {
        f64::INFINITY
    } else if left.is_nan() || right.is_nan() {
        f64::NAN
    } else if left == 0.0 && right == 0.0 {
        if left.is_sign_negative() { right } else { left }
    } else {
        left.max(right)
    }
}

/// The smaller number: minus infinity wins over NaN, NaN over everything else.
pub(crate) fn min(left: f64, right: f64) -> f64 {
    -max(-left, -right)
}

/// Rounds to the nearest multiple, halves upwards.
pub(crate) fn round(value: f64, multiple: f64) -> f64 {
    let inverse = 1.0 / multiple;
    (value * inverse + 0.5).floor() / inverse
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn infinity_wins_over_nan_only_on_its_side() {
        assert_eq!(max(f64::INFINITY, f64::NAN), f64::INFINITY);
        assert!(max(f64::NEG_INFINITY, f64::NAN).is_nan());
        assert_eq!(min(f64::NEG_INFINITY, f64::NAN), f64::NEG_INFINITY);
        assert!(min(1.0, f64::NAN).is_nan());
        assert!(max(-0.0, 0.0).is_sign_positive() && min(0.0, -0.0).is_sign_negative());
    }

    #[test]
    fn halves_are_rounded_upwards() {
        assert_eq!([2.5, -2.5, -0.5].map(|value| round(value, 1.0)), [3.0, -2.0, 0.0]);
        assert_eq!(round(5.25, 0.1), 5.3);
    }

    #[test]
    fn inverse_hyperbolic_functions_invert() {
        for value in [0.0, 1e-10, 0.3, 1.0, 1.5, 10.0, 1e9] {
            assert!((asinh(value).sinh() - value).abs() <= 1e-6 * value);
            assert!((acosh(value + 1.0).cosh() - value - 1.0).abs() <= 1e-6 * (value + 1.0));
        }
        assert!((atanh(0.4).tanh() - 0.4).abs() < 1e-12 && (atanh(-0.9).tanh() + 0.9).abs() < 1e-12);
        assert!(acosh(0.5).is_nan() && atanh(1.5).is_nan() && atanh(1.0).is_infinite());
    }
}
