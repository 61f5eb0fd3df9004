//! The command line: node_exporter's flags, most of them from the table of collectors, and a few of our own.
//!
//! As there, a flag given twice is refused unless it is a list, and whatever is wrong is one line.

use std::time::Duration;

use clap::error::{ContextKind, ErrorKind};
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command};
use collectors::{FlagKind, Settings, Spec, TABLE};
use kernel::Roots;

use crate::{arguments, not_yet, version};

pub struct Flags {
    pub enabled: Vec<&'static Spec>,
    pub settings: Settings,
    pub roots: Roots,
    pub max_kept_files: usize,
    /// Series of one collector in one scrape; 0 for no limit.
    pub series_limit: usize,
    pub listen_addresses: Vec<String>,
    pub telemetry_path: String,
    /// Scrapes at the same time; 0 for no limit.
    pub max_requests: usize,
    /// Whether `process_*` and `promhttp_*` are left out.
    pub hides_exporter_metrics: bool,
    /// Taken off the scraper's timeout, so that the answer reaches it in time.
    pub timeout_offset: Duration,
    pub log_level: tracing::Level,
    pub logs_json: bool,
    /// What was accepted though it has no effect.
    pub warnings: Vec<String>,
}

/// What the command line asks for.
pub enum Wish {
    Serve(Box<Flags>),
    /// Print a text and end: `--help`, `--version`.
    Print(String),
}

pub fn parse(arguments: impl IntoIterator<Item = String>) -> Result<Wish, String> {
    let arguments = arguments::expand(arguments)?;
    let command = command();
    let is_switch = |name: &str| {
        let mut switches =
            command.get_arguments().filter(|one| one.get_num_args().is_some_and(|n| n.min_values() == 0));
        switches.any(|one| one.get_long() == Some(name))
    };
    let arguments = arguments::unfold_negations(arguments, is_switch);
    match command.try_get_matches_from(arguments) {
        Ok(matches) if matches.get_flag("version") => Ok(Wish::Print(version::text())),
        Ok(matches) => Ok(Wish::Serve(Box::new(Flags::from_matches(&matches)?))),
        Err(error) if error.kind() == ErrorKind::DisplayHelp => Ok(Wish::Print(error.render().to_string())),
        Err(error) => Err(format!("{}, try --help", one_line(&error))),
    }
}

fn command() -> Command {
    let mut command = Command::new("vitals-agent")
        .no_binary_name(true)
        .disable_version_flag(true)
        .args_override_self(false)
        .args(own_flags());
    for spec in TABLE {
        let state = if spec.is_on_by_default { "on" } else { "off" };
        let help = format!("collector {}: {} (default: {state})", spec.name, spec.help);
        command = command.arg(switch(&format!("collector.{}", spec.name), &help));
        for flag in spec.flags {
            let arg = match flag.kind {
                FlagKind::Switch { default } => switch(flag.name, flag.help).default_value(default.to_string()),
                FlagKind::Text { default } => text(flag.name, default, flag.help),
                FlagKind::List => list(flag.name, flag.help),
            };
            command = command.arg(arg.aliases(flag.aliases.iter().copied()));
        }
    }
    let absent = not_yet::collectors().map(|name| switch(&format!("collector.{name}"), "").hide(true));
    let switches = not_yet::switches().map(|name| switch(name, "").hide(true));
    let values = not_yet::values().map(|name| list(name, "").hide(true));
    command.args(absent).args(switches).args(values)
}

fn own_flags() -> Vec<Arg> {
    vec![
        text("path.procfs", Roots::PROCFS, "where procfs is mounted"),
        text("path.sysfs", Roots::SYSFS, "where sysfs is mounted"),
        text("path.rootfs", Roots::ROOTFS, "where the root of the machine is mounted"),
        text("path.udev.data", Roots::UDEV_DATA, "where udev keeps its data"),
        text("path.max-kept-files", "2048", "kernel files that are kept open between scrapes, at most"),
        switch("collector.disable-defaults", "switch all collectors off by default"),
        text("collector.series-limit", "50000", "series of one collector in one scrape, at most; 0 for no limit"),
        list("web.listen-address", "address to listen on: :9100, 127.0.0.1:9100, [::1]:9100; may be repeated")
            .default_value(":9100"),
        text("web.telemetry-path", "/metrics", "path of the metrics"),
        text("web.max-requests", "40", "scrapes at the same time, at most; 0 for no limit"),
        switch("web.disable-exporter-metrics", "leave out metrics about the agent itself (promhttp_*, process_*)"),
        text("web.timeout-offset", "0.5s", "taken off the scraper's timeout, so that the answer arrives in time"),
        text("web.config.file", "", "TLS and authentication; does not exist yet"),
        switch("web.systemd-socket", "sockets from systemd; does not exist yet").hide(true),
        text("log.level", "info", "least severity that is logged").value_parser(["debug", "info", "warn", "error"]),
        text("log.format", "logfmt", "format of the log").value_parser(["logfmt", "json"]),
        Arg::new("version").long("version").action(ArgAction::SetTrue).help("print the version and end"),
    ]
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
    let arg = Arg::new(name).long(name).help(help).value_name("VALUE").allow_hyphen_values(true);
    if default.is_empty() { arg } else { arg.default_value(default) }
}

fn list(name: &'static str, help: &'static str) -> Arg {
    Arg::new(name).long(name).help(help).value_name("VALUE").action(ArgAction::Append).allow_hyphen_values(true)
}

impl Flags {
    fn from_matches(matches: &ArgMatches) -> Result<Flags, String> {
        let text = |name: &str| matches.get_one::<String>(name).cloned().unwrap_or_default();
        let is_on = |name: &str| text(name) == "true";
        if !text("web.config.file").is_empty() {
            return Err("--web.config.file: TLS and authentication do not exist yet".to_owned());
        }
        if is_on("web.systemd-socket") {
            return Err("--web.systemd-socket: sockets from systemd do not exist yet".to_owned());
        }
        if let Some(name) = not_yet::collectors().find(|name| is_on(&format!("collector.{name}"))) {
            return Err(format!("--collector.{name}: collector {name} does not exist yet"));
        }
        let has_defaults = !is_on("collector.disable-defaults");
        let is_enabled = |spec: &&Spec| match text(&format!("collector.{}", spec.name)).as_str() {
            "" => has_defaults && spec.is_on_by_default,
            given => given == "true",
        };
        let telemetry_path = text("web.telemetry-path");
        if !telemetry_path.starts_with('/') {
            return Err(format!("--web.telemetry-path: {telemetry_path:?} does not begin with a slash"));
        }
        Ok(Flags {
            enabled: TABLE.iter().filter(is_enabled).collect(),
            settings: settings(matches),
            roots: Roots {
                procfs: text("path.procfs").into(),
                sysfs: text("path.sysfs").into(),
                rootfs: text("path.rootfs").into(),
                udev_data: text("path.udev.data").into(),
            },
            max_kept_files: number("path.max-kept-files", &text("path.max-kept-files"))?,
            series_limit: number("collector.series-limit", &text("collector.series-limit"))?,
            listen_addresses: matches.get_many("web.listen-address").into_iter().flatten().cloned().collect(),
            telemetry_path,
            max_requests: number("web.max-requests", &text("web.max-requests"))?,
            hides_exporter_metrics: is_on("web.disable-exporter-metrics"),
            timeout_offset: duration("web.timeout-offset", &text("web.timeout-offset"))?,
            log_level: text("log.level").parse().map_err(|error| format!("--log.level: {error}"))?,
            logs_json: text("log.format") == "json",
            warnings: warnings(matches),
        })
    }
}

fn settings(matches: &ArgMatches) -> Settings {
    let mut settings = Settings::defaults(TABLE);
    for flag in TABLE.iter().flat_map(|spec| spec.flags) {
        if matches.value_source(flag.name) == Some(ValueSource::CommandLine) {
            let values = matches.get_many::<String>(flag.name).into_iter().flatten().cloned().collect();
            settings.set(flag.name, values);
        }
    }
    settings
}

fn warnings(matches: &ArgMatches) -> Vec<String> {
    let given = |name: &&str| matches.value_source(name) == Some(ValueSource::CommandLine);
    let flags = not_yet::switches().chain(not_yet::values()).filter(given);
    flags.map(|name| format!("--{name} has no effect yet")).collect()
}

fn number(flag: &str, text: &str) -> Result<usize, String> {
    text.parse().map_err(|_| format!("--{flag}: expected a number, found {text:?}"))
}

/// `0.5s`, `500ms`, `1m`; a bare number counts seconds.
fn duration(flag: &str, text: &str) -> Result<Duration, String> {
    let units = [("ms", 0.001), ("s", 1.0), ("m", 60.0)];
    let (digits, unit_seconds) =
        units.iter().find_map(|(unit, seconds)| Some((text.strip_suffix(unit)?, *seconds))).unwrap_or((text, 1.0));
    let seconds: Option<f64> = digits.parse().ok().map(|number: f64| number * unit_seconds);
    seconds
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .ok_or_else(|| format!("--{flag}: expected a duration such as 0.5s, found {text:?}"))
}

/// What clap complains about, without its tips and usage.
fn one_line(error: &clap::Error) -> String {
    let context = |kind| error.get(kind).map(ToString::to_string).unwrap_or_default();
    let flag = context(ContextKind::InvalidArg);
    let flag = flag.split(['[', '=', ' ', '<']).next().unwrap_or_default();
    match error.kind() {
        ErrorKind::UnknownArgument if flag.starts_with("--") => format!("unknown flag {flag}"),
        ErrorKind::UnknownArgument => format!("unexpected argument {flag:?}"),
        ErrorKind::ArgumentConflict => format!("flag {flag} cannot be repeated"),
        ErrorKind::InvalidValue if context(ContextKind::InvalidValue).is_empty() => {
            format!("flag {flag} needs a value")
        }
        ErrorKind::InvalidValue | ErrorKind::ValueValidation => {
            format!("flag {flag}: {:?} is not one of its values", context(ContextKind::InvalidValue))
        }
        _ => error.render().to_string().lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flags(arguments: &[&str]) -> Result<Flags, String> {
        match parse(arguments.iter().map(|argument| (*argument).to_owned()))? {
            Wish::Serve(flags) => Ok(*flags),
            Wish::Print(text) => Err(text),
        }
    }

    fn enabled(arguments: &[&str]) -> Vec<&'static str> {
        flags(arguments).expect("valid").enabled.iter().map(|spec| spec.name).collect()
    }

    fn refusal(arguments: &[&str]) -> String {
        flags(arguments).err().expect("refused")
    }

    #[test]
    fn collectors_are_switched_as_node_exporters_are() {
        let defaults: Vec<_> = TABLE.iter().filter(|spec| spec.is_on_by_default).map(|spec| spec.name).collect();
        assert_eq!(enabled(&[]), defaults);
        let without: Vec<_> = defaults.iter().copied().filter(|name| *name != "loadavg").collect();
        for off in ["--no-collector.loadavg", "--collector.loadavg=false"] {
            assert_eq!(enabled(&[off]), without);
        }
        let only = ["--collector.disable-defaults", "--collector.loadavg", "--collector.cpu=true"];
        assert_eq!(enabled(&only), ["cpu", "loadavg"]);
        assert_eq!(enabled(&["--collector.disable-defaults", "--no-collector.wifi"]), [""; 0]);
    }

    #[test]
    fn values_come_by_equals_sign_or_blank_and_aliases_count() {
        let flags = flags(&[
            "--collector.diskstats.ignored-devices=^x",
            "--collector.netdev.device-include",
            "^eth",
            "--no-collector.netdev.netlink",
            "--collector.textfile.directory=/a",
            "--collector.textfile.directory=/b",
            "--web.listen-address=127.0.0.1:1",
            "--web.listen-address=:2",
            "--web.timeout-offset=250ms",
            "--path.rootfs=/host",
        ])
        .expect("valid");
        assert_eq!(flags.settings.text("collector.diskstats.device-exclude"), "^x");
        assert!(flags.settings.is_given("collector.diskstats.device-exclude"));
        assert_eq!(flags.settings.text("collector.netdev.device-include"), "^eth");
        assert!(!flags.settings.is_on("collector.netdev.netlink"));
        assert!(!flags.settings.is_given("collector.filesystem.fs-types-exclude"));
        assert_eq!(flags.settings.list("collector.textfile.directory"), ["/a", "/b"]);
        assert_eq!(flags.listen_addresses, ["127.0.0.1:1", ":2"]);
        assert_eq!(flags.timeout_offset, Duration::from_millis(250));
        assert_eq!(flags.roots.rootfs, std::path::Path::new("/host"));
    }

    #[test]
    fn what_is_wrong_is_one_line() {
        for (arguments, line) in [
            (&["--collector.nonsense"][..], "unknown flag --collector.nonsense, try --help"),
            (&["--collector.cpu", "--no-collector.cpu"], "flag --collector.cpu cannot be repeated, try --help"),
            (&["--path.procfs=/a", "--path.procfs=/b"], "flag --path.procfs cannot be repeated, try --help"),
            (&["--path.procfs"], "flag --path.procfs needs a value, try --help"),
            (&["--log.level=loud"], "flag --log.level: \"loud\" is not one of its values, try --help"),
            (&["--collector.cpu=maybe"], "flag --collector.cpu: \"maybe\" is not one of its values, try --help"),
            (&["start"], "unexpected argument \"start\", try --help"),
            (&["--collector.wifi"], "--collector.wifi: collector wifi does not exist yet"),
            (&["--web.config.file=tls.yml"], "--web.config.file: TLS and authentication do not exist yet"),
            (&["--web.max-requests=many"], "--web.max-requests: expected a number, found \"many\""),
            (&["--web.timeout-offset=-1s"], "--web.timeout-offset: expected a duration such as 0.5s, found \"-1s\""),
            (&["--web.telemetry-path=m"], "--web.telemetry-path: \"m\" does not begin with a slash"),
        ] {
            assert_eq!(refusal(arguments), line, "{arguments:?}");
        }
        assert!(flags(&["--web.config.file="]).is_ok());
    }

    #[test]
    fn command_lines_of_node_exporter_keep_working() {
        let kube_prometheus = [
            "--web.listen-address=127.0.0.1:9100",
            "--path.sysfs=/host/sys",
            "--path.rootfs=/host/root",
            "--path.procfs=/host/root/proc",
            "--path.udev.data=/host/root/run/udev/data",
            "--no-collector.wifi",
            "--no-collector.hwmon",
            "--no-collector.btrfs",
            "--collector.filesystem.mount-points-exclude=^/(dev|proc|sys|run/k3s/containerd/.+)($|/)",
            "--collector.netclass.ignored-devices=^(veth.*|[a-f0-9]{15})$",
            "--collector.netdev.device-exclude=^(veth.*|[a-f0-9]{15})$",
        ];
        let flags = flags(&kube_prometheus).expect("valid");
        assert_eq!(flags.warnings, ["--collector.netclass.ignored-devices has no effect yet"]);
    }

    #[test]
    fn help_and_version_are_printed() {
        assert!(refusal(&["--help"]).contains("--collector.diskstats.device-exclude"));
        assert!(refusal(&["--version"]).starts_with("vitals-agent, version "));
    }
}
