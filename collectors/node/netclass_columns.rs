//! What the collector `netclass` exports of a network device: the family of each number, and the file below
//! `/sys/class/net/<device>` that has it.

use exposition::{Family, counter, gauge};

pub const UP: Family = gauge("node_network_up", "Value is 1 if operstate is 'up', 0 otherwise.");
pub const INFO: Family = gauge("node_network_info", "Non-numeric data from /sys/class/net/<iface>, value is always 1.");

/// A number and its place among all of them. The names of the places are those of the kernel's files.
pub mod place {
    pub const ADDR_ASSIGN_TYPE: usize = 0;
    pub const CARRIER: usize = 1;
    pub const CARRIER_CHANGES: usize = 2;
    pub const CARRIER_UP_COUNT: usize = 3;
    pub const CARRIER_DOWN_COUNT: usize = 4;
    pub const DEV_ID: usize = 5;
    pub const DORMANT: usize = 6;
    pub const FLAGS: usize = 7;
    pub const IFINDEX: usize = 8;
    pub const IFLINK: usize = 9;
    pub const LINK_MODE: usize = 10;
    pub const MTU: usize = 11;
    pub const NAME_ASSIGN_TYPE: usize = 12;
    pub const NETDEV_GROUP: usize = 13;
    pub const SPEED: usize = 14;
    pub const TX_QUEUE_LEN: usize = 15;
    pub const TYPE: usize = 16;
}

macro_rules! property {
    ($kind:ident, $name:literal) => {
        $kind(concat!("node_network_", $name), concat!("Network device property: ", $name))
    };
}

/// In the order of their places.
pub const NUMBERS: [(Family, &str); 17] = [
    (property!(gauge, "address_assign_type"), "addr_assign_type"),
    (property!(gauge, "carrier"), "carrier"),
    (property!(counter, "carrier_changes_total"), "carrier_changes"),
    (property!(counter, "carrier_up_changes_total"), "carrier_up_count"),
    (property!(counter, "carrier_down_changes_total"), "carrier_down_count"),
    (property!(gauge, "device_id"), "dev_id"),
    (property!(gauge, "dormant"), "dormant"),
    (property!(gauge, "flags"), "flags"),
    (property!(gauge, "iface_id"), "ifindex"),
    (property!(gauge, "iface_link"), "iflink"),
    (property!(gauge, "iface_link_mode"), "link_mode"),
    (property!(gauge, "mtu_bytes"), "mtu"),
    (property!(gauge, "name_assign_type"), "name_assign_type"),
    (property!(gauge, "net_dev_group"), "netdev_group"),
    (property!(gauge, "speed_bytes"), "speed"),
    (property!(gauge, "transmit_queue_length"), "tx_queue_len"),
    (property!(gauge, "protocol_type"), "type"),
];

/// What is known of one device; units are the kernel's (`SPEED`: Mbit/s). `None` for what it does not have, or not now.
pub type Numbers = [Option<i64>; NUMBERS.len()];

/// What a number becomes as a sample.
pub fn value(place: usize, number: i64) -> f64 {
    let number = match place {
        // In whole bytes per second, in node_exporter's order of operations: -1, which stands for unknown, is -125000.
        place::SPEED => number.wrapping_mul(1_000_000) / 8,
        _ => number,
    };
    number as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_and_files_agree() {
        for (place, file) in [
            (place::CARRIER_CHANGES, "carrier_changes"),
            (place::FLAGS, "flags"),
            (place::IFLINK, "iflink"),
            (place::SPEED, "speed"),
            (place::TYPE, "type"),
        ] {
            assert_eq!(NUMBERS[place].1, file);
        }
        assert_eq!(value(place::SPEED, -1), -125_000.0);
        assert_eq!(value(place::SPEED, 1000), 1.25e8);
    }
}
