//! `/proc/net/ip_vs_stats` and `/proc/net/ip_vs`: the kernel's load balancer, as kube-proxy uses it.
//! Kernel: any with IPVS. Privileges: none. Cost: two reads; the second grows with the servers, each of which is three
//! series unless `--collector.ipvs.backend-labels` leaves out what tells them apart: then their numbers are added up.

use exposition::{Family, LabelText, counter, gauge};
use kernel::proc::net_ip_vs::{Backend, Totals, backends, endpoint};
use kernel::{Host, KeptFile, scan};

use super::parsed::parsed;
use crate::{Collector, Failure, Flag, FlagKind, Outcome, Scrape, Settings, SettingsError, Spec};

const CONNECTIONS: Family = counter("node_ipvs_connections_total", "The total number of connections made.");
const INCOMING_PACKETS: Family = counter("node_ipvs_incoming_packets_total", "The total number of incoming packets.");
const OUTGOING_PACKETS: Family = counter("node_ipvs_outgoing_packets_total", "The total number of outgoing packets.");
const INCOMING_BYTES: Family = counter("node_ipvs_incoming_bytes_total", "The total amount of incoming data.");
const OUTGOING_BYTES: Family = counter("node_ipvs_outgoing_bytes_total", "The total amount of outgoing data.");
const ACTIVE: Family =
    gauge("node_ipvs_backend_connections_active", "The current active connections by local and remote address.");
const INACTIVE: Family =
    gauge("node_ipvs_backend_connections_inactive", "The current inactive connections by local and remote address.");
const WEIGHT: Family = gauge("node_ipvs_backend_weight", "The current backend weight by local and remote address.");

/// The labels of a server, by name.
const LABELS: [&str; 6] = ["local_address", "local_mark", "local_port", "proto", "remote_address", "remote_port"];

const BACKEND_LABELS: Flag = Flag {
    name: "collector.ipvs.backend-labels",
    kind: FlagKind::Text { default: "local_address,local_port,remote_address,remote_port,proto,local_mark" },
    help: "labels of the servers behind services, separated by commas; what they do not tell apart is added up",
    aliases: &[],
};

pub const SPEC: Spec = Spec {
    name: "ipvs",
    is_on_by_default: true,
    help: "the kernel's load balancer, from /proc/net/ip_vs",
    families: &[
        CONNECTIONS,
        INCOMING_PACKETS,
        OUTGOING_PACKETS,
        INCOMING_BYTES,
        OUTGOING_BYTES,
        ACTIVE,
        INACTIVE,
        WEIGHT,
    ],
    flags: &[BACKEND_LABELS],
    build: |host, settings| Ok(Box::new(Ipvs::new(host, settings)?)),
};

struct Ipvs {
    stats: KeptFile,
    table: KeptFile,
    /// Which of `LABELS` to export.
    wanted: [bool; LABELS.len()],
    /// In the order of the file; none without a group.
    known: Vec<Known>,
    groups: Vec<Group>,
}

/// A line of the file, and which group it is added to.
struct Known {
    protocol: Box<[u8]>,
    local: Box<[u8]>,
    remote: Box<[u8]>,
    group: usize,
}

/// Servers with the same labels.
struct Group {
    labels: LabelText,
    active: u64,
    inactive: u64,
    weight: u64,
}

impl Ipvs {
    fn new(host: &Host, settings: &Settings) -> Result<Self, SettingsError> {
        let given: Vec<&str> =
            settings.text(BACKEND_LABELS.name).split(',').filter(|label| !label.is_empty()).collect();
        if let Some(unknown) = given.iter().find(|label| !LABELS.contains(label)) {
            return Err(SettingsError {
                flag: BACKEND_LABELS.name.to_owned(),
                reason: format!("unknown IPVS backend labels: {unknown:?}"),
            });
        }
        Ok(Ipvs {
            stats: host.net_file("ip_vs_stats"),
            table: host.net_file("ip_vs"),
            wanted: LABELS.map(|label| given.contains(&label)),
            known: Vec::new(),
            groups: Vec::new(),
        })
    }

    fn collect_backends(&mut self, scrape: &mut Scrape<'_>) -> kernel::Result<()> {
        let Ipvs { table, wanted, known, groups, .. } = self;
        let bytes = table.read(scrape.buffer)?;
        let path = table.path();
        let rows = || backends(bytes).flatten();
        let has_changed = rows().count() != known.len() || rows().zip(&*known).any(|(row, known)| !known.is(&row));
        if has_changed {
            known.clear();
            groups.clear();
            for row in rows() {
                let group = group_of(&row, wanted, groups);
                let Backend { service, remote, .. } = row;
                let (protocol, local) = (service.protocol.into(), service.local.into());
                known.push(Known { protocol, local, remote: remote.into(), group });
            }
        }
        for group in groups.iter_mut() {
            (group.active, group.inactive, group.weight) = (0, 0, 0);
        }
        for (row, known) in parsed(backends(bytes), path, scrape.problems).zip(&*known) {
            let Some(group) = groups.get_mut(known.group) else { continue };
            group.active = group.active.saturating_add(row.active_connections);
            group.inactive = group.inactive.saturating_add(row.inactive_connections);
            group.weight = group.weight.saturating_add(row.weight);
        }
        for group in &*groups {
            scrape.page.labelled_sample(&ACTIVE, &group.labels, &[], group.active as f64);
            scrape.page.labelled_sample(&INACTIVE, &group.labels, &[], group.inactive as f64);
            scrape.page.labelled_sample(&WEIGHT, &group.labels, &[], group.weight as f64);
        }
        Ok(())
    }
}

impl Collector for Ipvs {
    fn collect(&mut self, scrape: &mut Scrape<'_>) -> Result<Outcome, Failure> {
        let totals = match self.stats.parse_single(scrape.buffer, Totals::parse) {
            Ok(totals) => totals,
            Err(error) => return Outcome::of_error(error),
        };
        for (family, value) in [
            (&CONNECTIONS, totals.connections),
            (&INCOMING_PACKETS, totals.incoming_packets),
            (&OUTGOING_PACKETS, totals.outgoing_packets),
            (&INCOMING_BYTES, totals.incoming_bytes),
            (&OUTGOING_BYTES, totals.outgoing_bytes),
        ] {
            scrape.page.sample(family, &[], value as f64);
        }
        self.collect_backends(scrape)?;
        Ok(Outcome::Collected)
    }
}

impl Known {
    fn is(&self, row: &Backend<'_>) -> bool {
        *self.protocol == *row.service.protocol && *self.local == *row.service.local && *self.remote == *row.remote
    }
}

/// The group of the row's labels, made when there is none. A row whose addresses cannot be read has none: `usize::MAX`.
fn group_of(row: &Backend<'_>, wanted: &[bool; LABELS.len()], groups: &mut Vec<Group>) -> usize {
    let Some(values) = label_values(row) else { return usize::MAX };
    let chosen = LABELS.iter().zip(&values).zip(wanted).filter(|(_, is_wanted)| **is_wanted);
    let labels = LabelText::new(chosen.map(|((label, value), _)| (*label, value.as_str())));
    groups.iter().position(|group| group.labels == labels).unwrap_or_else(|| {
        groups.push(Group { labels, active: 0, inactive: 0, weight: 0 });
        groups.len() - 1
    })
}

/// In the order of `LABELS`.
fn label_values(row: &Backend<'_>) -> Option<[String; LABELS.len()]> {
    let protocol = scan::to_text(row.service.protocol);
    let (remote_address, remote_port) = endpoint(row.remote)?;
    let (local_address, mark, local_port) = if protocol == "FWM" {
        (String::new(), scan::to_text(row.service.local), 0)
    } else {
        let (address, port) = endpoint(row.service.local)?;
        (address.to_string(), String::new(), port)
    };
    let (local_port, remote_port) = (local_port.to_string(), remote_port.to_string());
    Some([local_address, mark, local_port, protocol, remote_address.to_string(), remote_port])
}
