//! `/sys/kernel/mm/ksm/*`: how much memory is saved by merging equal pages.
//! Kernel: 2.6.32 and later; `general_profit` since 6.4. Privileges: none. Cost: ten short reads.

use exposition::{Family, counter, gauge};
use kernel::{Host, KeptFile, scan};

use super::several::Several;
use crate::{Collector, Failure, Outcome, Scrape, Spec};

const FULL_SCANS: Family =
    counter("node_ksmd_full_scans_total", "How many times all mergeable areas have been scanned.");
const GENERAL_PROFIT: Family = gauge(
    "node_ksmd_general_profit_bytes",
    "Memory saved by merging less what the bookkeeping takes; below zero where merging does not pay.",
);
const MERGE_ACROSS_NODES: Family =
    gauge("node_ksmd_merge_across_nodes", "Specifies if pages from different NUMA nodes can be merged.");
const PAGES_SHARED: Family = gauge("node_ksmd_pages_shared", "How many shared pages are being used.");
const PAGES_SHARING: Family =
    gauge("node_ksmd_pages_sharing", "How many more sites are sharing them i.e. how much saved.");
const PAGES_TO_SCAN: Family = gauge("node_ksmd_pages_to_scan", "How many pages to scan before ksmd goes to sleep.");
const PAGES_UNSHARED: Family =
    gauge("node_ksmd_pages_unshared", "How many pages unique but repeatedly checked for merging.");
const PAGES_VOLATILE: Family =
    gauge("node_ksmd_pages_volatile", "How many pages changing too fast to be placed in a tree.");
const RUN: Family = gauge("node_ksmd_run", "The status of ksmd. stopped = 0, running = 1");
const SLEEP: Family = gauge("node_ksmd_sleep_seconds", "How many seconds ksmd should sleep before next scan.");

/// Family, file, and by what to divide.
const FILES: [(Family, &str, f64); 10] = [
    (FULL_SCANS, "full_scans", 1.0),
    (GENERAL_PROFIT, "general_profit", 1.0),
    (MERGE_ACROSS_NODES, "merge_across_nodes", 1.0),
    (PAGES_SHARED, "pages_shared", 1.0),
    (PAGES_SHARING, "pages_sharing", 1.0),
    (PAGES_TO_SCAN, "pages_to_scan", 1.0),
    (PAGES_UNSHARED, "pages_unshared", 1.0),
    (PAGES_VOLATILE, "pages_volatile", 1.0),
    (RUN, "run", 1.0),
    (SLEEP, "sleep_millisecs", 1000.0),
];

pub const SPEC: Spec = Spec {
    name: "ksmd",
    is_on_by_default: false,
    help: "merging of equal pages of memory, from /sys/kernel/mm/ksm",
    families: &[
        FULL_SCANS,
        GENERAL_PROFIT,
        MERGE_ACROSS_NODES,
        PAGES_SHARED,
        PAGES_SHARING,
        PAGES_TO_SCAN,
        PAGES_UNSHARED,
        PAGES_VOLATILE,
        RUN,
        SLEEP,
    ],
    flags: &[],
    build: |host, _| Ok(Box::new(Ksmd::new(host))),
};

struct Ksmd {
    /// In the order of `FILES`.
    files: Vec<KeptFile>,
}

impl Ksmd {
    fn new(host: &Host) -> Self {
        let file = |name: &str| host.sys_file(format!("kernel/mm/ksm/{name}"));
        Ksmd { files: FILES.iter().map(|(_, name, _)| file(name)).collect() }
    }
}

impl Collector for Ksmd {
    fn collect(&mut self, scrape: &mut Scrape<'_>) -> Result<Outcome, Failure> {
        let mut files = Several::default();
        for (file, (family, _, divisor)) in self.files.iter_mut().zip(&FILES) {
            let number = file.parse_single(scrape.buffer, scan::signed_number);
            files.note(number.map(|number| scrape.page.sample(family, &[], number as f64 / divisor)));
        }
        files.outcome(scrape.problems, |error| Outcome::absent(error.to_string()))
    }
}
