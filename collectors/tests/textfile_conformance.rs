//! The collector `textfile` on the cases of node_exporter's own tests: `X.out` is what it says of the folder `X`.

mod machine;

use std::collections::BTreeMap;
use std::path::Path;

use machine::{Machine, conformance, row};
use rig::{series, skip};

/// Cases whose folder is not called as the case is.
const PATTERNS: &[(&str, &str)] = &[("glob_extra_dimension", "*_extra_dimension")];

#[test]
fn every_case_says_what_node_exporter_says() {
    let Some(data) = conformance("node_exporter/collector") else {
        return skip("node_exporter's text files", "no conformance data; VITALS_CONFORMANCE names their folder");
    };
    // The expected pages have paths relative to this folder in them.
    std::env::set_current_dir(&data).expect("the folder");
    let mut cases = 0;
    for entry in std::fs::read_dir("fixtures/textfile").expect("a folder").flatten() {
        let path = entry.path();
        if path.extension().is_some_and(|extension| extension == "out") {
            check(&path);
            cases += 1;
        }
    }
    assert!(cases >= 10, "only {cases} cases");
    println!("{cases} cases are equal");
}

fn check(expected: &Path) {
    let name = expected.file_stem().and_then(|name| name.to_str()).expect("a plain name");
    let folder = PATTERNS.iter().find(|(case, _)| *case == name).map_or(name, |(_, pattern)| pattern);
    let directory = format!("fixtures/textfile/{folder}");
    let collected = Machine::here().with(&[("collector.textfile.directory", &directory)]).collect(row("textfile"));
    let expected = std::fs::read_to_string(expected).expect("a page");
    assert_eq!(with_fixed_times(series(&collected.text)), with_fixed_times(series(&expected)), "{name}");
    assert_eq!(metadata(&collected.text), metadata(&expected), "{name}");
}

fn with_fixed_times(mut page: BTreeMap<String, f64>) -> BTreeMap<String, f64> {
    for (key, value) in &mut page {
        if key.starts_with("node_textfile_mtime_seconds") {
            *value = 1.0;
        }
    }
    page
}

fn metadata(text: &str) -> Vec<&str> {
    text.lines().filter(|line| line.starts_with("# ")).collect()
}
