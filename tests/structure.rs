//! The shape of the house: who may know whom, how long a file may be, who may spell kernel paths or say `unsafe`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// For each crate of ours, the crates of ours that it may depend on.
const ARROWS: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("kernel", &[]),
    ("vitals-dbus", &[]),
    ("vitals-http", &[]),
    ("exposition", &["model"]),
    ("containers", &["kernel", "vitals-http"]),
    ("collectors", &["containers", "exposition", "kernel", "model", "vitals-dbus"]),
    ("scrape", &["exposition", "model", "vitals-http"]),
    ("tsdb", &["model"]),
    ("promql", &["model", "tsdb"]),
    (
        "vitals",
        &["collectors", "containers", "exposition", "kernel", "model", "promql", "scrape", "tsdb", "vitals-http"],
    ),
    ("fleet", &["exposition"]),
    ("rig", &["exposition", "model"]),
];

/// What the agent must never reach, not even by way of another crate.
const NOT_IN_THE_AGENT: &[&str] = &["promql", "rules", "scrape", "tsdb"];

const LONGEST_FILE_LINES: usize = 600;

const SAYS_NOTHING: &[&str] = &["base", "common", "core", "handler", "helpers", "manager", "service", "util", "utils"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn metadata() -> serde_json::Value {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(root())
        .output()
        .expect("cargo runs");
    serde_json::from_slice(&output.stdout).expect("cargo metadata prints JSON")
}

/// Crate to crates of ours that it needs to be built (not those of its tests), with the feature that asks for them.
fn our_dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let metadata = metadata();
    let packages = metadata["packages"].as_array().expect("packages");
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let needs = |package: &serde_json::Value| {
        let dependencies = package["dependencies"].as_array().cloned().unwrap_or_default();
        let ours = dependencies.into_iter().filter(|one| one["path"].is_string() && one["kind"].is_null());
        ours.map(|one| text(&one["name"])).collect()
    };
    packages.iter().map(|package| (text(&package["name"]), needs(package))).collect()
}

/// All Rust sources below the root, with their paths relative to it.
fn sources() -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut folders = vec![root().to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a readable folder").flatten() {
            let (path, name) = (entry.path(), entry.file_name());
            let name = name.to_string_lossy();
            if path.is_dir() {
                if !name.starts_with('.') && !["target", "data", "fixtures", "node_modules"].contains(&&*name) {
                    folders.push(path);
                }
            } else if name.ends_with(".rs") {
                let text = fs::read_to_string(&path).expect("UTF-8 source");
                found.push((path.strip_prefix(root()).expect("below the root").to_owned(), text));
            }
        }
    }
    assert!(found.len() > 50, "only {} sources found: the walk is broken", found.len());
    found
}

/// A source without its test modules (everything from the first `#[cfg(test)]` on) and without comments.
fn shipped_code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let end = text.find("#[cfg(test)]").unwrap_or(text.len());
    let lines = text[..end].lines().enumerate();
    lines.map(|(index, line)| (index + 1, line)).filter(|(_, line)| !line.trim_start().starts_with("//"))
}

fn is_test_or_bench(path: &Path) -> bool {
    let says_so = |name: &str| name == "tests" || name == "benches" || name == "examples" || name == "fuzz";
    path.components().any(|part| says_so(&part.as_os_str().to_string_lossy()))
        || path.file_stem().is_some_and(|stem| stem == "tests" || stem.to_string_lossy().ends_with("_tests"))
}

#[test]
fn every_crate_knows_only_whom_it_may_know() {
    let allowed: BTreeMap<_, _> = ARROWS.iter().copied().collect();
    for (package, needs) in our_dependencies() {
        let may = allowed.get(package.as_str()).unwrap_or_else(|| panic!("{package} has no line in ARROWS"));
        for needed in needs {
            assert!(may.contains(&needed.as_str()), "{package} must not depend on {needed}");
        }
    }
}

#[test]
fn the_agent_never_reaches_the_aggregators_crates() {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--offline", "--no-default-features", "--features", "agent", "--edges", "normal"])
        .args(["--prefix", "none", "--format", "{p}"])
        .current_dir(root())
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let tree = String::from_utf8_lossy(&output.stdout);
    let crates: BTreeSet<&str> = tree.lines().filter_map(|line| line.split(' ').next()).collect();
    assert!(crates.contains("collectors"), "the tree is not the agent's: {tree}");
    for forbidden in NOT_IN_THE_AGENT {
        assert!(!crates.contains(forbidden), "the agent reaches {forbidden}");
    }
}

#[test]
fn no_file_is_longer_than_a_head_can_hold() {
    let long: Vec<String> = sources()
        .iter()
        .map(|(path, text)| (path, text.lines().count()))
        .filter(|(_, lines)| *lines > LONGEST_FILE_LINES)
        .map(|(path, lines)| format!("{} has {lines} lines", path.display()))
        .collect();
    assert!(long.is_empty(), "longer than {LONGEST_FILE_LINES}: {}", long.join(", "));
}

#[test]
fn only_roots_spells_kernel_paths() {
    let mut found = Vec::new();
    for (path, text) in sources() {
        let may = path == Path::new("src/kernel/roots.rs")
            // A program may look at itself; it is not the machine that it watches.
            || path == Path::new("src/aggregator/process.rs")
            || path == Path::new("src/agent/process.rs")
            || is_test_or_bench(&path)
            || path.starts_with("tests")
            || path.starts_with("benches");
        for (line, code) in shipped_code(&text).filter(|_| !may) {
            let opens = ["\"/proc", "\"/sys", "\"/run"].iter().any(|spelling| code.contains(spelling));
            // Texts that are shown to people, not opened: help, defaults of flags, descriptions.
            let shows = code.contains("help")
                || code.contains("default")
                || code.contains("gauge(")
                || code.contains("counter(");
            if opens && !shows {
                found.push(format!("{}:{line}: {}", path.display(), code.trim()));
            }
        }
    }
    assert!(found.is_empty(), "kernel paths outside of Roots:\n{}", found.join("\n"));
}

#[test]
fn unsafe_is_said_only_in_ffi_and_in_counting_allocators_of_tests() {
    for (path, text) in sources() {
        let may = path == Path::new("src/kernel/ffi.rs")
            // A module of tests: the counting allocator of the scrape path.
            || path == Path::new("src/scrape/scraping/allocations.rs")
            || is_test_or_bench(&path);
        let word = concat!("un", "safe ");
        let said = shipped_code(&text).find(|(_, code)| code.contains(word) && !code.contains('"'));
        if let (false, Some((line, code))) = (may, said) {
            panic!("{}:{line}: {}", path.display(), code.trim());
        }
    }
}

#[test]
fn names_say_something() {
    for (path, _) in sources() {
        for part in path.with_extension("").components() {
            let name = part.as_os_str().to_string_lossy().into_owned();
            assert!(!SAYS_NOTHING.contains(&name.as_str()), "{} is called {name}", path.display());
        }
    }
}
