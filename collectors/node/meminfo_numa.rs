//! `/sys/devices/system/node/node<n>/{meminfo,numastat}`: memory of each NUMA node, and how often it was taken from
//! another. Fields that the kernel adds appear by themselves.
//! Kernel: 2.6 and later. Privileges: none. Cost: one listing, two reads of about 1.5 KB per node.

use exposition::{Family, Kind, counter, gauge};
use kernel::proc::meminfo::Unit;
use kernel::sys::node_meminfo;
use kernel::{Host, KeptFile, Optional, scan};

use super::inventory::Inventory;
use super::named::Named;
use super::parsed::parsed;
use super::remembered::Remembered;
use crate::{Collector, Failure, Outcome, Scrape, Spec};

const FIELD: Family = gauge("node_memory_numa_<Field>", "Memory information field <Field>.");
const TOTAL: Family = counter("node_memory_numa_<field>_total", "Memory information field <field>_total.");

pub const SPEC: Spec = Spec {
    name: "meminfo_numa",
    is_on_by_default: false,
    help: "memory of each NUMA node, from /sys/devices/system/node",
    families: &[FIELD, TOTAL],
    flags: &[],
    build: |host, _| Ok(Box::new(MeminfoNuma::new(host))),
};

struct MeminfoNuma {
    host: Host,
    nodes: Inventory<Node>,
    /// Shared by all nodes, whose files have the same fields.
    fields: Remembered<Named>,
    counters: Remembered<Named>,
}

struct Node {
    number: String,
    meminfo: KeptFile,
    numastat: KeptFile,
}

impl MeminfoNuma {
    fn new(host: &Host) -> Self {
        MeminfoNuma {
            host: host.clone(),
            nodes: Inventory::new(host.roots.sys("devices/system/node")),
            fields: Remembered::default(),
            counters: Remembered::default(),
        }
    }
}

impl Collector for MeminfoNuma {
    fn collect(&mut self, scrape: &mut Scrape<'_>) -> Result<Outcome, Failure> {
        let host = &self.host;
        match self.nodes.refresh(scrape.buffer, |name, _, _| Node::new(host, name)) {
            Ok(()) => {}
            // No node, and a success, to node_exporter.
            Err(error) if error.is_absent() => return Ok(Outcome::Collected),
            Err(error) => return Err(error.into()),
        }
        for (_, node) in self.nodes.iter_mut() {
            if let Err(error) = node.collect(&mut self.fields, &mut self.counters, scrape).optional() {
                scrape.item_failed(error);
            }
        }
        Ok(Outcome::Collected)
    }
}

impl Node {
    fn new(host: &Host, name: &str) -> Option<Self> {
        let number = name.strip_prefix("node").filter(|number| scan::parse_u64(number.as_bytes()).is_some())?;
        let file = |file: &str| host.sys_file(format!("devices/system/node/{name}/{file}"));
        Some(Node { number: number.to_owned(), meminfo: file("meminfo"), numastat: file("numastat") })
    }

    fn collect(
        &mut self,
        fields: &mut Remembered<Named>,
        counters: &mut Remembered<Named>,
        scrape: &mut Scrape<'_>,
    ) -> kernel::Result<()> {
        let labels = [("node", self.number.as_str())];
        let bytes = self.meminfo.read_single(scrape.buffer)?;
        let rows = parsed(node_meminfo::fields(bytes), self.meminfo.path(), scrape.problems);
        for (place, field) in rows.enumerate() {
            let value = match field.unit {
                Unit::Kibibytes => field.value as f64 * 1024.0,
                Unit::Count => field.value as f64,
            };
            let named = fields.at(place, field.name, || field_family(field.name));
            named.write_with(scrape.page, &labels, value);
        }
        let bytes = self.numastat.read_single(scrape.buffer)?;
        let rows = parsed(scan::named_numbers(bytes), self.numastat.path(), scrape.problems);
        for (place, (name, value)) in rows.enumerate() {
            let named = counters.at(place, name, || counter_family(name));
            named.write_with(scrape.page, &labels, value as f64);
        }
        Ok(())
    }
}

/// `Active(anon)` becomes `Active_anon`.
fn field_family(name: &[u8]) -> Named {
    let field = String::from_utf8_lossy(name).replace(')', "").replace('(', "_");
    Named::new(Kind::Gauge, format!("node_memory_numa_{field}"), format!("Memory information field {field}."))
}

fn counter_family(name: &[u8]) -> Named {
    let field = format!("{}_total", String::from_utf8_lossy(name));
    Named::new(Kind::Counter, format!("node_memory_numa_{field}"), format!("Memory information field {field}."))
}
