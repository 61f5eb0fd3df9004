//! Wi-Fi interfaces as the kernel tells of them.

use kernel::netlink::{self, Bss, EVERY_FAMILY, Family, KeptSocket, Nl80211, Protocol, Question, Station, Step};
use kernel::scan::to_text;
use nix::libc;

use super::netlink::{Unanswered, dump};
use super::wifi::{WifiInterface, WifiMode, WifiNetwork, WifiStation};
use crate::{Failure, Scrape};

pub struct WifiNetlink {
    socket: KeptSocket,
    /// Looked for until it is there: the module may be loaded late.
    nl80211: Option<Nl80211>,
}

impl Default for WifiNetlink {
    fn default() -> Self {
        WifiNetlink { socket: KeptSocket::new(Protocol::Generic), nl80211: None }
    }
}

impl WifiNetlink {
    /// `None` where the kernel has no nl80211.
    pub fn interfaces(&mut self, scrape: &mut Scrape<'_>) -> Result<Option<Vec<WifiInterface>>, Failure> {
        let Some(nl80211) = self.find(scrape)? else { return Ok(None) };
        let mut found: Vec<(u32, WifiInterface)> = Vec::new();
        let answered = dump(&mut self.socket, &nl80211.every_interface().as_question(), scrape, |step| match step {
            Step::Begin => found.clear(),
            Step::Answer(message) => found.extend(netlink::WifiInterface::parse(&message).map(interface_of)),
        });
        if let Err(unanswered) = answered {
            // The module may have been loaded anew, under another number.
            self.nl80211 = None;
            return Err(unanswered.into());
        }
        for (link_index, interface) in &mut found {
            interface.network = self.network(nl80211, *link_index, &interface.name, scrape);
            interface.stations = self.stations(nl80211, *link_index, &interface.name, scrape);
        }
        Ok(Some(found.into_iter().map(|(_, interface)| interface).collect()))
    }

    fn find(&mut self, scrape: &mut Scrape<'_>) -> Result<Option<Nl80211>, Failure> {
        if self.nl80211.is_none() {
            let found = &mut self.nl80211;
            dump(&mut self.socket, &EVERY_FAMILY, scrape, |step| match step {
                Step::Begin => *found = None,
                Step::Answer(message) => {
                    let family = Family::parse(&message).filter(|family| family.name == Nl80211::NAME);
                    *found = found.or(family.map(|family| Nl80211 { family: family.id }));
                }
            })?;
        }
        Ok(self.nl80211)
    }

    fn network(
        &mut self,
        nl80211: Nl80211,
        link_index: u32,
        name: &str,
        scrape: &mut Scrape<'_>,
    ) -> Option<WifiNetwork> {
        let mut network = None;
        self.ask(&nl80211.networks_of(link_index).as_question(), name, scrape, |step| match step {
            Step::Begin => network = None,
            Step::Answer(message) if network.is_none() => network = Bss::parse(&message).map(|bss| network_of(&bss)),
            Step::Answer(_) => {}
        });
        network
    }

    fn stations(&mut self, nl80211: Nl80211, link_index: u32, name: &str, scrape: &mut Scrape<'_>) -> Vec<WifiStation> {
        let mut stations = Vec::new();
        self.ask(&nl80211.stations_of(link_index).as_question(), name, scrape, |step| match step {
            Step::Begin => stations.clear(),
            Step::Answer(message) => stations.extend(Station::parse(&message).map(|station| station_of(&station))),
        });
        stations
    }

    /// What an interface does not support, or one that is gone, has no answer. Any other error is the interface's
    /// problem alone.
    fn ask(&mut self, question: &Question<'_>, name: &str, scrape: &mut Scrape<'_>, step: impl FnMut(Step<'_>)) {
        let Err(Unanswered(error)) = dump(&mut self.socket, question, scrape, step) else { return };
        if !matches!(error.raw_os_error(), Some(libc::ENOENT | libc::ENODEV | libc::EOPNOTSUPP)) {
            scrape.item_failed(format_args!("{name}: netlink: {error}"));
        }
    }
}

fn interface_of(interface: netlink::WifiInterface<'_>) -> (u32, WifiInterface) {
    let known = WifiInterface {
        name: to_text(interface.name),
        frequency_megahertz: i64::from(interface.frequency_megahertz),
        ..WifiInterface::default()
    };
    (interface.link_index, known)
}

fn network_of(bss: &Bss<'_>) -> WifiNetwork {
    // The numbers of the kernel. Node_exporter's library has another in mind for the third, and says `unknown` there.
    let mode = match bss.status {
        0 | 1 => WifiMode::Client,
        2 => WifiMode::AdHoc,
        _ => WifiMode::Unknown,
    };
    WifiNetwork { bssid: bss.bssid.to_vec(), ssid: ssid_text(bss.ssid), mode }
}

fn station_of(station: &Station<'_>) -> WifiStation {
    let rate = |bits_per_second| i64::try_from(bits_per_second).unwrap_or(i64::MAX);
    WifiStation {
        address: station.address.to_vec(),
        connected_nanoseconds: i64::from(station.connected_seconds) * 1_000_000_000,
        inactive_nanoseconds: i64::from(station.inactive_milliseconds) * 1_000_000,
        receive_bits_per_second: rate(station.receive_bits_per_second),
        transmit_bits_per_second: rate(station.transmit_bits_per_second),
        received_bytes: station.received_bytes,
        transmitted_bytes: station.transmitted_bytes,
        received_packets: i64::from(station.received_packets),
        transmitted_packets: i64::from(station.transmitted_packets),
        signal_dbm: i64::from(station.signal_dbm),
        transmit_retries: i64::from(station.transmit_retries),
        transmit_failed: i64::from(station.transmit_failed),
        beacon_loss: i64::from(station.beacon_loss),
    }
}

/// A network may be called any bytes. One U+FFFD stands for each byte that is no text, as in node_exporter.
fn ssid_text(ssid: &[u8]) -> String {
    let mut text = String::new();
    for chunk in ssid.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().map(|_| char::REPLACEMENT_CHARACTER));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_may_be_called_any_bytes() {
        assert_eq!(ssid_text("Zuhause ⌂".as_bytes()), "Zuhause ⌂");
        assert_eq!(ssid_text(b"a\xe2\x82b\xff"), "a\u{fffd}\u{fffd}b\u{fffd}");
    }
}
