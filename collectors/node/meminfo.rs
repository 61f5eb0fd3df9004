//! `/proc/meminfo`: every field that the kernel has, so new ones appear by themselves.
//! Kernel: any. Privileges: none. Cost: one read of about 1.5 KB.

use exposition::{Family, Kind, gauge};
use kernel::proc::meminfo::{MemoryField, Unit, fields};
use kernel::{Host, KeptFile};

use super::named::Named;
use super::parsed::parsed;
use super::remembered::Remembered;
use crate::{Collector, Failure, Outcome, Scrape, Spec};

const FIELD_BYTES: Family = gauge("node_memory_<Field>_bytes", "Memory information field <Field>_bytes.");
const FIELD_COUNT: Family = gauge("node_memory_<Field>", "Memory information field <Field>, a number of pages.");

pub const SPEC: Spec = Spec {
    name: "meminfo",
    is_on_by_default: true,
    help: "memory of the machine by use, from /proc/meminfo",
    families: &[FIELD_BYTES, FIELD_COUNT],
    flags: &[],
    build: |host, _| Ok(Box::new(Meminfo::new(host))),
};

struct Meminfo {
    file: KeptFile,
    names: Remembered<Named>,
}

impl Meminfo {
    fn new(host: &Host) -> Self {
        Meminfo { file: host.proc_file("meminfo"), names: Remembered::default() }
    }
}

impl Collector for Meminfo {
    fn collect(&mut self, scrape: &mut Scrape<'_>) -> Result<Outcome, Failure> {
        let bytes = match self.file.read_single(scrape.buffer) {
            Ok(bytes) => bytes,
            Err(error) => return Outcome::of_error(error),
        };
        for (place, field) in parsed(fields(bytes), self.file.path(), scrape.problems).enumerate() {
            let value = match field.unit {
                Unit::Kibibytes => field.value as f64 * 1024.0,
                Unit::Count => field.value as f64,
            };
            self.names.at(place, field.name, || family_of(&field)).write(scrape.page, value);
        }
        Ok(Outcome::Collected)
    }
}

/// `Active(anon)` becomes `Active_anon`.
fn family_of(field: &MemoryField<'_>) -> Named {
    let field_name = String::from_utf8_lossy(field.name).replace(')', "");
    let suffix = match field.unit {
        Unit::Kibibytes => "_bytes",
        Unit::Count => "",
    };
    let field_name = format!("{}{suffix}", field_name.replace('(', "_"));
    Named::new(Kind::Gauge, format!("node_memory_{field_name}"), format!("Memory information field {field_name}."))
}
