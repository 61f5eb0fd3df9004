//! The flags of a real node_exporter, as it lists them, beside ours: every one is accepted, with the same default.

use std::process::Command;

use collectors::TABLE;

use super::command;

/// Where ours differ from the program that the tests have, and why.
const OTHER_DEFAULTS: &[(&str, &str)] = &[
    ("collector.filesystem.mount-points-exclude", "Debian's package has a default of its own; ours is node_exporter's"),
    ("collector.filesystem.stat-workers", "ours wait for mounts that may hang only, so more of them may"),
    ("collector.systemd.unit-exclude", "Debian's package has a default of its own"),
    ("collector.textfile.directory", "Debian's package has a default of its own"),
    ("runtime.gomaxprocs", "no effect here"),
];

/// On in Debian's package, off in node_exporter itself.
const ON_IN_DEBIAN: &[&str] = &["systemd"];

struct Theirs {
    name: String,
    /// `None` for a switch.
    value: Option<String>,
    help: String,
}

/// The flags of a page of manual: `\fB--name="default"\fR`, and the line behind it.
fn listed(manual: &str) -> Vec<Theirs> {
    let mut lines = manual.lines();
    let mut flags = Vec::new();
    while let Some(line) = lines.next() {
        let Some(flag) = line.strip_prefix(r"\fB--").and_then(|rest| rest.strip_suffix(r"\fR")) else { continue };
        let (name, value) = match flag.split_once('=') {
            // `...` stands behind a flag that may be repeated.
            Some((name, value)) => (name, Some(value.trim_end_matches(" ...").trim_end_matches("...").to_owned())),
            None => (flag, None),
        };
        let help = lines.next().unwrap_or_default().to_owned();
        flags.push(Theirs { name: name.trim_start_matches("[no-]").to_owned(), value, help });
    }
    flags
}

/// What stands in a manual for a value without a default is the flag's name in capitals.
fn default_of(flag: &Theirs) -> Option<String> {
    let value = flag.value.as_ref()?;
    if *value == flag.name.to_uppercase() || value.starts_with('<') {
        return None;
    }
    let quoted = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    Some(quoted.map_or_else(|| value.clone(), |text| text.replace(r"\\", r"\").replace(r#"\""#, "\"")))
}

#[test]
fn every_flag_of_node_exporter_is_accepted_with_the_same_default() {
    let Some(peer) = rig::peer("prometheus-node-exporter") else {
        rig::skip("the flags of node_exporter beside ours", "no such program; tests/peers gets it");
        return;
    };
    let output = Command::new(&peer.path).arg("--help-man").envs(peer.environment).output().expect("it runs");
    let manual = String::from_utf8_lossy(&output.stdout);
    let ours = command(None);
    let flags = listed(&manual);
    assert!(flags.len() > 150, "only {} flags found: the manual is read wrongly", flags.len());
    let mut wrong = Vec::new();
    for flag in &flags {
        let name = flag.name.as_str();
        if name.ends_with(", --help") || ["help", "help-long", "help-man", "version"].contains(&name) {
            continue;
        }
        let Some(arg) = command::find(&ours, name) else {
            wrong.push(format!("--{name} is not known"));
            continue;
        };
        if command::is_switch(&ours, name) != flag.value.is_none() {
            wrong.push(format!("--{name} is a switch in one of both only"));
        }
        let is_ours = arg.get_id() == name && !arg.is_hide_set();
        if is_ours && OTHER_DEFAULTS.iter().all(|(other, _)| *other != name) {
            let defaults = arg.get_default_values().iter().map(|value| value.to_string_lossy()).collect::<Vec<_>>();
            let theirs = default_of(flag).filter(|text| !text.is_empty());
            if flag.value.is_some() && defaults.first().map(|text| text.to_string()) != theirs {
                wrong.push(format!("--{name} has the default {defaults:?}, theirs is {theirs:?}"));
            }
        }
        let row = name.strip_prefix("collector.").and_then(|name| TABLE.iter().find(|spec| spec.name == name));
        if let Some(row) = row
            && flag.help.contains("(default: enabled)") != row.is_on_by_default
            && !ON_IN_DEBIAN.contains(&row.name)
        {
            wrong.push(format!("--{name}: on by default in one of both only"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Deprecated and hidden flags, which no `--help` lists.
const UNLISTED: &[&str] = &[
    "collector.diskstats.ignored-devices",
    "collector.filesystem.ignored-fs-types",
    "collector.filesystem.ignored-mount-points",
    "collector.filesystem.mount-timeout",
    "collector.filesystem.stat-workers",
    "collector.netdev.device-blacklist",
    "collector.netdev.device-whitelist",
    "collector.qdisk.device-exclude",
    "collector.qdisk.device-include",
    "collector.systemd.private",
    "collector.systemd.unit-blacklist",
    "collector.systemd.unit-whitelist",
];

#[test]
fn flags_that_node_exporter_does_not_list_are_accepted_too() {
    let ours = command(None);
    for flag in UNLISTED {
        assert!(command::find(&ours, flag).is_some(), "--{flag}");
    }
}
