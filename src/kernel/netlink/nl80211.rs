//! Wi-Fi by nl80211, a family of generic netlink since Linux 2.6.22: interfaces, the network that each is in, and the
//! stations that it talks with.

use super::generic::{HEADER_BYTES, VERSION};
use super::message::{Attribute, Message, attributes, u16_at, u32_at, u64_at};
use super::socket::Question;

// Commands.
const GET_INTERFACE: u8 = 5;
const NEW_INTERFACE: u8 = 7;
const GET_STATION: u8 = 17;
const NEW_STATION: u8 = 19;
const GET_SCAN: u8 = 32;
const NEW_SCAN_RESULTS: u8 = 34;
// Attributes.
const ATTR_IFINDEX: u16 = 3;
const ATTR_IFNAME: u16 = 4;
const ATTR_MAC: u16 = 6;
const ATTR_STA_INFO: u16 = 21;
const ATTR_WIPHY_FREQ: u16 = 38;
const ATTR_BSS: u16 = 47;
// Attributes within ATTR_BSS.
const BSS_BSSID: u16 = 1;
const BSS_INFORMATION_ELEMENTS: u16 = 6;
const BSS_STATUS: u16 = 9;
// Attributes within ATTR_STA_INFO.
const STA_INACTIVE_TIME: u16 = 1;
const STA_RX_BYTES: u16 = 2;
const STA_TX_BYTES: u16 = 3;
const STA_SIGNAL: u16 = 7;
const STA_TX_BITRATE: u16 = 8;
const STA_RX_PACKETS: u16 = 9;
const STA_TX_PACKETS: u16 = 10;
const STA_TX_RETRIES: u16 = 11;
const STA_TX_FAILED: u16 = 12;
const STA_RX_BITRATE: u16 = 14;
const STA_CONNECTED_TIME: u16 = 16;
const STA_BEACON_LOSS: u16 = 18;
const STA_RX_BYTES64: u16 = 23;
const STA_TX_BYTES64: u16 = 24;
// Attributes within the bit rates.
const RATE_BITRATE: u16 = 1;
const RATE_BITRATE32: u16 = 5;

/// The information element that names the network.
const ELEMENT_SSID: u8 = 0;
const RATE_UNIT_BITS_PER_SECOND: u64 = 100_000;

/// Questions to nl80211.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Nl80211 {
    /// As generic netlink tells for the name `nl80211`.
    pub family: u16,
}

/// A question with its body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WifiQuestion {
    family: u16,
    body: [u8; HEADER_BYTES + 8],
    length: usize,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WifiInterface<'a> {
    pub link_index: u32,
    /// Empty for devices that are no network devices (P2P).
    pub name: &'a [u8],
    /// 0 while it uses no channel.
    pub frequency_megahertz: u32,
}

/// The network (basic service set) that an interface belongs to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bss<'a> {
    /// The hardware address of its access point.
    pub bssid: &'a [u8],
    pub ssid: &'a [u8],
    /// 0 authenticated, 1 associated, 2 joined one without an access point.
    pub status: u32,
}

/// What an interface talks with. What the driver does not tell is 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Station<'a> {
    pub address: &'a [u8],
    pub connected_seconds: u32,
    pub inactive_milliseconds: u32,
    pub received_bytes: u64,
    pub transmitted_bytes: u64,
    pub received_packets: u32,
    pub transmitted_packets: u32,
    pub receive_bits_per_second: u64,
    pub transmit_bits_per_second: u64,
    pub signal_dbm: i8,
    pub transmit_retries: u32,
    pub transmit_failed: u32,
    pub beacon_loss: u32,
}

impl Nl80211 {
    pub const NAME: &[u8] = b"nl80211";

    pub fn every_interface(self) -> WifiQuestion {
        self.question(GET_INTERFACE, None)
    }

    /// Networks in reach of an interface; the one that it belongs to is marked.
    pub fn networks_of(self, link_index: u32) -> WifiQuestion {
        self.question(GET_SCAN, Some(link_index))
    }

    pub fn stations_of(self, link_index: u32) -> WifiQuestion {
        self.question(GET_STATION, Some(link_index))
    }

    fn question(self, command: u8, link_index: Option<u32>) -> WifiQuestion {
        let mut body = [0; HEADER_BYTES + 8];
        (body[0], body[1]) = (command, VERSION);
        let mut length = HEADER_BYTES;
        if let Some(link_index) = link_index {
            body[4..6].copy_from_slice(&8u16.to_ne_bytes());
            body[6..8].copy_from_slice(&ATTR_IFINDEX.to_ne_bytes());
            body[8..12].copy_from_slice(&link_index.to_ne_bytes());
            length = body.len();
        }
        WifiQuestion { family: self.family, body, length }
    }
}

impl WifiQuestion {
    pub fn as_question(&self) -> Question<'_> {
        Question { kind: self.family, body: &self.body[..self.length] }
    }
}

impl<'a> WifiInterface<'a> {
    /// `None` for messages of other kinds.
    pub fn parse(message: &Message<'a>) -> Option<Self> {
        let mut interface = WifiInterface::default();
        for attribute in attributes_of(message, NEW_INTERFACE)? {
            match attribute.kind {
                ATTR_IFINDEX => interface.link_index = number(&attribute),
                ATTR_IFNAME => interface.name = attribute.text(),
                ATTR_WIPHY_FREQ => interface.frequency_megahertz = number(&attribute),
                _ => {}
            }
        }
        Some(interface)
    }
}

impl<'a> Bss<'a> {
    /// `None` for messages of other kinds, and for a network that the interface does not belong to.
    pub fn parse(message: &Message<'a>) -> Option<Self> {
        let bss = attributes_of(message, NEW_SCAN_RESULTS)?.find(|one| one.kind == ATTR_BSS)?;
        let mut network = Bss::default();
        let mut status = None;
        for attribute in attributes(bss.payload) {
            match attribute.kind {
                BSS_BSSID => network.bssid = attribute.payload,
                BSS_STATUS => status = u32_at(attribute.payload, 0),
                BSS_INFORMATION_ELEMENTS => network.ssid = ssid(attribute.payload).unwrap_or_default(),
                _ => {}
            }
        }
        Some(Bss { status: status?, ..network })
    }
}

/// Elements follow each other: kind, length, content.
fn ssid(elements: &[u8]) -> Option<&[u8]> {
    let mut rest = elements;
    while let [kind, length, after @ ..] = rest {
        let content = after.get(..usize::from(*length))?;
        if *kind == ELEMENT_SSID {
            return Some(content);
        }
        rest = &after[content.len()..];
    }
    None
}

impl<'a> Station<'a> {
    /// `None` for messages of other kinds, and for a station of which nothing is told.
    pub fn parse(message: &Message<'a>) -> Option<Self> {
        let mut address = &b""[..];
        for attribute in attributes_of(message, NEW_STATION)? {
            match attribute.kind {
                ATTR_MAC => address = attribute.payload,
                ATTR_STA_INFO => return Some(Station { address, ..Station::of_info(attribute.payload) }),
                _ => {}
            }
        }
        None
    }

    fn of_info(info: &[u8]) -> Self {
        let mut station = Station::default();
        // The short counters are there too, and wrap.
        let (mut received, mut transmitted) = (None, None);
        for attribute in attributes(info) {
            match attribute.kind {
                STA_INACTIVE_TIME => station.inactive_milliseconds = number(&attribute),
                STA_CONNECTED_TIME => station.connected_seconds = number(&attribute),
                STA_RX_BYTES => station.received_bytes = u64::from(number(&attribute)),
                STA_TX_BYTES => station.transmitted_bytes = u64::from(number(&attribute)),
                STA_RX_BYTES64 => received = u64_at(attribute.payload, 0),
                STA_TX_BYTES64 => transmitted = u64_at(attribute.payload, 0),
                STA_RX_PACKETS => station.received_packets = number(&attribute),
                STA_TX_PACKETS => station.transmitted_packets = number(&attribute),
                STA_RX_BITRATE => station.receive_bits_per_second = bits_per_second(attribute.payload),
                STA_TX_BITRATE => station.transmit_bits_per_second = bits_per_second(attribute.payload),
                STA_SIGNAL => station.signal_dbm = attribute.payload.first().map_or(0, |byte| byte.cast_signed()),
                STA_TX_RETRIES => station.transmit_retries = number(&attribute),
                STA_TX_FAILED => station.transmit_failed = number(&attribute),
                STA_BEACON_LOSS => station.beacon_loss = number(&attribute),
                _ => {}
            }
        }
        station.received_bytes = received.unwrap_or(station.received_bytes);
        station.transmitted_bytes = transmitted.unwrap_or(station.transmitted_bytes);
        station
    }
}

/// A rate past 6.5 Gbit/s does not fit into the short number.
fn bits_per_second(rate: &[u8]) -> u64 {
    let (mut short, mut long) = (None, None);
    for attribute in attributes(rate) {
        match attribute.kind {
            RATE_BITRATE => short = u16_at(attribute.payload, 0).map(u32::from),
            RATE_BITRATE32 => long = u32_at(attribute.payload, 0),
            _ => {}
        }
    }
    u64::from(long.or(short).unwrap_or(0)) * RATE_UNIT_BITS_PER_SECOND
}

fn attributes_of<'a>(message: &Message<'a>, command: u8) -> Option<impl Iterator<Item = Attribute<'a>> + use<'a>> {
    let payload = message.payload;
    (*payload.first()? == command).then(|| attributes(payload.get(HEADER_BYTES..).unwrap_or_default()))
}

fn number(attribute: &Attribute<'_>) -> u32 {
    u32_at(attribute.payload, 0).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::super::message::tests::attribute;
    use super::*;
    use proptest::prelude::*;

    const ADDRESS: [u8; 6] = [2, 0, 0, 0, 0, 1];

    fn answer(command: u8, attributes: &[Vec<u8>]) -> Vec<u8> {
        [vec![command, 1, 0, 0], attributes.concat()].concat()
    }

    fn message(payload: &[u8]) -> Message<'_> {
        Message { kind: 28, flags: 0, sequence: 0, payload }
    }

    fn word(kind: u16, value: u32) -> Vec<u8> {
        attribute(kind, &value.to_ne_bytes())
    }

    #[test]
    fn an_interface_has_a_name_and_a_frequency() {
        let bytes = answer(
            NEW_INTERFACE,
            &[word(ATTR_IFINDEX, 3), attribute(ATTR_IFNAME, b"wlp2s0\0"), word(ATTR_WIPHY_FREQ, 5180)],
        );
        let expected = WifiInterface { link_index: 3, name: b"wlp2s0", frequency_megahertz: 5180 };
        assert_eq!(WifiInterface::parse(&message(&bytes)), Some(expected));
        let nameless = answer(NEW_INTERFACE, &[]);
        assert_eq!(WifiInterface::parse(&message(&nameless)), Some(WifiInterface::default()));
        assert_eq!(WifiInterface::parse(&message(&answer(NEW_STATION, &[]))), None);
    }

    #[test]
    fn only_the_network_that_an_interface_belongs_to_counts() {
        let elements = [&[1, 2, 0x82, 0x84][..], &[ELEMENT_SSID, 4], b"home", &[3, 1, 6]].concat();
        let about = [attribute(BSS_BSSID, &ADDRESS), attribute(BSS_INFORMATION_ELEMENTS, &elements)].concat();
        let other = answer(NEW_SCAN_RESULTS, &[attribute(ATTR_BSS, &about)]);
        assert_eq!(Bss::parse(&message(&other)), None);
        let ours = [about, word(BSS_STATUS, 1)].concat();
        let ours = answer(NEW_SCAN_RESULTS, &[word(ATTR_IFINDEX, 3), attribute(ATTR_BSS, &ours)]);
        assert_eq!(Bss::parse(&message(&ours)), Some(Bss { bssid: &ADDRESS, ssid: b"home", status: 1 }));
        assert_eq!(ssid(&[ELEMENT_SSID, 9, b'x']), None, "cut off");
        assert_eq!(ssid(&[]), None);
    }

    #[test]
    fn long_counters_and_rates_win_over_short_ones() {
        let rate = |parts: &[Vec<u8>]| parts.concat();
        let short_rate = attribute(RATE_BITRATE, &540u16.to_ne_bytes());
        let info = [
            word(STA_INACTIVE_TIME, 400),
            attribute(STA_RX_BYTES64, &(5u64 << 32).to_ne_bytes()),
            word(STA_RX_BYTES, 7),
            word(STA_TX_BYTES, 8),
            attribute(STA_SIGNAL, &[0xcc]),
            attribute(STA_TX_BITRATE, &rate(&[word(RATE_BITRATE32, 100_000), short_rate.clone()])),
            attribute(STA_RX_BITRATE, &rate(&[short_rate])),
            word(STA_CONNECTED_TIME, 30),
            word(STA_TX_RETRIES, 3),
        ];
        let bytes = answer(NEW_STATION, &[attribute(ATTR_MAC, &ADDRESS), attribute(ATTR_STA_INFO, &info.concat())]);
        let expected = Station {
            address: &ADDRESS,
            connected_seconds: 30,
            inactive_milliseconds: 400,
            received_bytes: 5 << 32,
            transmitted_bytes: 8,
            receive_bits_per_second: 54_000_000,
            transmit_bits_per_second: 10_000_000_000,
            signal_dbm: -52,
            transmit_retries: 3,
            ..Station::default()
        };
        assert_eq!(Station::parse(&message(&bytes)), Some(expected));
        assert_eq!(Station::parse(&message(&answer(NEW_STATION, &[attribute(ATTR_MAC, &ADDRESS)]))), None);
    }

    #[test]
    fn a_question_names_its_interface() {
        let nl80211 = Nl80211 { family: 28 };
        let asked = nl80211.stations_of(3);
        assert_eq!(asked.as_question().kind, 28);
        let attribute = attributes(&asked.as_question().body[HEADER_BYTES..]).next().expect("an attribute");
        assert_eq!((attribute.kind, number(&attribute)), (ATTR_IFINDEX, 3));
        assert_eq!(nl80211.every_interface().as_question().body, [GET_INTERFACE, VERSION, 0, 0]);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(command in 0u8..40, bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let payload = [vec![command, 1, 0, 0], bytes].concat();
            let message = message(&payload);
            let _ = (WifiInterface::parse(&message), Bss::parse(&message), Station::parse(&message));
        }
    }
}
