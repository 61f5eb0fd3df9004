//! `/proc/net/snmp` and `/proc/net/netstat`, any kernel: per protocol a line of names and a line of values, both of
//! which begin with the protocol. The kernel shows each file in one piece.
//!
//! ```text
//! Tcp: RtoAlgorithm RtoMin RtoMax MaxConn ActiveOpens
//! Tcp: 1 200 120000 -1 58
//! ```

use crate::scan::{Fields, ParseError, lines, parse_i64, parse_u64};

#[derive(Clone, Debug)]
pub struct Protocol<'a> {
    /// `Tcp`, `TcpExt`, `IcmpMsg`.
    pub name: &'a [u8],
    /// The whole line of names, protocol and all. A kernel writes the same line each time, so it can serve as a key.
    pub header: &'a [u8],
    values: &'a [u8],
    line: usize,
}

/// The protocols of the file. One whose names and values do not match is an error of that protocol only.
pub fn protocols(bytes: &[u8]) -> impl Iterator<Item = Result<Protocol<'_>, ParseError>> {
    let mut lines = lines(bytes).filter(|(_, line)| !line.is_empty()).peekable();
    std::iter::from_fn(move || {
        let (number, names) = lines.next()?;
        let Some(name) = title(names) else {
            return Some(Err(ParseError::new(number, "a protocol that ends in a colon", names)));
        };
        let values = lines.next_if(|(_, line)| title(line) == Some(name));
        let Some((line, values)) = values else {
            return Some(Err(ParseError::new(number, "a line of values after a line of names", names)));
        };
        let protocol = Protocol { name, header: names, values, line };
        let (expected, found) = (protocol.names().count(), protocol.values().count());
        if expected != found {
            let expected = format!("{expected} values, as many as names");
            return Some(Err(ParseError::new(line, expected, found.to_string().as_bytes())));
        }
        Some(Ok(protocol))
    })
}

fn title(line: &[u8]) -> Option<&[u8]> {
    let colon = memchr::memchr(b':', line)?;
    (colon > 0).then(|| &line[..colon])
}

impl<'a> Protocol<'a> {
    pub fn names(&self) -> impl Iterator<Item = &'a [u8]> {
        Fields::new(self.line, &self.header[self.name.len() + 1..])
    }

    /// The values as they are written, in the order of the names.
    pub fn values(&self) -> impl Iterator<Item = &'a [u8]> {
        Fields::new(self.line, &self.values[self.name.len() + 1..])
    }

    /// The number in one of `values`. `MaxConn` is -1 where there is no limit; all others are counters or gauges >= 0.
    pub fn number(&self, value: &[u8]) -> Result<f64, ParseError> {
        let number = parse_u64(value).map(|value| value as f64).or_else(|| parse_i64(value).map(|value| value as f64));
        number.ok_or_else(|| ParseError::new(self.line, "a number", value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn table(bytes: &[u8]) -> Vec<Result<String, String>> {
        let show = |protocol: Protocol<'_>| {
            let pairs = protocol.names().zip(protocol.values());
            let pairs = pairs.map(|(name, value)| {
                let value = protocol.number(value).map_err(|error| error.to_string())?;
                Ok(format!("{}={value}", String::from_utf8_lossy(name)))
            });
            let pairs: Vec<String> = pairs.collect::<Result<_, String>>()?;
            Ok(format!("{}: {}", String::from_utf8_lossy(protocol.name), pairs.join(" ")))
        };
        protocols(bytes).map(|protocol| protocol.map_err(|error| error.to_string()).and_then(show)).collect()
    }

    #[test]
    fn names_and_values_are_brought_together() {
        let text = b"Ip: Forwarding DefaultTTL\nIp: 2 64\nTcp: MaxConn ActiveOpens\nTcp: -1 18446744073709551615\n";
        let both = ["Ip: Forwarding=2 DefaultTTL=64", "Tcp: MaxConn=-1 ActiveOpens=18446744073709552000"];
        assert_eq!(table(text), both.map(|line| Ok(line.to_owned())));
    }

    #[test]
    fn a_protocol_with_too_few_values_loses_only_itself() {
        let text = b"Ip: Forwarding DefaultTTL\nIp: 2\nUdp: InErrors\nIcmp: InMsgs\nIcmp: 7\nnothing\n";
        assert_eq!(
            table(text),
            [
                Err(r#"line 2: expected 2 values, as many as names, found "1""#.to_owned()),
                Err(r#"line 3: expected a line of values after a line of names, found "Udp: InErrors""#.to_owned()),
                Ok("Icmp: InMsgs=7".to_owned()),
                Err(r#"line 6: expected a protocol that ends in a colon, found "nothing""#.to_owned()),
            ]
        );
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in "[ -9:A-C\n]{0,80}") {
            table(bytes.as_bytes());
        }
    }
}
