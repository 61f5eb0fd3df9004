//! The flags as clap sees them: our own, those of every row of the table, and those that are accepted without effect.

use clap::{Arg, ArgAction, Command};
use collectors::{Flag, FlagKind, TABLE, TRUE_TYPES};
use kernel::Roots;

use super::profile::{self, Profile};
use crate::left_out;

/// Flags that cannot change while the agent runs; a configuration file that changes one of them is told so.
pub const FIXED: &[&str] = &[
    "log.format",
    "path.max-kept-files",
    "path.procfs",
    "path.rootfs",
    "path.sysfs",
    "path.udev.data",
    "web.config.file",
    "web.listen-address",
    "web.max-requests",
    "web.systemd-socket",
    "web.telemetry-path",
];

/// All flags. A profile gives some of them other defaults, which `--help` then shows.
pub fn command(profile: Option<&Profile>) -> Command {
    let mut command = Command::new("vitals-agent")
        .no_binary_name(true)
        .disable_version_flag(true)
        .args_override_self(false)
        .args(own_flags());
    for spec in TABLE {
        let state = if spec.is_on_by_default { "on" } else { "off" };
        let help = format!("collector {}: {} (default: {state})", spec.name, spec.help);
        command = command.arg(switch(&format!("collector.{}", spec.name), &help));
        command = command.args(spec.flags.iter().map(of_collector));
    }
    let absent = left_out::collectors().map(|name| switch(&format!("collector.{name}"), "").hide(true));
    let switches = left_out::switches().map(|name| switch(name, "").hide(true));
    let values = left_out::values().map(|name| list(name, "").hide(true));
    command = command.args(absent).args(switches).args(values);
    for &(flag, default) in profile.map_or(&[][..], |profile| profile.defaults) {
        if command.get_arguments().any(|arg| arg.get_id() == flag) {
            command = command.mut_arg(flag, |arg| arg.default_value(default));
        }
    }
    command
}

/// Whether the flag takes no value.
pub fn is_switch(command: &Command, name: &str) -> bool {
    let mut switches = command.get_arguments().filter(|one| one.get_num_args().is_some_and(|n| n.min_values() == 0));
    switches.any(|one| is_called(one, name))
}

/// The flag of this name or deprecated name.
pub fn find<'a>(command: &'a Command, name: &str) -> Option<&'a Arg> {
    command.get_arguments().find(|one| is_called(one, name))
}

fn is_called(arg: &Arg, name: &str) -> bool {
    arg.get_long() == Some(name) || arg.get_all_aliases().is_some_and(|aliases| aliases.contains(&name))
}

fn own_flags() -> Vec<Arg> {
    vec![
        text(
            "agent.config-file",
            "",
            "YAML file with flags by name; the command line wins; read again when it changes",
        ),
        text("profile", "", "other defaults for a surrounding; --help --profile=kubernetes shows them")
            .value_parser(profile::NAMES),
        text("path.procfs", Roots::PROCFS, "where procfs is mounted"),
        text("path.sysfs", Roots::SYSFS, "where sysfs is mounted"),
        text("path.rootfs", Roots::ROOTFS, "where the root of the machine is mounted"),
        text("path.udev.data", Roots::UDEV_DATA, "where udev keeps its data"),
        text("path.max-kept-files", "2048", "kernel files that are kept open between scrapes, at most"),
        switch("collector.disable-defaults", "switch all collectors off by default"),
        text("collector.series-limit", "50000", "series of one collector in one scrape, at most; 0 for no limit"),
        switch(TRUE_TYPES, "give series the types that they have by nature, where node_exporter's are others")
            .default_value("false"),
        list(
            "web.listen-address",
            "address to listen on: :9100, 127.0.0.1:9100, [::1]:9100, vsock://:9100; may be repeated",
        )
        .default_value(":9100"),
        text("web.telemetry-path", "/metrics", "path of the metrics"),
        switch("web.telemetry-containers", "the path of the metrics answers containers too, not only the node")
            .default_value("true"),
        text("web.max-requests", "40", "scrapes at the same time, at most; 0 for no limit"),
        switch("web.disable-exporter-metrics", "leave out promhttp_* and process_*; vitals_* stay"),
        text("web.timeout-offset", "0.5s", "taken off the scraper's timeout, so that the answer arrives in time"),
        text("web.config.file", "", "file with TLS and authentication, in the format of Prometheus' exporter-toolkit"),
        switch("web.systemd-socket", "serve on the sockets of a systemd .socket unit instead of --web.listen-address"),
        text("runtime.gomaxprocs", "1", "accepted; there is no Go runtime here").hide(true),
        text("log.level", "info", "least severity that is logged")
            .value_parser(["debug", "info", "warn", "error"])
            .ignore_case(true),
        text("log.format", "logfmt", "format of the log").value_parser(["logfmt", "json"]),
        Arg::new("version").long("version").action(ArgAction::SetTrue).help("print the version and end"),
    ]
}

fn of_collector(flag: &Flag) -> Arg {
    let arg = match flag.kind {
        FlagKind::Switch { default } => switch(flag.name, flag.help).default_value(default.to_string()),
        FlagKind::Text { default } => text(flag.name, default, flag.help),
        FlagKind::List => list(flag.name, flag.help),
    };
    arg.aliases(flag.aliases.iter().copied())
}

/// `--x`, `--x=true`, `--x=false`; `--no-x` has become the latter before.
fn switch(name: &str, help: &str) -> Arg {
    Arg::new(name.to_owned())
        .long(name.to_owned())
        .help(help.to_owned())
        .num_args(0..=1)
        .require_equals(true)
        .default_missing_value("true")
        .value_parser(["true", "false"])
        .hide_possible_values(true)
        .value_name("true|false")
}

fn text(name: &'static str, default: &'static str, help: &'static str) -> Arg {
    let arg = Arg::new(name).long(name).help(help).value_name("VALUE");
    if default.is_empty() { arg } else { arg.default_value(default) }
}

fn list(name: &'static str, help: &'static str) -> Arg {
    Arg::new(name).long(name).help(help).value_name("VALUE").action(ArgAction::Append)
}
