//! Attributes and names of PCI devices (`/sys/bus/pci/devices/0000:3b:00.1`): addresses, `8.0 GT/s PCIe`.

use crate::scan::{ParseError, parse_f64, parse_hex_u64, trim};

/// Where a device is: `segment:bus:device.function`, all hexadecimal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Address {
    pub segment: u32,
    pub bus: u32,
    pub device: u32,
    pub function: u32,
}

impl Address {
    pub fn parse(name: &str) -> Option<Self> {
        let number = |text: &str| u32::try_from(parse_hex_u64(text.as_bytes())?).ok();
        let (segment, rest) = name.split_once(':')?;
        let (bus, rest) = rest.split_once(':')?;
        let (device, function) = rest.split_once('.')?;
        Some(Address {
            segment: number(segment)?,
            bus: number(bus)?,
            device: number(device)?,
            function: number(function)?,
        })
    }
}

/// Transfers per second; `None` where there is no link, or none that the kernel knows.
pub fn link_speed(bytes: &[u8]) -> Result<Option<f64>, ParseError> {
    let text = trim(bytes);
    if is_unknown(text) {
        return Ok(None);
    }
    let gigatransfers = text.strip_suffix(b" PCIe").unwrap_or(text).strip_suffix(b" GT/s").and_then(parse_f64);
    let gigatransfers = gigatransfers.ok_or_else(|| ParseError::new(1, "a number of GT/s", text))?;
    Ok(Some(gigatransfers * 1e9))
}

/// A driver has no answer: an empty attribute, or one that says so.
pub fn is_unknown(text: &[u8]) -> bool {
    text.is_empty() || text.starts_with(b"Unknown")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{any, proptest};

    #[test]
    fn addresses_are_hexadecimal() {
        let address = Address { segment: 0x10000, bus: 0xe0, device: 6, function: 1 };
        assert_eq!(Address::parse("10000:e0:06.1"), Some(address));
        for odd in ["", "pci0000:00", "0000:00", "0000:00:1f", "0000:00:zz.0", "0000:00:+1.0"] {
            assert_eq!(Address::parse(odd), None, "{odd}");
        }
    }

    #[test]
    fn a_link_has_a_speed_or_none() {
        assert_eq!(link_speed(b"8.0 GT/s PCIe\n"), Ok(Some(8e9)));
        assert_eq!(link_speed(b"2.5 GT/s\n"), Ok(Some(2.5e9)));
        assert_eq!([link_speed(b"Unknown speed\n"), link_speed(b"\n")], [Ok(None), Ok(None)]);
        assert!(link_speed(b"fast").is_err());
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..60), name in ".*") {
            let _ = (link_speed(&bytes), Address::parse(&name));
        }
    }
}
