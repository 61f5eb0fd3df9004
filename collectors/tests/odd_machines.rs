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
        match fs::read_link(&file) {
            Ok(link) => std::os::unix::fs::symlink(link, &target).expect("a link"),
            Err(_) => drop(fs::copy(&file, &target).expect("a copy")),
        }
    }
    copy
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).expect("a readable folder").flatten() {
        if entry.file_name() == "expected" {
            continue;
        }
        match entry.file_type().expect("a file type").is_dir() {
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
fn what_a_later_kernel_adds_appears_by_itself() {
    let folder = copy_of("x86-v2-plain");
    let add = |file: &str, from: &str, to: &str| {
        let path = folder.path().join("proc").join(file);
        let text = fs::read_to_string(&path).unwrap_or_default();
        assert!(text.contains(from), "{file} has no {from}");
        fs::write(&path, text.replacen(from, to, 1)).expect("written");
    };
    add("meminfo", "Slab:", "NovelPages:  7 kB\nHugePages_Novel:  3\nSlab:");
    add("vmstat", "pgfault ", "pgnovel_fault 11\nnovel_thing 12\npgfault ");
    add("zoneinfo", "nr_dirty ", "nr_novel 13\n      numa_novel 14\n      nr_dirty ");
    add("net/snmp6", "Ip6InReceives", "Ip6NovelInErrors\t15\nIp6InReceives");
    add("net/xfrm_stat", "XfrmInError", "XfrmInNovelty 16\nXfrmInError");
    add("softirqs", "RCU:", "NOVEL: 17 0 0 0\n         RCU:");
    let pressure = folder.path().join("proc/pressure/novel");
    fs::write(pressure, "some avg10=0.00 avg60=0.00 avg300=0.00 total=18000000\n").expect("written");
    for (collector, flags, there, absent) in [
        ("meminfo", &[][..], &["node_memory_NovelPages_bytes 7168", "node_memory_HugePages_Novel 3"][..], ""),
        ("vmstat", &[], &["node_vmstat_pgnovel_fault 11"], "node_vmstat_novel_thing"),
        (
            "vmstat",
            &[("collector.vmstat.fields", "^novel")],
            &["node_vmstat_novel_thing 12"],
            "node_vmstat_pgnovel_fault",
        ),
        (
            "zoneinfo",
            &[],
            &[
                "node_zoneinfo_nr_novel_pages{node=\"0\",zone=\"DMA\"} 13",
                "node_zoneinfo_numa_novel_total{node=\"0\",zone=\"DMA\"} 14",
            ],
            "",
        ),
        ("netstat", &[("collector.netstat.fields", "Novel")], &["node_netstat_Ip6_NovelInErrors 15"], "Ip6_InReceives"),
        ("netstat", &[("collector.netstat.fields", "^Tcp_")], &["node_netstat_Tcp_InSegs "], "Novel"),
        ("xfrm", &[], &["node_xfrm_in_novelty_packets_total 16"], ""),
        ("softirqs", &[], &["node_softirqs_functions_total{cpu=\"0\",type=\"NOVEL\"} 17"], ""),
        ("pressure", &[], &["node_pressure_novel_waiting_seconds_total 18"], "novel_stalled"),
    ] {
        let collected = Machine::below(folder.path()).with(flags).collect(row(collector));
        assert_eq!((collected.outcome, collected.problems), (Ok(Outcome::Collected), vec![]), "{collector}");
        for line in there {
            assert!(collected.text.contains(line), "{collector} has no {line}");
        }
        assert!(absent.is_empty() || !collected.text.contains(absent), "{collector} has {absent}");
    }
}

#[test]
fn the_fields_of_meminfo_that_node_exporter_lost_are_there() {
    let folder = copy_of("x86-v2-plain");
    let text = Machine::below(folder.path()).collect(row("meminfo")).text;
    for field in ["Balloon", "FileHugePages", "FilePmdMapped", "Hugetlb", "KReclaimable", "SecPageTables"] {
        assert!(text.contains(&format!("\nnode_memory_{field}_bytes ")), "{field}");
    }
}

#[test]
fn an_array_that_nobody_knows_costs_only_itself() {
    let folder = copy_of("server");
    let mdstat = folder.path().join("proc/mdstat");
    let odd = "md9 : active raid9 sdp[1] sdq[0]\n      more blocks than one can count\n\nmd2 :";
    let text = fs::read_to_string(&mdstat).expect("a readable file").replacen("md2 :", odd, 1);
    fs::write(&mdstat, text).expect("written");
    fs::write(folder.path().join("sys/block/md126/md/raid_disks"), "several").expect("written");
    let collected = Machine::below(folder.path()).collect(row("mdadm"));
    assert_eq!(collected.outcome, Ok(Outcome::Collected));
    assert_eq!(collected.problems.len(), 2, "{:?}", collected.problems);
    for line in [
        "node_md_state{device=\"md126\",state=\"recovering\"} 1",
        "node_md_blocks{device=\"md2\"}",
        "node_md_raid_disks{device=\"md127\"} 4",
    ] {
        assert!(collected.text.contains(line), "{line}");
    }
    assert!(!collected.text.contains("md9") && !collected.text.contains("raid_disks{device=\"md126\""));
}

#[test]
fn labels_of_ipvs_that_are_left_out_add_up() {
    let folder = copy_of("server");
    let machine = Machine::below(folder.path()).with(&[("collector.ipvs.backend-labels", "proto,local_port")]);
    let text = machine.collect(row("ipvs")).text;
    assert!(text.contains("node_ipvs_backend_connections_active{local_port=\"443\",proto=\"TCP\"} 25\n"), "{text}");
    assert!(text.contains("node_ipvs_backend_weight{local_port=\"53\",proto=\"UDP\"} 1\n"), "{text}");
    let odd = Machine::below(folder.path()).with(&[("collector.ipvs.backend-labels", "proto,colour")]);
    assert!((row("ipvs").build)(&odd.host, &odd.settings).is_err());
}

#[test]
fn a_frequency_has_one_set_of_labels() {
    let frequencies = |host: &str, collector: &str, flags: &[(&str, &str)]| {
        let (_, folder) = hosts().into_iter().find(|(name, _)| name == host).expect("a fake machine");
        let text = Machine::below(&folder).with(flags).collect(row(collector)).text;
        text.lines().filter(|line| line.starts_with("node_cpu_frequency_hertz{")).map(str::to_owned).collect::<Vec<_>>()
    };
    let info = [("collector.cpu.info", "true")];
    let without_cpufreq = [("collector.cpu.info", "true"), ("collector.cpufreq", "false")];
    assert_eq!(frequencies("x86-v2-plain", "cpu", &info).len(), 4);
    assert_eq!(frequencies("x86-v2-plain", "cpu", &without_cpufreq).len(), 0, "as node_exporter has it");
    assert_eq!(frequencies("x86-v2-plain", "cpufreq", &info).len(), 0);
    // The CPUs of arm64 do not tell in /proc/cpuinfo.
    assert_eq!(frequencies("arm64-64k", "cpu", &info).len(), 0);
    assert_eq!(frequencies("arm64-64k", "cpufreq", &info).len(), 4);
    assert_eq!(frequencies("arm64-64k", "cpufreq", &[]).len(), 4);
}

#[test]
fn what_cpus_are_is_told_without_what_they_did() {
    let folder = copy_of("offline-cpu");
    fs::remove_file(folder.path().join("proc/stat")).expect("removed");
    let collected = Machine::below(folder.path()).with(&[("collector.cpu.info", "true")]).collect(row("cpu"));
    assert!(matches!(collected.outcome, Ok(Outcome::Absent(_))), "{:?}", collected.outcome);
    assert!(collected.text.contains("node_cpu_info{"), "{}", collected.text);
}

#[test]
fn pages_are_as_large_as_the_machine_says() {
    let (_, folder) = hosts().into_iter().find(|(name, _)| name == "arm64-64k").expect("a fake machine");
    let text = Machine::below(&folder).collect(row("sockstat")).text;
    let value = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name)).expect("a series");
        line.trim().parse::<f64>().expect("a number")
    };
    let bytes = value("node_sockstat_TCP_mem_bytes");
    assert_eq!(bytes, value("node_sockstat_TCP_mem ") * 65536.0);
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
            // A success to node_exporter.
            Ok(Outcome::Empty(reason)) if name == "sockstat" => assert!(reason.contains("No such file"), "{reason}"),
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
