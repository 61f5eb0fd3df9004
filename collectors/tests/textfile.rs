//! The collector `textfile` on folders of its own.

mod machine;

use std::fs;

use collectors::Outcome;
use machine::{Collected, Machine, row};
use rig::series;

fn collect(patterns: &[String]) -> Collected {
    let mut machine = Machine::here();
    machine.settings.set("collector.textfile.directory", patterns.to_vec());
    machine.collect(row("textfile"))
}

#[test]
fn files_of_several_folders_are_one_page() {
    let root = tempfile::tempdir().expect("a folder");
    for (path, text) in [
        ("one/a.prom", "# HELP jobs Jobs.\n# TYPE jobs gauge\njobs{job=\"a\"} 1\n"),
        ("one/b.prom", "# TYPE jobs gauge\njobs{job=\"b\"} 2\njobs{job=\"a\"} 9\n"),
        ("one/c.prom", "# HELP jobs Other words.\njobs{job=\"c\"} 3\nmore 1\n"),
        ("one/d.prom", "jobs{job=\"d\"} 4\nbroken\n"),
        ("one/ignored.txt", "ignored 1\n"),
        ("two/e.prom", "more{x=\"1\"} 2\n"),
    ] {
        let path = root.path().join(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, text).expect("written");
    }
    let root = root.path().display();
    let collected = collect(&[format!("{root}/o*"), format!("{root}/two/"), format!("{root}/three")]);
    assert_eq!(collected.outcome, Ok(Outcome::Collected));
    let page = series(&collected.text);
    assert_eq!(page[r#"jobs{job="a"}"#], 1.0, "the first file's value");
    assert_eq!(page[r#"jobs{job="b"}"#], 2.0);
    assert!(!page.contains_key(r#"jobs{job="c"}"#), "its help text differs");
    assert!(!page.contains_key(r#"jobs{job="d"}"#), "its file is broken");
    assert_eq!((page["more"], page[r#"more{x="1"}"#]), (1.0, 2.0));
    assert_eq!(page["node_textfile_scrape_error"], 1.0);
    let times: Vec<_> = page.keys().filter(|key| key.starts_with("node_textfile_mtime_seconds")).collect();
    assert_eq!(times.len(), 4, "{times:?}");
    assert!(times.iter().any(|key| key.contains("/two/e.prom")) && !times.iter().any(|key| key.contains("d.prom")));
    assert!(collected.text.contains("# HELP jobs Jobs.\n"));
    let problems = collected.problems.join("\n");
    for part in ["d.prom: line 2: expected a number", "c.prom: jobs has another help text", "/three: No such file"] {
        assert!(problems.contains(part), "{part} is not in\n{problems}");
    }
}

#[test]
fn without_a_folder_there_is_no_error() {
    let collected = collect(&[]);
    assert_eq!(series(&collected.text)["node_textfile_scrape_error"], 0.0);
    assert!(collected.problems.is_empty());
}

#[test]
fn a_file_cannot_speak_for_the_collector_itself() {
    let folder = tempfile::tempdir().expect("a folder");
    let text = "# TYPE node_textfile_scrape_error gauge\nnode_textfile_scrape_error 0\njobs 1\n";
    fs::write(folder.path().join("a.prom"), text).expect("written");
    let collected = collect(&[folder.path().display().to_string()]);
    let rows: Vec<&str> =
        collected.text.lines().filter(|line| line.starts_with("node_textfile_scrape_error")).collect();
    assert_eq!(rows, ["node_textfile_scrape_error 1"], "once, and it tells of the file");
    assert_eq!(series(&collected.text)["jobs"], 1.0, "the rest of the file is there");
}

#[test]
fn the_machines_own_series_come_before_those_of_files() {
    assert_eq!(collectors::TABLE.last().map(|spec| spec.name), Some("textfile"));
}
