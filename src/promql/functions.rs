//! The table of PromQL's functions: names and types for the parser, bodies for the evaluator.

pub(crate) mod buckets;
pub(crate) mod calendar;
pub(crate) mod counter;
pub(crate) mod kahan;
pub(crate) mod math;
pub(crate) mod over_time;
pub(crate) mod quantile;
pub(crate) mod regression;
pub(crate) mod window;

use crate::value::ValueType;
use crate::value::ValueType::{Matrix, Scalar, String as Text, Vector};
use calendar::Moment;
use window::OverTime;

/// One function of the language.
#[derive(Debug)]
pub struct Function {
    pub name: &'static str,
    /// Types of the arguments; the last one may be optional or repeated, see `arity`.
    pub args: &'static [ValueType],
    pub arity: Arity,
    pub returns: ValueType,
    pub(crate) body: Body,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arity {
    /// As many arguments as types.
    Exact,
    /// The last type stands for none up to this many arguments.
    UpTo(usize),
    /// The last type stands for any number of arguments, none included.
    Any,
}

/// How a function is computed.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Body {
    /// Sample by sample of an instant vector.
    Math(fn(f64) -> f64),
    /// From the UTC calendar, of the samples of an instant vector or of the time of evaluation.
    Calendar(fn(Moment) -> f64),
    /// Range by range of a range vector.
    OverTime(OverTime),
    Absent,
    AbsentOverTime,
    Clamp,
    ClampMax,
    ClampMin,
    HistogramFraction,
    HistogramQuantile,
    LabelJoin,
    LabelReplace,
    MaxOf,
    MinOf,
    Pi,
    QueryEnd,
    QueryRange,
    QueryStart,
    QueryStep,
    Round,
    Scalar,
    Sort {
        descending: bool,
    },
    SortByLabel {
        descending: bool,
    },
    Time,
    Timestamp,
    Vector,
    /// Reads native histograms only, and the storage has numbers only: the answer is empty.
    OfNativeHistograms,
    Unsupported,
}

impl Function {
    pub fn of_name(name: &str) -> Option<&'static Function> {
        let index = TABLE.binary_search_by(|function| function.name.cmp(name)).ok()?;
        Some(&TABLE[index])
    }

    pub fn all() -> &'static [Function] {
        TABLE
    }

    /// The type of an argument.
    pub fn arg_type(&self, index: usize) -> ValueType {
        self.args[index.min(self.args.len() - 1)]
    }

    /// What is wrong with this number of arguments, in Prometheus' words.
    pub fn refuse_count(&self, count: usize) -> Option<String> {
        let types = self.args.len();
        let (least, most) = match self.arity {
            Arity::Exact if count != types => {
                return Some(format!("expected {types} argument(s) in call to {:?}, got {count}", self.name));
            }
            Arity::Exact => return None,
            Arity::UpTo(more) => (types - 1, types - 1 + more),
            Arity::Any => (types - 1, usize::MAX),
        };
        if count < least {
            Some(format!("expected at least {least} argument(s) in call to {:?}, got {count}", self.name))
        } else if count > most {
            Some(format!("expected at most {most} argument(s) in call to {:?}, got {count}", self.name))
        } else {
            None
        }
    }
}

const fn function(name: &'static str, args: &'static [ValueType], returns: ValueType, body: Body) -> Function {
    Function { name, args, arity: Arity::Exact, returns, body }
}

const fn math(name: &'static str, body: fn(f64) -> f64) -> Function {
    function(name, &[Vector], Vector, Body::Math(body))
}

const fn calendar(name: &'static str, body: fn(Moment) -> f64) -> Function {
    Function { arity: Arity::UpTo(1), ..function(name, &[Vector], Vector, Body::Calendar(body)) }
}

const fn over_time(name: &'static str, body: OverTime) -> Function {
    function(name, &[Matrix], Vector, Body::OverTime(body))
}

const fn native(name: &'static str) -> Function {
    function(name, &[Vector], Vector, Body::OfNativeHistograms)
}

/// Sorted by name.
static TABLE: &[Function] = &[
    math("abs", f64::abs),
    function("absent", &[Vector], Vector, Body::Absent),
    function("absent_over_time", &[Matrix], Vector, Body::AbsentOverTime),
    math("acos", f64::acos),
    math("acosh", math::acosh),
    math("asin", f64::asin),
    math("asinh", math::asinh),
    math("atan", f64::atan),
    math("atanh", math::atanh),
    over_time("avg_over_time", OverTime::of(over_time::avg)),
    math("ceil", f64::ceil),
    over_time("changes", OverTime::of(over_time::changes)),
    function("clamp", &[Vector, Scalar, Scalar], Vector, Body::Clamp),
    function("clamp_max", &[Vector, Scalar], Vector, Body::ClampMax),
    function("clamp_min", &[Vector, Scalar], Vector, Body::ClampMin),
    math("cos", f64::cos),
    math("cosh", f64::cosh),
    over_time("count_over_time", OverTime::of(over_time::count)),
    calendar("day_of_month", calendar::day_of_month),
    calendar("day_of_week", calendar::day_of_week),
    calendar("day_of_year", calendar::day_of_year),
    calendar("days_in_month", calendar::days_in_month),
    math("deg", math::degrees),
    over_time("delta", OverTime::of(counter::delta)),
    over_time("deriv", OverTime::of(regression::deriv)),
    function(
        "double_exponential_smoothing",
        &[Matrix, Scalar, Scalar],
        Vector,
        Body::OverTime(OverTime::of(regression::double_exponential_smoothing)),
    ),
    function("end", &[], Scalar, Body::QueryEnd),
    math("exp", f64::exp),
    over_time("first_over_time", OverTime::of(over_time::first).keeping_name()),
    math("floor", f64::floor),
    native("histogram_avg"),
    native("histogram_count"),
    function("histogram_fraction", &[Scalar, Scalar, Vector], Vector, Body::HistogramFraction),
    function("histogram_quantile", &[Scalar, Vector], Vector, Body::HistogramQuantile),
    Function {
        arity: Arity::UpTo(10),
        ..function("histogram_quantiles", &[Vector, Text, Scalar, Scalar], Vector, Body::Unsupported)
    },
    native("histogram_stddev"),
    native("histogram_stdvar"),
    native("histogram_sum"),
    calendar("hour", calendar::hour),
    over_time("idelta", OverTime::of(counter::idelta)),
    over_time("increase", OverTime::of(counter::increase).with_drops()),
    Function { arity: Arity::UpTo(1), ..function("info", &[Vector, Vector], Vector, Body::Unsupported) },
    over_time("irate", OverTime::of(counter::irate)),
    Function { arity: Arity::Any, ..function("label_join", &[Vector, Text, Text, Text], Vector, Body::LabelJoin) },
    function("label_replace", &[Vector, Text, Text, Text, Text], Vector, Body::LabelReplace),
    over_time("last_over_time", OverTime::of(over_time::last).keeping_name()),
    math("ln", f64::ln),
    math("log10", f64::log10),
    math("log2", f64::log2),
    over_time("mad_over_time", OverTime::of(over_time::mad)),
    function("max_of", &[Scalar, Scalar], Scalar, Body::MaxOf),
    over_time("max_over_time", OverTime::of(over_time::max)),
    function("min_of", &[Scalar, Scalar], Scalar, Body::MinOf),
    over_time("min_over_time", OverTime::of(over_time::min)),
    calendar("minute", calendar::minute),
    calendar("month", calendar::month),
    function("pi", &[], Scalar, Body::Pi),
    function("predict_linear", &[Matrix, Scalar], Vector, Body::OverTime(OverTime::of(regression::predict_linear))),
    over_time("present_over_time", OverTime::of(over_time::present)),
    function(
        "quantile_over_time",
        &[Scalar, Matrix],
        Vector,
        Body::OverTime(OverTime::of(over_time::quantile).with_quantile()),
    ),
    math("rad", math::radians),
    function("range", &[], Scalar, Body::QueryRange),
    over_time("rate", OverTime::of(counter::rate).with_drops()),
    over_time("resets", OverTime::of(counter::resets).with_drops()),
    Function { arity: Arity::UpTo(1), ..function("round", &[Vector, Scalar], Vector, Body::Round) },
    function("scalar", &[Vector], Scalar, Body::Scalar),
    math("sgn", math::sign),
    math("sin", f64::sin),
    math("sinh", f64::sinh),
    function("sort", &[Vector], Vector, Body::Sort { descending: false }),
    Function {
        arity: Arity::Any,
        ..function("sort_by_label", &[Vector, Text], Vector, Body::SortByLabel { descending: false })
    },
    Function {
        arity: Arity::Any,
        ..function("sort_by_label_desc", &[Vector, Text], Vector, Body::SortByLabel { descending: true })
    },
    function("sort_desc", &[Vector], Vector, Body::Sort { descending: true }),
    math("sqrt", f64::sqrt),
    function("start", &[], Scalar, Body::QueryStart),
    function("start_timestamp", &[Vector], Vector, Body::Unsupported),
    over_time("stddev_over_time", OverTime::of(over_time::stddev)),
    over_time("stdvar_over_time", OverTime::of(over_time::stdvar)),
    function("step", &[], Scalar, Body::QueryStep),
    over_time("sum_over_time", OverTime::of(over_time::sum)),
    math("tan", f64::tan),
    math("tanh", f64::tanh),
    function("time", &[], Scalar, Body::Time),
    function("timestamp", &[Vector], Vector, Body::Timestamp),
    over_time("ts_of_first_over_time", OverTime::of(over_time::time_of_first)),
    over_time("ts_of_last_over_time", OverTime::of(over_time::time_of_last)),
    over_time("ts_of_max_over_time", OverTime::of(over_time::time_of_max)),
    over_time("ts_of_min_over_time", OverTime::of(over_time::time_of_min)),
    function("vector", &[Scalar], Vector, Body::Vector),
    calendar("year", calendar::year),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_so_that_every_function_is_found() {
        assert!(TABLE.is_sorted_by_key(|function| function.name));
        for function in TABLE {
            assert!(Function::of_name(function.name).is_some_and(|found| std::ptr::eq(found, function)));
        }
        assert!(Function::of_name("rated").is_none());
    }

    #[test]
    fn wrong_counts_of_arguments_are_named() {
        let refused = |name: &str, count| Function::of_name(name).expect("known").refuse_count(count);
        assert_eq!(refused("rate", 1), None);
        assert_eq!(refused("rate", 2).as_deref(), Some(r#"expected 1 argument(s) in call to "rate", got 2"#));
        assert_eq!(
            refused("round", 0).as_deref(),
            Some(r#"expected at least 1 argument(s) in call to "round", got 0"#)
        );
        assert_eq!(refused("round", 3).as_deref(), Some(r#"expected at most 2 argument(s) in call to "round", got 3"#));
        assert_eq!(refused("label_join", 3), None);
        assert_eq!(refused("label_join", 30), None);
    }
}
