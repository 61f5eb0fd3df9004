//! How the value of one series moves.

/// The kinds of movement and how they follow from a series' number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Motion {
    Constant,
    IntegerCounter,
    HundredthsCounter,
    PageGauge,
    SmallGauge,
    Float,
}

impl Motion {
    /// In every twenty series: 8 constant, 5 integer counters, 2 hundredths, 3 page gauges, 1 small gauge, 1 float.
    pub fn of_series(series: u64) -> Motion {
        match series % 20 {
            0..8 => Motion::Constant,
            8..13 => Motion::IntegerCounter,
            13..15 => Motion::HundredthsCounter,
            15..18 => Motion::PageGauge,
            18 => Motion::SmallGauge,
            _ => Motion::Float,
        }
    }

    /// The value at a time; `seed` tells series apart.
    pub fn value(self, seed: u64, seconds: u64) -> f64 {
        let noise = mix(seed ^ seconds.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        match self {
            Motion::Constant => (mix(seed) % 100_000) as f64,
            Motion::IntegerCounter => {
                // A rate of its own, up to a thousand a second, with a jitter that never makes it go back.
                let rate = 1 + mix(seed) % 1000;
                (seconds * rate + noise % rate) as f64
            }
            Motion::HundredthsCounter => {
                let hundredths_per_second = 1 + mix(seed) % 100;
                (seconds * hundredths_per_second + noise % hundredths_per_second) as f64 / 100.0
            }
            Motion::PageGauge => ((mix(seed) % 500_000 + noise % 64) * 4096) as f64,
            Motion::SmallGauge => (noise % 16) as f64,
            Motion::Float => (noise >> 11) as f64 / (1u64 << 53) as f64,
        }
    }
}

/// Spreads the bits of a number over all 64.
pub(crate) fn mix(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_never_go_back() {
        for series in 0..200 {
            let motion = Motion::of_series(series);
            if matches!(motion, Motion::IntegerCounter | Motion::HundredthsCounter) {
                let values: Vec<f64> = (1000..1100).map(|second| motion.value(series, second)).collect();
                assert!(values.is_sorted(), "series {series}");
                assert!(values[0] < values[99], "series {series} stands still");
            }
        }
    }
}
