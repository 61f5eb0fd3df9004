//! `/proc/net/sockstat` and `/proc/net/sockstat6`: sockets in use by protocol, and the memory that they take.
//! Kernel: any; sockstat6 where IPv6 is. Privileges: none. Cost: two reads of about 100 bytes.

use exposition::{Family, Kind, gauge};
use kernel::proc::net_sockstat::protocols;
use kernel::{Host, KeptFile};

use super::named::Named;
use super::parsed::parsed;
use super::remembered::Remembered;
use super::several::Several;
use crate::{Collector, Failure, Outcome, Scrape, Spec};

const FIELD: Family = gauge("node_sockstat_<PROTOCOL>_<field>", "Number of <PROTOCOL> sockets in state <field>.");
const USED: Family = gauge("node_sockstat_sockets_used", "Number of IPv4 sockets in use.");

pub const SPEC: Spec = Spec {
    name: "sockstat",
    is_on_by_default: true,
    help: "sockets in use by protocol, from /proc/net/sockstat{,6}",
    families: &[FIELD, USED],
    flags: &[],
    build: |host, _| Ok(Box::new(Sockstat::new(host))),
};

struct Sockstat {
    page_bytes: f64,
    /// IPv4 and IPv6.
    files: [SockstatFile; 2],
}

struct SockstatFile {
    file: KeptFile,
    /// By protocol, then by field.
    names: Remembered<Remembered<FieldFamilies>>,
}

struct FieldFamilies {
    field: Named,
    /// The same in bytes, for `mem`, which is in pages.
    bytes: Option<Named>,
}

impl Sockstat {
    fn new(host: &Host) -> Self {
        let page_bytes = host.page_bytes() as f64;
        let file = |name| SockstatFile { file: host.net_file(name), names: Remembered::default() };
        Sockstat { page_bytes, files: [file("sockstat"), file("sockstat6")] }
    }
}

impl Collector for Sockstat {
    fn collect(&mut self, scrape: &mut Scrape<'_>) -> Result<Outcome, Failure> {
        let mut files = Several::default();
        for file in &mut self.files {
            files.note(file.collect(self.page_bytes, scrape));
        }
        files.outcome(scrape.problems, |error| Outcome::empty(error.to_string()))
    }
}

impl SockstatFile {
    fn collect(&mut self, page_bytes: f64, scrape: &mut Scrape<'_>) -> kernel::Result<()> {
        let bytes = self.file.read_single(scrape.buffer)?;
        let path = self.file.path();
        let mut odd_fields = Vec::new();
        for (line, sockets) in parsed(protocols(bytes), path, scrape.problems).enumerate() {
            let names = self.names.at(line, sockets.protocol, Remembered::default);
            for (place, (field, value)) in parsed(sockets.fields(), path, &mut odd_fields).enumerate() {
                let families = names.at(place, field, || FieldFamilies::new(sockets.protocol, field));
                families.field.write(scrape.page, value as f64);
                if let Some(bytes) = &families.bytes {
                    bytes.write(scrape.page, value as f64 * page_bytes);
                }
            }
        }
        scrape.problems.append(&mut odd_fields);
        Ok(())
    }
}

impl FieldFamilies {
    fn new(protocol: &[u8], field: &[u8]) -> Self {
        let (protocol, field) = (String::from_utf8_lossy(protocol), String::from_utf8_lossy(field));
        let named = |field: &str| {
            let name = format!("node_sockstat_{protocol}_{field}");
            let help = match name.as_str() {
                "node_sockstat_sockets_used" => USED.help.to_owned(),
                _ => format!("Number of {protocol} sockets in state {field}."),
            };
            Named::new(Kind::Gauge, name, help)
        };
        FieldFamilies { field: named(&field), bytes: (field == "mem").then(|| named("mem_bytes")) }
    }
}
