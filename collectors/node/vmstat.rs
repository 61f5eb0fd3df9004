//! `/proc/vmstat`: paging, swapping, page faults and out-of-memory kills, as many fields as a flag lets through.
//! Kernel: 2.5 and later. Privileges: none. Cost: three reads of about 5 KB.

use exposition::{Family, untyped};
use kernel::proc::vmstat::fields;
use kernel::{Host, KeptFile};
use regex::Regex;

use super::named::Named;
use super::parsed::parsed;
use super::remembered::Remembered;
use super::true_types::{Types, is_vmstat_gauge};
use crate::{Collector, Failure, Flag, FlagKind, Outcome, Scrape, Settings, SettingsError, Spec};

const FIELD: Family = untyped("node_vmstat_<field>", "Field <field> of /proc/vmstat.");

const FIELDS: Flag = Flag {
    name: "collector.vmstat.fields",
    kind: FlagKind::Text { default: "^(oom_kill|pgpg|pswp|pg.*fault).*" },
    help: "regular expression of the fields to export",
    aliases: &[],
};

pub const SPEC: Spec = Spec {
    name: "vmstat",
    is_on_by_default: true,
    help: "paging, swapping and page faults, from /proc/vmstat",
    families: &[FIELD],
    flags: &[FIELDS],
    build: |host, settings| Ok(Box::new(Vmstat::new(host, settings)?)),
};

struct Vmstat {
    file: KeptFile,
    /// `None` lets everything through.
    wanted: Option<Regex>,
    types: Types,
    /// `None` for a field that is not wanted.
    names: Remembered<Option<Named>>,
}

impl Vmstat {
    fn new(host: &Host, settings: &Settings) -> Result<Self, SettingsError> {
        let wanted = settings.pattern(FIELDS.name)?;
        let types = Types::of(settings);
        Ok(Vmstat { file: host.proc_file("vmstat"), wanted, types, names: Remembered::default() })
    }
}

impl Collector for Vmstat {
    fn collect(&mut self, scrape: &mut Scrape<'_>) -> Result<Outcome, Failure> {
        let bytes = match self.file.read(scrape.buffer) {
            Ok(bytes) => bytes,
            Err(error) => return Outcome::of_error(error),
        };
        let (wanted, types) = (self.wanted.as_ref(), self.types);
        for (place, (name, value)) in parsed(fields(bytes), self.file.path(), scrape.problems).enumerate() {
            if let Some(named) = self.names.at(place, name, || family_of(name, wanted, types)) {
                named.write(scrape.page, value as f64);
            }
        }
        Ok(Outcome::Collected)
    }
}

fn family_of(name: &[u8], wanted: Option<&Regex>, types: Types) -> Option<Named> {
    let name = String::from_utf8_lossy(name);
    let is_wanted = wanted.is_none_or(|wanted| wanted.is_match(&name));
    let help = || format!("/proc/vmstat information field {name}.");
    let kind = types.of_field(|| is_vmstat_gauge(&name));
    is_wanted.then(|| Named::new(kind, format!("node_vmstat_{name}"), help()))
}
