//! Routes that packets can take, of all tables and families, by rtnetlink (`RTM_GETROUTE`).
//! Kernel: any. Privileges: none. Cost: two questions, about 100 bytes of answer per route and 800 per device. Off by
//! default: a machine that speaks BGP may have a million routes.

use std::collections::{BTreeMap, HashSet};
use std::net::IpAddr;

use exposition::{Family, LabelText, gauge};
use kernel::Host;
use kernel::netlink::{EVERY_LINK_NAME, EVERY_ROUTE, Hop, KeptSocket, LinkNames, Protocol, Route, Step};
use kernel::scan::to_text;
use nix::libc;

use super::netlink::dump;
use super::other_network;
use crate::{Collector, Failure, Outcome, Scrape, Spec};

const INFO: Family = gauge("node_network_route_info", "network routing table information");
const ROUTES: Family = gauge("node_network_routes", "network routes by interface");

/// Routes that are told one by one; the rest are counted. Each takes about 300 bytes of memory.
const MOST_TOLD: usize = 50_000;

pub const SPEC: Spec = Spec {
    name: "network_route",
    is_on_by_default: false,
    help: "routes, and how many each device has",
    families: &[INFO, ROUTES],
    flags: &[],
    build: |host, _| Ok(Box::new(NetworkRoute::new(host))),
};

struct NetworkRoute {
    /// `None` outside the host's network namespace.
    socket: Option<KeptSocket>,
    names: LinkNames,
    table: Table,
}

/// In the kernel's order, which stays the same while no route comes or goes.
#[derive(Default)]
struct Table {
    told: Vec<Told>,
    /// Hops seen in this scrape so far.
    seen: usize,
    has_changed: bool,
    /// Routes by device.
    devices: BTreeMap<Box<[u8]>, u64>,
}

struct Told {
    key: Key,
    device: Box<[u8]>,
    labels: LabelText,
    /// One before it has the same labels: it is of another table.
    is_repeated: bool,
}

/// What labels are made of, beside the device.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Key {
    destination: Option<IpAddr>,
    prefix_bits: u8,
    source: Option<IpAddr>,
    gateway: Option<IpAddr>,
    priority: u32,
    protocol: u8,
    weight: Option<u32>,
}

impl NetworkRoute {
    fn new(host: &Host) -> Self {
        let socket = host.is_in_host_network().then(|| KeptSocket::new(Protocol::Route));
        NetworkRoute { socket, names: LinkNames::default(), table: Table::default() }
    }
}

impl Collector for NetworkRoute {
    fn collect(&mut self, scrape: &mut Scrape<'_>) -> Result<Outcome, Failure> {
        let Some(socket) = &mut self.socket else { return Ok(Outcome::absent(other_network::REASON)) };
        let (names, table) = (&mut self.names, &mut self.table);
        dump(socket, &EVERY_LINK_NAME, scrape, |step| names.note(step))?;
        names.forget_gone();
        dump(socket, &EVERY_ROUTE, scrape, |step| match step {
            Step::Begin => table.begin(),
            Step::Answer(message) => {
                let Some(route) = Route::parse(&message).filter(|route| route.kind == libc::RTN_UNICAST) else {
                    return;
                };
                for hop in route.hops() {
                    table.note(Key::new(&route, &hop), names.name(hop.link_index).unwrap_or_default());
                }
            }
        })?;
        table.end();
        table.write(scrape);
        Ok(Outcome::Collected)
    }
}

impl Table {
    fn begin(&mut self) {
        self.seen = 0;
        self.devices.values_mut().for_each(|routes| *routes = 0);
    }

    fn note(&mut self, key: Key, device: &[u8]) {
        match self.devices.get_mut(device) {
            Some(routes) => *routes += 1,
            None => _ = self.devices.insert(device.into(), 1),
        }
        let place = self.seen;
        self.seen += 1;
        if place >= MOST_TOLD || self.told.get(place).is_some_and(|told| told.key == key && *told.device == *device) {
            return;
        }
        self.told.truncate(place);
        self.told.push(Told { labels: key.labels(&to_text(device)), key, device: device.into(), is_repeated: false });
        self.has_changed = true;
    }

    fn end(&mut self) {
        self.told.truncate(self.seen);
        self.devices.retain(|_, routes| *routes > 0);
        if std::mem::take(&mut self.has_changed) {
            let mut known = HashSet::new();
            for told in &mut self.told {
                told.is_repeated = !known.insert(&told.labels);
            }
        }
    }

    fn write(&self, scrape: &mut Scrape<'_>) {
        if self.seen > MOST_TOLD {
            scrape.item_failed(format_args!("only the first {MOST_TOLD} routes are told one by one"));
        }
        for told in self.told.iter().filter(|told| !told.is_repeated) {
            scrape.page.labelled_sample(&INFO, &told.labels, &[], 1.0);
        }
        for (device, routes) in &self.devices {
            scrape.page.sample(&ROUTES, &[("device", &String::from_utf8_lossy(device))], *routes as f64);
        }
    }
}

impl Key {
    fn new(route: &Route<'_>, hop: &Hop) -> Key {
        Key {
            destination: route.destination,
            prefix_bits: route.prefix_bits,
            source: route.preferred_source,
            gateway: hop.gateway,
            priority: route.priority,
            protocol: route.protocol,
            weight: hop.weight,
        }
    }

    fn labels(&self, device: &str) -> LabelText {
        let destination = match (self.prefix_bits, self.destination) {
            (0, _) => "default".to_owned(),
            (bits, destination) => format!("{}/{bits}", text(destination)),
        };
        LabelText::new([
            ("dest", &*destination),
            ("device", device),
            ("gw", &text(self.gateway)),
            ("priority", &self.priority.to_string()),
            ("proto", protocol_name(self.protocol)),
            ("src", &text(self.source)),
            ("weight", &self.weight.map_or(String::new(), |weight| weight.to_string())),
        ])
    }
}

fn text(address: Option<IpAddr>) -> String {
    address.map_or(String::new(), |address| address.to_canonical().to_string())
}

/// As node_exporter has them, after the kernel's `RTPROT_*`.
fn protocol_name(protocol: u8) -> &'static str {
    match protocol {
        0 => "unspec",
        1 => "redirect",
        2 => "kernel",
        3 => "boot",
        4 => "static",
        8 => "gated",
        9 => "ra",
        10 => "mrt",
        11 => "zebra",
        12 => "bird",
        13 => "dnrouted",
        14 => "xorp",
        15 => "ntk",
        16 => "dhcp",
        17 => "mrouted",
        42 => "babel",
        186 => "bgp",
        187 => "isis",
        188 => "ospf",
        189 => "rip",
        192 => "eigrp",
        _ => "unknown",
    }
}
