//! `/proc/zoneinfo`: pages of each zone of memory by use. Fields that the kernel adds appear by themselves.
//! Kernel: 2.6.13 and later. Privileges: none. Cost: one read per page of a file that grows with zones and CPUs.

use std::collections::HashMap;

use exposition::{Family, Kind, counter, gauge};
use kernel::proc::zoneinfo::{Entry, Protection, entries};
use kernel::{KeptFile, scan};

use super::named::Named;
use super::parsed::parsed;
use crate::{Collector, Failure, Outcome, Scrape, Spec};

const PAGES: Family = gauge("node_zoneinfo_<field>_pages", "Field <field> of /proc/zoneinfo, in pages.");
const FIELD: Family = gauge("node_zoneinfo_<field>", "Field <field> of /proc/zoneinfo.");
const TOTAL: Family = counter("node_zoneinfo_<field>_total", "Field <field> of /proc/zoneinfo, since boot.");
const PROTECTION: Family = gauge("node_zoneinfo_protection_<n>", "Protection array <n>. field");

/// More names than any kernel has: past it a file of garbage is forgotten.
const MAX_NAMES: usize = 1000;

/// Fields whose names say neither that they are pages (`nr_`) nor that they are events, and are pages.
const PAGES_BY_NAME: [&str; 10] =
    ["min", "low", "high", "scanned", "spanned", "present", "managed", "boost", "promo", "cma"];
/// What counts since boot though its name begins as that of a number of pages.
const EVENTS_BY_NAME: [&str; 7] = [
    "nr_dirtied",
    "nr_written",
    "nr_throttled_written",
    "nr_vmscan_write",
    "nr_vmscan_immediate_reclaim",
    "nr_foll_pin_acquired",
    "nr_foll_pin_released",
];
const EVENT_PREFIXES: [&str; 3] = ["numa_", "workingset_", "pg"];

pub const SPEC: Spec = Spec {
    name: "zoneinfo",
    is_on_by_default: false,
    help: "pages of each zone of memory, from /proc/zoneinfo",
    families: &[PAGES, FIELD, TOTAL, PROTECTION],
    flags: &[],
    build: |host, _| Ok(Box::new(Zoneinfo::new(host.proc_file("zoneinfo")))),
};

struct Zoneinfo {
    file: KeptFile,
    /// By the kernel's name; each is there once per zone or node.
    names: HashMap<Box<[u8]>, Named>,
    protections: Vec<Named>,
    node: String,
    zone: String,
}

impl Zoneinfo {
    fn new(file: KeptFile) -> Self {
        Zoneinfo { file, names: HashMap::new(), protections: Vec::new(), node: String::new(), zone: String::new() }
    }
}

impl Collector for Zoneinfo {
    fn collect(&mut self, scrape: &mut Scrape<'_>) -> Result<Outcome, Failure> {
        let bytes = match self.file.read(scrape.buffer) {
            Ok(bytes) => bytes,
            Err(error) => return Outcome::of_error(error),
        };
        let Zoneinfo { names, protections, node, zone, .. } = self;
        node.clear();
        for entry in parsed(entries(bytes), self.file.path(), scrape.problems) {
            match entry {
                Entry::Zone { node: its_node, zone: its_zone } => {
                    node.clear();
                    node.push_str(&String::from_utf8_lossy(its_node));
                    zone.clear();
                    zone.push_str(&String::from_utf8_lossy(its_zone));
                }
                // Before the first zone: the file is torn.
                _ if node.is_empty() => {}
                Entry::Field { name, value } => {
                    if !names.contains_key(name) {
                        if names.len() >= MAX_NAMES {
                            names.clear();
                        }
                        names.insert(name.into(), family_of(&scan::to_text(name)));
                    }
                    names[name].write_with(scrape.page, &[("node", node), ("zone", zone)], value as f64);
                }
                Entry::Protection(pages) => {
                    write_protection(protections, pages, &[("node", node), ("zone", zone)], scrape.page)
                }
            }
        }
        Ok(Outcome::Collected)
    }
}

fn write_protection(
    families: &mut Vec<Named>,
    protection: Protection<'_>,
    labels: &[exposition::Label<'_>],
    page: &mut exposition::Page,
) {
    for (place, pages) in protection.pages().enumerate() {
        if place == families.len() {
            let help = format!("Protection array {place}. field");
            families.push(Named::new(Kind::Gauge, format!("node_zoneinfo_protection_{place}"), help));
        }
        families[place].write_with(page, labels, pages as f64);
    }
}

/// Names as node_exporter gives them to the fields that it knows, and the others by the same pattern.
fn family_of(field: &str) -> Named {
    let is_event = EVENTS_BY_NAME.contains(&field)
        || (EVENT_PREFIXES.iter().any(|prefix| field.starts_with(prefix)) && field != "workingset_nodes");
    let is_pages = PAGES_BY_NAME.contains(&field) || field.starts_with("nr_");
    let (kind, name) = match field {
        _ if is_event => (Kind::Counter, format!("{field}_total")),
        "nr_kernel_stack" => (Kind::Gauge, "nr_kernel_stacks".to_owned()),
        _ if is_pages && !field.ends_with("pages") => (Kind::Gauge, format!("{field}_pages")),
        _ => (Kind::Gauge, field.to_owned()),
    };
    Named::new(kind, format!("node_zoneinfo_{name}"), help_of(field))
}

fn help_of(field: &str) -> String {
    let known = match field {
        "nr_free_pages" => "Total number of free pages in the zone",
        "min" => "Zone watermark pages_min",
        "low" => "Zone watermark pages_low",
        "high" => "Zone watermark pages_high",
        "spanned" => "Total pages spanned by the zone, including holes",
        "present" => "Physical pages existing within the zone",
        "managed" => "Present pages managed by the buddy system",
        "numa_hit" => "Allocated in intended node",
        "numa_miss" => "Allocated in non intended node",
        "numa_foreign" => "Was intended here, hit elsewhere",
        "numa_interleave" => "Interleaver preferred this zone",
        "numa_local" => "Allocation from local node",
        "numa_other" => "Allocation from other node",
        _ => return format!("Field {field} of /proc/zoneinfo."),
    };
    known.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use exposition::Page;

    #[test]
    fn a_field_that_nobody_knows_yet_is_named_by_the_pattern_of_the_known_ones() {
        let said = |field: &str| {
            let (mut page, mut out) = (Page::new(), Vec::new());
            family_of(field).write_with(&mut page, &[], 1.0);
            exposition::assemble([&page], exposition::Dialect::Text, &mut out);
            let text = String::from_utf8(out).expect("UTF-8");
            text.lines().find_map(|line| line.strip_prefix("# TYPE node_zoneinfo_")).expect("a type").to_owned()
        };
        for (field, expected) in [
            ("nr_free_pages", "nr_free_pages gauge"),
            ("nr_kernel_stack", "nr_kernel_stacks gauge"),
            ("nr_anon_transparent_hugepages", "nr_anon_transparent_hugepages gauge"),
            ("nr_dirty", "nr_dirty_pages gauge"),
            ("nr_dirtied", "nr_dirtied_total counter"),
            ("high", "high_pages gauge"),
            ("numa_hit", "numa_hit_total counter"),
            ("nr_never_seen", "nr_never_seen_pages gauge"),
            ("workingset_refault_moon", "workingset_refault_moon_total counter"),
            ("workingset_nodes", "workingset_nodes gauge"),
            ("novelty", "novelty gauge"),
        ] {
            assert_eq!(said(field), expected);
        }
    }
}
