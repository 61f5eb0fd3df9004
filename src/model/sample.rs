//! Samples and the staleness marker.

/// One value at one time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample {
    /// Milliseconds since the epoch.
    pub timestamp_ms: i64,
    pub value: f64,
}

/// The samples of one series as two parallel columns in order of time; reused from series to series.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Samples {
    pub timestamps_ms: Vec<i64>,
    pub values: Vec<f64>,
}

/// The NaN that Prometheus stores when a series ended: bit-exact, other NaNs are ordinary values.
pub const STALE_NAN_BITS: u64 = 0x7ff0_0000_0000_0002;

pub fn stale_marker() -> f64 {
    f64::from_bits(STALE_NAN_BITS)
}

pub fn is_stale(value: f64) -> bool {
    value.to_bits() == STALE_NAN_BITS
}

impl Samples {
    pub fn len(&self) -> usize {
        self.values.len()
    }

    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    pub fn clear(&mut self) {
        self.timestamps_ms.clear();
        self.values.clear();
    }

    pub fn push(&mut self, timestamp_ms: i64, value: f64) {
        self.timestamps_ms.push(timestamp_ms);
        self.values.push(value);
    }

    pub fn iter(&self) -> impl Iterator<Item = Sample> + '_ {
        let pairs = self.timestamps_ms.iter().zip(&self.values);
        pairs.map(|(&timestamp_ms, &value)| Sample { timestamp_ms, value })
    }
}
