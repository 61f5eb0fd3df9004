//! `netclass` from files: what it reads again and when, what an odd device costs, and how many files it keeps open.

mod machine;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::Instant;

use collectors::{Collector, Outcome};
use kernel::{Host, Roots};
use machine::{Collected, Machine, collect, row};

const ATTRIBUTES: &[(&str, &str)] = &[
    ("addr_assign_type", "0"),
    ("address", "02:00:00:00:00:01"),
    ("broadcast", "ff:ff:ff:ff:ff:ff"),
    ("carrier", "1"),
    ("carrier_changes", "2"),
    ("carrier_down_count", "1"),
    ("carrier_up_count", "1"),
    ("dev_id", "0x0"),
    ("dormant", "0"),
    ("duplex", "full"),
    ("flags", "0x1003"),
    ("ifalias", ""),
    ("ifindex", "7"),
    ("iflink", "7"),
    ("link_mode", "0"),
    ("mtu", "1500"),
    ("name_assign_type", "4"),
    ("netdev_group", "0"),
    ("operstate", "up"),
    ("speed", "1000"),
    ("tx_queue_len", "1000"),
    ("type", "1"),
];

struct Devices {
    folder: tempfile::TempDir,
    machine: Machine,
    collector: Box<dyn Collector>,
}

impl Devices {
    fn new(names: &[&str], max_kept_files: usize) -> Self {
        let folder = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).expect("a temporary folder");
        fs::create_dir_all(folder.path().join("class/net")).expect("a folder");
        let roots = Roots { sysfs: folder.path().to_owned(), ..Roots::default() };
        let machine = Machine { host: Host::new(roots, max_kept_files), ..Machine::here() };
        let collector = machine.build(row("netclass"));
        let devices = Devices { folder, machine, collector };
        names.iter().for_each(|name| devices.add(name));
        devices
    }

    fn device(&self, name: &str) -> PathBuf {
        self.folder.path().join("class/net").join(name)
    }

    fn add(&self, name: &str) {
        fs::create_dir(self.device(name)).expect("a folder");
        ATTRIBUTES.iter().for_each(|(attribute, value)| self.set(name, attribute, value));
    }

    fn set(&self, name: &str, attribute: &str, value: &str) {
        fs::write(self.device(name).join(attribute), format!("{value}\n")).expect("written");
    }

    fn collect(&mut self) -> Collected {
        let collected = collect(&mut *self.collector);
        assert_eq!(collected.outcome, Ok(Outcome::Collected));
        collected
    }

    fn text(&mut self) -> String {
        let collected = self.collect();
        assert_eq!(collected.problems, Vec::<String>::new());
        collected.text
    }
}

fn samples(text: &str, device: &str) -> usize {
    text.lines().filter(|line| line.contains(&format!("device=\"{device}\""))).count()
}

#[test]
fn a_device_that_vanished_costs_only_itself() {
    let mut devices = Devices::new(&["eth0", "eth1", "veth9"], 100);
    let all = samples(&devices.text(), "eth0");
    assert_eq!(all, 19);
    // Listed, but its folder has gone: as a device that goes between the listing and the reading.
    symlink(Path::new("../../devices/virtual/net/gone"), devices.device("gone")).expect("a link");
    fs::remove_dir_all(devices.device("veth9")).expect("removed");
    fs::create_dir(devices.device("half")).expect("a folder");
    let text = devices.text();
    for (name, expected) in [("eth0", all), ("eth1", all), ("veth9", 0), ("gone", 0), ("half", 2)] {
        assert_eq!(samples(&text, name), expected, "{name}: {text}");
    }
    assert!(text.contains("adminstate=\"unknown\",broadcast=\"\",device=\"half\""), "{text}");
}

#[test]
fn files_in_the_folder_are_no_devices() {
    let mut devices = Devices::new(&["bond0"], 100);
    fs::write(devices.device("bonding_masters"), "bond0\n").expect("written");
    let text = devices.text();
    assert!(text.contains("bond0") && !text.contains("bonding_masters"), "{text}");
}

#[test]
fn an_odd_value_is_reported_and_costs_only_itself() {
    let mut devices = Devices::new(&["eth0", "eth1"], 100);
    devices.set("eth0", "mtu", "many");
    devices.set("eth0", "tx_queue_len", "");
    fs::create_dir(devices.device("eth1").join("x")).expect("a folder");
    fs::remove_file(devices.device("eth1").join("speed")).expect("removed");
    fs::rename(devices.device("eth1").join("x"), devices.device("eth1").join("speed")).expect("a folder in its place");
    let collected = devices.collect();
    assert_eq!((samples(&collected.text, "eth0"), samples(&collected.text, "eth1")), (17, 18), "{}", collected.text);
    let is_named = |part: &str| collected.problems.iter().any(|problem| problem.contains(part));
    assert!(is_named("eth0/mtu:1: expected a number, found \"many\""), "{:?}", collected.problems);
    assert!(is_named("eth0/tx_queue_len:1: ") && is_named("eth1/speed: "), "{:?}", collected.problems);
}

#[test]
fn what_changes_is_told_at_once() {
    let mut devices = Devices::new(&["eth0"], 100);
    devices.text();
    for (attribute, value, expected) in [
        ("mtu", "9000", "node_network_mtu_bytes{device=\"eth0\"} 9000"),
        ("speed", "-1", "node_network_speed_bytes{device=\"eth0\"} -125000"),
        ("carrier", "0", "node_network_carrier{device=\"eth0\"} 0"),
        ("operstate", "down", "node_network_up{device=\"eth0\"} 0"),
        ("flags", "0x1002", "adminstate=\"down\""),
        ("carrier_changes", "3", "node_network_carrier_changes_total{device=\"eth0\"} 3"),
    ] {
        devices.set("eth0", attribute, value);
        let text = devices.text();
        assert!(text.contains(expected), "{attribute}: {text}");
    }
    // Read again only because something that is watched has changed as well.
    devices.set("eth0", "duplex", "half");
    devices.set("eth0", "carrier_down_count", "2");
    devices.set("eth0", "carrier_changes", "4");
    let text = devices.text();
    assert!(
        text.contains("duplex=\"half\"") && text.contains("carrier_down_changes_total{device=\"eth0\"} 2"),
        "{text}"
    );
}

#[test]
fn without_files_that_may_stay_open_a_change_is_still_seen() {
    let mut devices = Devices::new(&["eth0", "eth1"], 0);
    devices.text();
    devices.set("eth1", "speed", "100");
    devices.set("eth1", "carrier_changes", "4");
    let text = devices.text();
    assert!(text.contains("node_network_speed_bytes{device=\"eth1\"} 12500000"), "{text}");
    assert_eq!(devices.machine.host.files.kept(), 0);
}

#[test]
fn half_of_the_files_that_may_stay_open_are_left_to_others() {
    let names: Vec<String> = (0..50).map(|number| format!("eth{number}")).collect();
    let mut devices = Devices::new(&names.iter().map(String::as_str).collect::<Vec<_>>(), 80);
    devices.text();
    assert_eq!(devices.machine.host.files.kept(), 40);
    devices.text();
    assert_eq!(devices.machine.host.files.kept(), 40);
}

/// `cargo test --release -p collectors --test netclass -- --ignored --nocapture`
#[test]
#[ignore = "only measures"]
fn what_five_hundred_devices_cost() {
    const SCRAPES: u32 = 40;
    let names: Vec<String> = (0..500).map(|number| format!("enp{number}s0f1np1")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    for (variant, max_kept_files) in [("all six kept", 20_000), ("the default budget", 2048), ("none kept", 0)] {
        let mut devices = Devices::new(&names, max_kept_files);
        let begin = Instant::now();
        devices.text();
        let first = begin.elapsed();
        devices.text();
        let (begin, cpu) = (Instant::now(), cpu_seconds());
        for _ in 0..SCRAPES {
            devices.text();
        }
        println!(
            "{variant}: {:?} at first, then {:?} ({:.2} ms of CPU) a scrape with {} files open",
            first,
            begin.elapsed() / SCRAPES,
            (cpu_seconds() - cpu) * 1e3 / f64::from(SCRAPES),
            devices.machine.host.files.kept()
        );
    }
}

fn cpu_seconds() -> f64 {
    rig::cost_of(std::process::id()).expect("this process").cpu_seconds
}
