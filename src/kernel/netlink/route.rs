//! Routes (`RTM_NEWROUTE`) of all tables and families.

use std::net::IpAddr;

use nix::libc;

use super::address::ip;
use super::message::{Message, attributes, u16_at, u32_at};
use super::socket::Question;

pub const EVERY_ROUTE: Question<'static> = Question { kind: libc::RTM_GETROUTE, body: &[0; HEADER_BYTES] };

/// struct rtmsg, which precedes the attributes.
const HEADER_BYTES: usize = 12;
/// struct rtnexthop, which precedes the attributes of one hop.
const HOP_HEADER_BYTES: usize = 8;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Route<'a> {
    /// `RTN_UNICAST` and so on.
    pub kind: u8,
    /// Who set it: `RTPROT_KERNEL` and so on.
    pub protocol: u8,
    pub destination: Option<IpAddr>,
    /// Leading bits of the destination that count; 0 for a default route.
    pub prefix_bits: u8,
    /// The address that packets go out with.
    pub preferred_source: Option<IpAddr>,
    /// The route with the lowest counts.
    pub priority: u32,
    /// Where there is only one.
    hop: Hop,
    /// Where there are several: structs rtnexthop.
    several_hops: &'a [u8],
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Hop {
    /// The device; 0 for none.
    pub link_index: u32,
    pub gateway: Option<IpAddr>,
    /// Its share of the packets, where there are several; the least is 1.
    pub weight: Option<u32>,
}

impl<'a> Route<'a> {
    /// `None` for messages of other kinds.
    pub fn parse(message: &Message<'a>) -> Option<Route<'a>> {
        if message.kind != libc::RTM_NEWROUTE {
            return None;
        }
        let header = message.payload.get(..HEADER_BYTES)?;
        let mut route = Route {
            kind: header[7],
            protocol: header[5],
            destination: None,
            prefix_bits: header[1],
            preferred_source: None,
            priority: 0,
            hop: Hop::default(),
            several_hops: b"",
        };
        for attribute in attributes(&message.payload[HEADER_BYTES..]) {
            match attribute.kind {
                libc::RTA_DST => route.destination = ip(attribute.payload),
                libc::RTA_PREFSRC => route.preferred_source = ip(attribute.payload),
                libc::RTA_GATEWAY => route.hop.gateway = ip(attribute.payload),
                libc::RTA_OIF => route.hop.link_index = u32_at(attribute.payload, 0).unwrap_or(0),
                libc::RTA_PRIORITY => route.priority = u32_at(attribute.payload, 0).unwrap_or(0),
                libc::RTA_MULTIPATH => route.several_hops = attribute.payload,
                _ => {}
            }
        }
        Some(route)
    }

    /// One or several.
    pub fn hops(&self) -> impl Iterator<Item = Hop> + use<'a> {
        let only = self.several_hops.is_empty().then_some(self.hop);
        only.into_iter().chain(several_hops(self.several_hops))
    }
}

fn several_hops(bytes: &[u8]) -> impl Iterator<Item = Hop> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let length = usize::from(u16_at(rest, 0)?);
        let attributes_of_hop = rest.get(HOP_HEADER_BYTES..length)?;
        let link_index = u32_at(rest, 4)?;
        let weight = Some(u32::from(rest[3]) + 1);
        let gateway = attributes(attributes_of_hop).filter(|one| one.kind == libc::RTA_GATEWAY).last();
        rest = rest.get(length.next_multiple_of(4)..).unwrap_or(&[]);
        Some(Hop { link_index, gateway: gateway.and_then(|one| ip(one.payload)), weight })
    })
}

#[cfg(test)]
mod tests {
    use super::super::message::tests::attribute;
    use super::*;
    use proptest::prelude::*;

    fn payload(attributes: &[Vec<u8>]) -> Vec<u8> {
        let header = [libc::AF_INET as u8, 24, 0, 0, 254, 2, 0, 1, 0, 0, 0, 0];
        [header.to_vec(), attributes.concat()].concat()
    }

    fn message(payload: &[u8]) -> Message<'_> {
        Message { kind: libc::RTM_NEWROUTE, flags: 0, sequence: 0, payload }
    }

    fn hop(link_index: u32, weight: u8, gateway: &[u8]) -> Vec<u8> {
        let attributes = if gateway.is_empty() { Vec::new() } else { attribute(libc::RTA_GATEWAY, gateway) };
        let length = (HOP_HEADER_BYTES + attributes.len()) as u16;
        [&length.to_ne_bytes()[..], &[0, weight - 1], &link_index.to_ne_bytes(), &attributes].concat()
    }

    #[test]
    fn a_route_has_one_hop_or_several() {
        let address = |text: &str| Some(text.parse::<IpAddr>().expect("an address"));
        let bytes = payload(&[
            attribute(libc::RTA_DST, &[203, 0, 113, 0]),
            attribute(libc::RTA_PRIORITY, &100u32.to_ne_bytes()),
            attribute(libc::RTA_PREFSRC, &[203, 0, 113, 9]),
            attribute(libc::RTA_GATEWAY, &[192, 0, 2, 1]),
            attribute(libc::RTA_OIF, &3u32.to_ne_bytes()),
        ]);
        let route = Route::parse(&message(&bytes)).expect("a route");
        assert_eq!((route.kind, route.protocol, route.prefix_bits, route.priority), (1, 2, 24, 100));
        assert_eq!((route.destination, route.preferred_source), (address("203.0.113.0"), address("203.0.113.9")));
        let only = Hop { link_index: 3, gateway: address("192.0.2.1"), weight: None };
        assert_eq!(route.hops().collect::<Vec<_>>(), [only]);

        let hops = [hop(4, 1, &[192, 0, 2, 1]), hop(5, 10, &[])].concat();
        let bytes = payload(&[attribute(libc::RTA_MULTIPATH, &hops)]);
        let route = Route::parse(&message(&bytes)).expect("a route");
        let first = Hop { link_index: 4, gateway: address("192.0.2.1"), weight: Some(1) };
        let second = Hop { link_index: 5, gateway: None, weight: Some(10) };
        assert_eq!(route.hops().collect::<Vec<_>>(), [first, second]);
        assert_eq!(Route::parse(&message(&bytes[..11])), None);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic_or_go_on_for_ever(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(several_hops(&bytes).count() <= bytes.len());
            if let Some(route) = Route::parse(&message(&bytes)) {
                prop_assert!(route.hops().count() <= bytes.len() + 1);
            }
        }
    }
}
