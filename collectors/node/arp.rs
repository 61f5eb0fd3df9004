//! IPv4 neighbours by device, by rtnetlink (`RTM_GETNEIGH`) or from `/proc/net/arp`.
//! Kernel: any. Privileges: none. Cost: two questions, about 70 bytes of answer per neighbour and 800 per device.

use exposition::{Family, LabelText, gauge};
use kernel::netlink::{EVERY_LINK_NAME, EVERY_V4_NEIGHBOUR, KeptSocket, LinkNames, Neighbour, Protocol, Step};
use kernel::proc::net_arp;
use kernel::scan::to_text;
use kernel::{Host, KeptFile};

use super::device_filter::DeviceFilter;
use super::netlink::dump;
use super::other_network;
use super::parsed::parsed;
use crate::{Collector, Failure, Flag, FlagKind, Outcome, Scrape, Settings, SettingsError, Spec};

const ENTRIES: Family = gauge("node_arp_entries", "ARP entries by device");

const INCLUDE: Flag = Flag {
    name: "collector.arp.device-include",
    kind: FlagKind::Text { default: "" },
    help: "regular expression of the devices to include",
    aliases: &[],
};
const EXCLUDE: Flag = Flag {
    name: "collector.arp.device-exclude",
    kind: FlagKind::Text { default: "" },
    help: "regular expression of the devices to exclude",
    aliases: &[],
};
const NETLINK: Flag = Flag {
    name: "collector.arp.netlink",
    kind: FlagKind::Switch { default: true },
    help: "ask by netlink rather than read /proc/net/arp",
    aliases: &[],
};

pub const SPEC: Spec = Spec {
    name: "arp",
    is_on_by_default: true,
    help: "IPv4 neighbours by device",
    families: &[ENTRIES],
    flags: &[INCLUDE, EXCLUDE, NETLINK],
    build: |host, settings| Ok(Box::new(Arp::new(host, settings)?)),
};

struct Arp {
    source: Source,
    devices: Devices,
}

enum Source {
    OtherNetwork,
    Netlink {
        socket: KeptSocket,
        names: LinkNames,
        /// Neighbours by the number of their device, in the order of the numbers.
        entries: Vec<(u32, u64)>,
    },
    File(KeptFile),
}

struct Devices {
    filter: DeviceFilter,
    /// In the order of their names.
    all: Vec<Device>,
}

struct Device {
    name: Box<[u8]>,
    /// `None` for a device that the filter leaves out.
    labels: Option<LabelText>,
    entries: u64,
}

impl Arp {
    fn new(host: &Host, settings: &Settings) -> Result<Self, SettingsError> {
        let source = match (settings.is_on(NETLINK.name), host.is_in_host_network()) {
            (false, _) => Source::File(host.net_file("arp")),
            (true, false) => Source::OtherNetwork,
            (true, true) => Source::Netlink {
                socket: KeptSocket::new(Protocol::Route),
                names: LinkNames::default(),
                entries: Vec::new(),
            },
        };
        let filter = DeviceFilter::from_both_flags(settings, INCLUDE.name, EXCLUDE.name)?;
        Ok(Arp { source, devices: Devices { filter, all: Vec::new() } })
    }
}

impl Collector for Arp {
    fn collect(&mut self, scrape: &mut Scrape<'_>) -> Result<Outcome, Failure> {
        self.devices.begin();
        match &mut self.source {
            Source::OtherNetwork => return Ok(Outcome::absent(other_network::REASON)),
            Source::Netlink { socket, names, entries } => {
                dump(socket, &EVERY_V4_NEIGHBOUR, scrape, |step| count(entries, step))?;
                dump(socket, &EVERY_LINK_NAME, scrape, |step| names.note(step))?;
                names.forget_gone();
                for (link_index, entries) in &*entries {
                    // A device without a name went away meanwhile, and its neighbours with it.
                    if let Some(name) = names.name(*link_index) {
                        self.devices.add(name, *entries);
                    }
                }
            }
            Source::File(file) => {
                let bytes = match file.read(scrape.buffer) {
                    Ok(bytes) => bytes,
                    Err(error) => return Outcome::of_error(error),
                };
                for device in parsed(net_arp::devices(bytes), file.path(), scrape.problems) {
                    self.devices.add(device, 1);
                }
            }
        }
        self.devices.end();
        for Device { labels, entries, .. } in &self.devices.all {
            if let Some(labels) = labels {
                scrape.page.labelled_sample(&ENTRIES, labels, &[], *entries as f64);
            }
        }
        Ok(Outcome::Collected)
    }
}

fn count(entries: &mut Vec<(u32, u64)>, step: Step<'_>) {
    let message = match step {
        Step::Begin => return entries.clear(),
        Step::Answer(message) => message,
    };
    let Some(neighbour) = Neighbour::parse(&message).filter(Neighbour::is_in_arp_table) else { return };
    match entries.binary_search_by_key(&neighbour.link_index, |(link_index, _)| *link_index) {
        Ok(place) => entries[place].1 += 1,
        Err(place) => entries.insert(place, (neighbour.link_index, 1)),
    }
}

impl Devices {
    fn begin(&mut self) {
        self.all.iter_mut().for_each(|device| device.entries = 0);
    }

    fn add(&mut self, name: &[u8], entries: u64) {
        let place = match self.all.binary_search_by(|device| (*device.name).cmp(name)) {
            Ok(place) => place,
            Err(place) => {
                let text = to_text(name);
                let labels = self.filter.is_wanted(&text).then(|| LabelText::new([("device", &*text)]));
                self.all.insert(place, Device { name: name.into(), labels, entries: 0 });
                place
            }
        };
        self.all[place].entries += entries;
    }

    /// A device without neighbours has no series.
    fn end(&mut self) {
        self.all.retain(|device| device.entries > 0);
    }
}
