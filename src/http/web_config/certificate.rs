//! What a client's certificate says of itself: its alternative names (RFC 5280 section 4.2.1.6) and until when it is
//! valid. DER, read just as far as that needs.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Certificate {
    /// DNS names, mail addresses, IP addresses and URIs, as text.
    pub names: Vec<String>,
    /// Seconds since the epoch.
    pub not_before: i64,
    pub not_after: i64,
}

const INTEGER: u8 = 0x02;
const OCTETS: u8 = 0x04;
const OBJECT: u8 = 0x06;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const SEQUENCE: u8 = 0x30;
const VERSION: u8 = 0xa0;
const EXTENSIONS: u8 = 0xa3;
/// 2.5.29.17.
const ALTERNATIVE_NAME: &[u8] = &[0x55, 0x1d, 0x11];

/// The elements of a DER value, one after the other.
struct Elements<'a>(&'a [u8]);

impl Certificate {
    /// `None` for what is no certificate of X.509.
    pub fn parse(der: &[u8]) -> Option<Certificate> {
        let mut certificate = Elements(Elements(der).expect(SEQUENCE)?);
        let mut body = Elements(certificate.expect(SEQUENCE)?);
        let (first, _) = body.next()?;
        if first == VERSION {
            body.expect(INTEGER)?;
        }
        for _signature_and_issuer in 0..2 {
            body.expect(SEQUENCE)?;
        }
        let mut validity = Elements(body.expect(SEQUENCE)?);
        let (not_before, not_after) = (validity.time()?, validity.time()?);
        let mut names = Vec::new();
        // Behind subject and key.
        while let Some((tag, value)) = body.next() {
            if tag == EXTENSIONS {
                names = alternative_names(Elements(value).expect(SEQUENCE)?)?;
            }
        }
        Some(Certificate { names, not_before, not_after })
    }
}

fn alternative_names(extensions: &[u8]) -> Option<Vec<String>> {
    let mut extensions = Elements(extensions);
    while let Some((_, extension)) = extensions.next() {
        let mut extension = Elements(extension);
        if extension.expect(OBJECT)? != ALTERNATIVE_NAME {
            continue;
        }
        // Whether it is critical may stand in between.
        let octets = std::iter::from_fn(|| extension.next()).find(|(tag, _)| *tag == OCTETS);
        let mut given = Elements(Elements(octets?.1).expect(SEQUENCE)?);
        let names = std::iter::from_fn(|| given.next());
        return Some(names.filter_map(|(tag, value)| name(tag, value)).collect());
    }
    Some(Vec::new())
}

fn name(tag: u8, value: &[u8]) -> Option<String> {
    const MAIL: u8 = 0x81;
    const DNS: u8 = 0x82;
    const URI: u8 = 0x86;
    const IP: u8 = 0x87;
    match tag {
        MAIL | DNS | URI => std::str::from_utf8(value).ok().map(str::to_owned),
        IP => {
            let four = <[u8; 4]>::try_from(value).map(|octets| IpAddr::from(Ipv4Addr::from(octets)));
            let sixteen = <[u8; 16]>::try_from(value).map(|octets| IpAddr::from(Ipv6Addr::from(octets)));
            four.or(sixteen).ok().map(|address| address.to_canonical().to_string())
        }
        _ => None,
    }
}

impl<'a> Elements<'a> {
    /// Tag and content.
    fn next(&mut self) -> Option<(u8, &'a [u8])> {
        let (tag, rest) = self.0.split_first()?;
        let (first, rest) = rest.split_first()?;
        let (length, rest) = match *first {
            short @ 0..=0x7f => (usize::from(short), rest),
            long => {
                let (digits, rest) = rest.split_at_checked(usize::from(long & 0x7f))?;
                if digits.is_empty() || digits.len() > 4 {
                    return None;
                }
                (digits.iter().fold(0, |length, digit| length << 8 | usize::from(*digit)), rest)
            }
        };
        let (value, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some((*tag, value))
    }

    fn expect(&mut self, wanted: u8) -> Option<&'a [u8]> {
        self.next().filter(|(tag, _)| *tag == wanted).map(|(_, value)| value)
    }

    /// `YYMMDDHHMMSSZ` or `YYYYMMDDHHMMSSZ`.
    fn time(&mut self) -> Option<i64> {
        let (tag, text) = self.next()?;
        let text = std::str::from_utf8(text).ok()?.strip_suffix('Z')?;
        if !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let (year, rest) = match tag {
            UTC_TIME => {
                let year: i64 = text.get(..2)?.parse().ok()?;
                (year + if year < 50 { 2000 } else { 1900 }, text.get(2..)?)
            }
            GENERALIZED_TIME => (text.get(..4)?.parse().ok()?, text.get(4..)?),
            _ => return None,
        };
        let part = |at: usize| rest.get(at..at + 2)?.parse::<i64>().ok();
        let (month, day, hour, minute, second) = (part(0)?, part(2)?, part(4)?, part(6)?, part(8)?);
        Some(((days_since_epoch(year, month, day) * 24 + hour) * 60 + minute) * 60 + second)
    }
}

/// Of the Gregorian calendar. Years begin in March here, so that the leap day is the last.
fn days_since_epoch(year: i64, month: i64, day: i64) -> i64 {
    const DAYS_TO_THE_EPOCH: i64 = 719_468;
    let year = if month <= 2 { year - 1 } else { year };
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    year * 365 + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + day_of_year - DAYS_TO_THE_EPOCH
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use tokio_rustls::rustls::pki_types::CertificateDer;
    use tokio_rustls::rustls::pki_types::pem::PemObject;

    fn der(pem: &[u8]) -> CertificateDer<'static> {
        CertificateDer::from_pem_slice(pem).expect("a certificate")
    }

    #[test]
    fn all_four_kinds_of_names_and_the_dates() {
        let names = Certificate::parse(&der(include_bytes!("../testdata/names.pem"))).expect("valid");
        assert_eq!(
            names.names,
            ["node.test", "10.1.2.3", "2001:db8::1", "spiffe://vitals.test/scraper", "watch@vitals.test"]
        );
        let server = Certificate::parse(&der(include_bytes!("../testdata/server.pem"))).expect("valid");
        assert_eq!(server.names, ["localhost", "vitals.test"]);
        // Nov 20 20:58:55 2026 to Oct 27 20:58:55 2126, as openssl tells.
        assert_eq!((server.not_before, server.not_after), (1_795_208_335, 4_948_808_335));
        let ca = Certificate::parse(&der(include_bytes!("../testdata/ca.pem"))).expect("valid");
        assert!(ca.names.is_empty());
    }

    #[test]
    fn days_are_counted_across_leap_years() {
        assert_eq!(days_since_epoch(1970, 1, 1), 0);
        assert_eq!(days_since_epoch(2000, 2, 29) + 1, days_since_epoch(2000, 3, 1));
        assert_eq!(days_since_epoch(2100, 2, 28) + 1, days_since_epoch(2100, 3, 1));
        assert_eq!(days_since_epoch(2024, 12, 31) + 1, days_since_epoch(2025, 1, 1));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes: Vec<u8>, at: usize, to: u8) {
            let _ = Certificate::parse(&bytes);
            let mut damaged = der(include_bytes!("../testdata/names.pem")).to_vec();
            let at = at % damaged.len();
            damaged[at] = to;
            let _ = Certificate::parse(&damaged);
        }
    }
}
