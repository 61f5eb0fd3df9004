//! What each collector says of each fake machine, word for word: `fixtures/hosts/<machine>/expected/<collector>.prom`.
//! `UPDATE_GOLDEN=1` (or the name of one collector) writes the files anew; the diff is then what a review is about. The values are node_exporter's,
//! which `beside_node_exporter.rs` checks where that program is to be had.

mod machine;

use std::fs;
use std::path::Path;

use collectors::Outcome;
use machine::{Collected, FLAGS, Machine, NOT_FROM_FILES_FAMILIES, hosts, rows_from_files};

#[test]
fn every_collector_says_of_every_fake_machine_what_it_said_before() {
    let update = std::env::var("UPDATE_GOLDEN").unwrap_or_default();
    let mut differences = Vec::new();
    for (name, folder) in hosts() {
        let machine = Machine::below(&folder).with(FLAGS);
        for spec in rows_from_files() {
            let said = in_words(&machine.collect(spec), &folder);
            let golden = folder.join("expected").join(format!("{}.prom", spec.name));
            if update == "1" || update == spec.name {
                fs::create_dir_all(folder.join("expected")).expect("a folder for goldens");
                fs::write(&golden, &said).expect("written");
                continue;
            }
            let expected = fs::read_to_string(&golden).unwrap_or_default();
            if said != expected {
                differences.push(format!("{name}, {}:\n{}", spec.name, first_difference(&expected, &said)));
            }
        }
    }
    assert!(differences.is_empty(), "UPDATE_GOLDEN=1 accepts these:\n{}", differences.join("\n"));
}

/// Samples, or why there are none, then single faults; paths as the machine itself would spell them.
fn in_words(collected: &Collected, folder: &Path) -> String {
    let mut words = String::new();
    match &collected.outcome {
        Ok(Outcome::Collected) => {}
        Ok(Outcome::Absent(reason) | Outcome::Empty(reason)) => words = format!("# absent: {reason}\n"),
        Err(failure) => words = format!("# failed: {failure}\n"),
    }
    for problem in &collected.problems {
        words += &format!("# problem: {problem}\n");
    }
    let is_from_files = |line: &&str| {
        let named = line.strip_prefix("# HELP ").or(line.strip_prefix("# TYPE ")).unwrap_or(line);
        let family = named.split([' ', '{']).next().unwrap_or_default();
        !NOT_FROM_FILES_FAMILIES.contains(&family)
    };
    for line in collected.text.lines().filter(is_from_files) {
        words += line;
        words.push('\n');
    }
    // Some labels have the path without the dots in it.
    let plain = folder.canonicalize().expect("the machine's folder");
    words.replace(&folder.display().to_string(), "").replace(&plain.display().to_string(), "")
}

fn first_difference(expected: &str, said: &str) -> String {
    let mut pairs = expected.lines().map(Some).chain(std::iter::repeat(None)).zip(said.lines().map(Some).chain([None]));
    let (expected, said) = pairs.find(|(expected, said)| expected != said).unwrap_or((expected.lines().last(), None));
    format!("  expected {}\n  found    {}", expected.unwrap_or("nothing more"), said.unwrap_or("nothing more"))
}
