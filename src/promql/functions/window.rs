//! What a function over a range sees: the samples of one series within one window of time.

/// Samples after `start_ms` up to and with `end_ms`, at least one, no markers of staleness among them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window<'a> {
    pub timestamps_ms: &'a [i64],
    pub values: &'a [f64],
    /// How often a value was below the one before it within the window, and where: positions in `values`, counted from
    /// `drops_from`. Only for functions that ask for it.
    pub drops: &'a [usize],
    pub drops_from: usize,
    /// Bounds of the window; the start is not part of it.
    pub start_ms: i64,
    pub end_ms: i64,
    /// The time of evaluation, which differs from `end_ms` under `offset` and `@`.
    pub at_ms: i64,
    /// The scalar arguments of the call at this time, in order.
    pub params: [f64; 2],
}

/// A function over a range and what it needs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OverTime {
    /// The second argument is memory that is reused from window to window.
    pub compute: fn(&Window<'_>, &mut Vec<f64>) -> Option<f64>,
    pub needs_drops: bool,
    pub keeps_name: bool,
    /// The first parameter is a quantile, to be checked.
    pub has_quantile: bool,
}

impl OverTime {
    pub const fn of(compute: fn(&Window<'_>, &mut Vec<f64>) -> Option<f64>) -> Self {
        OverTime { compute, needs_drops: false, keeps_name: false, has_quantile: false }
    }

    pub const fn with_drops(self) -> Self {
        OverTime { needs_drops: true, ..self }
    }

    pub const fn keeping_name(self) -> Self {
        OverTime { keeps_name: true, ..self }
    }

    pub const fn with_quantile(self) -> Self {
        OverTime { has_quantile: true, ..self }
    }
}

impl Window<'_> {
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Time between the first and the last sample.
    pub fn sampled_seconds(&self) -> f64 {
        (self.timestamps_ms[self.len() - 1] - self.timestamps_ms[0]) as f64 / 1000.0
    }
}

#[cfg(test)]
impl<'a> Window<'a> {
    /// A window that is evaluated at its end, without parameters.
    pub fn for_test(
        timestamps_ms: &'a [i64],
        values: &'a [f64],
        drops: &'a [usize],
        end_ms: i64,
        range_ms: i64,
    ) -> Self {
        let start_ms = end_ms - range_ms;
        Window { timestamps_ms, values, drops, drops_from: 0, start_ms, end_ms, at_ms: end_ms, params: [0.0; 2] }
    }
}
