//! `/proc/schedstat`, version 15 and later (2.6.30), where the kernel is built with `CONFIG_SCHEDSTATS`: what the
//! scheduler did on each CPU that is online. The kernel shows the file in pieces of a page.

use crate::scan::{Fields, ParseError, lines, parse_u64};

/// One CPU since boot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CpuSchedule {
    pub cpu: u32,
    /// Time that tasks ran, in nanoseconds.
    pub running_nsec: u64,
    /// Time that tasks were ready and waited, in nanoseconds.
    pub waiting_nsec: u64,
    /// Turns on the CPU.
    pub timeslices: u64,
}

/// The lines of CPUs; those of scheduling domains are passed over.
pub fn cpus(bytes: &[u8]) -> impl Iterator<Item = Result<CpuSchedule, ParseError>> {
    lines(bytes).filter(|(_, line)| line.starts_with(b"cpu")).map(|(number, line)| {
        let mut fields = Fields::new(number, line);
        let title = fields.text("a CPU")?;
        let cpu = parse_u64(&title[b"cpu".len()..]).and_then(|cpu| u32::try_from(cpu).ok());
        let cpu = cpu.ok_or_else(|| ParseError::new(number, "the number of a CPU", title))?;
        for counter in ["yields", "0", "schedules", "idle schedules", "wake-ups", "local wake-ups"] {
            fields.number(counter)?;
        }
        Ok(CpuSchedule {
            cpu,
            running_nsec: fields.number("running time")?,
            waiting_nsec: fields.number("waiting time")?,
            timeslices: fields.number("timeslices")?,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_last_three_numbers_of_a_cpu_are_read_and_domains_passed_over() {
        let text = b"version 17\ntimestamp 4295\ncpu0 0 0 5 3 2 1 4500000000 120000000 77\n\
            domain0 MC 3 1 2 3\ncpu2 0 0 0 0 0 0 7 8 9\ncpu3 0 0 0 0\n";
        let all: Vec<_> = cpus(text).collect();
        let first = CpuSchedule { cpu: 0, running_nsec: 4_500_000_000, waiting_nsec: 120_000_000, timeslices: 77 };
        assert_eq!(all[0], Ok(first));
        assert_eq!(all[1].as_ref().map(|row| row.cpu), Ok(2));
        assert!(all[2].as_ref().is_err_and(|error| error.line == 6));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in "(cpu[0-9x ]{0,40}\n){0,5}") {
            cpus(bytes.as_bytes()).for_each(drop);
        }
    }
}
