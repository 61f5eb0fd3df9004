//! What the collector `ethtool` exports of the modes of a link (struct ethtool_cmd): speeds, ports, pause frames. As
//! node_exporter it knows the first 32 modes; the faster ones of newer hardware are not among them.

use exposition::{Family, LabelText, Page, gauge};
use kernel::ethtool::LinkSettings;

pub const SUPPORTED_SPEED: Family =
    gauge("node_network_supported_speed_bytes", "Combination of speeds and features supported by network device");
pub const SUPPORTED_PORT: Family =
    gauge("node_network_supported_port_info", "Type of ports or PHYs supported by network device");
pub const ADVERTISED_SPEED: Family =
    gauge("node_network_advertised_speed_bytes", "Combination of speeds and features offered by network device");
pub const AUTONEGOTIATE: Family = gauge("node_network_autonegotiate", "If this port is using autonegotiate");

/// A family that is 1 where a bit is set, else 0.
type Feature = (Family, fn(&LinkSettings) -> u32, u32);

pub const FEATURES: [Feature; 6] = [
    (
        gauge("node_network_autonegotiate_supported", "If this port device supports autonegotiate"),
        |link| link.supported,
        AUTONEG_BIT,
    ),
    (
        gauge("node_network_pause_supported", "If this port device supports pause frames"),
        |link| link.supported,
        PAUSE_BIT,
    ),
    (
        gauge("node_network_asymmetricpause_supported", "If this port device supports asymmetric pause frames"),
        |link| link.supported,
        ASYM_PAUSE_BIT,
    ),
    (
        gauge("node_network_autonegotiate_advertised", "If this port device offers autonegotiate"),
        |link| link.advertised,
        AUTONEG_BIT,
    ),
    (
        gauge("node_network_pause_advertised", "If this port device offers pause capability"),
        |link| link.advertised,
        PAUSE_BIT,
    ),
    (
        gauge("node_network_asymmetricpause_advertised", "If this port device offers asymmetric pause capability"),
        |link| link.advertised,
        ASYM_PAUSE_BIT,
    ),
];

// Bits of enum ethtool_link_mode_bit_indices.
const AUTONEG_BIT: u32 = 6;
const PAUSE_BIT: u32 = 13;
const ASYM_PAUSE_BIT: u32 = 14;

const PORTS: [(u32, &str); 6] = [(7, "TP"), (8, "AUI"), (9, "MII"), (10, "FIBRE"), (11, "BNC"), (16, "Backplane")];

/// Bit, speed in Mbit/s, duplex and name of a mode. Of bit 15, 2.5 Gbit/s by fibre, node_exporter tells nothing.
const MODES: [(u32, u32, &str, &str); 22] = [
    (0, 10, "half", "10baseT"),
    (1, 10, "full", "10baseT"),
    (2, 100, "half", "100baseT"),
    (3, 100, "full", "100baseT"),
    (4, 1_000, "half", "1000baseT"),
    (5, 1_000, "full", "1000baseT"),
    (12, 10_000, "full", "10000baseT"),
    (17, 1_000, "full", "1000baseKX"),
    (18, 10_000, "full", "10000baseKX4"),
    (19, 10_000, "full", "10000baseKR"),
    (20, 10_000, "full", "10000baseR_FEC"),
    (21, 20_000, "full", "20000baseMLD2"),
    (22, 20_000, "full", "20000baseKR2"),
    (23, 40_000, "full", "40000baseKR4"),
    (24, 40_000, "full", "40000baseCR4"),
    (25, 40_000, "full", "40000baseSR4"),
    (26, 40_000, "full", "40000baseLR4"),
    (27, 56_000, "full", "56000baseKR4"),
    (28, 56_000, "full", "56000baseCR4"),
    (29, 56_000, "full", "56000baseSR4"),
    (30, 56_000, "full", "56000baseLR4"),
    (31, 25_000, "full", "25000baseCR"),
];

const BYTES_PER_MEGABIT: f64 = 1_000_000.0 / 8.0;

/// `links` begins anew for each family.
pub fn write<'a, L>(links: impl Fn() -> L, page: &mut Page)
where
    L: Iterator<Item = (&'a LabelText, &'a LinkSettings)>,
{
    write_speeds(&SUPPORTED_SPEED, |link| link.supported, links(), page);
    write_speeds(&ADVERTISED_SPEED, |link| link.advertised, links(), page);
    for (labels, link) in links() {
        for (_, port) in PORTS.iter().filter(|(bit, _)| has(link.supported, *bit)) {
            page.labelled_sample(&SUPPORTED_PORT, labels, &[("type", port)], 1.0);
        }
    }
    for (family, modes, bit) in &FEATURES {
        for (labels, link) in links() {
            page.labelled_sample(family, labels, &[], f64::from(u8::from(has(modes(link), *bit))));
        }
    }
    for (labels, link) in links() {
        page.labelled_sample(&AUTONEGOTIATE, labels, &[], f64::from(u8::from(link.is_autonegotiating)));
    }
}

fn write_speeds<'a>(
    family: &Family,
    modes: fn(&LinkSettings) -> u32,
    links: impl Iterator<Item = (&'a LabelText, &'a LinkSettings)>,
    page: &mut Page,
) {
    for (labels, link) in links {
        for (_, megabits, duplex, mode) in MODES.iter().filter(|(bit, ..)| has(modes(link), *bit)) {
            let speed = f64::from(*megabits) * BYTES_PER_MEGABIT;
            page.labelled_sample(family, labels, &[("duplex", duplex), ("mode", mode)], speed);
        }
    }
}

fn has(modes: u32, bit: u32) -> bool {
    modes >> bit & 1 != 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use exposition::{Dialect, assemble};

    #[test]
    fn modes_become_speeds_ports_and_features() {
        // 1000baseT full, autonegotiation, twisted pair, pause, 25000baseCR; of them only the second and third offered.
        let bits = |all: &[u32]| all.iter().fold(0, |modes, bit| modes | 1 << bit);
        let link = LinkSettings {
            supported: bits(&[5, 6, 7, 13, 15, 31]),
            advertised: bits(&[5, 6]),
            is_autonegotiating: true,
            ..LinkSettings::default()
        };
        let (labels, mut page, mut text) = (LabelText::new([("device", "eno1")]), Page::new(), Vec::new());
        write(|| std::iter::once((&labels, &link)), &mut page);
        assemble([&page], Dialect::Text, &mut text);
        let text = String::from_utf8(text).expect("UTF-8");
        let samples: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
        let expected = [
            r#"node_network_advertised_speed_bytes{device="eno1",duplex="full",mode="1000baseT"} 125000000"#,
            r#"node_network_asymmetricpause_advertised{device="eno1"} 0"#,
            r#"node_network_asymmetricpause_supported{device="eno1"} 0"#,
            r#"node_network_autonegotiate{device="eno1"} 1"#,
            r#"node_network_autonegotiate_advertised{device="eno1"} 1"#,
            r#"node_network_autonegotiate_supported{device="eno1"} 1"#,
            r#"node_network_pause_advertised{device="eno1"} 0"#,
            r#"node_network_pause_supported{device="eno1"} 1"#,
            r#"node_network_supported_port_info{device="eno1",type="TP"} 1"#,
            r#"node_network_supported_speed_bytes{device="eno1",duplex="full",mode="1000baseT"} 125000000"#,
            r#"node_network_supported_speed_bytes{device="eno1",duplex="full",mode="25000baseCR"} 3125000000"#,
        ];
        assert_eq!(samples, expected);
    }
}
