//! `/proc/net/arp`, any kernel: the IPv4 neighbours that are known by their hardware address, or are being asked for it.
//!
//! ```text
//! IP address       HW type     Flags       HW address            Mask     Device
//! 192.0.2.1        0x1         0x2         02:00:00:00:00:01     *        eth0
//! ```

use crate::scan::{Fields, ParseError, lines};

/// Columns of a neighbour; the words of the heading are more.
const COLUMNS: usize = 6;

/// The device of each neighbour, in the kernel's order. An odd line costs only itself.
pub fn devices(bytes: &[u8]) -> impl Iterator<Item = Result<&[u8], ParseError>> {
    lines(bytes).skip(1).filter(|(_, line)| !line.trim_ascii().is_empty()).map(|(number, line)| {
        let is_complete = Fields::new(number, line).count() == COLUMNS;
        let device = Fields::new(number, line).last().filter(|_| is_complete);
        device.ok_or_else(|| ParseError::new(number, "six columns, the last of them a device", line))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn each_neighbour_has_a_device_and_an_odd_line_costs_only_itself() {
        let text = b"IP address       HW type     Flags       HW address            Mask     Device\n\
            192.0.2.1        0x1         0x2         02:00:00:00:00:01     *        eth0\n\
            192.0.2.7        0x1         0x0\n\
            192.0.2.9        0x1         0x0         00:00:00:00:00:00     *        br-lan.7\n";
        let all: Vec<_> = devices(text).collect();
        assert_eq!((all[0].as_deref(), all[2].as_deref()), (Ok(&b"eth0"[..]), Ok(&b"br-lan.7"[..])));
        assert!(all[1].as_ref().is_err_and(|error| error.line == 3), "{all:?}");
        assert_eq!(devices(b"").count(), 0);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            devices(&bytes).for_each(drop);
        }
    }
}
