//! From a command line to the text of each flag: spelling, repetition and help, by the table.

use std::collections::BTreeMap;

use clap::error::{ContextKind, ErrorKind};
use clap::{Arg, ArgAction, ArgMatches, Command};

use crate::flag_table::{FLAGS, FlagKind, FlagRow, is_switch};

/// What each flag says, given or by default.
#[derive(Clone, Debug)]
pub struct FlagValues {
    values: BTreeMap<&'static str, Vec<String>>,
    given: Vec<&'static str>,
}

/// What is to be done after looking at the command line.
#[derive(Debug)]
pub enum CommandLine {
    Run(FlagValues),
    /// Text for standard output, then the end: `--help`, `--version`.
    Print(String),
}

/// One line that names the flag.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct FlagError(pub String);

impl FlagValues {
    /// Reads a command line; the first argument is the program's name.
    pub fn parse(arguments: impl IntoIterator<Item = String>) -> Result<CommandLine, FlagError> {
        let mut command = command();
        let matches = match command.try_get_matches_from_mut(arguments) {
            Ok(matches) => matches,
            Err(error) if error.kind() == ErrorKind::DisplayHelp => {
                return Ok(CommandLine::Print(error.render().to_string()));
            }
            Err(error) => return Err(FlagError(one_line(&error))),
        };
        if matches.get_flag("version") {
            return Ok(CommandLine::Print(crate::version::long_text()));
        }
        let mut found = FlagValues { values: BTreeMap::new(), given: Vec::new() };
        for row in FLAGS {
            if let Some(values) = values_of(row, &matches)? {
                found.given.push(row.name);
                found.values.insert(row.name, values);
            } else {
                found.values.insert(row.name, vec![row.default.to_owned()]);
            }
        }
        Ok(CommandLine::Run(found))
    }

    pub fn all(&self, name: &str) -> &[String] {
        self.values.get(name).map_or(&[], Vec::as_slice)
    }

    pub fn text(&self, name: &str) -> &str {
        self.all(name).last().map_or("", String::as_str)
    }

    pub fn is_given(&self, name: &str) -> bool {
        self.given.contains(&name)
    }

    /// Flags that were given and decide nothing.
    pub fn without_effect(&self) -> impl Iterator<Item = &'static str> {
        let rows = FLAGS.iter().filter(|row| row.kind == FlagKind::WithoutEffect && self.is_given(row.name));
        rows.map(|row| row.name)
    }

    /// Name and text of all flags, as `/api/v1/status/flags` has them.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, String)> {
        self.values.iter().map(|(name, values)| (*name, values.join(",")))
    }

    /// Puts the effective text in the place of what was given, such as the prefix that follows from a URL.
    pub fn set(&mut self, name: &'static str, text: String) {
        self.values.insert(name, vec![text]);
    }
}

fn command() -> Command {
    let mut command = Command::new("vitals-aggregator")
        .about("Scrapes targets, stores their samples and answers PromQL, in the place of a Prometheus server.")
        .disable_version_flag(true)
        .arg(Arg::new("version").long("version").action(ArgAction::SetTrue).help("Show the version."));
    for row in FLAGS {
        let arg = Arg::new(row.name).long(row.name).help(row.help).hide(row.kind == FlagKind::WithoutEffect);
        let arg = if row.default.is_empty() { arg } else { arg.help(format!("{} [{}]", row.help, row.default)) };
        if is_switch(row) {
            let no = Arg::new(no_id(row)).long(no_id(row)).action(ArgAction::SetTrue).hide(true);
            let arg = arg.num_args(0..=1).require_equals(true).default_missing_value("true").value_name("BOOL");
            command = command.arg(arg.action(ArgAction::Set)).arg(no);
        } else if row.kind == FlagKind::Repeated || row.kind == FlagKind::WithoutEffect {
            command = command.arg(arg.action(ArgAction::Append).value_name("VALUE"));
        } else {
            command = command.arg(arg.action(ArgAction::Set).value_name("VALUE"));
        }
    }
    command
}

fn no_id(row: &FlagRow) -> String {
    format!("no-{}", row.name)
}

fn values_of(row: &FlagRow, matches: &ArgMatches) -> Result<Option<Vec<String>>, FlagError> {
    let values: Option<Vec<String>> = matches.get_many::<String>(row.name).map(|values| values.cloned().collect());
    if !is_switch(row) {
        return Ok(values);
    }
    let no = matches.get_flag(&no_id(row));
    match values.as_deref() {
        Some(_) if no => Err(FlagError(format!("flag '--{}' cannot be repeated", row.name))),
        Some([text]) if matches!(text.as_str(), "true" | "false") => Ok(values),
        Some(texts) => Err(FlagError(format!("--{}: expected true or false, found {:?}", row.name, texts.concat()))),
        None => Ok(no.then(|| vec!["false".to_owned()])),
    }
}

/// In the words that Prometheus' users know.
fn one_line(error: &clap::Error) -> String {
    let argument = error.get(ContextKind::InvalidArg).map(ToString::to_string).unwrap_or_default();
    let flag = argument.split([' ', '=', '[']).next().unwrap_or_default();
    match error.kind() {
        ErrorKind::UnknownArgument if flag.starts_with("--") => format!("unknown long flag '{flag}'"),
        ErrorKind::UnknownArgument if flag.starts_with('-') => format!("unknown short flag '{flag}'"),
        ErrorKind::UnknownArgument => format!("unexpected {flag}"),
        ErrorKind::ArgumentConflict => format!("flag '{flag}' cannot be repeated"),
        ErrorKind::InvalidValue | ErrorKind::TooFewValues | ErrorKind::WrongNumberOfValues => {
            format!("expected argument for flag '{flag}'")
        }
        _ => error.to_string().lines().next().unwrap_or("invalid command line").to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(arguments: &[&str]) -> Result<FlagValues, String> {
        let arguments = ["vitals-aggregator"].iter().chain(arguments).map(|text| (*text).to_owned());
        match FlagValues::parse(arguments) {
            Ok(CommandLine::Run(values)) => Ok(values),
            Ok(CommandLine::Print(text)) => Err(text),
            Err(error) => Err(error.to_string()),
        }
    }

    #[test]
    fn switches_have_three_spellings() {
        for (spelling, value) in [
            ("--web.enable-lifecycle", "true"),
            ("--no-web.enable-lifecycle", "false"),
            ("--web.enable-lifecycle=true", "true"),
            ("--web.enable-lifecycle=false", "false"),
        ] {
            assert_eq!(parse(&[spelling]).expect(spelling).text("web.enable-lifecycle"), value, "{spelling}");
        }
        assert_eq!(parse(&[]).expect("nothing").text("web.enable-lifecycle"), "false");
    }

    #[test]
    fn values_stand_after_a_space_or_an_equals_sign() {
        let values = parse(&["--query.timeout", "1m", "--web.listen-address=:1", "--web.listen-address", ":2"]);
        let values = values.expect("valid");
        assert_eq!(values.text("query.timeout"), "1m");
        assert_eq!(values.all("web.listen-address"), [":1", ":2"]);
        assert!(values.iter().any(|pair| pair == ("web.listen-address", ":1,:2".to_owned())));
    }

    #[test]
    fn what_cannot_be_read_is_one_line_with_the_flag() {
        for (arguments, line) in [
            (&["--nonsense"][..], "unknown long flag '--nonsense'"),
            (&["--nonsense=1"], "unknown long flag '--nonsense'"),
            (&["--no-query.timeout"], "unknown long flag '--no-query.timeout'"),
            (&["-x"], "unknown short flag '-x'"),
            (&["foo"], "unexpected foo"),
            (&["--query.timeout"], "expected argument for flag '--query.timeout'"),
            (&["--query.timeout=1m", "--query.timeout=2m"], "flag '--query.timeout' cannot be repeated"),
            (
                &["--web.enable-lifecycle", "--no-web.enable-lifecycle"],
                "flag '--web.enable-lifecycle' cannot be repeated",
            ),
            (&["--web.enable-lifecycle=maybe"], "--web.enable-lifecycle: expected true or false, found \"maybe\""),
        ] {
            assert_eq!(parse(arguments).expect_err(line), line);
        }
    }

    #[test]
    fn prometheus_flags_without_effect_are_taken_and_named() {
        let values = parse(&["--storage.tsdb.wal-compression", "--web.console.templates=/x", "--no-auto-gomemlimit"]);
        let names: Vec<_> = values.expect("taken").without_effect().collect();
        assert_eq!(names, ["auto-gomemlimit", "storage.tsdb.wal-compression", "web.console.templates"]);
    }

    #[test]
    fn help_and_version_are_text() {
        assert!(parse(&["--help"]).expect_err("text").contains("--storage.tsdb.retention.time"));
        assert!(parse(&["-h"]).expect_err("text").contains("--web.enable-lifecycle"));
        assert!(parse(&["--version"]).expect_err("text").starts_with("vitals-aggregator, version "));
    }
}
