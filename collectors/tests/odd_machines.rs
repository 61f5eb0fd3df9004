//! Machines on which a file is torn, garbage, empty, a directory or gone: no collector panics, what it still says is a
//! page that can be read, and the other lines of the file survive.

mod machine;

use std::fs;
use std::path::{Path, PathBuf};

use collectors::{Outcome, TABLE};
use exposition::{Dialect, Entry, Parser};
use machine::{FLAGS, Machine, hosts, row};
use model::LabelsBuilder;
use proptest::prelude::*;

/// A copy of a fake machine, to be spoilt.
fn copy_of(name: &str) -> tempfile::TempDir {
    let (_, source) = hosts().into_iter().find(|(host, _)| host == name).expect("a fake machine of this name");
    let copy = tempfile::tempdir().expect("a temporary folder");
    for file in files_below(&source) {
        let target = copy.path().join(file.strip_prefix(&source).expect("below the source"));
        fs::create_dir_all(target.parent().expect("a parent")).expect("a folder");
        fs::copy(&file, &target).expect("a copy");
    }
    copy
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).expect("a readable folder").flatten() {
        if entry.file_name() == "expected" {
            continue;
        }
        match entry.path().is_dir() {
            true => files.extend(files_below(&entry.path())),
            false => files.push(entry.path()),
        }
    }
    files.sort();
    files
}

fn every_page_can_be_read(machine: &Machine) {
    for spec in TABLE {
        let collected = machine.collect(spec);
        for entry in Parser::new(collected.text.as_bytes(), Dialect::Text) {
            let entry = entry.unwrap_or_else(|error| panic!("{}: {error}", spec.name));
            if let Entry::Sample(line) = entry {
                let read = line.series.read(&mut LabelsBuilder::default());
                assert!(read.is_ok(), "{}: {read:?} in {}", spec.name, String::from_utf8_lossy(line.series.raw));
            }
        }
    }
}

#[test]
fn no_spoilt_file_makes_a_collector_panic_or_write_nonsense() {
    let folder = copy_of("offline-cpu");
    let machine = Machine::below(folder.path()).with(FLAGS);
    let files = files_below(folder.path());
    assert!(files.len() > 30, "only {} files", files.len());
    for file in files {
        let whole = fs::read(&file).expect("a readable file");
        let torn = &whole[..whole.len() / 2];
        let garbage = b"\xff\xfe{}\"\n= : - 9999999999999999999999 \0\n";
        for spoilt in [torn, garbage, b"", b"\n\n", b"18446744073709551615"] {
            fs::write(&file, spoilt).expect("written");
            every_page_can_be_read(&machine);
        }
        fs::remove_file(&file).expect("removed");
        every_page_can_be_read(&machine);
        fs::create_dir(&file).expect("a folder in its place");
        every_page_can_be_read(&machine);
        fs::remove_dir(&file).expect("removed");
        fs::write(&file, whole).expect("written");
    }
}

#[test]
fn an_odd_line_is_reported_and_costs_only_itself() {
    let folder = copy_of("offline-cpu");
    let spoil = |file: &str, from: &str, to: &str| {
        let path = folder.path().join(file);
        let text = fs::read_to_string(&path).expect("a readable file");
        assert!(text.contains(from), "{file} has no {from}");
        fs::write(&path, text.replacen(from, to, 1)).expect("written");
    };
    spoil("proc/stat", "cpu2 ", "cpu2 many ");
    spoil("proc/meminfo", "Dirty: ", "Dirty: lots of ");
    spoil("proc/vmstat", "pgmajfault ", "pgmajfault x");
    spoil("proc/net/snmp", "Udp: InDatagrams", "Udp: InDatagrams MoreNames");
    spoil("proc/pressure/io", "total=", "total=x");
    let machine = Machine::below(folder.path());
    let spoilt_line = |collector: &str| {
        let collected = machine.collect(row(collector));
        assert_eq!(collected.outcome, Ok(Outcome::Collected), "{collector}");
        assert_eq!(collected.problems.len(), 1, "{collector}: {:?}", collected.problems);
        let path = folder.path().display().to_string();
        (collected.problems[0].replace(&path, ""), collected.text)
    };

    let (problem, text) = spoilt_line("cpu");
    assert_eq!(problem, r#"/proc/stat:3: expected a number for user, found "many""#);
    assert!(text.contains("cpu=\"3\",mode=\"idle\"") && !text.contains("cpu=\"2\",mode=\"idle\""));
    let (problem, text) = spoilt_line("meminfo");
    assert_eq!(problem, r#"/proc/meminfo:19: expected a number for an amount of memory, found "lots""#);
    assert!(text.contains("node_memory_Writeback_bytes ") && !text.contains("node_memory_Dirty_bytes "));
    let (problem, text) = spoilt_line("vmstat");
    assert!(problem.starts_with("/proc/vmstat:") && problem.contains("found \"x"), "{problem}");
    assert!(text.contains("node_vmstat_oom_kill ") && !text.contains("node_vmstat_pgmajfault "));
    let (problem, text) = spoilt_line("netstat");
    assert!(problem.contains("expected 10 values, as many as names, found \"9\""), "{problem}");
    assert!(text.contains("node_netstat_UdpLite_InErrors ") && !text.contains("node_netstat_Udp_InErrors "));

    let (problem, text) = spoilt_line("pressure");
    assert!(problem.starts_with("/proc/pressure/io:1: expected a number, found \"total=x"), "{problem}");
    assert!(text.contains("node_pressure_memory_stalled_") && !text.contains("node_pressure_io_stalled_"));
}

#[test]
fn an_empty_machine_has_reasons_not_failures() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let machine = Machine::below(folder.path());
    for name in ["conntrack", "cpu", "filefd", "meminfo", "netstat", "os", "pressure", "schedstat", "sockstat"]
        .into_iter()
        .chain(["loadavg", "softnet", "stat", "vmstat"])
    {
        let collected = machine.collect(row(name));
        match collected.outcome {
            Ok(Outcome::Absent(reason)) => assert!(reason.contains("No such file"), "{name}: {reason}"),
            other => panic!("{name}: {other:?}"),
        }
        assert_eq!(collected.text, "", "{name}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn no_bytes_in_a_hot_file_make_a_collector_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        for file in ["stat", "meminfo", "vmstat", "net/netstat", "net/snmp6", "net/sockstat", "net/softnet_stat"] {
            let path = folder.path().join("proc").join(file);
            fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
            fs::write(&path, &bytes).expect("written");
        }
        every_page_can_be_read(&Machine::below(folder.path()));
    }
}
