//! `/proc/net/stat/*`: statistics of the network's caches (neighbours, routes, connection tracking), every column that
//! the kernel has.
//! Kernel: 2.6 and later. Privileges: none. Cost: one listing, one read of about 150 bytes per CPU and file.

use exposition::{Family, Kind, counter};
use kernel::proc::net_stat;
use kernel::{Host, KeptFile, Optional};

use super::inventory::Inventory;
use super::named::Named;
use super::parsed::parsed;
use crate::{Collector, Failure, Outcome, Scrape, Spec};

const FIELD: Family = counter("node_lnstat_<field>_total", "linux network cache stats");

pub const SPEC: Spec = Spec {
    name: "lnstat",
    is_on_by_default: false,
    help: "statistics of the network's caches, from /proc/net/stat",
    families: &[FIELD],
    flags: &[],
    build: |host, _| Ok(Box::new(Lnstat::new(host))),
};

struct Lnstat {
    host: Host,
    caches: Inventory<Cache>,
}

struct Cache {
    file: KeptFile,
    header: Box<[u8]>,
    /// One per column; `None` for a name that was there before.
    columns: Vec<Option<Named>>,
}

impl Lnstat {
    fn new(host: &Host) -> Self {
        let folder = host.net_file("stat").path().to_owned();
        Lnstat { host: host.clone(), caches: Inventory::new(folder) }
    }
}

impl Collector for Lnstat {
    fn collect(&mut self, scrape: &mut Scrape<'_>) -> Result<Outcome, Failure> {
        let host = &self.host;
        match self.caches.refresh(scrape.buffer, |name, _, _| Some(Cache::new(host, name))) {
            Ok(()) => {}
            // No file, and a success, to node_exporter.
            Err(error) if error.is_absent() => return Ok(Outcome::Collected),
            Err(error) => return Err(error.into()),
        }
        for (name, cache) in self.caches.iter_mut() {
            if let Err(error) = cache.collect(name, scrape).optional() {
                scrape.item_failed(error);
            }
        }
        Ok(Outcome::Collected)
    }
}

impl Cache {
    fn new(host: &Host, name: &str) -> Self {
        let file = host.net_file(format!("stat/{name}"));
        Cache { file, header: Box::default(), columns: Vec::new() }
    }

    fn collect(&mut self, subsystem: &str, scrape: &mut Scrape<'_>) -> kernel::Result<()> {
        let bytes = self.file.read(scrape.buffer)?;
        let header = net_stat::header(bytes);
        if *header.text() != *self.header {
            self.header = header.text().into();
            self.columns = columns_of(header);
        }
        for (cpu, row) in parsed(net_stat::rows(bytes), self.file.path(), scrape.problems).enumerate() {
            let mut digits = itoa::Buffer::new();
            let labels = [("cpu", digits.format(cpu)), ("subsystem", subsystem)];
            for (column, value) in self.columns.iter().zip(row.values()) {
                if let Some(column) = column {
                    column.write_with(scrape.page, &labels, value as f64);
                }
            }
        }
        Ok(())
    }
}

fn columns_of(header: net_stat::Header<'_>) -> Vec<Option<Named>> {
    let mut seen: Vec<&[u8]> = Vec::new();
    header
        .names()
        .map(|name| {
            let is_new = !seen.contains(&name);
            seen.push(name);
            let metric = || format!("node_lnstat_{}_total", String::from_utf8_lossy(name));
            is_new.then(|| Named::new(Kind::Counter, metric(), FIELD.help))
        })
        .collect()
}
