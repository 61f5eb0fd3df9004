//! Queueing disciplines of devices (`RTM_NEWQDISC`): what waits to be sent, and how sending fared.

use nix::libc;

use super::message::{Message, attributes, u32_at, u64_at};
use super::socket::Question;

/// Those that the kernel shows by default: without the built-in ones of devices that need none.
pub const EVERY_QDISC: Question<'static> = Question { kind: libc::RTM_GETQDISC, body: &[0; HEADER_BYTES] };

/// struct tcmsg, which precedes the attributes.
const HEADER_BYTES: usize = 20;
/// `TC_H_ROOT`.
const ROOT: u32 = u32::MAX;
// Attributes within TCA_STATS2 (gen_stats.h).
const TCA_STATS_BASIC: u16 = 1;
const TCA_STATS_QUEUE: u16 = 3;
const TCA_STATS_PKT64: u16 = 8;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Qdisc<'a> {
    pub link_index: u32,
    /// The class that it hangs on.
    pub parent: u32,
    /// Such as `fq_codel`.
    pub kind: &'a [u8],
    pub counters: QdiscCounters,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QdiscCounters {
    /// Sent since it was made.
    pub bytes: u64,
    /// Sent since it was made. Kernels before 5.5 have 32 bits of it.
    pub packets: u64,
    pub drops: u32,
    /// Packets that the device gave back.
    pub requeues: u32,
    /// Times that a limit held a packet up.
    pub overlimits: u32,
    /// Packets that wait now.
    pub queue_length: u32,
    /// Bytes that wait now.
    pub backlog_bytes: u32,
}

impl<'a> Qdisc<'a> {
    /// `None` for messages of other kinds.
    pub fn parse(message: &Message<'a>) -> Option<Qdisc<'a>> {
        if message.kind != libc::RTM_NEWQDISC {
            return None;
        }
        let (link_index, parent) = (u32_at(message.payload, 4)?, u32_at(message.payload, 12)?);
        let (mut kind, mut counters, mut old_counters) = (&b""[..], None, None);
        for attribute in attributes(message.payload.get(HEADER_BYTES..)?) {
            match attribute.kind {
                libc::TCA_KIND => kind = attribute.text(),
                libc::TCA_STATS2 => counters = Some(QdiscCounters::parse(attribute.payload)),
                libc::TCA_STATS => old_counters = QdiscCounters::parse_old(attribute.payload),
                _ => {}
            }
        }
        Some(Qdisc { link_index, parent, kind, counters: counters.or(old_counters).unwrap_or_default() })
    }

    /// Whether it is the one that the device itself sends from.
    pub fn is_root(&self) -> bool {
        self.parent == ROOT || self.parent == 0
    }
}

impl QdiscCounters {
    /// struct gnet_stats_basic and struct gnet_stats_queue, each in an attribute.
    fn parse(bytes: &[u8]) -> QdiscCounters {
        let mut counters = QdiscCounters::default();
        let mut all_packets = None;
        for attribute in attributes(bytes) {
            let at = |offset| u32_at(attribute.payload, offset).unwrap_or(0);
            match attribute.kind {
                TCA_STATS_BASIC => {
                    counters.bytes = u64_at(attribute.payload, 0).unwrap_or(0);
                    counters.packets = u64::from(at(8));
                }
                TCA_STATS_QUEUE => {
                    counters.queue_length = at(0);
                    counters.backlog_bytes = at(4);
                    counters.drops = at(8);
                    counters.requeues = at(12);
                    counters.overlimits = at(16);
                }
                // There when 32 bits are not enough.
                TCA_STATS_PKT64 => all_packets = u64_at(attribute.payload, 0),
                _ => {}
            }
        }
        counters.packets = all_packets.unwrap_or(counters.packets);
        counters
    }

    /// struct tc_stats of kernels before 2.6.11.
    fn parse_old(bytes: &[u8]) -> Option<QdiscCounters> {
        Some(QdiscCounters {
            bytes: u64_at(bytes, 0)?,
            packets: u64::from(u32_at(bytes, 8)?),
            drops: u32_at(bytes, 12)?,
            requeues: 0,
            overlimits: u32_at(bytes, 16)?,
            queue_length: u32_at(bytes, 28)?,
            backlog_bytes: u32_at(bytes, 32)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::message::tests::attribute;
    use super::*;

    fn parse(parent: u32, attributes: &[Vec<u8>]) -> Option<(Vec<u8>, bool, QdiscCounters)> {
        let header = [[0; 4], 2u32.to_ne_bytes(), [0; 4], parent.to_ne_bytes(), [0; 4]].concat();
        let payload = [header, attributes.concat()].concat();
        let message = Message { kind: libc::RTM_NEWQDISC, flags: 0, sequence: 0, payload: &payload };
        Qdisc::parse(&message).map(|qdisc| (qdisc.kind.to_vec(), qdisc.is_root(), qdisc.counters))
    }

    fn words(words: &[u32]) -> Vec<u8> {
        words.iter().flat_map(|word| word.to_ne_bytes()).collect()
    }

    #[test]
    fn counters_stand_in_attributes_of_an_attribute() {
        let basic = attribute(TCA_STATS_BASIC, &[&5_000_000_000u64.to_ne_bytes()[..], &words(&[7])].concat());
        let queue = attribute(TCA_STATS_QUEUE, &words(&[1, 2, 3, 4, 5]));
        let kind = attribute(libc::TCA_KIND, b"fq_codel\0");
        let new = attribute(libc::TCA_STATS2, &[basic.clone(), queue.clone()].concat());
        let old = attribute(libc::TCA_STATS, &words(&[9, 0, 9, 9, 9, 9, 9, 9, 9]));
        let expected = QdiscCounters {
            bytes: 5_000_000_000,
            packets: 7,
            drops: 3,
            requeues: 4,
            overlimits: 5,
            queue_length: 1,
            backlog_bytes: 2,
        };
        assert_eq!(parse(u32::MAX, &[kind.clone(), new, old.clone()]), Some((b"fq_codel".to_vec(), true, expected)));
        let many = attribute(TCA_STATS_PKT64, &(1u64 << 33).to_ne_bytes());
        let new = attribute(libc::TCA_STATS2, &[basic, queue, many].concat());
        let packets =
            |attributes: &[Vec<u8>]| parse(0x1_0001, attributes).map(|(_, is_root, all)| (is_root, all.packets));
        assert_eq!(packets(&[new]), Some((false, 1 << 33)));
        assert_eq!(packets(&[kind, old]), Some((false, 9)));
        assert_eq!(packets(&[]), Some((false, 0)));
    }
}
