//! `--collector.netclass.netlink`: what the collector `netclass` tells, asked by rtnetlink (`RTM_GETLINK`), with speed and
//! duplex from the driver (`SIOCETHTOOL`) and three numbers from `/sys/class/net` that netlink does not have.
//! Kernel: any. Privileges: none. Cost: one send and one receive per 32 KB of answer, an ioctl and three files per device.
//! Off by default, so it may allocate. Labels and values are node_exporter's: `node_network_info` lacks `adminstate`,
//! and `dormant` is the mode of the link.

use std::collections::BTreeMap;
use std::fmt::Write;

use exposition::{Family, LabelText, Page, gauge};
use kernel::ethtool::{Ethtool, LinkSettings};
use kernel::netlink::{EVERY_LINK, KeptSocket, Link, LinkCounters, Protocol, Step};
use kernel::sys::net_class::number;
use kernel::{DeviceFolder, Host, scan};
use regex::Regex;

use super::netclass_columns::{INFO, NUMBERS, Numbers, UP, place, value};
use super::netlink::dump;
use super::other_network;
use super::true_types::Types;
use crate::{Collector, Failure, Outcome, Scrape};

pub const ALTNAMES: Family =
    gauge("node_network_altnames_info", "Non-numeric data of <iface> altname, value is always 1.");

/// In the order of their numbers; `IF_OPER_UP` is the last.
const OPERSTATES: [&str; 7] = ["unknown", "notpresent", "down", "lowerlayerdown", "testing", "dormant", "up"];
const IF_OPER_UP: u8 = 6;

const FROM_FILES: [usize; 3] = [place::ADDR_ASSIGN_TYPE, place::DEV_ID, place::NAME_ASSIGN_TYPE];

pub struct NetclassOfNetlink {
    host: Host,
    ignored: Option<Regex>,
    /// The types of the counters, if they are wanted.
    counters: Option<Types>,
    socket: KeptSocket,
    ethtool: Ethtool,
}

struct Interface {
    labels: LabelText,
    info: LabelText,
    is_up: bool,
    numbers: Numbers,
    counters: Option<LinkCounters>,
    /// With the labels of each.
    altnames: Vec<LabelText>,
}

impl NetclassOfNetlink {
    /// With the counters of the devices as well, if wanted: instead of the collector `netdev`, under other names.
    pub fn new(host: &Host, ignored: Option<Regex>, counters: Option<Types>) -> Self {
        NetclassOfNetlink {
            host: host.clone(),
            ignored,
            counters,
            socket: KeptSocket::new(Protocol::Route),
            ethtool: Ethtool::default(),
        }
    }
}

impl Collector for NetclassOfNetlink {
    fn collect(&mut self, scrape: &mut Scrape<'_>) -> Result<Outcome, Failure> {
        if !self.host.is_in_host_network() {
            return Ok(Outcome::absent(other_network::REASON));
        }
        // By name; a source that changes while it is asked may tell a device twice, and its first answer counts.
        let mut interfaces: BTreeMap<String, Interface> = BTreeMap::new();
        let (ignored, ethtool) = (&self.ignored, &mut self.ethtool);
        dump(&mut self.socket, &EVERY_LINK, scrape, |step| match step {
            Step::Begin => interfaces.clear(),
            Step::Answer(message) => {
                let Some(link) = Link::parse(&message) else { return };
                let name = scan::to_text(link.name);
                if !ignored.as_ref().is_some_and(|pattern| pattern.is_match(&name)) && !interfaces.contains_key(&name) {
                    let settings = ethtool.link_settings(link.name).ok();
                    interfaces.insert(name, Interface::new(&link, settings.as_ref()));
                }
            }
        })?;
        for (name, interface) in &mut interfaces {
            interface.read_files(&self.host, name, scrape);
        }
        let all: Vec<Interface> = interfaces.into_values().collect();
        write(&all, scrape.page);
        if let Some(types) = self.counters {
            write_counters(&all, types, scrape.page);
        }
        Ok(Outcome::Collected)
    }
}

impl Interface {
    fn new(link: &Link<'_>, settings: Option<&LinkSettings>) -> Self {
        let name = scan::to_text(link.name);
        let operstate = OPERSTATES.get(usize::from(link.operstate)).copied().unwrap_or("unknown");
        let info = LabelText::new([
            ("address", &*colon_separated(link.address)),
            ("broadcast", &colon_separated(link.broadcast)),
            ("device", &name),
            ("duplex", settings.map_or("", duplex)),
            ("ifalias", &scan::to_text(link.alias)),
            ("operstate", operstate),
        ]);
        let altname = |altname| LabelText::new([("altname", &*scan::to_text(altname)), ("device", &name)]);
        Interface {
            labels: LabelText::new([("device", &*name)]),
            info,
            is_up: link.operstate == IF_OPER_UP,
            numbers: numbers_of(link, settings),
            counters: link.counters,
            altnames: link.altnames().map(altname).collect(),
        }
    }

    /// A device that has gone meanwhile has no files, and one that has come under its name has the same ones.
    fn read_files(&mut self, host: &Host, name: &str, scrape: &mut Scrape<'_>) {
        let Ok(folder) = DeviceFolder::open(&host.roots.sys("class/net").join(name).into()) else { return };
        for place in FROM_FILES {
            self.numbers[place] = folder.parse(NUMBERS[place].1, scrape.buffer, number).ok();
        }
    }
}

fn numbers_of(link: &Link<'_>, settings: Option<&LinkSettings>) -> Numbers {
    let mut numbers: Numbers = [None; NUMBERS.len()];
    let known: [(usize, Option<u32>); 14] = [
        (place::CARRIER, link.carrier.map(u32::from)),
        (place::CARRIER_CHANGES, link.carrier_changes),
        (place::CARRIER_UP_COUNT, link.carrier_up_count),
        (place::CARRIER_DOWN_COUNT, link.carrier_down_count),
        (place::DORMANT, link.link_mode.map(u32::from)),
        (place::FLAGS, Some(link.flags)),
        (place::IFINDEX, Some(link.index)),
        (place::IFLINK, link.lower_index.filter(|index| *index > 0).or(Some(link.index))),
        (place::LINK_MODE, link.link_mode.map(u32::from)),
        (place::MTU, link.mtu),
        (place::NETDEV_GROUP, link.group),
        (place::SPEED, settings.map(|settings| settings.speed_megabits)),
        (place::TX_QUEUE_LEN, link.transmit_queue_length),
        (place::TYPE, Some(u32::from(link.hardware_type))),
    ];
    for (place, number) in known {
        numbers[place] = number.map(i64::from);
    }
    numbers
}

fn duplex(settings: &LinkSettings) -> &'static str {
    match settings.duplex {
        0 => "Half",
        1 => "Full",
        _ => "Unknown",
    }
}

fn colon_separated(bytes: &[u8]) -> String {
    let mut text = String::new();
    for (place, byte) in bytes.iter().enumerate() {
        let colon = if place == 0 { "" } else { ":" };
        // Writing to a String cannot fail.
        let _ = write!(text, "{colon}{byte:02x}");
    }
    text
}

fn write(interfaces: &[Interface], page: &mut Page) {
    for interface in interfaces {
        page.labelled_sample(&UP, &interface.labels, &[], f64::from(u8::from(interface.is_up)));
    }
    for interface in interfaces {
        page.labelled_sample(&INFO, &interface.info, &[], 1.0);
    }
    for altname in interfaces.iter().flat_map(|interface| &interface.altnames) {
        page.labelled_sample(&ALTNAMES, altname, &[], 1.0);
    }
    for (column, (family, _)) in NUMBERS.iter().enumerate() {
        for interface in interfaces {
            if let Some(number) = interface.numbers[column] {
                page.labelled_sample(family, &interface.labels, &[], value(column, number));
            }
        }
    }
}

type Counter = (Family, fn(&LinkCounters) -> u64);

macro_rules! property {
    ($name:literal) => {
        gauge(concat!("node_network_", $name), concat!("Network device property: ", $name))
    };
}

/// Gauges, although they count: that is what they are in node_exporter.
const COUNTERS: [Counter; 24] = [
    (property!("receive_packets_total"), |device| device.rx_packets),
    (property!("transmit_packets_total"), |device| device.tx_packets),
    (property!("receive_bytes_total"), |device| device.rx_bytes),
    (property!("transmit_bytes_total"), |device| device.tx_bytes),
    (property!("receive_errors_total"), |device| device.rx_errors),
    (property!("transmit_errors_total"), |device| device.tx_errors),
    (property!("receive_dropped_total"), |device| device.rx_dropped),
    (property!("transmit_dropped_total"), |device| device.tx_dropped),
    (property!("multicast_total"), |device| device.multicast),
    (property!("collisions_total"), |device| device.collisions),
    (property!("receive_length_errors_total"), |device| device.rx_length_errors),
    (property!("receive_over_errors_total"), |device| device.rx_over_errors),
    (property!("receive_crc_errors_total"), |device| device.rx_crc_errors),
    (property!("receive_frame_errors_total"), |device| device.rx_frame_errors),
    (property!("receive_fifo_errors_total"), |device| device.rx_fifo_errors),
    (property!("receive_missed_errors_total"), |device| device.rx_missed_errors),
    (property!("transmit_aborted_errors_total"), |device| device.tx_aborted_errors),
    (property!("transmit_carrier_errors_total"), |device| device.tx_carrier_errors),
    (property!("transmit_fifo_errors_total"), |device| device.tx_fifo_errors),
    (property!("transmit_heartbeat_errors_total"), |device| device.tx_heartbeat_errors),
    (property!("transmit_window_errors_total"), |device| device.tx_window_errors),
    (property!("receive_compressed_total"), |device| device.rx_compressed),
    (property!("transmit_compressed_total"), |device| device.tx_compressed),
    (property!("receive_nohandler_total"), |device| device.rx_nohandler),
];

fn write_counters(interfaces: &[Interface], types: Types, page: &mut Page) {
    for (family, counter) in &COUNTERS {
        let family = types.counter(family);
        for interface in interfaces {
            if let Some(counters) = &interface.counters {
                page.labelled_sample(&family, &interface.labels, &[], counter(counters) as f64);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_written_as_the_kernel_writes_them() {
        assert_eq!(colon_separated(&[0x02, 0xfc, 0, 0, 0, 0x1a]), "02:fc:00:00:00:1a");
        assert_eq!(colon_separated(&[]), "");
    }

    #[test]
    fn a_device_that_lies_on_none_lies_on_itself() {
        let alone = Link { index: 7, flags: 3, ..Link::default() };
        let numbers = numbers_of(&alone, None);
        assert_eq!((numbers[place::IFLINK], numbers[place::IFINDEX]), (Some(7), Some(7)));
        assert_eq!((numbers[place::SPEED], numbers[place::MTU], numbers[place::FLAGS]), (None, None, Some(3)));
        let settings = LinkSettings { speed_megabits: 10_000, ..LinkSettings::default() };
        let numbers = numbers_of(&Link { lower_index: Some(2), ..alone }, Some(&settings));
        assert_eq!((numbers[place::IFLINK], numbers[place::SPEED]), (Some(2), Some(10_000)));
    }
}
