//! `/proc/sys/**`: settings of the kernel, those that flags name.
//! Kernel: any. Privileges: none for most. Cost: one short read per setting.
//!
//! `--collector.sysctl.include=fs.file-nr` exports numbers, with a label `index` where there are several;
//! `fs.file-nr:total,current,max` names them instead. `--collector.sysctl.include-info=kernel.seccomp.actions_avail`
//! exports words as labels.

use exposition::{Family, Kind, gauge, untyped};
use kernel::scan::{Fields, ParseError, parse_i64};
use kernel::{Host, KeptFile};

use super::named::Named;
use super::several::Several;
use crate::{Collector, Failure, Flag, FlagKind, Outcome, Scrape, Settings, Spec};

const VALUE: Family = untyped("node_sysctl_<name>", "sysctl <name>");
const INFO: Family = gauge("node_sysctl_info", "sysctl info");

const INCLUDE: Flag = Flag {
    name: "collector.sysctl.include",
    kind: FlagKind::List,
    help: "setting of the kernel to export as numbers, such as kernel.threads-max or fs.file-nr:total,current,max",
    aliases: &[],
};
const INCLUDE_INFO: Flag = Flag {
    name: "collector.sysctl.include-info",
    kind: FlagKind::List,
    help: "setting of the kernel to export as words, such as kernel.seccomp.actions_avail",
    aliases: &[],
};

pub const SPEC: Spec = Spec {
    name: "sysctl",
    is_on_by_default: false,
    help: "settings of the kernel, from /proc/sys",
    families: &[VALUE, INFO],
    flags: &[INCLUDE, INCLUDE_INFO],
    build: |host, settings| Ok(Box::new(Sysctl::new(host, settings))),
};

struct Sysctl {
    settings: Vec<Setting>,
}

struct Setting {
    /// As the flag spells it: `fs.file-nr`.
    name: String,
    file: KeptFile,
    form: Form,
}

enum Form {
    /// A family with the setting's name.
    Numbers(Named),
    /// A family for each number, in the order of the file.
    NamedNumbers(Vec<Named>),
    Words,
}

impl Sysctl {
    fn new(host: &Host, settings: &Settings) -> Self {
        let numbers = distinct(settings.list(INCLUDE.name));
        let words = distinct(settings.list(INCLUDE_INFO.name));
        let numbers = numbers.into_iter().map(|include| Setting::new(host, include, true));
        let words = words.into_iter().map(|include| Setting::new(host, include, false));
        Sysctl { settings: numbers.chain(words).collect() }
    }
}

impl Collector for Sysctl {
    fn collect(&mut self, scrape: &mut Scrape<'_>) -> Result<Outcome, Failure> {
        let mut files = Several::default();
        for setting in &mut self.settings {
            files.note(setting.collect(scrape));
        }
        files.outcome(scrape.problems, |error| Outcome::absent(error.to_string()))
    }
}

impl Setting {
    fn new(host: &Host, include: &str, is_numeric: bool) -> Self {
        let (name, keys) = match include.split_once(':') {
            Some((name, keys)) => (name, Some(keys)),
            None => (include, None),
        };
        let metric = format!("node_sysctl_{}", sanitized(name));
        let form = match keys {
            _ if !is_numeric => Form::Words,
            None => Form::Numbers(Named::new(Kind::Untyped, metric, format!("sysctl {name}"))),
            Some(keys) => {
                let family = |(place, key): (usize, &str)| {
                    Named::new(Kind::Untyped, format!("{metric}_{key}"), format!("sysctl {name}, field {place}"))
                };
                Form::NamedNumbers(keys.split(',').enumerate().map(family).collect())
            }
        };
        let path = format!("sys/{}", name.replace('.', "/"));
        Setting { name: name.to_owned(), file: host.proc_file(path), form }
    }

    fn collect(&mut self, scrape: &mut Scrape<'_>) -> kernel::Result<()> {
        let Setting { name, file, form } = self;
        let values = file.parse_single(scrape.buffer, |bytes| Values::parse(bytes, form))?;
        let is_several = values.0.clone().nth(1).is_some();
        for (place, text) in values.0.enumerate() {
            let mut digits = itoa::Buffer::new();
            let number = parse_i64(text).map_or(0.0, |number| number as f64);
            match form {
                Form::Numbers(named) if is_several => {
                    named.write_with(scrape.page, &[("index", digits.format(place))], number);
                }
                Form::Numbers(named) => named.write(scrape.page, number),
                Form::NamedNumbers(families) => families[place].write(scrape.page, number),
                Form::Words => {
                    let word = String::from_utf8_lossy(text);
                    let labels = [("index", digits.format(place)), ("name", name), ("value", &*word)];
                    scrape.page.sample(&INFO, &labels, 1.0);
                }
            }
        }
        Ok(())
    }
}

/// The words of the file, found to be what the flag expects.
struct Values<'a>(Fields<'a>);

impl<'a> Values<'a> {
    fn parse(bytes: &'a [u8], form: &Form) -> Result<Self, ParseError> {
        let fields = Fields::new(1, bytes);
        let count = fields.clone().count();
        if count == 0 {
            return Err(ParseError::new(1, "a value", bytes));
        }
        if let Form::NamedNumbers(families) = form
            && families.len() != count
        {
            return Err(ParseError::new(1, format!("{} values, as many as names", families.len()), bytes));
        }
        let odd = fields.clone().find(|text| parse_i64(text).is_none());
        match (odd, form) {
            (Some(odd), Form::Numbers(_) | Form::NamedNumbers(_)) => Err(ParseError::new(1, "a number", odd)),
            _ => Ok(Values(fields)),
        }
    }
}

/// A flag given twice with the same value counts once.
fn distinct(values: &[String]) -> Vec<&str> {
    let mut distinct: Vec<&str> = Vec::new();
    for value in values {
        if !distinct.contains(&value.as_str()) {
            distinct.push(value);
        }
    }
    distinct
}

/// Runs of what a metric cannot be called become one underscore, together with underscores beside them.
fn sanitized(name: &str) -> String {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut out = String::new();
    let mut rest = name;
    while let Some(start) = rest.find(|c| !is_allowed(c)) {
        out.push_str(rest[..start].trim_end_matches('_'));
        out.push('_');
        rest = rest[start..].trim_start_matches(|c| !is_allowed(c)).trim_start_matches('_');
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_metric_is_called_after_its_setting() {
        for (name, metric) in [
            ("fs.file-nr", "fs_file_nr"),
            ("kernel.threads-max", "kernel_threads_max"),
            ("net.ipv4._.tcp_rmem", "net_ipv4__tcp_rmem"),
            ("a__b", "a__b"),
        ] {
            assert_eq!(sanitized(name), metric);
        }
    }
}
