//! `/proc/stat`: seconds that each CPU spent in each mode; and what sysfs and `/proc/cpuinfo` tell of CPUs.
//! Kernel: any. Privileges: none. Cost: one read, which grows with CPUs and interrupt lines; one short read per core
//! where heat is watched (`cpu_sysfs`); `/proc/cpuinfo` only when asked for (`cpu_info`).

use exposition::{Family, counter};
use kernel::proc::stat::{CpuTimes, cpu_times};
use kernel::{Host, KeptFile};
use nix::unistd::{SysconfVar, sysconf};

use super::cpu_info::{BUG, CpuInfoFile, FLAG, FREQUENCY, INFO};
use super::cpu_sysfs::{CORE_THROTTLES, CpuSysfs, ISOLATED, ONLINE, PACKAGE_THROTTLES};
use super::parsed::parsed;
use super::steady_times::SteadyTimes;
use crate::{Collector, Failure, Flag, FlagKind, Outcome, Scrape, Settings, SettingsError, Spec};

const SECONDS: Family = counter("node_cpu_seconds_total", "Seconds the CPUs spent in each mode.");
const GUEST_SECONDS: Family =
    counter("node_cpu_guest_seconds_total", "Seconds the CPUs spent in guests (VMs) for each mode.");

/// The name of a mode and its ticks.
type Mode = (&'static str, fn(&CpuTimes) -> u64);

/// In the kernel's order.
const MODES: [Mode; 8] = [
    ("user", |times| times.user),
    ("nice", |times| times.nice),
    ("system", |times| times.system),
    ("idle", |times| times.idle),
    ("iowait", |times| times.iowait),
    ("irq", |times| times.irq),
    ("softirq", |times| times.softirq),
    ("steal", |times| times.steal),
];
const GUEST_MODES: [Mode; 2] = [("user", |times| times.guest), ("nice", |times| times.guest_nice)];

/// What Linux has everywhere, for the case that this one does not tell.
const USUAL_TICKS_PER_SECOND: u64 = 100;

const GUEST_FLAG: Flag = Flag {
    name: "collector.cpu.guest",
    kind: FlagKind::Switch { default: true },
    help: "export node_cpu_guest_seconds_total",
    aliases: &[],
};
const INFO_FLAG: Flag = Flag {
    name: "collector.cpu.info",
    kind: FlagKind::Switch { default: false },
    help: "export node_cpu_info and the frequency from /proc/cpuinfo",
    aliases: &[],
};
const FLAGS_FLAG: Flag = Flag {
    name: "collector.cpu.info.flags-include",
    kind: FlagKind::Text { default: "" },
    help: "regular expression of the CPU flags to export; switches collector.cpu.info on",
    aliases: &[],
};
const BUGS_FLAG: Flag = Flag {
    name: "collector.cpu.info.bugs-include",
    kind: FlagKind::Text { default: "" },
    help: "regular expression of the CPU bugs to export; switches collector.cpu.info on",
    aliases: &[],
};

pub const SPEC: Spec = Spec {
    name: "cpu",
    is_on_by_default: true,
    help: "seconds that each CPU spent in each mode, and what CPUs there are",
    families: &[
        SECONDS,
        GUEST_SECONDS,
        CORE_THROTTLES,
        PACKAGE_THROTTLES,
        ISOLATED,
        ONLINE,
        INFO,
        FLAG,
        BUG,
        FREQUENCY,
    ],
    flags: &[GUEST_FLAG, INFO_FLAG, FLAGS_FLAG, BUGS_FLAG],
    build: |host, settings| Ok(Box::new(Cpu::new(host, settings)?)),
};

struct Cpu {
    stat: KeptFile,
    times: SteadyTimes,
    ticks_per_second: f64,
    wants_guest: bool,
    sysfs: CpuSysfs,
    info: Option<CpuInfoFile>,
}

impl Cpu {
    fn new(host: &Host, settings: &Settings) -> Result<Self, SettingsError> {
        let ticks = sysconf(SysconfVar::CLK_TCK).ok().flatten().and_then(|ticks| u64::try_from(ticks).ok());
        let ticks_per_second = ticks.unwrap_or(USUAL_TICKS_PER_SECOND);
        let (flags, bugs) = (settings.pattern(FLAGS_FLAG.name)?, settings.pattern(BUGS_FLAG.name)?);
        let wants_info = settings.is_on(INFO_FLAG.name) || flags.is_some() || bugs.is_some();
        Ok(Cpu {
            stat: host.proc_file("stat"),
            times: SteadyTimes::new(ticks_per_second),
            ticks_per_second: ticks_per_second as f64,
            wants_guest: settings.is_on(GUEST_FLAG.name),
            sysfs: CpuSysfs::new(host),
            info: wants_info.then(|| CpuInfoFile::new(host, flags, bugs, settings.has_collector("cpufreq"))),
        })
    }

    fn write_modes(&self, scrape: &mut Scrape<'_>, family: &Family, modes: &[Mode]) {
        for (cpu, times) in self.times.cpus() {
            let mut digits = itoa::Buffer::new();
            let cpu = digits.format(*cpu);
            for (mode, ticks) in modes {
                let seconds = ticks(times) as f64 / self.ticks_per_second;
                scrape.page.sample(family, &[("cpu", cpu), ("mode", mode)], seconds);
            }
        }
    }
}

impl Collector for Cpu {
    fn collect(&mut self, scrape: &mut Scrape<'_>) -> Result<Outcome, Failure> {
        let info = self.info.as_mut().map_or(Ok(()), |info| info.collect(scrape));
        let bytes = match self.stat.read_single(scrape.buffer) {
            Ok(bytes) => bytes,
            Err(error) => return Outcome::of_error(error),
        };
        scrape.problems.extend(info.err().map(|error| error.to_string()));
        let has_other_cpus = self.times.update(parsed(cpu_times(bytes), self.stat.path(), scrape.problems));
        if self.times.cpus().is_empty() {
            return Err(Failure(format!("{}: there is no CPU in the file", self.stat.path().display())));
        }
        self.write_modes(scrape, &SECONDS, &MODES);
        if self.wants_guest {
            self.write_modes(scrape, &GUEST_SECONDS, &GUEST_MODES);
        }
        if has_other_cpus {
            self.sysfs.look_again(scrape.buffer, scrape.problems);
        }
        self.sysfs.collect(scrape);
        Ok(Outcome::Collected)
    }
}
