//! Addresses of network devices (`RTM_NEWADDR`).

use std::net::IpAddr;

use nix::libc;

use super::message::{Message, attributes, u32_at};
use super::socket::Question;

/// Of every device and family.
pub const EVERY_ADDRESS: Question<'static> = Question { kind: libc::RTM_GETADDR, body: &[0; HEADER_BYTES] };

/// struct ifaddrmsg, which precedes the attributes.
const HEADER_BYTES: usize = 8;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Address {
    /// The device that has it.
    pub link_index: u32,
    pub ip: IpAddr,
    /// Leading bits of the address that name the network.
    pub prefix_bits: u8,
}

impl Address {
    /// `None` for messages of other kinds and for families other than IPv4 and IPv6.
    pub fn parse(message: &Message<'_>) -> Option<Address> {
        if message.kind != libc::RTM_NEWADDR {
            return None;
        }
        let prefix_bits = *message.payload.get(1)?;
        let link_index = u32_at(message.payload, 4)?;
        let (mut local, mut remote) = (None, None);
        for attribute in attributes(message.payload.get(HEADER_BYTES..)?) {
            match attribute.kind {
                libc::IFA_LOCAL => local = ip(attribute.payload),
                libc::IFA_ADDRESS => remote = ip(attribute.payload),
                _ => {}
            }
        }
        // On a point-to-point link the plain address is that of the other end.
        local.or(remote).map(|ip| Address { link_index, ip, prefix_bits })
    }
}

pub(super) fn ip(bytes: &[u8]) -> Option<IpAddr> {
    let v4 = <[u8; 4]>::try_from(bytes).map(IpAddr::from);
    v4.or_else(|_| <[u8; 16]>::try_from(bytes).map(IpAddr::from)).ok()
}

#[cfg(test)]
mod tests {
    use super::super::message::tests::attribute;
    use super::*;

    fn parse(attributes: &[Vec<u8>]) -> Option<Address> {
        let header = [[2, 24, 0, 0], 3u32.to_ne_bytes()].concat();
        let payload = [header, attributes.concat()].concat();
        Address::parse(&Message { kind: libc::RTM_NEWADDR, flags: 0, sequence: 0, payload: &payload })
    }

    #[test]
    fn the_local_end_of_a_link_is_its_address() {
        let remote = attribute(libc::IFA_ADDRESS, &[10, 0, 0, 2]);
        let local = attribute(libc::IFA_LOCAL, &[10, 0, 0, 1]);
        let ip = |text: &str| text.parse::<IpAddr>().expect("an address");
        let address = parse(&[remote.clone(), local]).expect("an address");
        assert_eq!(address, Address { link_index: 3, ip: ip("10.0.0.1"), prefix_bits: 24 });
        assert_eq!(parse(&[remote]).map(|address| address.ip), Some(ip("10.0.0.2")));
        let v6 = attribute(libc::IFA_ADDRESS, &[0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
        assert_eq!(parse(&[v6]).map(|address| address.ip), Some(ip("fe80::1")));
        assert_eq!(parse(&[]), None);
    }
}
