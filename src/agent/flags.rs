//! The command line: node_exporter's flags, most of them from the table of collectors, and a few of our own.
//!
//! As there, a flag given twice is refused unless it is a list, and whatever is wrong is one line. What is not given
//! comes from the configuration file, then from the profile, then from the table.

mod command;
mod file;
pub mod profile;
mod wording;

#[cfg(test)]
mod peer_tests;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{ArgMatches, Command};
use collectors::{Plan, Settings, SettingsError, Spec, TABLE, TRUE_TYPES};
use kernel::Roots;

use crate::{arguments, left_out, version};
use command::command;
use file::File;
use wording::one_line;

pub struct Flags {
    /// Which collectors run, and with which settings.
    pub plan: Plan,
    pub roots: Roots,
    pub max_kept_files: usize,
    pub listen_addresses: Vec<String>,
    /// Serve on the sockets that systemd hands over; the addresses are passed over then.
    pub has_systemd_sockets: bool,
    /// TLS and authentication; `None` for neither.
    pub web_config_file: Option<PathBuf>,
    pub telemetry_path: String,
    /// Whether that path answers containers too.
    pub shows_containers: bool,
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
    pub origin: Origin,
}

/// Where flags come from, so that they can be read again.
#[derive(Default)]
pub struct Origin {
    arguments: Vec<String>,
    /// `--agent.config-file`.
    pub file: Option<PathBuf>,
    /// Line of that file by flag, of those that are not on the command line.
    lines: BTreeMap<String, u64>,
    /// Values of the flags that cannot change while the agent runs.
    fixed: Vec<Vec<String>>,
}

/// What the command line asks for.
pub enum Wish {
    Serve(Box<Flags>),
    /// Print a text and end: `--help`, `--version`.
    Print(String),
}

pub fn parse(arguments: impl IntoIterator<Item = String>) -> Result<Wish, String> {
    let arguments = arguments::expand(arguments)?;
    let plain = command(None);
    let arguments = arguments::unfold_negations(arguments, |name| command::is_switch(&plain, name));
    match plain.try_get_matches_from(&arguments) {
        Ok(matches) if matches.get_flag("version") => Ok(Wish::Print(version::text())),
        Ok(matches) => Ok(Wish::Serve(Box::new(read(arguments, &matches)?))),
        Err(error) if error.kind() == ErrorKind::DisplayHelp => Ok(Wish::Print(help(&arguments))),
        Err(error) => Err(format!("{}, try --help", one_line(&error))),
    }
}

/// With the defaults of the profile that is given with it.
fn help(arguments: &[String]) -> String {
    let after_blank = arguments.iter().position(|one| one == "--profile").and_then(|at| arguments.get(at + 1));
    let name = arguments.iter().find_map(|one| one.strip_prefix("--profile=")).or(after_blank.map(String::as_str));
    command(name.and_then(profile::find)).render_help().to_string()
}

/// Reads the configuration file if there is one, then all flags as one command line.
fn read(arguments: Vec<String>, given: &ArgMatches) -> Result<Flags, String> {
    let file = given.get_one::<String>("agent.config-file").filter(|path| !path.is_empty()).map(PathBuf::from);
    let is_given = |name: &str| given.value_source(name) == Some(ValueSource::CommandLine);
    let (mut lines, mut all) = (BTreeMap::new(), Vec::new());
    if let Some(path) = &file {
        let located = |(line, reason): (u64, String)| format!("{}:{line}: {reason}", path.display());
        let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
        let file = File::parse(&text).map_err(located)?;
        all = take_file(&command(None), file, is_given, &mut lines).map_err(located)?;
    }
    all.extend(arguments.iter().cloned());
    let wanted = match command(None).try_get_matches_from(&all) {
        Ok(matches) => matches.get_one::<String>("profile").and_then(|name| profile::find(name)),
        Err(error) => return Err(one_line(&error)),
    };
    let matches = command(wanted).try_get_matches_from(&all).map_err(|error| one_line(&error))?;
    let origin = Origin { arguments, file, lines, fixed: fixed(&matches) };
    Flags::from_matches(&matches, origin)
}

/// The file's flags as arguments, without those that are on the command line, which wins. Each is looked at by itself,
/// so that a fault has a line.
fn take_file(
    command: &Command,
    file: File,
    is_given: impl Fn(&str) -> bool,
    lines: &mut BTreeMap<String, u64>,
) -> Result<Vec<String>, (u64, String)> {
    let mut arguments = Vec::new();
    let mut known: BTreeMap<String, u64> = BTreeMap::new();
    for entry in file.entries {
        let refuse = |reason: &str| Err((entry.line, format!("{}: {reason}", entry.key)));
        let Some(arg) = command::find(command, &entry.key) else { return refuse("no such flag") };
        let name = arg.get_id().to_string();
        if ["agent.config-file", "help", "version"].contains(&name.as_str()) {
            return refuse("only on the command line");
        }
        if let Some(line) = known.insert(name.clone(), entry.line) {
            return refuse(&format!("given in line {line} already"));
        }
        let is_switch = command::is_switch(command, &name);
        let texts = entry.values.iter().map(|value| match value.is_true {
            Some(is_true) if is_switch => is_true.to_string(),
            _ => value.text.clone(),
        });
        let own: Vec<String> = texts.map(|text| format!("--{name}={text}")).collect();
        if let Err(error) = command.clone().try_get_matches_from(&own) {
            let words = one_line(&error);
            return refuse(
                words.strip_prefix(&format!("flag --{name}")).unwrap_or(&words).trim_start_matches([':', ' ']),
            );
        }
        if !is_given(&name) {
            arguments.extend(own);
            lines.insert(name, entry.line);
        }
    }
    Ok(arguments)
}

fn fixed(matches: &ArgMatches) -> Vec<Vec<String>> {
    let values = |name: &&str| matches.get_many::<String>(name).into_iter().flatten().cloned().collect();
    command::FIXED.iter().map(values).collect()
}

impl Flags {
    fn from_matches(matches: &ArgMatches, origin: Origin) -> Result<Flags, String> {
        let read = Flags::try_from_matches(matches);
        match read {
            Ok(flags) => Ok(Flags { origin, ..flags }),
            Err(error) => Err(origin.explain(&error)),
        }
    }

    fn try_from_matches(matches: &ArgMatches) -> Result<Flags, SettingsError> {
        let text = |name: &str| matches.get_one::<String>(name).cloned().unwrap_or_default();
        let is_on = |name: &str| text(name) == "true";
        number("runtime.gomaxprocs", &text("runtime.gomaxprocs"))?;
        if let Some(name) = left_out::collectors().find(|name| is_on(&format!("collector.{name}"))) {
            return Err(refused(&format!("collector.{name}"), left_out::reason(name)));
        }
        let has_defaults = !is_on("collector.disable-defaults");
        let is_enabled = |spec: &&Spec| match text(&format!("collector.{}", spec.name)).as_str() {
            "" => has_defaults && spec.is_on_by_default,
            given => given == "true",
        };
        let mut settings = settings(matches);
        TABLE.iter().for_each(|spec| settings.set_collector(spec.name, is_enabled(&spec)));
        let telemetry_path = text("web.telemetry-path");
        if !telemetry_path.starts_with('/') {
            return Err(refused("web.telemetry-path", format!("{telemetry_path:?} does not begin with a slash")));
        }
        Ok(Flags {
            plan: Plan {
                enabled: TABLE.iter().filter(is_enabled).map(|spec| spec.name).collect(),
                settings,
                series_limit: number("collector.series-limit", &text("collector.series-limit"))?,
            },
            roots: Roots {
                procfs: text("path.procfs").into(),
                sysfs: text("path.sysfs").into(),
                rootfs: text("path.rootfs").into(),
                udev_data: text("path.udev.data").into(),
            },
            max_kept_files: number("path.max-kept-files", &text("path.max-kept-files"))?,
            listen_addresses: matches.get_many("web.listen-address").into_iter().flatten().cloned().collect(),
            has_systemd_sockets: is_on("web.systemd-socket"),
            web_config_file: Some(text("web.config.file")).filter(|path| !path.is_empty()).map(PathBuf::from),
            telemetry_path,
            shows_containers: is_on("web.telemetry-containers"),
            max_requests: number("web.max-requests", &text("web.max-requests"))?,
            hides_exporter_metrics: is_on("web.disable-exporter-metrics"),
            timeout_offset: duration("web.timeout-offset", &text("web.timeout-offset"))?,
            log_level: text("log.level").parse().map_err(|error| refused("log.level", format!("{error}")))?,
            logs_json: text("log.format") == "json",
            warnings: warnings(matches),
            origin: Origin::default(),
        })
    }

    /// Reads the configuration file again. What cannot change while the agent runs stays, and is named.
    pub fn again(&self) -> Result<(Flags, Vec<&'static str>), String> {
        let arguments = self.origin.arguments.clone();
        let given = command(None).try_get_matches_from(&arguments).map_err(|error| one_line(&error))?;
        let mut flags = read(arguments, &given)?;
        let pairs = command::FIXED.iter().zip(self.origin.fixed.iter().zip(&flags.origin.fixed));
        let kept = pairs.filter(|(_, (old, new))| old != new).map(|(name, _)| *name).collect();
        flags.roots = self.roots.clone();
        flags.max_kept_files = self.max_kept_files;
        flags.listen_addresses = self.listen_addresses.clone();
        flags.telemetry_path = self.telemetry_path.clone();
        flags.max_requests = self.max_requests;
        flags.logs_json = self.logs_json;
        flags.origin.fixed = self.origin.fixed.clone();
        Ok((flags, kept))
    }
}

impl Origin {
    /// With the place in the file where the value comes from there.
    pub fn explain(&self, error: &SettingsError) -> String {
        match (&self.file, self.lines.get(&error.flag)) {
            (Some(file), Some(line)) => format!("{}:{line}: {}: {}", file.display(), error.flag, error.reason),
            _ => error.to_string(),
        }
    }
}

/// Values that were given count as such; others, of the profile too, are defaults.
fn settings(matches: &ArgMatches) -> Settings {
    let mut settings = Settings::defaults(TABLE);
    let of_collectors = TABLE.iter().flat_map(|spec| spec.flags).map(|flag| flag.name);
    for flag in of_collectors.chain([TRUE_TYPES]) {
        let values = matches.get_many::<String>(flag).into_iter().flatten().cloned().collect();
        if matches.value_source(flag) == Some(ValueSource::CommandLine) {
            settings.set(flag, values);
        } else {
            settings.set_default(flag, values);
        }
    }
    settings
}

fn warnings(matches: &ArgMatches) -> Vec<String> {
    let given = |name: &&str| matches.value_source(name) == Some(ValueSource::CommandLine);
    let flags = left_out::switches().chain(left_out::values()).filter(given);
    flags.map(|name| format!("--{name} has no effect")).collect()
}

fn refused(flag: &str, reason: impl Into<String>) -> SettingsError {
    SettingsError { flag: flag.to_owned(), reason: reason.into() }
}

fn number(flag: &str, text: &str) -> Result<usize, SettingsError> {
    text.parse().map_err(|_| refused(flag, format!("expected a number, found {text:?}")))
}

/// `0.5s`, `500ms`, `1m`; a bare number counts seconds.
fn duration(flag: &str, text: &str) -> Result<Duration, SettingsError> {
    let units = [("ms", 0.001), ("s", 1.0), ("m", 60.0)];
    let (digits, unit_seconds) =
        units.iter().find_map(|(unit, seconds)| Some((text.strip_suffix(unit)?, *seconds))).unwrap_or((text, 1.0));
    let seconds: Option<f64> = digits.parse().ok().map(|number: f64| number * unit_seconds);
    seconds
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .ok_or_else(|| refused(flag, format!("expected a duration such as 0.5s, found {text:?}")))
}
