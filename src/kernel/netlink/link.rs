//! Network devices (`RTM_NEWLINK`): names, state, settings and 64-bit counters (`IFLA_STATS64`, since Linux 2.6.35).

use nix::libc;

use super::message::{Message, attributes, u16_at, u32_at, u64_at};
use super::socket::Question;

pub const EVERY_LINK: Question<'static> = Question { kind: libc::RTM_GETLINK, body: &[0; HEADER_BYTES] };

/// struct ifinfomsg, which precedes the attributes.
const HEADER_BYTES: usize = 16;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Link<'a> {
    pub index: u32,
    pub name: &'a [u8],
    /// What an administrator wrote down for it; empty for nothing.
    pub alias: &'a [u8],
    pub counters: Option<LinkCounters>,
    /// `ARPHRD_ETHER` and so on.
    pub hardware_type: u16,
    /// `IFF_UP` and so on.
    pub flags: u32,
    /// As many bytes as the kind of hardware has; none for some.
    pub address: &'a [u8],
    pub broadcast: &'a [u8],
    /// `IF_OPER_UP` and so on.
    pub operstate: u8,
    /// What follows are attributes that other kernels may lack.
    pub carrier: Option<u8>,
    /// How often the carrier came or went; since Linux 3.15.
    pub carrier_changes: Option<u32>,
    /// The two parts of that; since Linux 4.16.
    pub carrier_up_count: Option<u32>,
    pub carrier_down_count: Option<u32>,
    pub link_mode: Option<u8>,
    /// In bytes.
    pub mtu: Option<u32>,
    /// The device that this one lies on; `None` for itself.
    pub lower_index: Option<u32>,
    pub group: Option<u32>,
    /// In packets.
    pub transmit_queue_length: Option<u32>,
    /// Nested attributes with further names (`altnames`).
    pub properties: &'a [u8],
}

/// struct rtnl_link_stats64, in its order: packets, bytes and events since the device came up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LinkCounters {
    pub rx_packets: u64,
    pub tx_packets: u64,
    pub rx_bytes: u64,
    pub tx_bytes: u64,
    pub rx_errors: u64,
    pub tx_errors: u64,
    pub rx_dropped: u64,
    pub tx_dropped: u64,
    pub multicast: u64,
    pub collisions: u64,
    pub rx_length_errors: u64,
    pub rx_over_errors: u64,
    pub rx_crc_errors: u64,
    pub rx_frame_errors: u64,
    pub rx_fifo_errors: u64,
    pub rx_missed_errors: u64,
    pub tx_aborted_errors: u64,
    pub tx_carrier_errors: u64,
    pub tx_fifo_errors: u64,
    pub tx_heartbeat_errors: u64,
    pub tx_window_errors: u64,
    pub rx_compressed: u64,
    pub tx_compressed: u64,
    /// Since Linux 4.6; 0 before.
    pub rx_nohandler: u64,
}

impl<'a> Link<'a> {
    /// `None` for messages of other kinds and for a device without a name.
    pub fn parse(message: &Message<'a>) -> Option<Link<'a>> {
        if message.kind != libc::RTM_NEWLINK {
            return None;
        }
        let mut link = Link {
            index: u32_at(message.payload, 4)?,
            hardware_type: u16_at(message.payload, 2)?,
            flags: u32_at(message.payload, 8)?,
            ..Link::default()
        };
        for attribute in attributes(message.payload.get(HEADER_BYTES..)?) {
            match attribute.kind {
                libc::IFLA_IFNAME => link.name = attribute.text(),
                libc::IFLA_IFALIAS => link.alias = attribute.text(),
                libc::IFLA_STATS64 => link.counters = LinkCounters::parse(attribute.payload),
                libc::IFLA_ADDRESS => link.address = attribute.payload,
                libc::IFLA_BROADCAST => link.broadcast = attribute.payload,
                libc::IFLA_OPERSTATE => link.operstate = attribute.payload.first().copied().unwrap_or(0),
                libc::IFLA_CARRIER => link.carrier = attribute.payload.first().copied(),
                libc::IFLA_CARRIER_CHANGES => link.carrier_changes = u32_at(attribute.payload, 0),
                libc::IFLA_CARRIER_UP_COUNT => link.carrier_up_count = u32_at(attribute.payload, 0),
                libc::IFLA_CARRIER_DOWN_COUNT => link.carrier_down_count = u32_at(attribute.payload, 0),
                libc::IFLA_LINKMODE => link.link_mode = attribute.payload.first().copied(),
                libc::IFLA_MTU => link.mtu = u32_at(attribute.payload, 0),
                libc::IFLA_LINK => link.lower_index = u32_at(attribute.payload, 0),
                libc::IFLA_GROUP => link.group = u32_at(attribute.payload, 0),
                libc::IFLA_TXQLEN => link.transmit_queue_length = u32_at(attribute.payload, 0),
                libc::IFLA_PROP_LIST => link.properties = attribute.payload,
                _ => {}
            }
        }
        (!link.name.is_empty()).then_some(link)
    }

    /// Further names of the device; since Linux 5.5.
    pub fn altnames(&self) -> impl Iterator<Item = &'a [u8]> {
        let names = attributes(self.properties).filter(|attribute| attribute.kind == libc::IFLA_ALT_IFNAME);
        names.map(|attribute| attribute.text())
    }
}

impl LinkCounters {
    fn parse(bytes: &[u8]) -> Option<LinkCounters> {
        let at = |index: usize| u64_at(bytes, index * 8);
        Some(LinkCounters {
            rx_packets: at(0)?,
            tx_packets: at(1)?,
            rx_bytes: at(2)?,
            tx_bytes: at(3)?,
            rx_errors: at(4)?,
            tx_errors: at(5)?,
            rx_dropped: at(6)?,
            tx_dropped: at(7)?,
            multicast: at(8)?,
            collisions: at(9)?,
            rx_length_errors: at(10)?,
            rx_over_errors: at(11)?,
            rx_crc_errors: at(12)?,
            rx_frame_errors: at(13)?,
            rx_fifo_errors: at(14)?,
            rx_missed_errors: at(15)?,
            tx_aborted_errors: at(16)?,
            tx_carrier_errors: at(17)?,
            tx_fifo_errors: at(18)?,
            tx_heartbeat_errors: at(19)?,
            tx_window_errors: at(20)?,
            rx_compressed: at(21)?,
            tx_compressed: at(22)?,
            rx_nohandler: at(23).unwrap_or(0),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::message::tests::attribute;
    use super::*;

    #[test]
    fn a_link_has_a_name_an_alias_and_counters() {
        let counters: Vec<u8> = (1..=25u64).flat_map(u64::to_ne_bytes).collect();
        let payload = [
            [[0; 4], 7u32.to_ne_bytes(), [0; 4], [0; 4]].concat(),
            attribute(libc::IFLA_IFNAME, b"eth0\0"),
            attribute(libc::IFLA_IFALIAS, b"uplink\0"),
            attribute(libc::IFLA_STATS64, &counters),
        ]
        .concat();
        let message = Message { kind: libc::RTM_NEWLINK, flags: 0, sequence: 0, payload: &payload };
        let link = Link::parse(&message).expect("a link");
        assert_eq!((link.index, link.name, link.alias), (7, &b"eth0"[..], &b"uplink"[..]));
        let counters = link.counters.expect("counters");
        assert_eq!((counters.rx_packets, counters.tx_bytes, counters.rx_nohandler), (1, 4, 24));
        let other = Message { kind: libc::RTM_NEWADDR, ..message };
        assert_eq!(Link::parse(&other), None);
    }

    #[test]
    fn state_and_settings_are_told_as_far_as_the_kernel_has_them() {
        let altnames = [attribute(libc::IFLA_ALT_IFNAME, b"enp1s0\0"), attribute(libc::IFLA_ALT_IFNAME, b"uplink\0")];
        let payload = [
            [[0, 0, 4, 3], 7u32.to_ne_bytes(), 0x1003u32.to_ne_bytes(), [0; 4]].concat(),
            attribute(libc::IFLA_IFNAME, b"eth0\0"),
            attribute(libc::IFLA_ADDRESS, &[2, 0xfc, 0, 0, 0, 1]),
            attribute(libc::IFLA_OPERSTATE, &[6]),
            attribute(libc::IFLA_CARRIER_CHANGES, &5u32.to_ne_bytes()),
            attribute(libc::IFLA_MTU, &1400u32.to_ne_bytes()),
            attribute(libc::IFLA_LINK, &[]),
            attribute(libc::IFLA_PROP_LIST | 0x8000, &altnames.concat()),
        ]
        .concat();
        let message = Message { kind: libc::RTM_NEWLINK, flags: 0, sequence: 0, payload: &payload };
        let link = Link::parse(&message).expect("a link");
        assert_eq!((link.hardware_type, link.flags), (u16::from_ne_bytes([4, 3]), 0x1003));
        assert_eq!((link.address, link.operstate), (&[2, 0xfc, 0, 0, 0, 1][..], 6));
        assert_eq!((link.carrier_changes, link.mtu, link.lower_index), (Some(5), Some(1400), None));
        assert_eq!(link.altnames().collect::<Vec<_>>(), [&b"enp1s0"[..], b"uplink"]);
    }

    #[test]
    fn an_old_kernel_has_no_count_of_packets_without_a_handler() {
        let counters: Vec<u8> = (1..=23u64).flat_map(u64::to_ne_bytes).collect();
        assert_eq!(LinkCounters::parse(&counters).map(|counters| counters.rx_nohandler), Some(0));
        assert_eq!(LinkCounters::parse(&counters[..100]), None);
    }
}
