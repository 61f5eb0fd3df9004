//! `docs/metrics.md`, made from the table, from what the agent says of itself, and (labels) from what the collectors say
//! of the fake machines. `UPDATE_DOCS=1 cargo test --bin vitals-agent metrics_doc` writes it anew.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use collectors::{FlagKind, Options, Runner, Spec, TABLE};
use exposition::{Dialect, Page, assemble};
use kernel::Host;

use crate::agent::Agent;
use crate::flags::{self, Wish, profile};
use crate::own_metrics;

const HEAD: &str = "# Metrics of the agent

Made from the table of collectors; do not edit. `UPDATE_DOCS=1 cargo test --bin vitals-agent metrics_doc` writes it anew.

Node series have node_exporter's names, labels and types. A name with `<...>` stands for one family per field of a kernel
file. Labels in brackets are not on every series. With `--true-types` the families marked ¹ have the type that they have
by nature: fields that only grow are counters, states are gauges. Under OpenMetrics a counter whose name does not end in
`_total` is `unknown`, so that no series changes its name with the format.

";

/// Families whose types `--true-types` changes begin so.
const TRUE_TYPES: &[&str] = &[
    "node_ethtool_received_",
    "node_ethtool_transmitted_",
    "node_netstat_<",
    "node_nf_conntrack_stat_",
    "node_systemd_socket_refused_",
    "node_vmstat_<",
    "node_zfs_<",
    "node_zfs_zpool_<",
    "node_zfs_zpool_dataset_<",
];

/// Labels of families that no fake machine shows (they come from system calls, sockets, the clock, rare hardware), by
/// the start of the family's name; the first that fits counts.
const NOT_SHOWN: &[(&str, &str)] = &[
    ("container_fs_", "device, id, [image], [name]"),
    ("container_", "id, [image], [name]"),
    ("node_btrfs_device_errors_total", "device, type, uuid"),
    ("node_btrfs_device_", "device, uuid"),
    ("node_ethtool_info", "bus_info, device, driver, expansion_rom_version, firmware_version, version"),
    ("node_ethtool_", "device"),
    ("node_filesystem_mount_info", "device, major, minor, mountpoint"),
    ("node_filesystem_", "device, device_error, fstype, mountpoint"),
    ("node_logind_sessions", "class, remote, seat, type"),
    ("node_network_address_info", "address, device, netmask, scope"),
    ("node_network_altnames_info", "altname, device"),
    ("node_network_advertised_speed_bytes", "device, duplex, mode"),
    ("node_network_route_info", "dest, device, gw, priority, proto, src, weight"),
    ("node_network_supported_port_info", "device, type"),
    ("node_network_supported_speed_bytes", "device, duplex, mode"),
    ("node_network_", "device"),
    ("node_perf_", "cpu"),
    ("node_power_supply_", "power_supply"),
    ("node_qdisc_", "device, kind"),
    ("node_rapl_joules_total", "index, path, rapl_zone"),
    ("node_systemd_system_running", ""),
    ("node_systemd_unit_state", "name, state, type"),
    ("node_systemd_units", "state"),
    ("node_systemd_version", "version"),
    ("node_systemd_virtualization_info", "virtualization_type"),
    ("node_systemd_", "name"),
    ("node_tcp_connection_states", "state"),
    ("node_textfile_mtime_seconds", "file"),
    ("node_time_seconds", ""),
    ("node_time_zone_offset_seconds", "time_zone"),
    ("node_timex_", ""),
    ("node_uname_info", "domainname, machine, nodename, release, sysname, version"),
    ("node_watchdog_", "name"),
    ("node_wifi_interface_", "device"),
    ("node_wifi_station_info", "bssid, device, mode, ssid"),
    ("node_wifi_station_", "device, mac_address"),
];

/// Label names by family; true where every series has it.
type Labels = BTreeMap<String, BTreeMap<String, bool>>;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Adds the label names of every series of an exposition.
fn learn(text: &str, labels: &mut Labels) {
    let mut family = String::new();
    for line in text.lines() {
        if let Some(declared) = line.strip_prefix("# TYPE ") {
            family = declared.split(' ').next().unwrap_or_default().to_owned();
        }
        if line.starts_with('#') || line.is_empty() {
            continue;
        }
        let names = label_names(line);
        match labels.get_mut(&family) {
            Some(known) => {
                for (name, is_always) in known.iter_mut() {
                    *is_always &= names.contains(name);
                }
                for name in names {
                    known.entry(name).or_insert(false);
                }
            }
            None => {
                labels.insert(family.clone(), names.into_iter().map(|name| (name, true)).collect());
            }
        }
    }
}

/// Of one sample line.
fn label_names(line: &str) -> BTreeSet<String> {
    let Some((_, mut rest)) = line.split_once('{') else { return BTreeSet::new() };
    let mut names = BTreeSet::new();
    while let Some((name, value)) = rest.split_once("=\"") {
        names.insert(name.trim_start_matches(',').to_owned());
        let mut is_escaped = false;
        let end = value.find(|c| {
            let is_end = c == '"' && !is_escaped;
            is_escaped = c == '\\' && !is_escaped;
            is_end
        });
        let Some(end) = end else { break };
        rest = &value[end + 1..];
        if rest.starts_with('}') {
            break;
        }
    }
    names
}

fn labels_of_fake_machines() -> Labels {
    let mut labels = Labels::new();
    let hosts = fs::read_dir(root().join("fixtures/hosts")).expect("fake machines");
    let mut folders: Vec<PathBuf> = hosts.map(|host| host.expect("a machine").path().join("expected")).collect();
    folders.sort();
    for folder in folders.iter().filter(|folder| folder.is_dir()) {
        for golden in fs::read_dir(folder).expect("goldens") {
            learn(&fs::read_to_string(golden.expect("a golden").path()).expect("text"), &mut labels);
        }
    }
    labels
}

/// What is known of the labels of a family, which may stand for many.
fn labels_of(family: &str, labels: &Labels) -> Option<String> {
    let pattern: String = regex_of(family);
    let pattern = regex::Regex::new(&pattern).expect("a pattern");
    let mut joined: Option<BTreeMap<String, bool>> = None;
    for (_, names) in labels.iter().filter(|(name, _)| pattern.is_match(name)) {
        let known = joined.get_or_insert_with(|| names.clone());
        for (name, is_always) in names {
            let known = known.entry(name.clone()).or_insert(false);
            *known &= is_always;
        }
        for (name, is_always) in known.iter_mut() {
            *is_always &= names.contains_key(name);
        }
    }
    let words = |(name, is_always): (String, bool)| if is_always { name } else { format!("[{name}]") };
    let seen = joined.map(|names| names.into_iter().map(words).collect::<Vec<_>>().join(", "));
    let not_shown = || NOT_SHOWN.iter().find(|(start, _)| family.starts_with(start));
    seen.or_else(|| not_shown().map(|(_, labels)| (*labels).to_owned()))
}

/// `node_netstat_<Protocol>_<Field>` matches all that it stands for.
fn regex_of(family: &str) -> String {
    let mut pattern = "^".to_owned();
    for (place, part) in family.split(['<', '>']).enumerate() {
        pattern += if place % 2 == 0 { part } else { "[^{]+" };
    }
    pattern + "$"
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

fn collector(spec: &Spec, labels: &Labels, document: &mut String) {
    let state = if spec.is_on_by_default { "on" } else { "off" };
    // Writing to a string cannot fail.
    let _ = writeln!(
        document,
        "## {}\n\n`--[no-]collector.{}`, {state} by default: {}.\n",
        spec.name, spec.name, spec.help
    );
    if !spec.flags.is_empty() {
        let _ = writeln!(document, "| flag | default | meaning |\n| --- | --- | --- |");
        for flag in spec.flags {
            let default = match flag.kind {
                FlagKind::Switch { default } => default.to_string(),
                FlagKind::Text { default: "" } | FlagKind::List => String::new(),
                FlagKind::Text { default } => format!("`{}`", cell(default)),
            };
            let aliases: Vec<_> = flag.aliases.iter().map(|alias| format!("`--{alias}`")).collect();
            let also = if aliases.is_empty() { String::new() } else { format!(" (also {})", aliases.join(", ")) };
            let _ = writeln!(document, "| `--{}`{also} | {default} | {} |", flag.name, cell(flag.help));
        }
        document.push('\n');
    }
    let families = spec.families.iter().map(|family| (family.name, family.kind.as_str(), family.help));
    table(families, labels, document);
}

fn table<'a>(families: impl Iterator<Item = (&'a str, &'a str, &'a str)>, labels: &Labels, document: &mut String) {
    let _ = writeln!(document, "| family | type | labels | meaning |\n| --- | --- | --- | --- |");
    for (name, kind, help) in families {
        let mark = if TRUE_TYPES.iter().any(|start| name.starts_with(start)) { "¹" } else { "" };
        let labels = labels_of(name, labels).unwrap_or_else(|| "?".to_owned());
        let _ = writeln!(document, "| `{name}` | {kind}{mark} | {labels} | {} |", cell(help));
    }
    document.push('\n');
}

/// What the agent says of itself, as an exposition.
fn own_exposition() -> String {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("vitals.yml");
    fs::write(&file, "collector.disable-defaults: true\ncollector.loadavg: true\n").expect("written");
    let Ok(Wish::Serve(flags)) = flags::parse([format!("--agent.config-file={}", file.display())]) else {
        panic!("good flags")
    };
    let host = Host::default();
    let runner = Runner::new(host.clone(), TABLE, flags.plan.clone(), Options::default()).expect("good settings");
    let agent = Agent::new(*flags, host, runner);
    let collected = agent.runner.collect(&agent.runner.everything(), Instant::now() + Duration::from_secs(10));
    let mut own = Page::new();
    own_metrics::write(&agent, &mut own);
    let report = collected.pages().next().expect("the report comes first");
    let mut text = Vec::new();
    assemble([&own, report], Dialect::Text, &mut text);
    String::from_utf8(text).expect("UTF-8")
}

fn document() -> String {
    let mut document = HEAD.to_owned();
    let labels = labels_of_fake_machines();
    let mut rows: Vec<&Spec> = TABLE.iter().collect();
    rows.sort_by_key(|spec| spec.name);
    for spec in rows {
        collector(spec, &labels, &mut document);
    }
    for profile in profile::ALL {
        let _ =
            writeln!(document, "## Defaults with `--profile={}`\n\n| flag | default |\n| --- | --- |", profile.name);
        for (flag, default) in profile.defaults {
            let _ = writeln!(document, "| `--{flag}` | `{}` |", cell(default));
        }
        document.push('\n');
    }
    document +=
        "## The agent itself\n\n`process_*` and `promhttp_*` are left out with `--web.disable-exporter-metrics`.\n\n";
    let own = own_exposition();
    let mut labels = Labels::new();
    learn(&own, &mut labels);
    let declared = |word: &'static str| {
        own.lines().filter_map(move |line| line.strip_prefix("# ")?.strip_prefix(word)?.split_once(' '))
    };
    let helps: BTreeMap<_, _> = declared("HELP ").collect();
    table(declared("TYPE ").map(|(name, kind)| (name, kind, helps[name])), &labels, &mut document);
    document.trim_end().to_owned() + "\n"
}

#[test]
fn the_list_of_metrics_is_that_of_the_table() {
    let path = root().join("docs/metrics.md");
    let document = document();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, &document).expect("written");
        return;
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    let line = written.lines().zip(document.lines()).position(|(written, made)| written != made);
    let place = line.unwrap_or_else(|| written.lines().count().min(document.lines().count()));
    assert!(
        written == document,
        "docs/metrics.md differs from the table in line {}: {:?}; UPDATE_DOCS=1 writes it anew",
        place + 1,
        document.lines().nth(place)
    );
}

#[test]
fn labels_are_told_from_expositions() {
    let mut labels = Labels::new();
    learn("# TYPE a_x counter\na_x{b=\"1,c=\\\"\",d=\"\"} 1\na_x{d=\"2\"} 2\n# TYPE a_y gauge\na_y 1\n", &mut labels);
    assert_eq!(labels_of("a_x", &labels).as_deref(), Some("[b], d"));
    assert_eq!(labels_of("a_y", &labels).as_deref(), Some(""));
    assert_eq!(labels_of("a_<z>", &labels).as_deref(), Some("[b], [d]"));
    assert_eq!(labels_of("b", &labels), None);
}
