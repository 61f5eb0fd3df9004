//! What waits in the queueing discipline of each device and how sending fared, by rtnetlink (`RTM_GETQDISC`). Only that
//! which the device itself sends from: those that hang below it would count the same packets again.
//! Kernel: any. Privileges: none. Cost: two questions, about 300 bytes of answer per discipline and 800 per device.

use std::collections::HashSet;

use exposition::{Family, LabelText, counter, gauge};
use kernel::Host;
use kernel::netlink::{EVERY_LINK_NAME, EVERY_QDISC, KeptSocket, LinkNames, Protocol, Qdisc, QdiscCounters, Step};
use kernel::scan::to_text;

use super::device_filter::DeviceFilter;
use super::netlink::dump;
use super::other_network;
use super::qdisc_fixtures::QdiscFixtures;
use crate::{Collector, Failure, Flag, FlagKind, Outcome, Scrape, Settings, SettingsError, Spec};

const BYTES: Family = counter("node_qdisc_bytes_total", "Number of bytes sent.");
const PACKETS: Family = counter("node_qdisc_packets_total", "Number of packets sent.");
const DROPS: Family = counter("node_qdisc_drops_total", "Number of packets dropped.");
const REQUEUES: Family =
    counter("node_qdisc_requeues_total", "Number of packets dequeued, not transmitted, and requeued.");
const OVERLIMITS: Family = counter("node_qdisc_overlimits_total", "Number of packets that a limit held up.");
const QUEUE_LENGTH: Family =
    gauge("node_qdisc_current_queue_length", "Number of packets currently in queue to be sent.");
const BACKLOG: Family = gauge("node_qdisc_backlog", "Number of bytes currently in queue to be sent.");

type Column = (Family, fn(&QdiscCounters) -> u64);

const COLUMNS: [Column; 7] = [
    (BYTES, |qdisc| qdisc.bytes),
    (PACKETS, |qdisc| qdisc.packets),
    (DROPS, |qdisc| u64::from(qdisc.drops)),
    (REQUEUES, |qdisc| u64::from(qdisc.requeues)),
    (OVERLIMITS, |qdisc| u64::from(qdisc.overlimits)),
    (QUEUE_LENGTH, |qdisc| u64::from(qdisc.queue_length)),
    (BACKLOG, |qdisc| u64::from(qdisc.backlog_bytes)),
];

const INCLUDE: Flag = Flag {
    name: "collector.qdisc.device-include",
    kind: FlagKind::Text { default: "" },
    help: "regular expression of the devices to include; not together with device-exclude",
    aliases: &["collector.qdisk.device-include"],
};
const EXCLUDE: Flag = Flag {
    name: "collector.qdisc.device-exclude",
    kind: FlagKind::Text { default: "" },
    help: "regular expression of the devices to exclude; not together with device-include",
    aliases: &["collector.qdisk.device-exclude"],
};
const FIXTURES: Flag = Flag {
    name: "collector.qdisc.fixtures",
    kind: FlagKind::Text { default: "" },
    help: "for tests: read results.json in this folder rather than ask the kernel",
    aliases: &[],
};

pub const SPEC: Spec = Spec {
    name: "qdisc",
    is_on_by_default: false,
    help: "queueing disciplines of devices",
    families: &[BYTES, PACKETS, DROPS, REQUEUES, OVERLIMITS, QUEUE_LENGTH, BACKLOG],
    flags: &[INCLUDE, EXCLUDE, FIXTURES],
    build: |host, settings| Ok(Box::new(Qdiscs::new(host, settings)?)),
};

struct Qdiscs {
    source: Source,
    roots: Roots,
}

enum Source {
    OtherNetwork,
    Netlink { socket: KeptSocket, names: LinkNames },
    Fixtures(QdiscFixtures),
}

/// In the order of the source, which stays the same while none come or go.
struct Roots {
    filter: DeviceFilter,
    all: Vec<Root>,
    /// How many of `all` were seen in this scrape so far.
    seen: usize,
    has_changed: bool,
}

struct Root {
    device: Box<[u8]>,
    kind: Box<[u8]>,
    /// `None` for a device that the filter leaves out.
    labels: Option<LabelText>,
    counters: QdiscCounters,
}

impl Qdiscs {
    fn new(host: &Host, settings: &Settings) -> Result<Self, SettingsError> {
        let source = match (settings.text(FIXTURES.name), host.is_in_host_network()) {
            ("", true) => Source::Netlink { socket: KeptSocket::new(Protocol::Route), names: LinkNames::default() },
            ("", false) => Source::OtherNetwork,
            (folder, _) => Source::Fixtures(QdiscFixtures::new(folder)),
        };
        let filter = DeviceFilter::from_flags(settings, INCLUDE.name, EXCLUDE.name)?;
        Ok(Qdiscs { source, roots: Roots { filter, all: Vec::new(), seen: 0, has_changed: false } })
    }
}

impl Collector for Qdiscs {
    fn collect(&mut self, scrape: &mut Scrape<'_>) -> Result<Outcome, Failure> {
        let roots = &mut self.roots;
        match &mut self.source {
            Source::OtherNetwork => return Ok(Outcome::absent(other_network::REASON)),
            Source::Netlink { socket, names } => {
                dump(socket, &EVERY_LINK_NAME, scrape, |step| names.note(step))?;
                names.forget_gone();
                dump(socket, &EVERY_QDISC, scrape, |step| match step {
                    Step::Begin => roots.begin(),
                    Step::Answer(message) => {
                        let Some(qdisc) = Qdisc::parse(&message).filter(Qdisc::is_root) else { return };
                        // A device without a name came or went meanwhile.
                        if let Some(device) = names.name(qdisc.link_index) {
                            roots.note(device, qdisc.kind, qdisc.counters);
                        }
                    }
                })?;
            }
            Source::Fixtures(fixtures) => {
                roots.begin();
                let each =
                    |device: &str, kind: &str, counters| roots.note(device.as_bytes(), kind.as_bytes(), counters);
                if let Err(error) = fixtures.read(scrape.problems, each) {
                    return Outcome::of_error(error);
                }
            }
        }
        roots.end();
        for (family, value) in &COLUMNS {
            for root in &roots.all {
                if let Some(labels) = &root.labels {
                    scrape.page.labelled_sample(family, labels, &[], value(&root.counters) as f64);
                }
            }
        }
        Ok(Outcome::Collected)
    }
}

impl Roots {
    fn begin(&mut self) {
        self.seen = 0;
    }

    fn note(&mut self, device: &[u8], kind: &[u8], counters: QdiscCounters) {
        match self.all.get_mut(self.seen) {
            Some(known) if *known.device == *device && *known.kind == *kind => known.counters = counters,
            _ => {
                self.all.truncate(self.seen);
                let labels = self.labels(&to_text(device), &to_text(kind));
                self.all.push(Root { device: device.into(), kind: kind.into(), labels, counters });
                self.has_changed = true;
            }
        }
        self.seen += 1;
    }

    /// A source that changed while it was read may tell one twice; its first answer counts.
    fn end(&mut self) {
        self.all.truncate(self.seen);
        if std::mem::take(&mut self.has_changed) {
            let mut known = HashSet::new();
            self.all.retain(|root| known.insert((root.device.clone(), root.kind.clone())));
        }
    }

    fn labels(&self, device: &str, kind: &str) -> Option<LabelText> {
        self.filter.is_wanted(device).then(|| LabelText::new([("device", device), ("kind", kind)]))
    }
}
