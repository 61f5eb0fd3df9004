//! `/proc/sys/net/netfilter/nf_conntrack_{count,max}` and `/proc/net/stat/nf_conntrack`: the table of tracked
//! connections. Nothing here while the module is not loaded.
//! Kernel: 2.6.20 and later. Privileges: none. Cost: four reads, 150 bytes per possible CPU.
//!
//! The count below `sys` is that of the network namespace of whoever reads it. Outside the host's the column `entries`
//! of the statistics counts instead; the limit is the same for all.

use exposition::{Family, gauge};
use kernel::proc::nf_conntrack::ConntrackStat;
use kernel::{Host, KeptFile, Optional, scan};

use super::true_types::Types;
use crate::{Collector, Failure, Outcome, Scrape, Spec};

const ENTRIES: Family =
    gauge("node_nf_conntrack_entries", "Number of currently allocated flow entries for connection tracking.");
const ENTRIES_LIMIT: Family = gauge("node_nf_conntrack_entries_limit", "Maximum size of connection tracking table.");
// The rest are counters by nature; without `--true-types` they are gauges because node_exporter has them so.
const FOUND: Family = gauge("node_nf_conntrack_stat_found", "Number of look-ups that found an entry.");
const INVALID: Family = gauge("node_nf_conntrack_stat_invalid", "Number of packets that can not be tracked.");
const IGNORE: Family = gauge("node_nf_conntrack_stat_ignore", "Number of packets that already belong to an entry.");
const INSERT: Family = gauge("node_nf_conntrack_stat_insert", "Number of entries inserted.");
const INSERT_FAILED: Family =
    gauge("node_nf_conntrack_stat_insert_failed", "Number of entries that could not be inserted.");
const DROP: Family = gauge("node_nf_conntrack_stat_drop", "Number of packets dropped because tracking failed.");
const EARLY_DROP: Family =
    gauge("node_nf_conntrack_stat_early_drop", "Number of entries dropped to make room in a full table.");
const SEARCH_RESTART: Family = gauge(
    "node_nf_conntrack_stat_search_restart",
    "Number of look-ups that had to start again because the table was resized.",
);

pub const SPEC: Spec = Spec {
    name: "conntrack",
    is_on_by_default: true,
    help: "the table of tracked connections, where the module is loaded",
    families: &[
        ENTRIES,
        ENTRIES_LIMIT,
        FOUND,
        INVALID,
        IGNORE,
        INSERT,
        INSERT_FAILED,
        DROP,
        EARLY_DROP,
        SEARCH_RESTART,
    ],
    flags: &[],
    build: |host, settings| Ok(Box::new(Conntrack::new(host, Types::of(settings)))),
};

struct Conntrack {
    /// `None` outside the host's network namespace.
    count: Option<KeptFile>,
    max: KeptFile,
    stat: KeptFile,
    types: Types,
}

impl Conntrack {
    fn new(host: &Host, types: Types) -> Self {
        Conntrack {
            types,
            count: host.is_in_host_network().then(|| host.proc_file("sys/net/netfilter/nf_conntrack_count")),
            max: host.proc_file("sys/net/netfilter/nf_conntrack_max"),
            stat: host.net_file("stat/nf_conntrack"),
        }
    }
}

impl Collector for Conntrack {
    fn collect(&mut self, scrape: &mut Scrape<'_>) -> Result<Outcome, Failure> {
        let stat = self.stat.parse(scrape.buffer, ConntrackStat::parse);
        let (entries, stat) = match &mut self.count {
            Some(count) => (count.parse_single(scrape.buffer, scan::number).map(Some), stat.optional()),
            None => match stat {
                Ok(stat) => (Ok(stat.entries), Ok(Some(stat))),
                Err(error) => (Err(error), Ok(None)),
            },
        };
        let entries = match entries {
            Ok(entries) => entries,
            Err(error) if error.is_absent() => {
                return Ok(Outcome::absent(format!("connection tracking is not loaded: {error}")));
            }
            Err(error) => return Err(error.into()),
        };
        if let Some(entries) = entries {
            scrape.page.sample(&ENTRIES, &[], entries as f64);
        }
        match self.max.parse_single(scrape.buffer, scan::number) {
            Ok(max) => scrape.page.sample(&ENTRIES_LIMIT, &[], max as f64),
            Err(error) => scrape.item_failed(error),
        }
        let stat = match stat {
            Ok(stat) => stat.unwrap_or_default(),
            Err(error) => {
                scrape.item_failed(error);
                return Ok(Outcome::Collected);
            }
        };
        let columns = [
            (&FOUND, stat.found),
            (&INVALID, stat.invalid),
            (&IGNORE, stat.ignore),
            (&INSERT, stat.insert),
            (&INSERT_FAILED, stat.insert_failed),
            (&DROP, stat.drop),
            (&EARLY_DROP, stat.early_drop),
            (&SEARCH_RESTART, stat.search_restart),
        ];
        for (family, sum) in columns {
            if let Some(sum) = sum {
                scrape.page.sample(&self.types.counter(family), &[], sum as f64);
            }
        }
        Ok(Outcome::Collected)
    }
}
