//! Our own scripts in the test language: each file a subject, all statements must pass.

mod script;

use promql::QueryOptions;
use script::{Checked, Verdict, run, run_with};

fn all_pass(name: &str, checked: &[Checked]) {
    let failed: Vec<String> = checked
        .iter()
        .filter(|statement| !matches!(statement.verdict, Verdict::Pass))
        .map(|statement| format!("{name}:{}: {}: {:?}", statement.line, statement.query, statement.verdict))
        .collect();
    assert!(!checked.is_empty(), "{name} has no statements");
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

#[test]
fn classic_histograms_have_quantiles_and_fractions() {
    all_pass("histograms.test", &run(include_str!("scripts/histograms.test")));
}

#[test]
fn names_are_removed_at_the_end() {
    all_pass("names.test", &run(include_str!("scripts/names.test")));
}

#[test]
fn names_are_removed_at_once_by_default() {
    let options = QueryOptions::default();
    all_pass("names_at_once.test", &run_with(include_str!("scripts/names_at_once.test"), &options));
}

#[test]
fn series_meet_their_partners_step_by_step() {
    all_pass("matching.test", &run(include_str!("scripts/matching.test")));
}

#[test]
fn windows_slide_over_samples_and_subqueries() {
    all_pass("windows.test", &run(include_str!("scripts/windows.test")));
}
