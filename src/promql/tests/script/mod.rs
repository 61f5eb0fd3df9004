//! Runs scripts in Prometheus' test language over a storage in memory. Each instant query is repeated as a range query
//! around its time, and with every selector pinned to its time by `@`.

// Each test binary uses a part of this.
#![allow(dead_code)]

mod compare;
pub mod memory;
mod pinned;
mod points;
mod statement;

use promql::{Expr, Outcome, QueryError, QueryOptions, Value, VectorSample};

use memory::Memory;
use points::Point;
use statement::{Command, Eval, Load, commands};

/// What became of one `eval`.
#[derive(Debug)]
pub enum Verdict {
    Pass,
    /// The engine refused, and said what.
    Unsupported(String),
    Wrong(String),
}

#[derive(Debug)]
pub struct Checked {
    pub line: usize,
    pub query: String,
    pub verdict: Verdict,
}

/// What a storage of numbers cannot hold.
const HISTOGRAMS: &str = "native histograms";
const START_TIMES: &str = "start timestamps";

pub fn run(text: &str) -> Vec<Checked> {
    let options = QueryOptions { max_samples: 10_000, delayed_name_removal: true, ..QueryOptions::default() };
    run_with(text, &options)
}

pub fn run_with(text: &str, options: &QueryOptions) -> Vec<Checked> {
    let mut memory = Memory::default();
    let mut all = Vec::new();
    for command in commands(text) {
        match command {
            Command::Clear => memory.clear(),
            Command::Load(load) => store(&mut memory, &load),
            Command::Eval(eval) => {
                let verdict = check(&memory, &eval, options);
                all.push(Checked { line: eval.line, query: eval.query, verdict });
            }
        }
    }
    all
}

fn store(memory: &mut Memory, load: &Load) {
    for (labels, points) in &load.series {
        let at_ms = |index: usize| load.step_ms * index as i64;
        let samples: Vec<(i64, f64)> = points
            .iter()
            .enumerate()
            .filter_map(|(index, point)| match point {
                Point::Value(value) => Some((at_ms(index), *value)),
                Point::Missing | Point::Histogram => None,
            })
            .collect();
        memory.append(labels, &samples);
        if points.contains(&Point::Histogram) {
            memory.mark_foreign(labels, HISTOGRAMS);
        }
        if load.with_start_times.contains(labels) {
            memory.mark_foreign(labels, START_TIMES);
        }
        let base = ["_bucket", "_count", "_sum"].iter().find_map(|ending| labels.metric_name().strip_suffix(ending));
        if let Some(base) = base.filter(|_| load.with_native) {
            let labels = labels.to_builder().set("__name__", base).remove("le").build();
            memory.mark_foreign(&labels, HISTOGRAMS);
        }
    }
}

fn check(memory: &Memory, eval: &Eval, options: &QueryOptions) -> Verdict {
    let expr = match promql::parse(&eval.query) {
        Ok(expr) => expr,
        Err(error) if eval.fails => return verdict(compare::failure(eval, &error.message)),
        Err(error) => return Verdict::Wrong(error.to_string()),
    };
    let answer = match eval.step_ms {
        Some(step_ms) => promql::range(memory, &expr, eval.start_ms, eval.end_ms, step_ms, options),
        None => promql::instant(memory, &expr, eval.start_ms, options),
    };
    let first = judged(eval, answer);
    if !matches!(first, Verdict::Pass) || eval.fails || eval.step_ms.is_some() {
        return first;
    }
    let mut repeated = vec![];
    let is_plain = !eval.is_ordered && eval.string.is_none() && eval.range_vector.is_none();
    let uses_bounds = pinned::uses_query_bounds(&expr);
    if is_plain && !uses_bounds {
        repeated.push(around(memory, eval, &expr, options));
    }
    if !uses_bounds && !pinned::depends_on_time(&expr) {
        let pinned = pinned::pinned(&expr, eval.start_ms);
        for at_ms in [-10 * eval.start_ms, 0, eval.start_ms / 5, eval.start_ms, 10 * eval.start_ms] {
            let at = format!("as {pinned} at {at_ms} ms");
            repeated.push(named(judged(eval, promql::instant(memory, &pinned, at_ms, options)), &at));
        }
    }
    repeated.into_iter().find(|verdict| !matches!(verdict, Verdict::Pass)).unwrap_or(first)
}

/// As a range query of three steps, of which the middle one counts.
fn around(memory: &Memory, eval: &Eval, expr: &Expr, options: &QueryOptions) -> Verdict {
    const MINUTE_MS: i64 = 60_000;
    let at_ms = eval.start_ms;
    let answer = promql::range(memory, expr, at_ms - MINUTE_MS, at_ms + MINUTE_MS, MINUTE_MS, options);
    let middle = answer.map(|outcome| match &outcome.value {
        Value::Matrix(matrix) => {
            let vector: Vec<VectorSample> = matrix
                .iter()
                .filter_map(|series| {
                    let sample = series.samples.iter().find(|sample| sample.timestamp_ms == at_ms)?;
                    Some(VectorSample { labels: series.labels.clone(), sample })
                })
                .collect();
            vector
        }
        other => panic!("a range query answered {other:?}"),
    });
    let checked = match middle {
        Ok(vector) => match (eval.scalar, vector.as_slice()) {
            (Some(scalar), [only]) => {
                let expected = [(model::Labels::empty(), vec![Point::Value(scalar)])];
                verdict(compare::instant_vector(&expected, false, std::slice::from_ref(only)))
            }
            _ => verdict(compare::instant_vector(&eval.series, false, &vector)),
        },
        Err(error) => refused(error),
    };
    named(checked, "as a range query")
}

fn judged(eval: &Eval, answer: Result<Outcome, QueryError>) -> Verdict {
    match answer {
        Ok(_) if eval.fails => Verdict::Wrong("expected an error".to_owned()),
        Ok(outcome) => verdict(compare::outcome(eval, &outcome)),
        Err(error @ (QueryError::Unsupported { .. } | QueryError::Storage(_))) => refused(error),
        Err(error) if eval.fails => verdict(compare::failure(eval, &error.to_string())),
        Err(error) => refused(error),
    }
}

fn refused(error: QueryError) -> Verdict {
    match error {
        QueryError::Unsupported { what, .. } => Verdict::Unsupported(what),
        QueryError::Storage(error) => Verdict::Unsupported(error.to_string()),
        error => Verdict::Wrong(error.to_string()),
    }
}

fn verdict(result: Result<(), String>) -> Verdict {
    result.map_or_else(Verdict::Wrong, |()| Verdict::Pass)
}

fn named(verdict: Verdict, how: &str) -> Verdict {
    match verdict {
        Verdict::Wrong(why) => Verdict::Wrong(format!("{how}: {why}")),
        other => other,
    }
}
