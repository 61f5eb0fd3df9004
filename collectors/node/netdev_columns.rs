//! What the collector `netdev` exports, and from which counters: node_exporter has other names with
//! `enable-detailed-metrics`, and these differ again between its two sources.

use exposition::{Family, counter};
use kernel::netlink::LinkCounters;

/// A family and what it shows of a device.
pub type Column = (Family, fn(&LinkCounters) -> u64);

/// The one macro of this crate: a name and a help text that both hold the same word must be written as literals.
macro_rules! statistic {
    ($name:literal) => {
        counter(concat!("node_network_", $name, "_total"), concat!("Network device statistic ", $name, "."))
    };
}

/// In both sources and under both kinds of names.
const SAME: [Column; 6] = [
    (statistic!("receive_bytes"), |device| device.rx_bytes),
    (statistic!("receive_packets"), |device| device.rx_packets),
    (statistic!("receive_compressed"), |device| device.rx_compressed),
    (statistic!("transmit_bytes"), |device| device.tx_bytes),
    (statistic!("transmit_packets"), |device| device.tx_packets),
    (statistic!("transmit_compressed"), |device| device.tx_compressed),
];

/// Only in netlink's answer.
pub const NOHANDLER: Column = (statistic!("receive_nohandler"), |device| device.rx_nohandler);

/// The sums that `/proc/net/dev` shows (`dev_seq_printf_stats`), whatever the source.
pub const USUAL: &[Column] = &[
    SAME[0],
    SAME[1],
    SAME[2],
    SAME[3],
    SAME[4],
    SAME[5],
    (statistic!("receive_errs"), |device| device.rx_errors),
    (statistic!("receive_drop"), |device| device.rx_dropped + device.rx_missed_errors),
    (statistic!("receive_fifo"), |device| device.rx_fifo_errors),
    (statistic!("receive_frame"), |device| {
        device.rx_frame_errors + device.rx_length_errors + device.rx_over_errors + device.rx_crc_errors
    }),
    (statistic!("receive_multicast"), |device| device.multicast),
    (statistic!("transmit_errs"), |device| device.tx_errors),
    (statistic!("transmit_drop"), |device| device.tx_dropped),
    (statistic!("transmit_fifo"), |device| device.tx_fifo_errors),
    (statistic!("transmit_colls"), |device| device.collisions),
    (statistic!("transmit_carrier"), |device| {
        device.tx_carrier_errors + device.tx_aborted_errors + device.tx_heartbeat_errors + device.tx_window_errors
    }),
];

/// Every counter by itself, from netlink.
pub const DETAILED: &[Column] = &[
    SAME[0],
    SAME[1],
    SAME[2],
    SAME[3],
    SAME[4],
    SAME[5],
    (statistic!("receive_errors"), |device| device.rx_errors),
    (statistic!("receive_dropped"), |device| device.rx_dropped),
    (statistic!("receive_length_errors"), |device| device.rx_length_errors),
    (statistic!("receive_over_errors"), |device| device.rx_over_errors),
    (statistic!("receive_crc_errors"), |device| device.rx_crc_errors),
    (statistic!("receive_frame_errors"), |device| device.rx_frame_errors),
    (statistic!("receive_fifo_errors"), |device| device.rx_fifo_errors),
    (statistic!("receive_missed_errors"), |device| device.rx_missed_errors),
    (statistic!("multicast"), |device| device.multicast),
    (statistic!("collisions"), |device| device.collisions),
    (statistic!("transmit_errors"), |device| device.tx_errors),
    (statistic!("transmit_dropped"), |device| device.tx_dropped),
    (statistic!("transmit_aborted_errors"), |device| device.tx_aborted_errors),
    (statistic!("transmit_carrier_errors"), |device| device.tx_carrier_errors),
    (statistic!("transmit_fifo_errors"), |device| device.tx_fifo_errors),
    (statistic!("transmit_heartbeat_errors"), |device| device.tx_heartbeat_errors),
    (statistic!("transmit_window_errors"), |device| device.tx_window_errors),
];

/// The detailed names for `/proc/net/dev`, which has the sums only.
pub const DETAILED_OF_SUMS: &[Column] = &[
    SAME[0],
    SAME[1],
    SAME[2],
    SAME[3],
    SAME[4],
    SAME[5],
    DETAILED[6],
    DETAILED[7],
    USUAL[8],
    USUAL[9],
    USUAL[10],
    DETAILED[16],
    DETAILED[17],
    USUAL[13],
    USUAL[14],
    USUAL[15],
];

const fn families<const N: usize>() -> [Family; N] {
    let mut all = [NOHANDLER.0; N];
    let mut place = 0;
    while place < USUAL.len() {
        all[place] = USUAL[place].0;
        place += 1;
    }
    let mut detailed = SAME.len();
    while detailed < DETAILED.len() {
        all[place] = DETAILED[detailed].0;
        place += 1;
        detailed += 1;
    }
    all
}

/// All of them, each once.
pub const FAMILIES: [Family; USUAL.len() + DETAILED.len() - SAME.len() + 1] = families();

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_family_is_there_once() {
        let names: BTreeSet<_> = FAMILIES.iter().map(|family| family.name).collect();
        assert_eq!(names.len(), FAMILIES.len());
        assert!(names.contains("node_network_receive_nohandler_total"));
        let named = |columns: &[Column]| columns.iter().map(|column| column.0.name).collect::<BTreeSet<_>>();
        for columns in [USUAL, DETAILED, DETAILED_OF_SUMS] {
            assert_eq!(named(columns).len(), columns.len());
            assert!(named(columns).is_subset(&names));
        }
        assert!(named(DETAILED_OF_SUMS).contains("node_network_transmit_errors_total"));
    }
}
