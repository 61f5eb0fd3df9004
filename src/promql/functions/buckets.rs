//! Arithmetic on the buckets of a classic histogram at one time.

/// The count of all observations up to a bound.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Bucket {
    pub upper_bound: f64,
    pub count: f64,
}

/// What was mended before computing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Shape {
    /// A count was below the one of a smaller bound by more than rounding explains.
    pub was_not_monotonic: bool,
}

/// Relative differences up to this are taken for rounding.
const TOLERANCE: f64 = 1e-12;

/// The value below which the share `q` of all observations lies, interpolated within its bucket.
pub(crate) fn quantile(q: f64, buckets: &mut Vec<Bucket>) -> (f64, Shape) {
    let unchanged = Shape::default();
    if q.is_nan() {
        return (f64::NAN, unchanged);
    }
    if q < 0.0 {
        return (f64::NEG_INFINITY, unchanged);
    }
    if q > 1.0 {
        return (f64::INFINITY, unchanged);
    }
    if !prepare(buckets) {
        return (f64::NAN, unchanged);
    }
    let shape = make_monotonic(buckets);
    let last = buckets.len() - 1;
    let observations = buckets[last].count;
    if last == 0 || observations == 0.0 {
        return (f64::NAN, unchanged);
    }
    let rank = q * observations;
    let found = buckets[..last].partition_point(|bucket| bucket.count < rank || bucket.count.is_nan() || rank.is_nan());
    if found == last {
        return (buckets[last - 1].upper_bound, shape);
    }
    let Bucket { upper_bound, count } = buckets[found];
    let value = match found.checked_sub(1).map(|before| buckets[before]) {
        None if upper_bound <= 0.0 => upper_bound,
        None => upper_bound * (rank / count),
        Some(before) => {
            let width = upper_bound - before.upper_bound;
            before.upper_bound + width * ((rank - before.count) / (count - before.count))
        }
    };
    (value, shape)
}

/// The share of all observations between two bounds, interpolated within their buckets.
pub(crate) fn fraction(lower: f64, upper: f64, buckets: &mut Vec<Bucket>) -> f64 {
    if !prepare(buckets) {
        return f64::NAN;
    }
    let total = buckets[buckets.len() - 1].count;
    if total == 0.0 || lower.is_nan() || upper.is_nan() {
        return f64::NAN;
    }
    if lower >= upper {
        return 0.0;
    }
    (rank_of(upper, buckets).min(total) - rank_of(lower, buckets).min(total)) / total
}

/// How many observations lie below a bound. Buckets without a lower or an upper end are not interpolated: a bound
/// within them counts as their finite end.
fn rank_of(bound: f64, buckets: &[Bucket]) -> f64 {
    let mut below = 0.0;
    // Observations are taken to be positive when the first bucket ends above zero.
    let mut from = if buckets[0].upper_bound > 0.0 { 0.0 } else { f64::NEG_INFINITY };
    for bucket in buckets {
        if from >= bound {
            break;
        }
        if bucket.upper_bound > bound {
            return match from {
                f64::NEG_INFINITY => bucket.count,
                from => below + (bucket.count - below) * (bound - from) / (bucket.upper_bound - from),
            };
        }
        below = bucket.count;
        from = bucket.upper_bound;
    }
    below
}

/// Sorts, and adds up buckets of the same bound. False when the bucket of all observations is missing.
fn prepare(buckets: &mut Vec<Bucket>) -> bool {
    buckets.sort_by(|left, right| left.upper_bound.total_cmp(&right.upper_bound));
    buckets.dedup_by(|next, kept| {
        let is_same = next.upper_bound == kept.upper_bound;
        if is_same {
            kept.count += next.count;
        }
        is_same
    });
    buckets.last().is_some_and(|last| last.upper_bound == f64::INFINITY)
}

/// Counts grow with their bounds, but not when the buckets were not read at the same moment.
fn make_monotonic(buckets: &mut [Bucket]) -> Shape {
    let mut shape = Shape::default();
    let mut highest = buckets[0].count;
    for bucket in &mut buckets[1..] {
        if is_nearly(highest, bucket.count) {
            bucket.count = highest;
        } else if bucket.count < highest {
            bucket.count = highest;
            shape.was_not_monotonic = true;
        } else {
            highest = bucket.count;
        }
    }
    shape
}

fn is_nearly(left: f64, right: f64) -> bool {
    if left == right || (left.is_nan() && right.is_nan()) {
        return true;
    }
    let sum = left.abs() + right.abs();
    let difference = (left - right).abs();
    if left == 0.0 || right == 0.0 || sum < f64::MIN_POSITIVE {
        return difference < TOLERANCE * f64::MIN_POSITIVE;
    }
    difference / sum.min(f64::MAX) < TOLERANCE
}

#[cfg(test)]
mod tests {
    use super::*;

    fn buckets(pairs: &[(f64, f64)]) -> Vec<Bucket> {
        pairs.iter().map(|(upper_bound, count)| Bucket { upper_bound: *upper_bound, count: *count }).collect()
    }

    const INF: f64 = f64::INFINITY;

    #[test]
    fn quantiles_are_interpolated_within_their_bucket() {
        let of = |q| quantile(q, &mut buckets(&[(0.1, 50.0), (INF, 100.0), (0.2, 75.0)])).0;
        assert_eq!([of(0.25), of(0.5), of(0.625), of(0.9)], [0.05, 0.1, 0.15000000000000002, 0.2]);
        assert_eq!((of(-1.0), of(2.0)), (f64::NEG_INFINITY, INF));
        assert_eq!(quantile(0.1, &mut buckets(&[(-1.0, 10.0), (INF, 20.0)])).0, -1.0);
    }

    #[test]
    fn histograms_without_a_last_bucket_or_observations_have_no_quantile() {
        for pairs in [&[(0.1, 1.0)][..], &[(INF, 1.0)], &[(0.1, 0.0), (INF, 0.0)]] {
            assert!(quantile(0.5, &mut buckets(pairs)).0.is_nan(), "{pairs:?}");
        }
    }

    #[test]
    fn counts_that_fall_are_mended_and_reported() {
        let (value, shape) = quantile(1.0, &mut buckets(&[(1.0, 10.0), (2.0, 5.0), (INF, 10.0)]));
        assert_eq!((value, shape.was_not_monotonic), (1.0, true));
        let (_, shape) = quantile(0.5, &mut buckets(&[(1.0, 10.0), (2.0, 9.999999999999999), (INF, 10.0)]));
        assert!(!shape.was_not_monotonic);
    }

    #[test]
    fn fractions_are_interpolated_too() {
        let of = |lower, upper| fraction(lower, upper, &mut buckets(&[(1.0, 10.0), (2.0, 30.0), (INF, 40.0)]));
        assert_eq!(of(0.0, 1.0), 0.25);
        assert_eq!(of(1.0, 1.5), 0.25);
        assert_eq!(of(f64::NEG_INFINITY, INF), 1.0);
        assert_eq!(of(2.0, 1.0), 0.0);
        assert_eq!(of(0.0, 100.0), 0.75);
        assert!(of(f64::NAN, 1.0).is_nan());
        let of = |lower, upper| fraction(lower, upper, &mut buckets(&[(-3.0, 10.0), (-2.0, 12.0), (INF, 100.0)]));
        assert_eq!(of(-4.0, -2.0), 0.02);
        assert_eq!(of(f64::NEG_INFINITY, -2.5), 0.11);
    }
}
