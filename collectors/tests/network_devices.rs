//! Network devices of real kinds in a network namespace of their own: `netdev`, `netclass` and `ethtool` beside the real
//! node_exporter under every combination of their flags, and while devices come and go all the time. Needs root, `ip`
//! and `unshare`; skipped without.

mod machine;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use collectors::Outcome;
use machine::{Machine, collect, row};
use rig::{Page, Program, free_port, get, is_root, peer, series, skip};

/// One kind a line: what `ip link add` takes. A kernel may lack some.
const DEVICES: &[&str] = &[
    "veth0 type veth peer name veth1",
    "br0 type bridge",
    "vlan7 link veth0 type vlan id 7",
    "bond0 type bond",
    "dummy0 type dummy",
    "macvlan0 link veth1 type macvlan",
    "vxlan0 type vxlan id 5 dstport 4789",
    "ifb7 type ifb",
    "sit1 type sit local 192.0.2.1",
];

/// What makes them interesting: addresses, an alias that must be escaped, further names, another MTU, states.
const SETTINGS: &[&str] = &[
    "link set lo up",
    "link set veth0 up",
    "link set veth1 up alias to\\the\"rack\"_é",
    "link set br0 mtu 1400 up",
    "link set veth1 txqueuelen 77 group 5",
    "link property add dev veth0 altname a-much-longer-name-of-veth0",
    "link property add dev veth0 altname uplink",
    "link set bond0 up",
    "link set dummy0 master bond0",
    "address add 192.0.2.1/24 dev veth0",
    "address add 192.0.2.7/24 dev veth0",
    "address add 10.9.9.1 peer 10.9.9.2 dev veth1",
    "address add 169.254.3.4/16 dev br0",
    "address add 2001:db8::5/64 dev veth0 nodad",
    "address add fd00::1/48 dev br0 nodad",
];

#[test]
fn all_flags_tell_the_same_as_node_exporter() {
    if peer("prometheus-node-exporter").is_none() {
        return skip("network devices beside node_exporter", "no such program; tests/peers gets it");
    }
    in_namespaces("within_namespaces_flags");
}

#[test]
fn devices_that_come_and_go_cost_only_themselves() {
    in_namespaces("within_namespaces_churn");
}

/// Runs a test of this file that is ignored otherwise, with networks, processes and mounts of its own.
fn in_namespaces(test: &str) {
    let has = |program: &str| Command::new(program).arg("--help").stderr(Stdio::null()).stdout(Stdio::null()).status();
    if !is_root() || has("ip").is_err() || has("unshare").is_err() {
        return skip("network devices", "needs root, ip and unshare");
    }
    let output = Command::new("unshare")
        .args(["--net", "--pid", "--fork", "--mount", "--mount-proc"])
        .arg(std::env::current_exe().expect("this test"))
        .args(["--ignored", "--exact", "--nocapture", test])
        .output()
        .expect("unshare");
    let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    if text.contains("Operation not permitted") && !text.contains("panicked") {
        return skip("network devices", "no namespaces may be made here");
    }
    assert!(output.status.success(), "{text}");
    text.lines().filter(|line| line.starts_with("network devices: ")).for_each(|line| println!("{line}"));
}

#[test]
#[ignore = "run in namespaces by all_flags_tell_the_same_as_node_exporter"]
fn within_namespaces_flags() {
    make_devices();
    let mut compared = 0;
    for netlink in [true, false] {
        for addresses in [true, false] {
            for detailed in [true, false] {
                for alias in [true, false] {
                    let flags = [
                        ("collector.netdev.netlink", netlink),
                        ("collector.netdev.address-info", addresses),
                        ("collector.netdev.enable-detailed-metrics", detailed),
                        ("collector.netdev.label-ifalias", alias),
                    ];
                    compared += compare("netdev", &flags.map(|(name, value)| (name, value.to_string())));
                }
            }
        }
    }
    for (collector, flags) in [
        ("netdev", &[("collector.netdev.device-include", "^(veth|lo)")][..]),
        ("netdev", &[("collector.netdev.device-exclude", "veth"), ("collector.netdev.address-info", "true")]),
        ("netdev", &[("collector.netdev.device-include", "0$"), ("collector.netdev.address-info", "true")]),
        ("netclass", &[]),
        ("netclass", &[("collector.netclass.ignored-devices", "^(veth.*|lo)$")]),
        ("netclass", &[("collector.netclass.ignore-invalid-speed", "true")]),
        ("netclass", &[("collector.netclass.netlink", "true")]),
        ("netclass", &[("collector.netclass.netlink", "true"), ("collector.netclass_rtnl.with-stats", "true")]),
        ("netclass", &[("collector.netclass.netlink", "true"), ("collector.netclass.ignored-devices", "br")]),
        ("ethtool", &[]),
        ("ethtool", &[("collector.ethtool.device-exclude", "^veth0$")]),
        ("ethtool", &[("collector.ethtool.metrics-include", "^(peer_ifindex|rx_queue_0_.*)$")]),
        ("bonding", &[]),
    ] {
        let flags: Vec<_> = flags.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        compared += compare(collector, &flags);
    }
    println!("network devices: {compared} series are equal");
}

/// The page of one collector, ours between two of theirs: counters must not lie outside.
fn compare(collector: &str, flags: &[(&str, String)]) -> usize {
    let peer = peer("prometheus-node-exporter").expect("found before");
    let address = format!("127.0.0.1:{}", free_port());
    let mut arguments = vec![
        format!("--web.listen-address={address}"),
        "--collector.disable-defaults".to_owned(),
        format!("--collector.{collector}"),
    ];
    arguments.extend(flags.iter().map(|(name, value)| match value.as_str() {
        "true" => format!("--{name}"),
        "false" => format!("--no-{name}"),
        _ => format!("--{name}={value}"),
    }));
    let environment: Vec<(&str, &str)> =
        peer.environment.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let mut program = Program::start_with(Path::new(&peer.path), &arguments, &environment);
    program.wait_ready(&address, "/");
    let text = || String::from_utf8(get(&address, "/metrics").expect("an answer").body).expect("UTF-8");
    let flags: Vec<(&str, &str)> = flags.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let machine = Machine::here().with(&flags);

    let before = text();
    let ours = machine.collect(row(collector));
    let after = text();
    let is_answer = matches!(ours.outcome, Ok(Outcome::Collected | Outcome::Absent(_)));
    assert!(is_answer && ours.problems.is_empty(), "{collector} {flags:?}: {:?} {:?}", ours.outcome, ours.problems);
    assert_eq!(types(&before), types(&ours.text), "{collector} {flags:?}");
    let (before, ours, after) = (of_devices(&before), of_devices(&ours.text), of_devices(&after));
    let keys: BTreeSet<&String> = before.keys().chain(ours.keys()).collect();
    let differences: Vec<String> = keys
        .into_iter()
        .filter_map(|key| match (before.get(key), ours.get(key), after.get(key)) {
            (Some(before), Some(ours), Some(after)) if before <= ours && ours <= after => None,
            other => Some(format!("{key}: {other:?}")),
        })
        .collect();
    assert!(differences.is_empty(), "{collector} {flags:?}:\n{}", differences.join("\n"));
    before.len()
}

fn of_devices(text: &str) -> Page {
    let mut page = series(text);
    page.retain(|key, _| is_of_devices(key));
    page
}

fn is_of_devices(name: &str) -> bool {
    ["node_network_", "node_ethtool_", "node_bonding_"].iter().any(|prefix| name.starts_with(prefix))
}

fn types(text: &str) -> BTreeSet<&str> {
    text.lines().filter_map(|line| line.strip_prefix("# TYPE ").filter(|family| is_of_devices(family))).collect()
}

#[test]
fn what_the_kernel_announces_is_told_at_once() {
    in_namespaces("within_namespaces_announcements");
}

#[test]
#[ignore = "run in namespaces by what_the_kernel_announces_is_told_at_once"]
fn within_namespaces_announcements() {
    make_devices();
    let mut netclass = Machine::here().build(row("netclass"));
    collect(&mut *netclass);
    // None of these changes flags, carrier_changes or operstate.
    for (setting, expected) in [
        ("link set veth0 alias storage", "ifalias=\"storage\""),
        ("link set veth0 address 02:00:5e:10:00:01", "address=\"02:00:5e:10:00:01\""),
        ("link set veth0 group 9", "node_network_net_dev_group{device=\"veth0\"} 9"),
        ("link set veth0 txqueuelen 55", "node_network_transmit_queue_length{device=\"veth0\"} 55"),
        ("link set veth0 mtu 1300", "node_network_mtu_bytes{device=\"veth0\"} 1300"),
    ] {
        assert!(run("ip", setting), "{setting}");
        let collected = collect(&mut *netclass);
        assert!(collected.text.contains(expected), "{setting}: {}", collected.text);
    }
    println!("network devices: what was announced was told at once");
}

#[test]
#[ignore = "run in namespaces by devices_that_come_and_go_cost_only_themselves"]
fn within_namespaces_churn() {
    make_devices();
    let switches = [
        ("collector.netdev.address-info", "true"),
        ("collector.netdev.label-ifalias", "true"),
        ("collector.netclass.ignore-invalid-speed", "true"),
    ];
    let by_file = ("collector.netdev.netlink", "false");
    let by_netlink = ("collector.netclass.netlink", "true");
    let mut collectors: Vec<_> = [
        ("netdev", &switches[..]),
        ("netdev", &[switches[0], by_file]),
        ("netclass", &switches[..]),
        ("netclass", &[by_netlink]),
        ("ethtool", &switches[..]),
    ]
    .map(|(name, flags)| (name, Machine::here().with(flags).build(row(name))))
    .into();
    let stable = |text: &str| -> BTreeSet<String> {
        let mut page = of_devices(text);
        page.retain(|key, _| !key.contains("\"passing"));
        page.into_keys().collect()
    };
    let expected: Vec<_> =
        collectors.iter_mut().map(|(_, collector)| stable(&collect(&mut **collector).text)).collect();
    assert!(expected.iter().all(|keys| keys.len() > 20), "too few series");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let batch = |name: &str, line: fn(usize) -> String| {
        let path = folder.path().join(name);
        fs::write(&path, (0..100).map(line).collect::<String>()).expect("written");
        path
    };
    // Each line is two devices.
    let add = batch("add", |number| format!("link add passing{number} type veth peer name passingby{number}\n"));
    let remove = batch("remove", |number| format!("link delete passing{number}\n"));
    let (is_over, mut seen_passing) = (AtomicBool::new(false), 0);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                for file in [&add, &remove] {
                    let output = Command::new("ip").arg("-batch").arg(file).output().expect("ip");
                    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
                }
            }
        });
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            for _ in 0..60 {
                for ((name, collector), expected) in collectors.iter_mut().zip(&expected) {
                    let collected = collect(&mut **collector);
                    assert_eq!(collected.outcome, Ok(Outcome::Collected), "{name}");
                    let lost: Vec<_> = expected.difference(&stable(&collected.text)).cloned().collect();
                    assert!(lost.is_empty(), "{name}: lost {lost:?}");
                    let strange: Vec<_> = collected.problems.iter().filter(|problem| !is_of_passing(problem)).collect();
                    assert!(strange.is_empty(), "{name}: {strange:?}");
                    seen_passing += collected.text.matches("\"passing").count();
                }
                std::thread::sleep(Duration::from_millis(5));
            }
        }));
        is_over.store(true, Ordering::Relaxed);
        if let Err(panic) = result {
            std::panic::resume_unwind(panic);
        }
    });
    assert!(seen_passing > 1000, "devices were seen passing only {seen_passing} times");
    println!("network devices: nothing else was lost while devices were seen passing {seen_passing} times");
}

/// A dump that was interrupted again and again says so.
fn is_of_passing(problem: &str) -> bool {
    problem.contains("passing") || problem.contains("changed all the time")
}

fn make_devices() {
    run("mount", "-t sysfs sysfs /sys");
    let made = DEVICES.iter().filter(|device| run("ip", &format!("link add {device}"))).count();
    assert!(made >= 2, "only {made} kinds of devices");
    for setting in SETTINGS {
        run("ip", setting);
    }
    // Addresses of a link that comes up are announced, and its state is told with a delay.
    std::thread::sleep(Duration::from_secs(2));
}

fn run(program: &str, arguments: &str) -> bool {
    let output = Command::new(program).args(arguments.split(' ')).output().expect("a program");
    output.status.success()
}
