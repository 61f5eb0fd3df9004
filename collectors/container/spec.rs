//! `container_spec_*`: what a cgroup may use. v2: `cpu.max`, `cpu.weight`, `memory.max`, `.swap.max`, `.min`, `pids.max`.
//! v1: `cpu.cfs_quota_us`, `cpu.cfs_period_us`, `cpu.shares`, `memory.limit_in_bytes`, `.memsw.limit_in_bytes`,
//! `.soft_limit_in_bytes`, `pids.max`. Cost: six to seven files that are opened and closed.
//!
//! Limits change when somebody changes them, so they are not read on every scrape where there are many cgroups. A limit
//! that is not set shows as 0, as cAdvisor's does; one that cannot be set here has no series. The root's memory limit is
//! the machine's memory.

use std::path::PathBuf;

use exposition::{Family, Page, gauge};
use kernel::cgroup::cpu_max::CpuMax;
use kernel::cgroup::{Controller, Limit, Version, parse_value};

use super::cgroup::{Cgroup, Place};
use super::column::{self, Column, column, families};
use super::file::Reader;
use super::machine::MachineMemory;

const CPU: [Column; 3] = [
    column(gauge("container_spec_cpu_period", "Length of the CPU quota's period, in microseconds."), |cgroup| {
        cgroup.spec.now.cpu_period_usec.map(|usec| usec as f64)
    }),
    column(gauge("container_spec_cpu_quota", "CPU time that may be used in each period, in microseconds."), |cgroup| {
        cgroup.spec.now.cpu_quota_usec.map(|usec| usec as f64)
    }),
    column(
        gauge("container_spec_cpu_shares", "Weight of the container when CPUs are short; 1024 is the usual."),
        |cgroup| cgroup.spec.now.cpu_shares,
    ),
];

const MEMORY: [Column; 3] = [
    column(gauge("container_spec_memory_limit_bytes", "Limit on memory, in bytes; 0 for none."), |cgroup| {
        zero_if_none(cgroup.spec.now.memory_limit)
    }),
    column(
        gauge(
            "container_spec_memory_swap_limit_bytes",
            "Limit on swap (v1: on memory and swap together), in bytes; 0 for none.",
        ),
        |cgroup| zero_if_none(cgroup.spec.now.swap_limit),
    ),
    column(
        gauge(
            "container_spec_memory_reservation_limit_bytes",
            "Memory that is kept from reclaim, in bytes; 0 for none.",
        ),
        |cgroup| zero_if_none(cgroup.spec.now.memory_reservation),
    ),
];

pub const OF_CPU: [Family; 3] = families(&CPU);
pub const OF_MEMORY: [Family; 3] = families(&MEMORY);
pub const FAMILIES: &[Family] = &column::joined::<6>(&[&OF_CPU, &OF_MEMORY]);

pub struct Spec {
    cpu: Option<(Version, PathBuf)>,
    memory: Option<(Version, PathBuf)>,
    pids: Option<PathBuf>,
    is_root: bool,
    is_read: bool,
    now: Limits,
}

#[derive(Clone, Copy, Debug, Default)]
struct Limits {
    /// CPU time in each period; `None` without a quota.
    cpu_quota_usec: Option<u64>,
    cpu_period_usec: Option<u64>,
    /// In v1's unit: 1024 is the usual share.
    cpu_shares: Option<f64>,
    memory_limit: Option<Limit>,
    /// v1: memory and swap together; v2: swap alone.
    swap_limit: Option<Limit>,
    memory_reservation: Option<Limit>,
    threads: Option<Limit>,
}

impl Spec {
    pub fn open(place: &Place<'_>) -> Spec {
        Spec {
            cpu: place.directory(Controller::Cpu),
            memory: place.directory(Controller::Memory),
            pids: place.directory(Controller::Pids).map(|(_, directory)| directory),
            is_root: place.is_root(),
            is_read: false,
            now: Limits::default(),
        }
    }

    pub fn is_read(&self) -> bool {
        self.is_read
    }

    pub fn has_quota(&self) -> bool {
        self.now.cpu_quota_usec.is_some()
    }

    /// Most threads that the cgroup may have.
    pub fn thread_limit(&self) -> Option<f64> {
        zero_if_none(self.now.threads)
    }

    pub fn read(&mut self, reader: &mut Reader<'_>, machine: &MachineMemory) {
        self.is_read = true;
        self.now = Limits::default();
        // Where a controller's first file is missing the others are too.
        match &self.cpu {
            Some((Version::V1, directory)) => {
                let quota = reader.limit(directory, "cpu.cfs_quota_us");
                self.now.cpu_quota_usec = quota.and_then(Limit::value);
                if quota.is_some() {
                    self.now.cpu_period_usec = reader.read_once(directory, "cpu.cfs_period_us", parse_value);
                    let shares = reader.read_once(directory, "cpu.shares", parse_value);
                    self.now.cpu_shares = shares.map(|shares| shares as f64);
                }
            }
            Some((Version::V2, directory)) => {
                if let Some(max) = reader.read_once(directory, "cpu.max", CpuMax::parse) {
                    self.now.cpu_quota_usec = max.quota_usec.value();
                    self.now.cpu_period_usec = Some(max.period_usec);
                    let weight = reader.read_once(directory, "cpu.weight", parse_value);
                    self.now.cpu_shares = weight.and_then(shares_of_weight);
                }
            }
            None => {}
        }
        if let Some((version, directory)) = &self.memory {
            let [limit, swap, reservation] = match version {
                Version::V1 => ["memory.limit_in_bytes", "memory.memsw.limit_in_bytes", "memory.soft_limit_in_bytes"],
                Version::V2 => ["memory.max", "memory.swap.max", "memory.min"],
            };
            self.now.memory_limit = reader.limit(directory, limit);
            if self.now.memory_limit.is_some() {
                self.now.swap_limit = reader.limit(directory, swap);
                self.now.memory_reservation = reader.limit(directory, reservation);
            }
        }
        if let (true, Some((_, directory))) = (self.is_root, &self.memory)
            && reader.read_once(directory, "memory.stat", |_| Ok(())).is_some()
        {
            self.now.memory_limit = machine.total_bytes.map(Limit::Value);
            self.now.swap_limit = machine.swap_total_bytes.map(Limit::Value);
        }
        if let Some(directory) = &self.pids {
            self.now.threads = reader.limit(directory, "pids.max");
        }
    }
}

pub fn write(page: &mut Page, cgroups: &[Cgroup]) {
    column::write(page, &CPU, cgroups);
    column::write(page, &MEMORY, cgroups);
}

fn zero_if_none(limit: Option<Limit>) -> Option<f64> {
    limit.map(|limit| limit.value().unwrap_or(0) as f64)
}

/// The shares from which today's runtimes make a weight. They map 2, 1024 and 262144 to 1, 100 and 10000 by
/// `weight = 10^((l² + 125 l) / 612 - 7 / 34)` with `l = log2(shares)`; this is the way back.
fn shares_of_weight(weight: u64) -> Option<f64> {
    if weight == 0 {
        return None;
    }
    let constant = 612.0 * ((weight as f64).log10() + 7.0 / 34.0);
    let l = ((125.0f64 * 125.0 + 4.0 * constant).sqrt() - 125.0) / 2.0;
    Some(l.exp2().round())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_go_back_to_the_shares_they_were_made_of() {
        for (weight, shares) in [(1, 2.0), (20, 127.0), (100, 1024.0), (10_000, 262_144.0)] {
            assert_eq!(shares_of_weight(weight), Some(shares), "{weight}");
        }
        assert_eq!(shares_of_weight(0), None);
    }
}
