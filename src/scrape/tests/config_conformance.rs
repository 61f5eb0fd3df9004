//! Prometheus' own configuration files, good and bad, when they are at hand: what is bad is refused, what is good
//! loads or is refused by the name of a mechanism that is really missing.

use std::path::{Path, PathBuf};

use scrape::Config;
use scrape::config::{ConfigError, ProblemKind};

fn files() -> Vec<PathBuf> {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let conformance = std::env::var_os("VITALS_CONFORMANCE").map(PathBuf::from);
    let folder = conformance.unwrap_or_else(|| workspace.join("../shared/conformance")).join("config");
    let Ok(entries) = std::fs::read_dir(&folder) else {
        println!("skipped: no configuration files in {}", folder.display());
        return Vec::new();
    };
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let mut paths: Vec<PathBuf> = paths.filter(|path| path.extension().is_some_and(|ending| ending == "yml")).collect();
    paths.sort();
    paths
}

fn is_bad(path: &Path) -> bool {
    path.to_string_lossy().ends_with(".bad.yml")
}

#[test]
fn bad_files_are_refused_in_one_line_with_place_and_reason() {
    for path in files().iter().filter(|path| is_bad(path)) {
        let error = Config::load(path).expect_err(&path.display().to_string());
        let line = error.to_string();
        println!("{line}");
        assert!(!line.contains('\n'), "{line}");
        let problem = &error.problems[0];
        assert!(problem.place.line > 0 && problem.place.column > 0, "{line}");
    }
}

#[test]
fn good_files_load_or_are_refused_by_the_name_of_what_is_missing() {
    let mut loaded = 0;
    let mut refused = 0;
    for path in files().iter().filter(|path| !is_bad(path)) {
        match Config::load(path) {
            Ok(_) => loaded += 1,
            Err(ConfigError { problems }) => {
                refused += 1;
                for problem in problems {
                    println!("{problem}");
                    assert_eq!(problem.kind, ProblemKind::Unsupported, "{problem}");
                    assert!(problem.reason.ends_with("is not supported yet"), "{problem}");
                }
            }
        }
    }
    println!("{loaded} loaded, {refused} refused by name");
}

#[test]
fn what_was_loaded_prints_as_a_configuration_that_means_the_same() {
    for path in files().iter().filter(|path| !is_bad(path)) {
        let Ok(config) = Config::load(path) else { continue };
        // Variables are already filled in, so a dollar that came from one would be taken for another.
        if config.global.external_labels.iter().any(|(_, value)| value.contains('$')) {
            continue;
        }
        let again = Config::parse(&config.yaml, path).unwrap_or_else(|error| panic!("{error}\n{}", config.yaml));
        assert_eq!(again.yaml, config.yaml, "{}", path.display());
        assert_eq!(again.global, config.global, "{}", path.display());
    }
}
