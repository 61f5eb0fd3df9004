//! Group `cpu` (and `percpu`). v2: `cpu.stat`. v1: `cpuacct.usage` or `cpuacct.usage_percpu`, `cpuacct.stat`, and
//! `cpu.stat` where a quota is set. Cost: one to three reads for each cgroup.
//!
//! v1 with `percpu` gives one series for each CPU (`cpu="cpu00"`), as cAdvisor does, and no total; v2 has only the
//! total. CPUs that are not online and were never used have no series: a kernel may list hundreds of possible ones.

use exposition::{Family, Page, counter};
use kernel::cgroup::Controller;
use kernel::cgroup::Version;
use kernel::cgroup::cpu_stat::CpuStat;
use kernel::cgroup::cpuacct::{CpuacctStat, read_usage_percpu};

use super::cgroup::{Cgroup, Place};
use super::column::{self, Column, column, families};
use super::file::{CgroupFile, Reader, or_complain};
use super::machine::Cpus;

const USAGE: Family = counter("container_cpu_usage_seconds_total", "CPU time used.");

const COLUMNS: [Column; 7] = [
    column(counter("container_cpu_user_seconds_total", "CPU time used in user mode."), |cgroup| {
        cgroup.cpu.as_ref()?.user_seconds
    }),
    column(counter("container_cpu_system_seconds_total", "CPU time used in kernel mode."), |cgroup| {
        cgroup.cpu.as_ref()?.system_seconds
    }),
    column(counter("container_cpu_cfs_periods_total", "Periods of the CPU quota that have passed."), |cgroup| {
        throttling(cgroup)?.periods.map(count)
    }),
    column(
        counter("container_cpu_cfs_throttled_periods_total", "Periods in which the CPU quota was used up."),
        |cgroup| throttling(cgroup)?.throttled_periods.map(count),
    ),
    column(
        counter("container_cpu_cfs_throttled_seconds_total", "Time that tasks were held back for lack of CPU quota."),
        |cgroup| throttling(cgroup)?.throttled_nsec.map(nanoseconds),
    ),
    column(
        counter("container_cpu_cfs_burst_periods_total", "Periods in which CPU quota that had been saved was used."),
        |cgroup| throttling(cgroup)?.burst_periods.map(count),
    ),
    column(
        counter("container_cpu_cfs_burst_seconds_total", "CPU time used above the quota, from what had been saved."),
        |cgroup| throttling(cgroup)?.burst_nsec.map(nanoseconds),
    ),
];

const OF_COLUMNS: [Family; 7] = families(&COLUMNS);
pub const FAMILIES: &[Family] = &column::joined::<8>(&[&[USAGE], &OF_COLUMNS]);

pub struct Cpu {
    source: Source,
    usage_seconds: Option<f64>,
    user_seconds: Option<f64>,
    system_seconds: Option<f64>,
    /// Of each possible CPU; empty where only the total is known or wanted.
    usage_percpu_nsec: Vec<u64>,
    /// Throttling, where a quota is set.
    stat: Option<CpuStat>,
}

enum Source {
    V1(Box<FilesV1>),
    V2 { stat: CgroupFile },
}

struct FilesV1 {
    usage: CgroupFile,
    usage_percpu: Option<CgroupFile>,
    times: CgroupFile,
    /// In the hierarchy of `cpu`, which need not be that of `cpuacct`.
    stat: Option<CgroupFile>,
    ticks_per_second: f64,
}

impl Cpu {
    pub fn open(place: &Place<'_>, is_percpu: bool) -> Option<Cpu> {
        let (version, directory) = place.directory(Controller::Cpuacct)?;
        let source = match version {
            Version::V2 => Source::V2 { stat: place.file(&directory, "cpu.stat") },
            Version::V1 => Source::V1(Box::new(FilesV1 {
                usage: place.file(&directory, "cpuacct.usage"),
                usage_percpu: is_percpu.then(|| place.file(&directory, "cpuacct.usage_percpu")),
                times: place.file(&directory, "cpuacct.stat"),
                stat: place.directory(Controller::Cpu).map(|(_, cpu)| place.file(&cpu, "cpu.stat")),
                ticks_per_second: ticks_per_second(),
            })),
        };
        Some(Cpu {
            source,
            usage_seconds: None,
            user_seconds: None,
            system_seconds: None,
            usage_percpu_nsec: Vec::new(),
            stat: None,
        })
    }

    pub fn read(&mut self, reader: &mut Reader<'_>, has_quota: bool) {
        match &mut self.source {
            Source::V2 { stat } => {
                let stat = stat.read(reader, |bytes, problems| CpuStat::parse(bytes, problems));
                let seconds = |usec: Option<u64>| usec.map(|usec| usec as f64 / 1e6);
                self.usage_seconds = stat.and_then(|stat| seconds(stat.usage_usec));
                self.user_seconds = stat.and_then(|stat| seconds(stat.user_usec));
                self.system_seconds = stat.and_then(|stat| seconds(stat.system_usec));
                self.stat = stat.filter(|_| has_quota);
            }
            Source::V1(files) => {
                self.usage_percpu_nsec.clear();
                if let Some(file) = &mut files.usage_percpu {
                    let percpu = &mut self.usage_percpu_nsec;
                    file.read(reader, |bytes, problems| or_complain(read_usage_percpu(bytes, percpu), problems));
                }
                self.usage_seconds = None;
                if self.usage_percpu_nsec.is_empty() {
                    self.usage_seconds = files.usage.read_value(reader).map(nanoseconds);
                }
                let times = files.times.read(reader, |bytes, problems| CpuacctStat::parse(bytes, problems));
                let seconds = |ticks: Option<u64>| ticks.map(|ticks| ticks as f64 / files.ticks_per_second);
                self.user_seconds = times.and_then(|times| seconds(times.user_ticks));
                self.system_seconds = times.and_then(|times| seconds(times.system_ticks));
                let stat = files.stat.as_mut().filter(|_| has_quota);
                self.stat = stat.and_then(|file| file.read(reader, |bytes, problems| CpuStat::parse(bytes, problems)));
            }
        }
    }
}

impl Cpu {
    pub fn usage_seconds(&self) -> Option<f64> {
        self.usage_seconds
    }

    pub fn user_seconds(&self) -> Option<f64> {
        self.user_seconds
    }

    pub fn system_seconds(&self) -> Option<f64> {
        self.system_seconds
    }
}

pub fn write(page: &mut Page, cgroups: &[Cgroup], cpus: &mut Cpus) {
    let possible = cgroups.iter().flat_map(|cgroup| &cgroup.cpu).map(|cpu| cpu.usage_percpu_nsec.len()).max();
    cpus.name_all(possible.unwrap_or(0));
    for cgroup in cgroups {
        let Some(cpu) = &cgroup.cpu else { continue };
        if let Some(seconds) = cpu.usage_seconds {
            page.labelled_sample(&USAGE, &cgroup.labels, &[("cpu", "total")], seconds);
        }
        for (number, nsec) in cpu.usage_percpu_nsec.iter().enumerate() {
            if *nsec > 0 || cpus.is_online(number) {
                page.labelled_sample(&USAGE, &cgroup.labels, &[("cpu", cpus.name(number))], nanoseconds(*nsec));
            }
        }
    }
    column::write(page, &COLUMNS, cgroups);
}

fn throttling(cgroup: &Cgroup) -> Option<&CpuStat> {
    cgroup.cpu.as_ref()?.stat.as_ref()
}

fn count(count: u64) -> f64 {
    count as f64
}

fn nanoseconds(nsec: u64) -> f64 {
    nsec as f64 / 1e9
}

fn ticks_per_second() -> f64 {
    use nix::unistd::{SysconfVar, sysconf};
    let ticks = sysconf(SysconfVar::CLK_TCK).ok().flatten().filter(|ticks| *ticks > 0);
    ticks.unwrap_or(100) as f64
}
