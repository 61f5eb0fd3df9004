//! What drivers of network devices tell of them (`SIOCETHTOOL`, ethtool(8)): who the driver is, what the link can do,
//! and statistics under names of the driver's own. Kernel: any. Privileges: none for what is asked here. Cost: a system
//! call for each question, in the driver often a look into the hardware. It speaks for the network namespace of the
//! thread that opened the socket.

use std::io;
use std::os::fd::{AsFd, OwnedFd};

use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};

use crate::ffi::{self, ETHTOOL_ROOM_BYTES, EthtoolRoom};

// Commands of linux/ethtool.h.
const GET_SETTINGS: u32 = 0x01;
const GET_DRIVER_INFO: u32 = 0x03;
const GET_STRINGS: u32 = 0x1b;
const GET_STATISTICS: u32 = 0x1d;

/// `ETH_SS_STATS`: the names of the statistics.
const STATISTICS: u32 = 1;
const NAME_BYTES: usize = 32;
/// struct ethtool_gstrings before the names: cmd, string_set, len.
const STRINGS_HEADER_BYTES: usize = 12;
/// struct ethtool_stats before the values: cmd, n_stats.
const STATISTICS_HEADER_BYTES: usize = 8;
const MOST_STATISTICS: usize = (ETHTOOL_ROOM_BYTES - STRINGS_HEADER_BYTES) / NAME_BYTES;
const DRIVER_INFO_BYTES: usize = 196;
const SETTINGS_BYTES: usize = 44;

/// Opened when it is needed first. Errors of the driver are passed on: `EOPNOTSUPP` where it cannot tell, `ENODEV` where
/// the device has gone.
#[derive(Debug, Default)]
pub struct Ethtool {
    open: Option<(OwnedFd, EthtoolRoom)>,
}

/// struct ethtool_drvinfo. Texts are the driver's own and empty where it has none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DriverInfo<'a> {
    pub driver: &'a [u8],
    pub version: &'a [u8],
    pub firmware_version: &'a [u8],
    pub bus_info: &'a [u8],
    pub expansion_rom_version: &'a [u8],
    /// How many statistics it has.
    pub statistics: usize,
}

/// struct ethtool_cmd, the settings of a link as far as node_exporter knows them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LinkSettings {
    /// The first 32 of the kernel's modes and features of a link, a bit each, that the device could use.
    pub supported: u32,
    /// Those of them that it offers to the other end.
    pub advertised: u32,
    /// In Mbit/s; all ones when it is not known.
    pub speed_megabits: u32,
    /// 0 half, 1 full, 255 not known.
    pub duplex: u8,
    pub is_autonegotiating: bool,
}

impl Ethtool {
    pub fn link_settings(&mut self, device: &[u8]) -> io::Result<LinkSettings> {
        let answer = self.ask(device, &[GET_SETTINGS], SETTINGS_BYTES)?;
        LinkSettings::parse(answer).ok_or_else(|| io::Error::other("settings of a link that are cut short"))
    }

    pub fn driver_info(&mut self, device: &[u8]) -> io::Result<DriverInfo<'_>> {
        let answer = self.ask(device, &[GET_DRIVER_INFO], DRIVER_INFO_BYTES)?;
        DriverInfo::parse(answer).ok_or_else(|| io::Error::other("driver information that is cut short"))
    }

    /// Asks for so many names of statistics; see `names`.
    pub fn statistic_names(&mut self, device: &[u8], count: usize) -> io::Result<&[u8]> {
        let count = count.min(MOST_STATISTICS);
        self.ask(device, &[GET_STRINGS, STATISTICS, count as u32], STRINGS_HEADER_BYTES + count * NAME_BYTES)
    }

    /// Asks for so many values of statistics, in the order of their names; see `values`.
    pub fn statistic_values(&mut self, device: &[u8], count: usize) -> io::Result<&[u8]> {
        let count = count.min(MOST_STATISTICS);
        self.ask(device, &[GET_STATISTICS, count as u32], STATISTICS_HEADER_BYTES + count * 8)
    }

    fn ask(&mut self, device: &[u8], question: &[u32], answer_bytes: usize) -> io::Result<&[u8]> {
        let (socket, room) = match &mut self.open {
            Some(open) => open,
            closed => {
                let socket = socket(AddressFamily::Inet, SockType::Datagram, SockFlag::SOCK_CLOEXEC, None)?;
                closed.insert((socket, EthtoolRoom::new()?))
            }
        };
        let bytes = &mut room.bytes()[..answer_bytes.max(size_of_val(question))];
        bytes.fill(0);
        for (to, number) in bytes.chunks_exact_mut(4).zip(question) {
            to.copy_from_slice(&number.to_ne_bytes());
        }
        ffi::ethtool(socket.as_fd(), device, room)?;
        Ok(&room.bytes()[..answer_bytes])
    }
}

impl LinkSettings {
    pub fn parse(bytes: &[u8]) -> Option<LinkSettings> {
        let u16_at = |at: usize| Some(u32::from(u16::from_ne_bytes(bytes.get(at..at + 2)?.try_into().ok()?)));
        Some(LinkSettings {
            supported: u32_at(bytes, 4)?,
            advertised: u32_at(bytes, 8)?,
            speed_megabits: u16_at(28)? << 16 | u16_at(12)?,
            duplex: *bytes.get(14)?,
            is_autonegotiating: *bytes.get(18)? != 0,
        })
    }
}

impl<'a> DriverInfo<'a> {
    pub fn parse(bytes: &'a [u8]) -> Option<DriverInfo<'a>> {
        let text = |at: usize| Some(text(bytes.get(at..at + 32)?));
        Some(DriverInfo {
            driver: text(4)?,
            version: text(36)?,
            firmware_version: text(68)?,
            bus_info: text(100)?,
            expansion_rom_version: text(132)?,
            statistics: usize::try_from(u32_at(bytes, 180)?).ok()?,
        })
    }
}

/// The names in an answer to `statistic_names`: as many as it says, or as it has room for. A driver may leave some empty.
pub fn names(answer: &[u8]) -> impl Iterator<Item = &[u8]> {
    let count = u32_at(answer, 8).unwrap_or(0) as usize;
    let names = answer.get(STRINGS_HEADER_BYTES..).unwrap_or_default();
    names.chunks_exact(NAME_BYTES).map(text).take(count)
}

/// The values in an answer to `statistic_values`.
pub fn values(answer: &[u8]) -> impl Iterator<Item = u64> {
    let count = u32_at(answer, 4).unwrap_or(0) as usize;
    let (values, _) = answer.get(STATISTICS_HEADER_BYTES..).unwrap_or_default().as_chunks();
    values.iter().map(|bytes| u64::from_ne_bytes(*bytes)).take(count)
}

/// Up to its NUL.
fn text(bytes: &[u8]) -> &[u8] {
    &bytes[..memchr::memchr(0, bytes).unwrap_or(bytes.len())]
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4)?.try_into().ok().map(u32::from_ne_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::libc;
    use proptest::prelude::*;

    fn put(bytes: &mut [u8], at: usize, content: &[u8]) {
        bytes[at..at + content.len()].copy_from_slice(content);
    }

    #[test]
    fn a_driver_says_who_it_is() {
        let mut bytes = [0; DRIVER_INFO_BYTES];
        for (at, text) in [(4, "ice"), (36, "6.8.0"), (68, "4.40 0x8001 1.3534.0"), (100, "0000:17:00.1")] {
            put(&mut bytes, at, text.as_bytes());
        }
        put(&mut bytes, 180, &412u32.to_ne_bytes());
        let info = DriverInfo::parse(&bytes).expect("whole");
        assert_eq!((info.driver, info.version, info.bus_info), (&b"ice"[..], &b"6.8.0"[..], &b"0000:17:00.1"[..]));
        assert_eq!((info.firmware_version, info.expansion_rom_version), (&b"4.40 0x8001 1.3534.0"[..], &b""[..]));
        assert_eq!(info.statistics, 412);
        assert_eq!(DriverInfo::parse(&bytes[..180]), None);
    }

    #[test]
    fn the_speed_of_a_link_has_two_halves() {
        let mut bytes = [0; SETTINGS_BYTES];
        put(&mut bytes, 4, &0x1000_0040u32.to_ne_bytes());
        put(&mut bytes, 8, &0x40u32.to_ne_bytes());
        put(&mut bytes, 12, &(100_000u32 as u16).to_ne_bytes());
        put(&mut bytes, 28, &1u16.to_ne_bytes());
        put(&mut bytes, 14, &[1]);
        put(&mut bytes, 18, &[1]);
        let settings = LinkSettings::parse(&bytes).expect("whole");
        assert_eq!((settings.speed_megabits, settings.duplex, settings.is_autonegotiating), (100_000, 1, true));
        assert_eq!((settings.supported, settings.advertised), (0x1000_0040, 0x40));
        assert_eq!(LinkSettings::parse(&bytes[..29]), None);
    }

    #[test]
    fn statistics_are_as_many_as_the_answer_has() {
        let mut answer = [GET_STRINGS, STATISTICS, 3].map(u32::to_ne_bytes).concat();
        answer.resize(STRINGS_HEADER_BYTES + 3 * NAME_BYTES, 0);
        put(&mut answer, 12, b"rx_packets");
        put(&mut answer, 12 + 64, &[b'x'; NAME_BYTES]);
        assert_eq!(names(&answer).collect::<Vec<_>>(), [&b"rx_packets"[..], b"", &[b'x'; NAME_BYTES]]);
        assert_eq!(names(&answer[..80]).count(), 2);
        let answer = [[GET_STATISTICS, 2].map(u32::to_ne_bytes).concat(), [7u64, 8, 9].map(u64::to_ne_bytes).concat()];
        assert_eq!(values(&answer.concat()).collect::<Vec<_>>(), [7, 8]);
    }

    #[test]
    fn the_loopback_device_has_no_driver_to_ask_and_others_are_not_there() {
        let mut ethtool = Ethtool::default();
        let error = ethtool.driver_info(b"lo").expect_err("no driver").raw_os_error();
        assert_eq!(error, Some(libc::EOPNOTSUPP));
        for name in [&b"nothere0"[..], b"a name that is longer than any device's", b""] {
            let error = ethtool.link_settings(name).expect_err("no such device").raw_os_error();
            assert_eq!(error, Some(libc::ENODEV));
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = (DriverInfo::parse(&bytes), LinkSettings::parse(&bytes));
            prop_assert!(names(&bytes).count() <= bytes.len() && values(&bytes).count() <= bytes.len());
        }
    }
}
