//! `/proc/net/snmp6`, present where IPv6 is: `Icmp6InMsgs 1`, one counter per line. The kernel shows
//! the file in one piece.

use crate::scan::{Fields, ParseError, lines};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counter6<'a> {
    /// The whole name: `Icmp6InMsgs`.
    pub name: &'a [u8],
    pub value: u64,
}

pub fn counters(bytes: &[u8]) -> impl Iterator<Item = Result<Counter6<'_>, ParseError>> {
    lines(bytes).filter(|(_, line)| !line.is_empty()).map(|(number, line)| {
        let mut fields = Fields::new(number, line);
        Ok(Counter6 { name: fields.text("a counter")?, value: fields.number("the counter")? })
    })
}

/// `Icmp6`, `InMsgs`; `None` for a name without a 6, which belongs to no protocol that we know.
pub fn split_protocol(name: &str) -> Option<(&str, &str)> {
    let six = name.find('6')?;
    Some(name.split_at(six + 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn counters_are_read_and_split_after_the_protocol() {
        let all: Vec<_> = counters(b"Ip6InReceives                   \t1\nUdpLite6InErrors \t-\n").collect();
        assert_eq!(all[0], Ok(Counter6 { name: b"Ip6InReceives", value: 1 }));
        assert!(all[1].is_err());
        assert_eq!(split_protocol("Icmp6OutType143"), Some(("Icmp6", "OutType143")));
        assert_eq!(split_protocol("IpInReceives"), None);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), name in ".{0,20}") {
            counters(&bytes).for_each(drop);
            let _ = split_protocol(&name);
        }
    }
}
