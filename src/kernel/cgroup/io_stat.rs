//! `io.stat`, v2: I/O per device, `259:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=5 dios=6`, and the iocost controller's
//! own keys where it is on. Discards since 4.20. Kernels before 5.14 may print devices without any I/O, and leave out
//! the line feed after them.

use super::DeviceNumber;
use crate::scan::{Fields, ParseError, lines, parse_u64};

/// What one device did for a group and all below it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeviceIo {
    pub device: DeviceNumber,
    pub read_bytes: Option<u64>,
    pub written_bytes: Option<u64>,
    pub reads: Option<u64>,
    pub writes: Option<u64>,
    pub discarded_bytes: Option<u64>,
    pub discards: Option<u64>,
    /// The iocost controller's: device time used.
    pub cost_usage_usec: Option<u64>,
    /// Time waited for a turn.
    pub cost_wait_usec: Option<u64>,
    /// Time in debt.
    pub cost_indebt_usec: Option<u64>,
    /// Time held back on return to user space.
    pub cost_indelay_usec: Option<u64>,
}

/// Calls `take` for each device that has any figure.
pub fn read_devices(bytes: &[u8], problems: &mut dyn FnMut(ParseError), mut take: impl FnMut(DeviceIo)) {
    for (number, line) in lines(bytes) {
        let mut current: Option<DeviceIo> = None;
        for field in Fields::new(number, line) {
            if let Some(device) = DeviceNumber::parse(field) {
                current.take().filter(DeviceIo::has_figures).into_iter().for_each(&mut take);
                current = Some(DeviceIo::new(device));
            } else if !current.as_mut().is_some_and(|io| io.set(field)) {
                problems(ParseError::new(number, "a device or key=number", field));
            }
        }
        current.filter(DeviceIo::has_figures).into_iter().for_each(&mut take);
    }
}

impl DeviceIo {
    fn new(device: DeviceNumber) -> Self {
        DeviceIo {
            device,
            read_bytes: None,
            written_bytes: None,
            reads: None,
            writes: None,
            discarded_bytes: None,
            discards: None,
            cost_usage_usec: None,
            cost_wait_usec: None,
            cost_indebt_usec: None,
            cost_indelay_usec: None,
        }
    }

    fn has_figures(&self) -> bool {
        *self != DeviceIo::new(self.device)
    }

    /// Takes `key=value`; says whether it was of that form. Unknown keys are passed over.
    fn set(&mut self, field: &[u8]) -> bool {
        let Some(equals) = memchr::memchr(b'=', field) else { return false };
        let place = match &field[..equals] {
            b"rbytes" => &mut self.read_bytes,
            b"wbytes" => &mut self.written_bytes,
            b"rios" => &mut self.reads,
            b"wios" => &mut self.writes,
            b"dbytes" => &mut self.discarded_bytes,
            b"dios" => &mut self.discards,
            b"cost.usage" => &mut self.cost_usage_usec,
            b"cost.wait" => &mut self.cost_wait_usec,
            b"cost.indebt" => &mut self.cost_indebt_usec,
            b"cost.indelay" => &mut self.cost_indelay_usec,
            _ => return true,
        };
        let value = parse_u64(&field[equals + 1..]);
        *place = value.or(*place);
        value.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &[u8]) -> (Vec<DeviceIo>, Vec<String>) {
        let (mut devices, mut problems) = (Vec::new(), Vec::new());
        read_devices(text, &mut |problem| problems.push(problem.to_string()), |io| devices.push(io));
        (devices, problems)
    }

    #[test]
    fn iocost_keys_do_not_hide_the_device() {
        let (devices, problems) = read(
            b"259:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=5 dios=6 cost.vrate=100.00 cost.usage=7 cost.indelay=8\n",
        );
        assert_eq!(problems, Vec::<String>::new());
        let io = devices[0];
        assert_eq!(
            (io.read_bytes, io.discards, io.cost_usage_usec, io.cost_wait_usec),
            (Some(1), Some(6), Some(7), None)
        );
    }

    #[test]
    fn devices_without_figures_are_none_even_on_anothers_line() {
        let (devices, problems) = read(b"254:3 254:2 254:1 rbytes=1 wbytes=2\n8:0 \n7:0 rbytes=3\n");
        assert_eq!(problems, Vec::<String>::new());
        let seen: Vec<_> = devices.iter().map(|io| (io.device.to_string(), io.read_bytes)).collect();
        assert_eq!(seen, [("254:1".to_owned(), Some(1)), ("7:0".to_owned(), Some(3))]);
    }

    #[test]
    fn an_odd_field_costs_only_itself() {
        let (devices, problems) = read(b"8:0 rbytes=x wbytes=2\n(unknown) rbytes=1\n");
        assert_eq!((devices.len(), devices[0].read_bytes, devices[0].written_bytes), (1, None, Some(2)));
        assert_eq!(problems.len(), 3);
        assert_eq!(problems[0], r#"line 1: expected a device or key=number, found "rbytes=x""#);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(text in "([0-9:]{1,5}|[a-z.]{1,6}=[0-9x]{0,21}|[ \n]){0,30}") {
            read(text.as_bytes());
        }
    }
}
