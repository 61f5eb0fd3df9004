//! `/proc/net/udp` and `/proc/net/udp6`, any kernel: one line per UDP socket. The kernel shows the file in pieces of a
//! page.
//!
//! ```text
//!   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
//!    5: 0100007F:0035 00000000:0000 07 00000000:00000300 00:00000000 00000000     0        0 2740 2 0000000000000000 0
//! ```

use crate::scan::{Fields, ParseError, lines, parse_hex_u64};

/// The place of the queues among the columns.
const QUEUES: usize = 4;

/// Memory that waiting datagrams take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Queues {
    /// Bytes to be sent.
    pub transmit_bytes: u64,
    /// Bytes that nobody fetched yet.
    pub receive_bytes: u64,
}

/// The queues of each socket. An odd line costs only itself.
pub fn sockets(bytes: &[u8]) -> impl Iterator<Item = Result<Queues, ParseError>> {
    lines(bytes).skip(1).filter(|(_, line)| !line.trim_ascii().is_empty()).map(|(number, line)| {
        let odd = |found| ParseError::new(number, "two hexadecimal lengths of queues", found);
        let text = Fields::new(number, line).nth(QUEUES).ok_or_else(|| odd(line))?;
        let colon = memchr::memchr(b':', text).ok_or_else(|| odd(text))?;
        let number = |digits| parse_hex_u64(digits).ok_or_else(|| odd(text));
        Ok(Queues { transmit_bytes: number(&text[..colon])?, receive_bytes: number(&text[colon + 1..])? })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn each_socket_has_two_queues_and_an_odd_line_costs_only_itself() {
        let text = b"  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid\n\
            \x20  5: 0100007F:0035 00000000:0000 07 00000010:00000300 00:00000000 00000000     0\n\
            \x20  6: 0100007F:0035 00000000:0000 07 00000010 00:00000000 00000000     0\n\
            \x20  7: 0100007F:0035 00000000:0000 07\n\
            \x20  8: 00000000000000000000000001000000:0035 0:0000 07 0:fF 00:0 0\n";
        let all: Vec<_> = sockets(text).collect();
        assert_eq!(all[0], Ok(Queues { transmit_bytes: 16, receive_bytes: 768 }));
        assert!(all[1].as_ref().is_err_and(|error| error.line == 3 && error.found == "00000010"), "{all:?}");
        assert!(all[2].as_ref().is_err_and(|error| error.line == 4), "{all:?}");
        assert_eq!(all[3], Ok(Queues { transmit_bytes: 0, receive_bytes: 255 }));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in "[0-9a-g: \n]{0,200}") {
            sockets(bytes.as_bytes()).for_each(drop);
        }
    }
}
