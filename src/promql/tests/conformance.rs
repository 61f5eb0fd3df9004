//! Prometheus' acceptance scripts, where they are at hand (`VITALS_CONFORMANCE`). No statement may get a wrong answer:
//! it passes, or the engine says what it does not support. How many pass must not fall.

mod script;

use std::path::PathBuf;

use script::{Verdict, run};

/// Statements that pass, by file.
const FLOORS: &[(&str, usize)] = &[
    ("aggregators.test", 125),
    ("at_modifier.test", 78),
    ("duration_expression.test", 59),
    ("extended_vectors.part_a.test", 15),
    ("functions.test", 323),
    ("literals.test", 25),
    ("operators.test", 142),
    ("selectors.test", 31),
    ("staleness.test", 17),
    ("trig_functions.test", 19),
    ("type_and_unit.test", 58),
];

fn folder() -> Option<PathBuf> {
    let default = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/conformance");
    let folder = std::env::var_os("VITALS_CONFORMANCE").map_or_else(default, PathBuf::from).join("promql");
    folder.is_dir().then_some(folder)
}

#[test]
fn no_statement_is_answered_wrongly() {
    let Some(folder) = folder() else {
        println!("skipped: no conformance data (VITALS_CONFORMANCE)");
        return;
    };
    let mut failures = Vec::new();
    let entries = std::fs::read_dir(&folder).expect("a readable folder");
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "test"));
    paths.sort();
    for path in paths {
        let name = path.file_name().expect("a file").to_string_lossy().into_owned();
        let checked = run(&std::fs::read_to_string(&path).expect("a readable script"));
        let (mut passed, mut unsupported, mut wrong) = (0, 0, 0);
        for statement in &checked {
            match &statement.verdict {
                Verdict::Pass => passed += 1,
                Verdict::Unsupported(what) => {
                    unsupported += 1;
                    println!("{name}:{}: {what}: {}", statement.line, statement.query);
                }
                Verdict::Wrong(why) => {
                    wrong += 1;
                    failures.push(format!("{name}:{}: {}: {why}", statement.line, statement.query));
                }
            }
        }
        println!("{name}: {passed} pass, {unsupported} unsupported, {wrong} wrong");
        let floor = FLOORS.iter().find(|(file, _)| *file == name).map_or(0, |(_, floor)| *floor);
        if passed < floor {
            failures.push(format!("{name}: {passed} statements pass, {floor} did before"));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
