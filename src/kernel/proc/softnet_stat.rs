//! `/proc/net/softnet_stat`, since 2.4: how each CPU's packet queue fares, one line of hexadecimal columns per CPU that
//! is online. Columns were added at the end over time. The kernel shows the file in pieces of a page.

use crate::scan::{Fields, ParseError, lines, parse_hex_u64};

/// One CPU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Softnet {
    /// Since 5.10 the kernel tells; before that lines are counted, which is wrong past an offline CPU.
    pub cpu: u32,
    /// Packets taken from the queue.
    pub processed: u64,
    /// Packets lost because the queue was full.
    pub dropped: u64,
    /// Times that work was left when its time or budget was used up.
    pub times_squeezed: u64,
    /// Times that a lock for sending was taken; always 0 since 4.8.
    pub cpu_collision: u64,
    /// Times that another CPU asked this one to take packets; since 2.6.35.
    pub received_rps: Option<u64>,
    /// Packets dropped because one flow had too many; since 3.11.
    pub flow_limit_count: Option<u64>,
    /// Packets in the queue now; since 5.10.
    pub backlog_len: Option<u64>,
}

pub fn cpus(bytes: &[u8]) -> impl Iterator<Item = Result<Softnet, ParseError>> {
    lines(bytes).filter(|(_, line)| !line.is_empty()).map(|(number, line)| {
        let mut columns = [None; 13];
        for (column, text) in columns.iter_mut().zip(Fields::new(number, line)) {
            let value = parse_hex_u64(text);
            *column = Some(value.ok_or_else(|| ParseError::new(number, "a hexadecimal number", text))?);
        }
        let required =
            |index: usize| columns[index].ok_or_else(|| ParseError::new(number, "nine columns or more", line));
        let cpu = columns[12].unwrap_or(number as u64 - 1);
        Ok(Softnet {
            cpu: u32::try_from(cpu).map_err(|_| ParseError::new(number, "the number of a CPU", line))?,
            processed: required(0)?,
            dropped: required(1)?,
            times_squeezed: required(2)?,
            cpu_collision: required(8)?,
            received_rps: columns[9],
            flow_limit_count: columns[10],
            // The queue's length came together with the CPU's number.
            backlog_len: columns[12].and(columns[11]),
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_cpu_is_known_by_its_number_not_by_its_line() {
        let text = b"0000000f 0 0 0 0 0 0 0 0 0 0 00000002 00000000 0 0\n\
            0000367f 1 2 0 0 0 0 0 3 4 5 00000007 00000002 00000000 00000000\n";
        let all: Vec<_> = cpus(text).collect::<Result<_, _>>().expect("valid");
        let second = Softnet {
            cpu: 2,
            processed: 0x367f,
            dropped: 1,
            times_squeezed: 2,
            cpu_collision: 3,
            received_rps: Some(4),
            flow_limit_count: Some(5),
            backlog_len: Some(7),
        };
        assert_eq!(all[0].backlog_len, Some(2));
        assert_eq!(all[1], second);
    }

    #[test]
    fn an_older_kernel_has_fewer_columns() {
        let row = cpus(b"00000001 0 0 0 0 0 0 0 00000002").next().expect("one line").expect("valid");
        assert_eq!((row.cpu, row.cpu_collision, row.received_rps, row.backlog_len), (0, 2, None, None));
    }

    #[test]
    fn an_odd_line_loses_only_itself() {
        let all: Vec<_> = cpus(b"1 2 3\n0 0 0 0 0 0 0 0 0\n0 0 zz 0\n").collect();
        assert!(all[0].as_ref().is_err_and(|error| error.to_string().contains("nine columns")));
        assert_eq!(all[1].as_ref().map(|row| row.cpu), Ok(1));
        assert!(all[2].as_ref().is_err_and(|error| error.found == "zz"));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in "[0-9a-g \n]{0,200}") {
            cpus(bytes.as_bytes()).for_each(drop);
        }
    }
}
