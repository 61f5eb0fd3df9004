//! Neighbours (`RTM_NEWNEIGH`): whose hardware address is known, by device.

use nix::libc;

use super::message::{Message, u16_at, u32_at};
use super::socket::Question;

/// Those of IPv4.
pub const EVERY_V4_NEIGHBOUR: Question<'static> =
    Question { kind: libc::RTM_GETNEIGH, body: &[libc::AF_INET as u8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0] };

/// The neighbour needs no hardware address: multicast, loopback.
const NUD_NOARP: u16 = 0x40;

/// struct ndmsg.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Neighbour {
    pub family: u8,
    pub link_index: u32,
    /// Bits `NUD_*`.
    pub state: u16,
}

impl Neighbour {
    /// `None` for messages of other kinds.
    pub fn parse(message: &Message<'_>) -> Option<Neighbour> {
        if message.kind != libc::RTM_NEWNEIGH {
            return None;
        }
        let family = *message.payload.first()?;
        Some(Neighbour { family, link_index: u32_at(message.payload, 4)?, state: u16_at(message.payload, 8)? })
    }

    /// Whether `/proc/net/arp` would show it.
    pub fn is_in_arp_table(&self) -> bool {
        i32::from(self.family) == libc::AF_INET && self.state & NUD_NOARP == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_v4_neighbours_with_a_hardware_address_are_in_the_arp_table() {
        let parse = |family: u8, state: u16| {
            let payload = [&[family, 0, 0, 0][..], &3u32.to_ne_bytes(), &state.to_ne_bytes(), &[0, 1]].concat();
            Neighbour::parse(&Message { kind: libc::RTM_NEWNEIGH, flags: 0, sequence: 0, payload: &payload })
        };
        let stale = parse(2, 0x04).expect("a neighbour");
        assert_eq!((stale.link_index, stale.is_in_arp_table()), (3, true));
        assert!(!parse(2, 0x40).expect("a neighbour").is_in_arp_table(), "multicast");
        assert!(!parse(10, 0x04).expect("a neighbour").is_in_arp_table(), "IPv6");
        let cut = Message { kind: libc::RTM_NEWNEIGH, flags: 0, sequence: 0, payload: &[2; 9] };
        assert_eq!(Neighbour::parse(&cut), None);
    }
}
