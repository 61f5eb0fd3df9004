//! Wi-Fi interfaces from files, for the flag `collector.wifi.fixtures`: `interfaces.json`, and for each interface a
//! folder with `bss.json` and `stationinfo.json`, as node_exporter's tests have them.

use std::path::PathBuf;

use kernel::Optional;

use super::json_fixture::{Object, read_object, read_objects};
use super::wifi::{WifiInterface, WifiMode, WifiNetwork, WifiStation};
use crate::Scrape;

pub struct WifiFixtures {
    folder: PathBuf,
}

impl WifiFixtures {
    pub fn new(folder: &str) -> Self {
        WifiFixtures { folder: folder.into() }
    }

    /// An interface without a file has nothing of that kind; one with an odd file loses only that.
    pub fn interfaces(&self, scrape: &mut Scrape<'_>) -> kernel::Result<Vec<WifiInterface>> {
        let path = self.folder.join("interfaces.json");
        let mut interfaces = Vec::new();
        for object in read_objects(&path)? {
            match interface_of(&object) {
                Ok(interface) => interfaces.push(interface),
                Err(problem) => scrape.item_failed(format_args!("{}: {problem}", path.display())),
            }
        }
        for interface in interfaces.iter_mut().filter(|interface| !interface.name.is_empty()) {
            interface.network = self.network(&interface.name, scrape);
            interface.stations = self.stations(&interface.name, scrape);
        }
        Ok(interfaces)
    }

    fn network(&self, interface: &str, scrape: &mut Scrape<'_>) -> Option<WifiNetwork> {
        let path = self.folder.join(interface).join("bss.json");
        let read = read_object(&path).optional().map_err(|error| error.to_string());
        let network = read.and_then(|object| object.map(|object| network_of(&object)).transpose());
        network.unwrap_or_else(|problem| {
            scrape.item_failed(format_args!("{}: {problem}", path.display()));
            None
        })
    }

    fn stations(&self, interface: &str, scrape: &mut Scrape<'_>) -> Vec<WifiStation> {
        let path = self.folder.join(interface).join("stationinfo.json");
        let objects = match read_objects(&path).optional() {
            Ok(objects) => objects.unwrap_or_default(),
            Err(error) => {
                scrape.item_failed(error);
                return Vec::new();
            }
        };
        let mut stations = Vec::new();
        for object in &objects {
            match station_of(object) {
                Ok(station) => stations.push(station),
                Err(problem) => scrape.item_failed(format_args!("{}: {problem}", path.display())),
            }
        }
        stations
    }
}

fn interface_of(object: &Object) -> Result<WifiInterface, String> {
    Ok(WifiInterface {
        name: object.text("name")?,
        frequency_megahertz: object.number("frequency")?,
        ..WifiInterface::default()
    })
}

fn network_of(object: &Object) -> Result<WifiNetwork, String> {
    // The numbers of node_exporter's library, in which 2 is a network that the interface does not belong to.
    let mode = match object.number::<i64>("status")? {
        0 | 1 => WifiMode::Client,
        3 => WifiMode::AdHoc,
        _ => WifiMode::Unknown,
    };
    Ok(WifiNetwork { bssid: bytes(object, "bssid")?, ssid: object.text("ssid")?, mode })
}

fn station_of(object: &Object) -> Result<WifiStation, String> {
    Ok(WifiStation {
        address: bytes(object, "hardwareaddr")?,
        connected_nanoseconds: object.number("connected")?,
        inactive_nanoseconds: object.number("inactive")?,
        receive_bits_per_second: object.number("receivebitrate")?,
        transmit_bits_per_second: object.number("transmitbitrate")?,
        received_bytes: object.number("receivedbytes")?,
        transmitted_bytes: object.number("transmittedbytes")?,
        received_packets: object.number("receivedpackets")?,
        transmitted_packets: object.number("transmittedpackets")?,
        signal_dbm: object.number("signal")?,
        transmit_retries: object.number("transmitretries")?,
        transmit_failed: object.number("transmitfailed")?,
        beacon_loss: object.number("beaconloss")?,
    })
}

/// Go writes bytes in base64.
fn bytes(object: &Object, key: &str) -> Result<Vec<u8>, String> {
    let text = object.text(key)?;
    base64(&text).ok_or_else(|| format!("{key}: {text:?} is not base64"))
}

fn base64(text: &str) -> Option<Vec<u8>> {
    let digits = text.trim_end_matches('=').as_bytes();
    if !text.len().is_multiple_of(4) || text.len() - digits.len() > 2 {
        return None;
    }
    let (mut bits, mut count, mut bytes) = (0u32, 0, Vec::new());
    for digit in digits {
        let value = match digit {
            b'A'..=b'Z' => digit - b'A',
            b'a'..=b'z' => digit - b'a' + 26,
            b'0'..=b'9' => digit - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = bits << 6 | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_read() {
        assert_eq!(base64("AgBeEAAB"), Some(vec![2, 0, 0x5e, 0x10, 0, 1]));
        assert_eq!(base64("+/8="), Some(vec![0xfb, 0xff]));
        assert_eq!((base64(""), base64("QQ==")), (Some(vec![]), Some(vec![b'A'])));
        assert_eq!((base64("AgB"), base64("A==="), base64("Ag-_")), (None, None, None));
    }
}
