//! `--true-types`: the same series and values as without, with the types that they have by nature.

mod machine;

use std::collections::BTreeMap;

use machine::{FLAGS, Machine, hosts, rows_from_files};

/// Families whose type the flag changes, with both types: `Protocol_Field` and the like stand for many.
fn types(text: &str) -> BTreeMap<&str, &str> {
    text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' ')).collect()
}

fn samples(text: &str) -> Vec<&str> {
    text.lines().filter(|line| !line.starts_with('#')).collect()
}

#[test]
fn only_types_change() {
    let mut changed: BTreeMap<String, String> = BTreeMap::new();
    for (name, folder) in hosts() {
        let plain = Machine::below(&folder).with(FLAGS);
        let all = [("collector.netstat.fields", ".*"), ("collector.vmstat.fields", ".*")];
        let plain = plain.with(&all);
        let truly = Machine::below(&folder).with(FLAGS).with(&all).with(&[(collectors::TRUE_TYPES, "true")]);
        for spec in rows_from_files().filter(|spec| !["containers", "textfile"].contains(&spec.name)) {
            let (before, after) = (plain.collect(spec).text, truly.collect(spec).text);
            let is_steady = |line: &&&str| !line.starts_with("node_time_");
            let (old, new) = (samples(&before), samples(&after));
            let differs = old.iter().filter(is_steady).zip(new.iter().filter(is_steady)).find(|(old, new)| old != new);
            assert_eq!(differs, None, "{name}, {}", spec.name);
            let after = types(&after);
            for (family, kind) in types(&before) {
                if after[family] != kind {
                    changed.insert(family.to_owned(), format!("{kind} to {}", after[family]));
                }
            }
        }
    }
    for (family, change) in [
        ("node_netstat_Tcp_CurrEstab", "untyped to gauge"),
        ("node_netstat_Tcp_InSegs", "untyped to counter"),
        ("node_netstat_Ip_Forwarding", "untyped to gauge"),
        ("node_nf_conntrack_stat_drop", "gauge to counter"),
        ("node_vmstat_nr_free_pages", "untyped to gauge"),
        ("node_vmstat_pgfault", "untyped to counter"),
        ("node_zfs_arc_c_max", "untyped to gauge"),
        ("node_zfs_arc_hits", "untyped to counter"),
        ("node_zfs_zpool_nread", "untyped to counter"),
    ] {
        assert_eq!(changed.get(family).map(String::as_str), Some(change), "{family}");
    }
    let is_meant = |family: &String| {
        let started = ["node_netstat_", "node_nf_conntrack_stat_", "node_vmstat_", "node_zfs_"];
        started.iter().any(|start| family.starts_with(start)) || family.ends_with("_total")
    };
    let others: Vec<_> = changed.keys().filter(|family| !is_meant(family)).collect();
    assert!(others.is_empty(), "{others:?}");
}
