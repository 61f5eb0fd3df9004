//! Wi-Fi interfaces, the network that each is in and the stations that it talks with, by nl80211.
//! Kernel: 2.6.22 and later with the module cfg80211. Privileges: none. Cost: a question for the interfaces and two for
//! each of them; a hundred networks in reach are 60 KB of answer. Off by default, so it may allocate.

use std::collections::HashSet;

use exposition::{Family, Page, counter, gauge};
use kernel::Host;

use super::other_network;
use super::wifi_fixtures::WifiFixtures;
use super::wifi_netlink::WifiNetlink;
use crate::{Collector, Failure, Flag, FlagKind, Outcome, Scrape, Settings, Spec};

const FREQUENCY: Family =
    gauge("node_wifi_interface_frequency_hertz", "The current frequency a WiFi interface is operating at, in hertz.");
const INFO: Family = gauge("node_wifi_station_info", "The network that a WiFi interface belongs to.");

type Column = (Family, fn(&WifiStation) -> f64);

const COLUMNS: [Column; 12] = [
    (
        counter("node_wifi_station_connected_seconds_total", "Seconds since the station was connected last."),
        |station| seconds(station.connected_nanoseconds),
    ),
    (
        gauge("node_wifi_station_inactive_seconds", "Seconds since the station was heard or spoken to last."),
        |station| seconds(station.inactive_nanoseconds),
    ),
    (gauge("node_wifi_station_receive_bits_per_second", "Present rate of receiving from the station."), |station| {
        station.receive_bits_per_second as f64
    }),
    (gauge("node_wifi_station_transmit_bits_per_second", "Present rate of transmitting to the station."), |station| {
        station.transmit_bits_per_second as f64
    }),
    (counter("node_wifi_station_receive_bytes_total", "Number of bytes received."), |station| {
        station.received_bytes as f64
    }),
    (counter("node_wifi_station_transmit_bytes_total", "Number of bytes transmitted."), |station| {
        station.transmitted_bytes as f64
    }),
    (counter("node_wifi_station_received_packets_total", "Number of packets received."), |station| {
        station.received_packets as f64
    }),
    (counter("node_wifi_station_transmitted_packets_total", "Number of packets transmitted."), |station| {
        station.transmitted_packets as f64
    }),
    (gauge("node_wifi_station_signal_dbm", "Strength of the signal, in decibel-milliwatts."), |station| {
        station.signal_dbm as f64
    }),
    (counter("node_wifi_station_transmit_retries_total", "Number of times that a packet was sent again."), |station| {
        station.transmit_retries as f64
    }),
    (counter("node_wifi_station_transmit_failed_total", "Number of packets that could not be sent."), |station| {
        station.transmit_failed as f64
    }),
    (counter("node_wifi_station_beacon_loss_total", "Number of times that beacons stayed away."), |station| {
        station.beacon_loss as f64
    }),
];

const FAMILIES: [Family; COLUMNS.len() + 2] = {
    let mut all = [INFO; COLUMNS.len() + 2];
    all[1] = FREQUENCY;
    let mut at = 0;
    while at < COLUMNS.len() {
        all[at + 2] = COLUMNS[at].0;
        at += 1;
    }
    all
};

const FIXTURES: Flag = Flag {
    name: "collector.wifi.fixtures",
    kind: FlagKind::Text { default: "" },
    help: "for tests: read the JSON files of this folder rather than ask the kernel",
    aliases: &[],
};

pub const SPEC: Spec = Spec {
    name: "wifi",
    is_on_by_default: false,
    help: "Wi-Fi interfaces and stations",
    families: &FAMILIES,
    flags: &[FIXTURES],
    build: |host, settings| Ok(Box::new(Wifi::new(host, settings))),
};

/// One interface and what is known of it.
#[derive(Debug, Default)]
pub struct WifiInterface {
    pub name: String,
    pub frequency_megahertz: i64,
    pub network: Option<WifiNetwork>,
    pub stations: Vec<WifiStation>,
}

/// The network (basic service set) that an interface belongs to.
#[derive(Debug)]
pub struct WifiNetwork {
    pub bssid: Vec<u8>,
    pub ssid: String,
    pub mode: WifiMode,
}

/// How an interface belongs to its network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WifiMode {
    /// By way of an access point.
    Client,
    /// Without one.
    AdHoc,
    Unknown,
}

/// What an interface talks with; 0 for what is not told.
#[derive(Debug, Default)]
pub struct WifiStation {
    pub address: Vec<u8>,
    pub connected_nanoseconds: i64,
    pub inactive_nanoseconds: i64,
    pub receive_bits_per_second: i64,
    pub transmit_bits_per_second: i64,
    pub received_bytes: u64,
    pub transmitted_bytes: u64,
    pub received_packets: i64,
    pub transmitted_packets: i64,
    pub signal_dbm: i64,
    pub transmit_retries: i64,
    pub transmit_failed: i64,
    pub beacon_loss: i64,
}

struct Wifi {
    source: Source,
}

enum Source {
    OtherNetwork,
    Netlink(WifiNetlink),
    Fixtures(WifiFixtures),
}

impl Wifi {
    fn new(host: &Host, settings: &Settings) -> Self {
        let source = match (settings.text(FIXTURES.name), host.is_in_host_network()) {
            ("", true) => Source::Netlink(WifiNetlink::default()),
            ("", false) => Source::OtherNetwork,
            (folder, _) => Source::Fixtures(WifiFixtures::new(folder)),
        };
        Wifi { source }
    }
}

impl Collector for Wifi {
    fn collect(&mut self, scrape: &mut Scrape<'_>) -> Result<Outcome, Failure> {
        let mut interfaces = match &mut self.source {
            Source::OtherNetwork => return Ok(Outcome::absent(other_network::REASON)),
            Source::Netlink(netlink) => match netlink.interfaces(scrape)? {
                Some(interfaces) => interfaces,
                None => return Ok(Outcome::absent("the kernel has no nl80211: the module cfg80211 is not loaded")),
            },
            Source::Fixtures(fixtures) => match fixtures.interfaces(scrape) {
                Ok(interfaces) => interfaces,
                Err(error) => return Outcome::of_error(error),
            },
        };
        // Some devices have no name; one that is told twice counts once.
        let mut names = HashSet::new();
        interfaces.retain(|interface| !interface.name.is_empty() && names.insert(interface.name.clone()));
        for interface in &mut interfaces {
            let mut addresses = HashSet::new();
            interface.stations.retain(|station| addresses.insert(station.address.clone()));
        }
        write(&interfaces, scrape.page);
        Ok(Outcome::Collected)
    }
}

fn write(interfaces: &[WifiInterface], page: &mut Page) {
    for interface in interfaces {
        let hertz = interface.frequency_megahertz as f64 * 1000.0 * 1000.0;
        page.sample(&FREQUENCY, &[("device", &interface.name)], hertz);
    }
    for WifiInterface { name, network, .. } in interfaces {
        let Some(network) = network else { continue };
        let mode = match network.mode {
            WifiMode::Client => "client",
            WifiMode::AdHoc => "ad-hoc",
            WifiMode::Unknown => "unknown",
        };
        let bssid = hardware_address(&network.bssid);
        let labels = [("bssid", &*bssid), ("device", name), ("mode", mode), ("ssid", &network.ssid)];
        page.sample(&INFO, &labels, 1.0);
    }
    for (family, value) in &COLUMNS {
        for interface in interfaces {
            for station in &interface.stations {
                let address = hardware_address(&station.address);
                page.sample(family, &[("device", &interface.name), ("mac_address", &address)], value(station));
            }
        }
    }
}

/// As Go's `Duration.Seconds`, so that the last digit is the same.
fn seconds(nanoseconds: i64) -> f64 {
    (nanoseconds / 1_000_000_000) as f64 + (nanoseconds % 1_000_000_000) as f64 / 1e9
}

/// `02:00:5e:10:00:01`
fn hardware_address(bytes: &[u8]) -> String {
    let pairs: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    pairs.join(":")
}
