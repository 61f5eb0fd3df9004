//! What the collector `ethtool` calls the statistics of drivers, which have names of their own making.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::LazyLock;

use exposition::{Family, Kind, untyped};
use regex::Regex;

use super::true_types::Types;

/// Statistics that are known under a name of their own.
pub const WELL_KNOWN: [(&str, Family); 7] = [
    ("rx_bytes", untyped("node_ethtool_received_bytes_total", "Network interface bytes received")),
    ("rx_dropped", untyped("node_ethtool_received_dropped_total", "Number of received frames dropped")),
    ("rx_errors", untyped("node_ethtool_received_errors_total", "Number of received frames with errors")),
    ("rx_packets", untyped("node_ethtool_received_packets_total", "Network interface packets received")),
    ("tx_bytes", untyped("node_ethtool_transmitted_bytes_total", "Network interface bytes sent")),
    ("tx_errors", untyped("node_ethtool_transmitted_errors_total", "Number of sent frames with errors")),
    ("tx_packets", untyped("node_ethtool_transmitted_packets_total", "Network interface packets sent")),
];

/// For the list of families: any other statistic.
pub const ANY: Family = untyped("node_ethtool_<statistic>", "Network interface <statistic>");

/// What cannot be in a metric's name, with the underscores around it.
static ODD: LazyLock<Regex> = LazyLock::new(|| Regex::new("_*[^0-9A-Za-z_]+_*").expect("a valid pattern"));
static RECEIVED: LazyLock<Regex> = LazyLock::new(|| Regex::new("(^|_)rx(_|$)").expect("a valid pattern"));
static TRANSMITTED: LazyLock<Regex> = LazyLock::new(|| Regex::new("(^|_)tx(_|$)").expect("a valid pattern"));

/// One family, and which statistics of which devices it has.
#[derive(Debug, PartialEq, Eq)]
pub struct StatisticFamily {
    pub name: String,
    pub help: String,
    pub kind: Kind,
    /// Places of a device, and of a statistic among those of the device.
    pub places: Vec<(usize, usize)>,
}

/// The families of the statistics of all devices, by name. Of statistics of one device that come to the same name the
/// first counts. Of those with a name of their own the type is known; what a driver means by the others it alone knows.
pub fn families<'a, D>(devices: D, types: Types, is_wanted: impl Fn(&str) -> bool) -> Vec<StatisticFamily>
where
    D: IntoIterator<Item = &'a Vec<Box<str>>>,
{
    let mut families: BTreeMap<String, StatisticFamily> = BTreeMap::new();
    for (device, statistics) in devices.into_iter().enumerate() {
        for (place, statistic) in statistics.iter().enumerate() {
            let key = ODD.replace_all(statistic, "_");
            let Some((name, help)) = name_and_help(&key).filter(|_| is_wanted(&key)) else { continue };
            match families.entry(name) {
                Entry::Vacant(vacant) => {
                    let name = vacant.key().clone();
                    let is_known = WELL_KNOWN.iter().any(|(_, family)| family.name == name);
                    let kind = if is_known { types.of_field(|| false) } else { Kind::Untyped };
                    vacant.insert(StatisticFamily { name, help, kind, places: vec![(device, place)] });
                }
                Entry::Occupied(mut family) => {
                    let places = &mut family.get_mut().places;
                    if places.last().is_none_or(|(last, _)| *last != device) {
                        places.push((device, place));
                    }
                }
            }
        }
    }
    families.into_values().collect()
}

/// `None` for a statistic of which nothing is left to call it by.
fn name_and_help(key: &str) -> Option<(String, String)> {
    if let Some((_, family)) = WELL_KNOWN.iter().find(|(statistic, _)| *statistic == key) {
        return Some((family.name.to_owned(), family.help.to_owned()));
    }
    let lower = key.to_ascii_lowercase();
    let name = lower.trim_start_matches('_');
    let name = RECEIVED.replace_all(name, "${1}received${2}");
    let name = TRANSMITTED.replace_all(&name, "${1}transmitted${2}");
    (!name.is_empty()).then(|| (format!("node_ethtool_{name}"), format!("Network interface {key}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Name, help and places.
    type Found = (String, String, Vec<(usize, usize)>);

    fn of(devices: &[&[&str]], is_wanted: impl Fn(&str) -> bool) -> Vec<Found> {
        let devices: Vec<Vec<Box<str>>> =
            devices.iter().map(|names| names.iter().map(|name| (*name).into()).collect()).collect();
        let families = families(&devices, Types::NodeExporters, is_wanted).into_iter();
        families.map(|family| (family.name, family.help, family.places)).collect()
    }

    #[test]
    fn names_of_drivers_become_names_of_metrics() {
        for (statistic, name) in [
            ("rx_bytes", "node_ethtool_received_bytes_total"),
            ("rx_missed", "node_ethtool_received_missed"),
            ("tx_tx_timeouts", "node_ethtool_transmitted_tx_timeouts"),
            ("port.rx_dropped", "node_ethtool_port_received_dropped"),
            ("Tx Queue#: 0 tx", "node_ethtool_transmitted_queue_0_transmitted"),
            ("rx0_kicks", "node_ethtool_rx0_kicks"),
            ("[17]: rx_csum", "node_ethtool_17_received_csum"),
            ("  veb.tx__(ok)", "node_ethtool_veb_transmitted_ok_"),
            ("ünïcode", "node_ethtool_n_code"),
        ] {
            assert_eq!(of(&[&[statistic]], |_| true)[0].0, name, "{statistic}");
        }
        assert_eq!(of(&[&["", "...", "__"]], |_| true), []);
    }

    #[test]
    fn of_statistics_with_one_name_the_first_counts() {
        let found = of(&[&["port rx", "port.rx", "up"], &["up", "port_rx"]], |_| true);
        let port =
            ("node_ethtool_port_received".to_owned(), "Network interface port_rx".to_owned(), vec![(0, 0), (1, 1)]);
        let up = ("node_ethtool_up".to_owned(), "Network interface up".to_owned(), vec![(0, 2), (1, 0)]);
        assert_eq!(found, [port, up]);
    }

    #[test]
    fn what_is_not_wanted_is_known_by_its_cleaned_name() {
        let found = of(&[&["port.rx", "port.tx"]], |name| name == "port_rx");
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].0, "node_ethtool_port_received");
    }
}
