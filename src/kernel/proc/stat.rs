//! `/proc/stat`, any kernel: ticks per CPU and mode, and totals since boot. The kernel shows the file in one piece.
//! Only CPUs that are online have a line, so numbers may be missing (`cpu0`, `cpu2`).

use crate::scan::{Fields, ParseError, lines, parse_u64};

/// Time spent in each mode since boot, in ticks of `USER_HZ` (`sysconf(_SC_CLK_TCK)`). What a kernel does not tell
/// (`iowait` and later before 2.6) is 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CpuTimes {
    /// Includes `guest`.
    pub user: u64,
    /// Includes `guest_nice`.
    pub nice: u64,
    pub system: u64,
    pub idle: u64,
    pub iowait: u64,
    pub irq: u64,
    pub softirq: u64,
    /// Waiting for the hypervisor.
    pub steal: u64,
    /// Running virtual machines.
    pub guest: u64,
    /// Running niced virtual machines.
    pub guest_nice: u64,
}

/// A line of the file that is about the machine as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Total {
    /// Hard interrupts served since boot.
    Interrupts(u64),
    ContextSwitches(u64),
    /// Seconds since the epoch.
    BootTime(u64),
    /// Processes and threads created since boot.
    Forks(u64),
    /// Tasks that run or want to.
    ProcsRunning(u64),
    /// Tasks that wait for I/O.
    ProcsBlocked(u64),
    SoftInterrupts(SoftInterrupts),
}

/// Soft interrupts served since boot, in the order of `SOFT_INTERRUPTS`.
pub type SoftInterrupts = [u64; SOFT_INTERRUPTS.len()];

/// The kinds of soft interrupt in the kernel's order.
pub const SOFT_INTERRUPTS: [&str; 10] =
    ["hi", "timer", "net_tx", "net_rx", "block", "block_iopoll", "tasklet", "sched", "hrtimer", "rcu"];

/// The CPUs that are online, by number. They stand at the beginning, but an odd line between them ends nothing.
pub fn cpu_times(bytes: &[u8]) -> impl Iterator<Item = Result<(u32, CpuTimes), ParseError>> {
    let is_cpu = |line: &[u8]| line.starts_with(b"cpu") && !line.starts_with(b"cpu ");
    lines(bytes).filter(move |(_, line)| is_cpu(line)).map(|(number, line)| {
        let mut fields = Fields::new(number, line);
        let title = fields.text("a CPU")?;
        let cpu = parse_u64(&title[b"cpu".len()..]).and_then(|cpu| u32::try_from(cpu).ok());
        let cpu = cpu.ok_or_else(|| ParseError::new(number, "the number of a CPU", title))?;
        Ok((cpu, CpuTimes::parse(&mut fields)?))
    })
}

/// The lines that are not about single CPUs. Unknown ones are passed over.
pub fn totals(bytes: &[u8]) -> impl Iterator<Item = Result<Total, ParseError>> {
    lines(bytes).filter_map(|(number, line)| {
        let mut fields = Fields::new(number, line);
        let total = match fields.next()? {
            b"intr" => fields.number("the sum of interrupts").map(Total::Interrupts),
            b"ctxt" => fields.number("context switches").map(Total::ContextSwitches),
            b"btime" => fields.number("the boot time").map(Total::BootTime),
            b"processes" => fields.number("forks").map(Total::Forks),
            b"procs_running" => fields.number("running processes").map(Total::ProcsRunning),
            b"procs_blocked" => fields.number("blocked processes").map(Total::ProcsBlocked),
            b"softirq" => soft_interrupts(fields).map(Total::SoftInterrupts),
            _ => return None,
        };
        Some(total)
    })
}

fn soft_interrupts(mut fields: Fields<'_>) -> Result<SoftInterrupts, ParseError> {
    fields.number("the sum of soft interrupts")?;
    let mut counts = SoftInterrupts::default();
    for (count, kind) in counts.iter_mut().zip(SOFT_INTERRUPTS) {
        *count = fields.number(kind)?;
    }
    Ok(counts)
}

impl CpuTimes {
    fn parse(fields: &mut Fields<'_>) -> Result<Self, ParseError> {
        let mut times = CpuTimes {
            user: fields.number("user")?,
            nice: fields.number("nice")?,
            system: fields.number("system")?,
            idle: fields.number("idle")?,
            ..CpuTimes::default()
        };
        let later = [
            ("iowait", &mut times.iowait),
            ("irq", &mut times.irq),
            ("softirq", &mut times.softirq),
            ("steal", &mut times.steal),
            ("guest", &mut times.guest),
            ("guest_nice", &mut times.guest_nice),
        ];
        for (name, ticks) in later {
            if fields.rest().is_empty() {
                break;
            }
            *ticks = fields.number(name)?;
        }
        Ok(times)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use procfs_core::{ExplicitSystemInfo, FromBufReadSI, KernelStats};
    use proptest::prelude::*;

    const CAPTURED: &[u8] = b"cpu  43753 0 9911 225541 996 0 110 48 3 4\n\
        cpu0 21206 0 4018 114704 206 0 32 18 1 4\n\
        cpu2 22546 0 5893 110837 789 0 78 29 2 0\n\
        intr 474142 0 0 7\nctxt 753664\nbtime 1795205036\nprocesses 18924\nprocs_running 4\nprocs_blocked 1\n\
        softirq 275846 0 34759 4 18179 90488 0 160 54719 0 77537\n";

    #[test]
    fn an_odd_line_between_the_cpus_ends_nothing() {
        for odd in ["", "cp\x01 4 5", "\x00\x7f garbage", "cpuinfo"] {
            let text = format!("{odd}\ncpu0 1 2 3 4\n{odd}\ncpu1 5 6 7 8\nctxt 9\n");
            let cpus: Vec<_> = cpu_times(text.as_bytes()).flatten().map(|(cpu, _)| cpu).collect();
            assert_eq!(cpus, [0, 1], "{odd}");
        }
    }

    #[test]
    fn offline_cpus_keep_their_numbers() {
        let cpus: Vec<_> = cpu_times(CAPTURED).collect::<Result<_, _>>().expect("valid");
        assert_eq!(cpus.iter().map(|(cpu, _)| *cpu).collect::<Vec<_>>(), [0, 2]);
        let second = CpuTimes {
            user: 22546,
            nice: 0,
            system: 5893,
            idle: 110_837,
            iowait: 789,
            irq: 0,
            softirq: 78,
            steal: 29,
            guest: 2,
            guest_nice: 0,
        };
        assert_eq!(cpus[1].1, second);
    }

    #[test]
    fn totals_are_read_and_unknown_lines_passed_over() {
        let all: Vec<_> = totals(CAPTURED).collect::<Result<_, _>>().expect("valid");
        assert_eq!(
            all,
            [
                Total::Interrupts(474_142),
                Total::ContextSwitches(753_664),
                Total::BootTime(1_795_205_036),
                Total::Forks(18924),
                Total::ProcsRunning(4),
                Total::ProcsBlocked(1),
                Total::SoftInterrupts([0, 34759, 4, 18179, 90488, 0, 160, 54719, 0, 77537]),
            ]
        );
    }

    #[test]
    fn an_odd_line_loses_only_itself_and_says_where_it_is() {
        let text = b"cpu  1 2 3 4\ncpu0 1 2 3 4\ncpu1 1 cpu 3 4\ncpux 1 2 3 4\ncpu3 1 2 3 4 5\nctxt many\nbtime 5\n";
        let cpus: Vec<_> = cpu_times(text).collect();
        assert_eq!(cpus.iter().flatten().map(|(cpu, _)| *cpu).collect::<Vec<_>>(), [0, 3]);
        let problem = cpus[1].as_ref().expect_err("no number").to_string();
        assert_eq!(problem, r#"line 3: expected a number for nice, found "cpu""#);
        let totals: Vec<_> = totals(text).collect();
        assert!(totals[0].is_err());
        assert_eq!(totals[1], Ok(Total::BootTime(5)));
    }

    #[test]
    fn procfs_core_reads_the_same_totals() {
        let machine =
            ExplicitSystemInfo { boot_time_secs: 0, ticks_per_second: 100, page_size: 4096, is_little_endian: true };
        let theirs = KernelStats::from_buf_read(CAPTURED, &machine).expect("valid");
        let ours: Vec<_> = totals(CAPTURED).collect::<Result<_, _>>().expect("valid");
        assert!(ours.contains(&Total::ContextSwitches(theirs.ctxt)));
        assert!(ours.contains(&Total::BootTime(theirs.btime)));
        assert!(ours.contains(&Total::Forks(theirs.processes)));
        let last = cpu_times(CAPTURED).filter_map(Result::ok).last().expect("two CPUs").1;
        let theirs = theirs.cpu_time.last().expect("two CPUs");
        assert_eq!((last.user, last.idle, Some(last.guest)), (theirs.user, theirs.idle, theirs.guest));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            cpu_times(&bytes).for_each(drop);
            totals(&bytes).for_each(drop);
        }

        #[test]
        fn no_half_of_a_real_file_makes_it_panic(end in 0..CAPTURED.len()) {
            cpu_times(&CAPTURED[..end]).for_each(drop);
            totals(&CAPTURED[..end]).for_each(drop);
        }
    }
}
