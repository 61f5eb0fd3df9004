//! `/proc/net/ip_vs` and `/proc/net/ip_vs_stats`, where IPVS is loaded: virtual services and the servers behind them;
//! counters of all together. Addresses and counters are hexadecimal. The kernel shows the first in pieces of a page.
//!
//! ```text
//! TCP  C0A80016:0CEA wlc
//!   -> C0A85216:0CEA      Tunnel  100    248        2
//! FWM  10001000 wlc
//!   -> C0A8321A:0CEA      Route   20     64         1
//! ```

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::scan::{Fields, ParseError, lines, parse_hex_u64};

/// Counters of all services since boot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Totals {
    pub connections: u64,
    pub incoming_packets: u64,
    pub outgoing_packets: u64,
    pub incoming_bytes: u64,
    pub outgoing_bytes: u64,
}

/// What clients connect to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Service<'a> {
    /// `TCP`, `UDP`; `FWM` for a mark of the firewall.
    pub protocol: &'a [u8],
    /// An address with its port, or the mark; see `endpoint`.
    pub local: &'a [u8],
}

/// A server behind a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backend<'a> {
    pub service: Service<'a>,
    /// An address with its port; see `endpoint`.
    pub remote: &'a [u8],
    pub weight: u64,
    pub active_connections: u64,
    pub inactive_connections: u64,
}

impl Totals {
    pub fn parse(bytes: &[u8]) -> Result<Self, ParseError> {
        // Two lines of titles.
        let (number, line) = lines(bytes).nth(2).ok_or_else(|| ParseError::new(0, "three lines", b""))?;
        let mut fields = Fields::new(number, line);
        let mut number_of = |name: &str| {
            let text = fields.text(name)?;
            parse_hex_u64(text).ok_or_else(|| ParseError::new(number, format!("a hexadecimal number for {name}"), text))
        };
        Ok(Totals {
            connections: number_of("connections")?,
            incoming_packets: number_of("incoming packets")?,
            outgoing_packets: number_of("outgoing packets")?,
            incoming_bytes: number_of("incoming bytes")?,
            outgoing_bytes: number_of("outgoing bytes")?,
        })
    }
}

/// Servers in the order of the file. Titles are passed over.
pub fn backends(bytes: &[u8]) -> impl Iterator<Item = Result<Backend<'_>, ParseError>> {
    let mut service = None;
    lines(bytes).filter_map(move |(number, line)| {
        let mut fields = Fields::new(number, line);
        let (first, second) = (fields.next()?, fields.next()?);
        match first {
            b"IP" | b"Prot" => None,
            b"->" if second == b"RemoteAddress:Port" => None,
            b"->" => Some(Backend::parse(service?, second, fields)),
            protocol => {
                service = Some(Service { protocol, local: second });
                None
            }
        }
    })
}

impl<'a> Backend<'a> {
    fn parse(service: Service<'a>, remote: &'a [u8], mut fields: Fields<'a>) -> Result<Self, ParseError> {
        fields.text("how packets are forwarded")?;
        Ok(Backend {
            service,
            remote,
            weight: fields.number("the weight")?,
            active_connections: fields.number("active connections")?,
            inactive_connections: fields.number("inactive connections")?,
        })
    }
}

/// `C0A80016:0CEA` or `[2001:0db8:..]:0050`.
pub fn endpoint(text: &[u8]) -> Option<(IpAddr, u16)> {
    let colon = memchr::memrchr(b':', text)?;
    let (address, port) = (&text[..colon], &text[colon + 1..]);
    let port = u16::try_from(parse_hex_u64(port)?).ok()?;
    let address = match address.strip_prefix(b"[").and_then(|address| address.strip_suffix(b"]")) {
        Some(inner) => IpAddr::V6(std::str::from_utf8(inner).ok()?.parse::<Ipv6Addr>().ok()?),
        None if address.len() == 8 => IpAddr::V4(Ipv4Addr::from(u32::try_from(parse_hex_u64(address)?).ok()?)),
        None => return None,
    };
    Some((address.to_canonical(), port))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TEXT: &[u8] = b"IP Virtual Server version 1.2.1 (size=4096)\nProt LocalAddress:Port Scheduler Flags\n\
        \x20 -> RemoteAddress:Port Forward Weight ActiveConn InActConn\nTCP  C0A80016:0CEA wlc  \n\
        \x20 -> C0A85216:0CEA      Tunnel  100    248        2         \n  -> C0A85217:0CEA Tunnel many 1 1\n\
        FWM  10001000 wlc\n  -> [2001:0db8:0000:0000:0000:0000:0000:0010]:0050 Route 0 1 2\n";

    #[test]
    fn servers_belong_to_the_service_above_them() {
        let all: Vec<_> = backends(TEXT).collect();
        let first = all[0].as_ref().expect("valid");
        assert_eq!(first.service, Service { protocol: b"TCP", local: b"C0A80016:0CEA" });
        assert_eq!((first.weight, first.active_connections, first.inactive_connections), (100, 248, 2));
        assert!(all[1].as_ref().is_err_and(|error| error.line == 6 && error.found == "many"));
        assert_eq!(all[2].as_ref().map(|backend| backend.service.local), Ok(&b"10001000"[..]));
        assert_eq!(all.len(), 3);
    }

    #[test]
    fn an_endpoint_is_an_address_and_a_port() {
        for (text, expected) in [
            ("C0A80016:0CEA", "192.168.0.22 3306"),
            ("[2001:0db8:0000:0000:0000:0000:0000:0010]:0050", "2001:db8::10 80"),
        ] {
            let (address, port) = endpoint(text.as_bytes()).expect(text);
            assert_eq!(format!("{address} {port}"), expected);
        }
        for odd in ["10001000", "C0A8:0CEA", "C0A80016:", "C0A80016:10000", "[::", ":", "[x]:0050"] {
            assert_eq!(endpoint(odd.as_bytes()), None, "{odd}");
        }
    }

    #[test]
    fn totals_stand_below_two_lines_of_titles() {
        let text = b"   Total Incoming\n   Conns  Packets\n 16AA370 E33656E5 0 51D8C8883AB3 1\n";
        let totals = Totals::parse(text).expect("valid");
        assert_eq!((totals.connections, totals.outgoing_bytes), (0x16A_A370, 1));
        assert!(Totals::parse(b"a\nb\n1 2 3\n").is_err() && Totals::parse(b"").is_err());
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in "((TCP|FWM|  ->)?[ 0-9A-Fx:\\[\\]]{0,30}\n){0,5}") {
            let _ = Totals::parse(bytes.as_bytes());
            for backend in backends(bytes.as_bytes()).flatten() {
                let _ = (endpoint(backend.remote), endpoint(backend.service.local));
            }
        }
    }
}
