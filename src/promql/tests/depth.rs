//! Queries nested as deeply as the parser allows are parsed, printed, evaluated and dropped on a small stack; deeper ones
//! are refused.

mod script;

use promql::{Expr, QueryOptions, parse};
use script::memory::Memory;

/// What a worker thread of a server has.
const STACK_BYTES: usize = 2 << 20;

/// A query of so many levels, in many forms.
fn forms(levels: usize) -> Vec<String> {
    let wrapped =
        |open: &str, inner: &str, close: &str| format!("{}{inner}{}", open.repeat(levels), close.repeat(levels));
    vec![
        wrapped("(", "x", ")"),
        wrapped("abs(", "x", ")"),
        wrapped("sum(", "x", ")"),
        wrapped("-", "x", ""),
        wrapped("", "x", " + x"),
        wrapped("", "x", " or x"),
        wrapped("", "x", " + 1"),
        wrapped("", "1", " + 1"),
        wrapped("x ^ ", "x", ""),
        wrapped("label_replace(", "x", r#", "a", "b", "c", "d")"#),
        // Two levels at a time.
        format!("{}x{}", "max_over_time(".repeat(levels / 2), "[1m:30s])".repeat(levels / 2)),
        format!("{}1{}", "scalar(vector(".repeat(levels / 2), "))".repeat(levels / 2)),
        format!("{}1{}", "-(".repeat(levels / 2), ")".repeat(levels / 2)),
        wrapped("topk(1, ", "x", ")"),
        wrapped("histogram_quantile(0.5, ", "x", ")"),
        format!("x[{}1{}]", "(".repeat(levels / 2), ")".repeat(levels / 2)),
        format!("x[{}]", vec!["1"; levels].join("+")),
    ]
}

fn on_a_small_stack(work: impl FnOnce() + Send + 'static) {
    let thread = std::thread::Builder::new().stack_size(STACK_BYTES).spawn(work).expect("a thread");
    thread.join().expect("no panic and no overflow");
}

#[test]
fn the_deepest_allowed_queries_are_answered() {
    on_a_small_stack(|| {
        let mut memory = Memory::default();
        let labels = model::Labels::from_pairs([("__name__", "x"), ("le", "+Inf")]);
        memory.append(&labels, &[(0, 1.0), (60_000, 2.0)]);
        for text in forms(promql::MAX_HEIGHT as usize - 2) {
            let expr = parse(&text).unwrap_or_else(|error| panic!("{error}: {}", &text[..60]));
            assert_eq!(parse(&expr.to_string()).as_ref(), Ok(&expr), "{text}");
            for delayed_name_removal in [false, true] {
                let options = QueryOptions { delayed_name_removal, ..QueryOptions::default() };
                if expr.value_type() != promql::ValueType::Matrix {
                    promql::range(&memory, &expr, 0, 120_000, 60_000, &options).expect(&text);
                }
                promql::instant(&memory, &expr, 60_000, &options).expect(&text);
            }
        }
    });
}

#[test]
fn deeper_queries_are_refused() {
    on_a_small_stack(|| {
        for levels in [promql::MAX_HEIGHT as usize * 2, 100_000] {
            for text in forms(levels) {
                let result: Result<Expr, _> = parse(&text);
                assert!(result.is_err_and(|error| error.message.contains("levels deep")), "{}", &text[..40]);
            }
        }
    });
}
