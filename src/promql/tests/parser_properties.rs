//! Whatever the text, the parser answers; whatever it reads, it prints so that it reads the same again.

use promql::{parse, parse_selector};
use proptest::prelude::*;

const WORDS: &[&str] = &[
    "sum",
    "by",
    "without",
    "rate",
    "topk",
    "on",
    "ignoring",
    "group_left",
    "bool",
    "offset",
    "@",
    "start()",
    "end()",
    "and",
    "or",
    "unless",
    "atan2",
    "(",
    ")",
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "=",
    "!=",
    "=~",
    "!~",
    "==",
    "<",
    ">=",
    "+",
    "-",
    "*",
    "/",
    "%",
    "^",
    "5m",
    "1h30m",
    "0x1F",
    "1e3",
    ".5",
    "Inf",
    "NaN",
    "x",
    "job",
    "a:b",
    "\"t\"",
    "'u'",
    "`v`",
    "\"\\xff\"",
    "#",
    "\n",
    " ",
    "step()",
    "min_of",
    "fill(0)",
    "</",
    "anchored",
    "label_replace",
    "é",
    "\0",
];

/// Pieces that make texts which are nearly queries.
fn piece() -> impl Strategy<Value = String> {
    prop_oneof![9 => proptest::sample::select(WORDS).prop_map(str::to_owned), 1 => ".{0,3}"]
}

fn label() -> impl Strategy<Value = String> {
    prop_oneof!["[a-z]{1,3}", Just("on".to_owned()), Just("\"a b\"".to_owned())]
}

fn selector() -> impl Strategy<Value = String> {
    let exact = (label(), proptest::sample::select(&["=", "!="][..]), "[a-z\"\\\\\n\u{e9}]{0,4}");
    let pattern = (label(), proptest::sample::select(&["=~", "!~"][..]), "[a-z.\n]{0,4}");
    let written = |(name, op, value): (String, &str, String)| format!("{name}{op}{value:?}");
    let matcher = prop_oneof![exact.prop_map(written), pattern.prop_map(written)];
    // One at most: several are printed in another order than they were written in.
    let matchers = proptest::collection::vec(matcher, 0..2).prop_map(|all| all.join(","));
    let shift =
        proptest::sample::select(&["", " offset 5m", " offset -1h", " @ 12.5", " @ end()", " @ -3 offset 7"][..]);
    ("[a-z_:]{1,4}", matchers, shift).prop_map(|(name, matchers, shift)| format!("a{name}{{{matchers}}}{shift}"))
}

/// Queries that are instant vectors.
fn query() -> impl Strategy<Value = String> {
    selector().prop_recursive(4, 24, 3, |inner| {
        let labels = proptest::collection::vec(label(), 0..3).prop_map(|all| all.join(", ")).boxed();
        let number = proptest::sample::select(&["1", "-0.5", "1e9", "5m", "NaN", "+Inf", "0x1f", "time()"][..]);
        let infix = proptest::sample::select(&["+", "-", "*", "/", "%", "^", "atan2", "==", "> bool", "<="][..]);
        prop_oneof![
            (inner.clone(), infix.clone(), inner.clone()).prop_map(|(a, op, b)| format!("{a} {op} {b}")),
            (inner.clone(), infix.clone(), number.clone()).prop_map(|(a, op, b)| format!("({a}) {op} {b}")),
            (number, infix, inner.clone()).prop_map(|(a, op, b)| format!("{a} {op} {b}")),
            (inner.clone(), labels.clone(), inner.clone()).prop_map(|(a, on, b)| format!("{a} and on ({on}) {b}")),
            (inner.clone(), labels.clone(), inner.clone())
                .prop_map(|(a, on, b)| format!("({a}) * ignoring ({on}) group_left (zz) ({b})")),
            (labels.clone(), inner.clone()).prop_map(|(by, a)| format!("sum by ({by}) ({a})")),
            (inner.clone(), labels).prop_map(|(a, by)| format!("topk(3, {a}) without ({by})")),
            inner.clone().prop_map(|a| format!("rate(({a})[1h30m:5m] offset 10m)")),
            inner.clone().prop_map(|a| format!("quantile_over_time(0.9, ({a})[(1h+step())*2:])")),
            inner.clone().prop_map(|a| format!("-({a})")),
            inner.clone().prop_map(|a| format!("- {a}")),
            inner.prop_map(|a| format!("label_replace({a}, \"x\", \"$1\", \"y\", \"(.*)\\n\")")),
        ]
    })
}

#[test]
fn matchers_are_printed_in_the_order_of_their_texts() {
    let expr = parse(r#"x{job="a",a!="b",job=~"c",a="d"}"#).expect("a query");
    assert_eq!(expr.to_string(), r#"x{a!="b",a="d",job="a",job=~"c"}"#);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_makes_the_parser_panic(pieces in proptest::collection::vec(piece(), 0..20)) {
        let text = pieces.concat();
        if let Ok(expr) = parse(&text) {
            prop_assert_eq!(parse(&expr.to_string()), Ok(expr));
        }
        let _ = parse_selector(&text);
    }

    #[test]
    fn printed_queries_mean_the_same(text in query()) {
        // A few are refused, such as comparisons that end up between scalars; too many would fail the test.
        let parsed = parse(&text);
        prop_assume!(parsed.is_ok());
        let expr = parsed.expect("just checked");
        let printed = expr.to_string();
        let again = parse(&printed).map_err(|error| TestCaseError::fail(format!("{error}: {printed}")))?;
        prop_assert_eq!(&again, &expr, "{}", printed);
        prop_assert_eq!(again.to_string(), printed);
    }
}
