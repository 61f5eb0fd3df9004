//! Traffic and errors of network devices, by rtnetlink (`RTM_GETLINK`) or from `/proc/net/dev`.
//! Kernel: any. Privileges: none. Outside the host's network namespace the file of the first process is read instead;
//! addresses cannot be told then.
//! Cost: one send and one receive per 32 KB of answer (about twenty devices); no file is opened.

use exposition::LabelText;
use kernel::netlink::{EVERY_LINK, KeptSocket, Link, LinkCounters, Protocol, Step};
use kernel::proc::net_dev::{Interface, interfaces};
use kernel::scan::{to_text, trim};
use kernel::{Host, KeptFile, read_file};

use super::device_filter::DeviceFilter;
use super::netdev_addresses;
use super::netdev_columns::{Column, DETAILED, DETAILED_OF_SUMS, FAMILIES, NOHANDLER, USUAL};
use super::netlink::dump;
use super::other_network;
use super::parsed::parsed;
use crate::{Collector, Failure, Flag, FlagKind, Outcome, Scrape, Settings, SettingsError, Spec};

const INCLUDE: Flag = Flag {
    name: "collector.netdev.device-include",
    kind: FlagKind::Text { default: "" },
    help: "regular expression of the devices to include; not together with device-exclude",
    aliases: &["collector.netdev.device-whitelist"],
};
const EXCLUDE: Flag = Flag {
    name: "collector.netdev.device-exclude",
    kind: FlagKind::Text { default: "" },
    help: "regular expression of the devices to exclude; not together with device-include",
    aliases: &["collector.netdev.device-blacklist"],
};
const NETLINK: Flag = switch("collector.netdev.netlink", true, "ask by netlink rather than read /proc/net/dev");
const ADDRESSES: Flag = switch("collector.netdev.address-info", false, "also export the addresses of every device");
const DETAILS: Flag =
    switch("collector.netdev.enable-detailed-metrics", false, "export every counter by itself, under other names");
const ALIAS: Flag = switch("collector.netdev.label-ifalias", false, "also label with the alias of the device");

pub const SPEC: Spec = Spec {
    name: "netdev",
    is_on_by_default: true,
    help: "traffic and errors of network devices",
    families: &ALL_FAMILIES,
    flags: &[INCLUDE, EXCLUDE, NETLINK, ADDRESSES, DETAILS, ALIAS],
    build: |host, settings| Ok(Box::new(Netdev::new(host, settings)?)),
};

const ALL_FAMILIES: [exposition::Family; FAMILIES.len() + 1] = {
    let mut all = [netdev_addresses::ADDRESS; FAMILIES.len() + 1];
    all.split_at_mut(FAMILIES.len()).0.copy_from_slice(&FAMILIES);
    all
};

struct Netdev {
    source: Source,
    columns: &'static [Column],
    devices: Devices,
    addresses: Addresses,
}

enum Source {
    Netlink(KeptSocket),
    /// With the folder that tells aliases.
    File {
        file: KeptFile,
        host: Host,
    },
}

enum Addresses {
    NotWanted,
    /// Only netlink tells them, and it would tell those of the agent's own namespace.
    OtherNetwork,
    Netlink(KeptSocket),
}

/// The devices in the order of the source, which stays the same while none come or go.
struct Devices {
    filter: DeviceFilter,
    has_alias_label: bool,
    all: Vec<Device>,
    /// How many of `all` were seen in this scrape so far.
    seen: usize,
    has_changed: bool,
}

struct Device {
    name: Box<[u8]>,
    alias: Box<[u8]>,
    /// `None` for a device that the filter leaves out.
    labels: Option<LabelText>,
    counters: LinkCounters,
}

const fn switch(name: &'static str, default: bool, help: &'static str) -> Flag {
    Flag { name, kind: FlagKind::Switch { default }, help, aliases: &[] }
}

impl Netdev {
    fn new(host: &Host, settings: &Settings) -> Result<Self, SettingsError> {
        let filter = DeviceFilter::from_flags(settings, INCLUDE.name, EXCLUDE.name)?;
        let is_netlink = settings.is_on(NETLINK.name) && host.is_in_host_network();
        let columns = match (settings.is_on(DETAILS.name), is_netlink) {
            (false, _) => USUAL,
            (true, true) => DETAILED,
            (true, false) => DETAILED_OF_SUMS,
        };
        let source = if is_netlink {
            Source::Netlink(KeptSocket::new(Protocol::Route))
        } else {
            Source::File { file: host.net_file("dev"), host: host.clone() }
        };
        let has_alias_label = settings.is_on(ALIAS.name);
        let devices = Devices { filter, has_alias_label, all: Vec::new(), seen: 0, has_changed: false };
        let addresses = match (settings.is_on(ADDRESSES.name), host.is_in_host_network()) {
            (false, _) => Addresses::NotWanted,
            (true, true) => Addresses::Netlink(KeptSocket::new(Protocol::Route)),
            (true, false) => Addresses::OtherNetwork,
        };
        Ok(Netdev { source, columns, devices, addresses })
    }

    fn read(&mut self, scrape: &mut Scrape<'_>) -> Result<Outcome, Failure> {
        match &mut self.source {
            Source::Netlink(socket) => dump(socket, &EVERY_LINK, scrape, |step| match step {
                Step::Begin => self.devices.begin(),
                Step::Answer(message) => {
                    if let Some(Link { name, alias, counters: Some(counters), .. }) = Link::parse(&message) {
                        self.devices.note(name, alias, counters);
                    }
                }
            })?,
            Source::File { file, host } => {
                self.devices.begin();
                let bytes = match file.read(scrape.buffer) {
                    Ok(bytes) => bytes,
                    Err(error) => return Outcome::of_error(error),
                };
                for interface in parsed(interfaces(bytes), file.path(), scrape.problems) {
                    let alias = if self.devices.has_alias_label { alias_of(host, interface.name) } else { Vec::new() };
                    self.devices.note(interface.name, &alias, counters_of(&interface));
                }
            }
        }
        self.devices.end();
        Ok(Outcome::Collected)
    }

    fn write(&self, page: &mut exposition::Page) {
        let nohandler = matches!(self.source, Source::Netlink(_)).then_some(&NOHANDLER);
        for (family, value) in self.columns.iter().chain(nohandler) {
            for device in &self.devices.all {
                if let Some(labels) = &device.labels {
                    page.labelled_sample(family, labels, &[], value(&device.counters) as f64);
                }
            }
        }
    }
}

impl Collector for Netdev {
    fn collect(&mut self, scrape: &mut Scrape<'_>) -> Result<Outcome, Failure> {
        let outcome = self.read(scrape)?;
        self.write(scrape.page);
        match &mut self.addresses {
            Addresses::NotWanted => {}
            Addresses::OtherNetwork => scrape.item_failed(format_args!("addresses: {}", other_network::REASON)),
            Addresses::Netlink(socket) => {
                netdev_addresses::write(socket, &self.devices.filter, scrape)?;
            }
        }
        Ok(outcome)
    }
}

impl Devices {
    fn begin(&mut self) {
        self.seen = 0;
    }

    fn note(&mut self, name: &[u8], alias: &[u8], counters: LinkCounters) {
        match self.all.get_mut(self.seen) {
            Some(known) if *known.name == *name && *known.alias == *alias => known.counters = counters,
            _ => {
                self.all.truncate(self.seen);
                self.all.push(Device {
                    name: name.into(),
                    alias: alias.into(),
                    labels: self.labels(name, alias),
                    counters,
                });
                self.has_changed = true;
            }
        }
        self.seen += 1;
    }

    /// A source that changed while it was read may tell a device twice; its first answer counts.
    fn end(&mut self) {
        self.all.truncate(self.seen);
        if std::mem::take(&mut self.has_changed) {
            let mut names = std::collections::HashSet::new();
            self.all.retain(|device| names.insert(device.name.clone()));
        }
    }

    fn labels(&self, name: &[u8], alias: &[u8]) -> Option<LabelText> {
        let name = to_text(name);
        self.filter.is_wanted(&name).then(|| {
            let mut labels = LabelText::new([("device", &*name)]);
            if self.has_alias_label {
                labels.push("ifalias", &to_text(alias));
            }
            labels
        })
    }
}

/// `/sys/class/net/<device>/ifalias`; a device without one has an empty line there.
fn alias_of(host: &Host, name: &[u8]) -> Vec<u8> {
    let path = host.roots.sys(format!("class/net/{}/ifalias", to_text(name)));
    read_file(&path, &mut Vec::new()).map(|bytes| trim(bytes).to_vec()).unwrap_or_default()
}

/// The sums stand where their main part does.
fn counters_of(interface: &Interface<'_>) -> LinkCounters {
    let Interface { receive, transmit, .. } = interface;
    LinkCounters {
        rx_bytes: receive.bytes,
        rx_packets: receive.packets,
        rx_errors: receive.errors,
        rx_dropped: receive.dropped,
        rx_fifo_errors: receive.fifo,
        rx_frame_errors: receive.frame_or_collisions,
        rx_compressed: receive.compressed_or_carrier,
        multicast: receive.multicast_or_compressed,
        tx_bytes: transmit.bytes,
        tx_packets: transmit.packets,
        tx_errors: transmit.errors,
        tx_dropped: transmit.dropped,
        tx_fifo_errors: transmit.fifo,
        collisions: transmit.frame_or_collisions,
        tx_carrier_errors: transmit.compressed_or_carrier,
        tx_compressed: transmit.multicast_or_compressed,
        ..LinkCounters::default()
    }
}
