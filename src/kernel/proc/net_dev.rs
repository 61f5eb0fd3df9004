//! `/proc/<pid>/net/dev`, any kernel: counters of each network interface in the network namespace of a process.
//!
//! ```text
//! Inter-|   Receive                                                |  Transmit
//!  face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
//!   eth0: 98765    4321    0   12    0     0          0         0 12345    5432    0    0    0     0       0          0
//! ```

use crate::scan::{Fields, ParseError, lines};

/// Counters since the interface was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interface<'a> {
    pub name: &'a [u8],
    pub receive: Traffic,
    pub transmit: Traffic,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    pub bytes: u64,
    pub packets: u64,
    pub errors: u64,
    pub dropped: u64,
    /// Errors of the device's buffer.
    pub fifo: u64,
    /// Received: misaligned frames. Transmitted: collisions.
    pub frame_or_collisions: u64,
    /// Received: compressed packets. Transmitted: losses of the carrier.
    pub compressed_or_carrier: u64,
    /// Received: multicast packets. Transmitted: compressed packets.
    pub multicast_or_compressed: u64,
}

/// The interfaces in the kernel's order. An odd line costs only itself.
pub fn interfaces(bytes: &[u8]) -> impl Iterator<Item = Result<Interface<'_>, ParseError>> {
    lines(bytes).skip(2).filter(|(_, line)| !line.trim_ascii().is_empty()).map(|(number, line)| {
        // Names may hold colons themselves (`eth0:1`); the counters cannot.
        let colon = memchr::memrchr(b':', line).ok_or_else(|| ParseError::new(number, "an interface", line))?;
        let mut fields = Fields::new(number, &line[colon + 1..]);
        Ok(Interface {
            name: line[..colon].trim_ascii(),
            receive: Traffic::read(&mut fields)?,
            transmit: Traffic::read(&mut fields)?,
        })
    })
}

impl Traffic {
    fn read(fields: &mut Fields<'_>) -> Result<Traffic, ParseError> {
        Ok(Traffic {
            bytes: fields.number("bytes")?,
            packets: fields.number("packets")?,
            errors: fields.number("errors")?,
            dropped: fields.number("dropped packets")?,
            fifo: fields.number("fifo errors")?,
            frame_or_collisions: fields.number("frame errors or collisions")?,
            compressed_or_carrier: fields.number("compressed packets or carrier losses")?,
            multicast_or_compressed: fields.number("multicast or compressed packets")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HEAD: &str = "Inter-|   Receive |  Transmit\n face |bytes packets |bytes packets\n";

    #[test]
    fn both_directions_are_read_and_an_odd_line_costs_only_itself() {
        let text = format!(
            "{HEAD}  eth0:1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\nlo: 1 x\n v:1: 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1\n"
        );
        let all: Vec<_> = interfaces(text.as_bytes()).collect();
        let first = all[0].clone().expect("valid");
        assert_eq!((first.name, first.receive.bytes, first.receive.dropped), (&b"eth0"[..], 1, 4));
        assert_eq!((first.transmit.bytes, first.transmit.errors, first.transmit.multicast_or_compressed), (9, 11, 16));
        let problem = all[1].clone().expect_err("odd");
        assert_eq!(problem.to_string(), r#"line 4: expected a number for packets, found "x""#);
        assert_eq!(all[2].clone().expect("valid").name, b"v:1");
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            interfaces(&bytes).for_each(drop);
        }
    }
}
