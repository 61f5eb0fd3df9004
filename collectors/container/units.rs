//! What each unit of systemd uses, from its cgroup: CPU time, memory, I/O and pressure, by the unit's name. systemd is
//! not asked, so this goes on while it is busy, and needs no bus.
//! Kernel: any with cgroups; pressure since 4.20 on v2. Privileges: none. Cost: about ten reads for each unit that
//! `--collector.systemd.unit-include` and `-exclude` want, which are services and what they do not exclude.
//!
//! A unit's cgroup has only slices above it. What lies deeper was handed over by a unit to somebody else: a user's own
//! systemd, whose units may have the same names, or a container. Slices count all below them.

use std::collections::BTreeSet;
use std::path::PathBuf;

use containers::Identity;
use exposition::{Family, LabelText, counter, gauge};
use kernel::Host;
use kernel::cgroup::blkio::Operation;
use kernel::cgroup::{Hierarchies, Tree};

use super::cgroup::{Cgroup, Place};
use super::column::{self, Column, column, families};
use super::file::Reader;
use super::group::Groups;
use super::machine::MachineMemory;
use crate::node::systemd_filter::UnitFilter;
use crate::{Collector, Failure, Outcome, Scrape, Settings, SettingsError, Spec};

const COLUMNS: [Column; 17] = [
    column(counter("vitals_systemd_unit_cpu_seconds_total", "CPU time used."), |unit| {
        unit.cpu.as_ref()?.usage_seconds()
    }),
    column(counter("vitals_systemd_unit_cpu_user_seconds_total", "CPU time used in user mode."), |unit| {
        unit.cpu.as_ref()?.user_seconds()
    }),
    column(counter("vitals_systemd_unit_cpu_system_seconds_total", "CPU time used in kernel mode."), |unit| {
        unit.cpu.as_ref()?.system_seconds()
    }),
    column(gauge("vitals_systemd_unit_memory_bytes", "All memory used, page cache too."), |unit| {
        unit.memory.as_ref()?.usage_bytes()
    }),
    column(
        gauge(
            "vitals_systemd_unit_memory_working_set_bytes",
            "Memory used without page cache that was not used lately.",
        ),
        |unit| unit.memory.as_ref()?.working_set_bytes(),
    ),
    column(gauge("vitals_systemd_unit_memory_anonymous_bytes", "Memory used that belongs to no file."), |unit| {
        unit.memory.as_ref()?.anonymous_bytes()
    }),
    column(gauge("vitals_systemd_unit_memory_swap_bytes", "Memory that is swapped out."), |unit| {
        unit.memory.as_ref()?.swap_bytes()
    }),
    column(counter("vitals_systemd_unit_io_read_bytes_total", "Bytes read from all block devices."), |unit| {
        unit.block_io.as_ref()?.all_bytes(Operation::Read)
    }),
    column(counter("vitals_systemd_unit_io_written_bytes_total", "Bytes written to all block devices."), |unit| {
        unit.block_io.as_ref()?.all_bytes(Operation::Write)
    }),
    column(counter("vitals_systemd_unit_io_reads_total", "Reads from all block devices."), |unit| {
        unit.block_io.as_ref()?.all_requests(Operation::Read)
    }),
    column(counter("vitals_systemd_unit_io_writes_total", "Writes to all block devices."), |unit| {
        unit.block_io.as_ref()?.all_requests(Operation::Write)
    }),
    column(
        counter("vitals_systemd_unit_pressure_cpu_waiting_seconds_total", "Time in which some task waited for CPU."),
        |unit| unit.pressures.as_ref()?.cpu_waiting(),
    ),
    column(
        counter("vitals_systemd_unit_pressure_cpu_stalled_seconds_total", "Time in which all tasks waited for CPU."),
        |unit| unit.pressures.as_ref()?.cpu_stalled(),
    ),
    column(
        counter(
            "vitals_systemd_unit_pressure_memory_waiting_seconds_total",
            "Time in which some task waited for memory.",
        ),
        |unit| unit.pressures.as_ref()?.memory_waiting(),
    ),
    column(
        counter(
            "vitals_systemd_unit_pressure_memory_stalled_seconds_total",
            "Time in which all tasks waited for memory.",
        ),
        |unit| unit.pressures.as_ref()?.memory_stalled(),
    ),
    column(
        counter("vitals_systemd_unit_pressure_io_waiting_seconds_total", "Time in which some task waited for I/O."),
        |unit| unit.pressures.as_ref()?.io_waiting(),
    ),
    column(
        counter("vitals_systemd_unit_pressure_io_stalled_seconds_total", "Time in which all tasks waited for I/O."),
        |unit| unit.pressures.as_ref()?.io_stalled(),
    ),
];

const FAMILIES: [Family; 17] = families(&COLUMNS);

pub const SPEC: Spec = Spec {
    name: "systemd_accounting",
    is_on_by_default: false,
    help: "CPU, memory, I/O and pressure of each unit of systemd, from its cgroup",
    families: &FAMILIES,
    flags: &[],
    build,
};

/// The groups of container metrics that are read for a unit.
const GROUPS: &str = "cpu,diskIO,memory,pressure";
/// Of the files that may stay open, so many are left to others.
const FILES_FOR_OTHERS: usize = 512;

struct Units {
    host: Host,
    filter: UnitFilter,
    groups: Groups,
    /// Made on the first scrape, when the machine has cgroups.
    watched: Option<Watched>,
}

struct Watched {
    hierarchies: Hierarchies,
    tree: Tree,
    /// Of the tree, as of the last look.
    generation: u64,
    /// Sorted by path.
    units: Vec<Cgroup>,
    path: PathBuf,
}

fn build(host: &Host, settings: &Settings) -> Result<Box<dyn Collector>, SettingsError> {
    Ok(Box::new(Units {
        host: host.clone(),
        filter: UnitFilter::from_flags(settings)?,
        groups: Groups::read(GROUPS, "")?,
        watched: None,
    }))
}

impl Collector for Units {
    fn collect(&mut self, scrape: &mut Scrape<'_>) -> Result<Outcome, Failure> {
        let watched = match self.watched.take() {
            Some(watched) => watched,
            None => match Hierarchies::detect(&self.host.roots) {
                Ok(hierarchies) => Watched::new(hierarchies, &self.host),
                Err(error) => return Outcome::of_error(error),
            },
        };
        let watched = self.watched.insert(watched);
        watched.tree.refresh()?;
        if watched.generation != watched.tree.generation() {
            watched.look_around(&self.host, &self.filter, &self.groups);
        }
        if watched.units.is_empty() {
            return Ok(Outcome::absent("no cgroup is that of a unit of systemd that is wanted"));
        }
        watched.read(scrape);
        column::write(scrape.page, &COLUMNS, &watched.units);
        Ok(Outcome::Collected)
    }
}

impl Watched {
    fn new(hierarchies: Hierarchies, host: &Host) -> Watched {
        let tree = Tree::new(hierarchies.walked().unwrap_or(&host.roots.sysfs));
        Watched { hierarchies, tree, generation: 0, units: Vec::new(), path: PathBuf::new() }
    }

    /// Takes in units that came and drops those that went.
    fn look_around(&mut self, host: &Host, filter: &UnitFilter, groups: &Groups) {
        let budget = host.files.leaving(FILES_FOR_OTHERS);
        let mut names = BTreeSet::new();
        let mut before = std::mem::take(&mut self.units).into_iter().peekable();
        for path in self.tree.paths() {
            while before.next_if(|unit| unit.path < *path).is_some() {}
            let Some(name) = unit_of(path) else { continue };
            // One name is one unit; more could only be a trick.
            if !filter.is_wanted(name) || !names.insert(name) {
                continue;
            }
            let known = before.next_if(|unit| unit.path == *path);
            self.units.push(known.unwrap_or_else(|| {
                let place = Place { hierarchies: &self.hierarchies, path, budget: &budget };
                let labels = LabelText::new([("name", name)]);
                Cgroup { labels, identity: Identity::of(path), ..Cgroup::open(&place, groups) }
            }));
        }
        self.generation = self.tree.generation();
    }

    fn read(&mut self, scrape: &mut Scrape<'_>) {
        let mut reader = Reader {
            buffer: scrape.buffer,
            problems: scrape.problems,
            path: &mut self.path,
            has_lost: false,
            has_read: false,
        };
        let root = self.hierarchies.walked();
        let machine = MachineMemory::default();
        let tree = &mut self.tree;
        self.units.retain_mut(|unit| {
            (reader.has_lost, reader.has_read) = (false, false);
            unit.read(&mut reader, &machine, false);
            let is_in_doubt = reader.has_lost || !reader.has_read;
            let is_there = |root: &std::path::Path| root.join(unit.path.trim_start_matches('/')).exists();
            if is_in_doubt && !root.is_some_and(is_there) {
                tree.forget(&unit.path);
                return false;
            }
            true
        });
        self.generation = self.tree.generation();
    }
}

/// The name of the unit whose cgroup this is. systemd puts `_` before names that a file of the kernel could have.
fn unit_of(path: &str) -> Option<&str> {
    let (above, name) = path.strip_prefix('/')?.rsplit_once('/').unwrap_or(("", &path[1..]));
    let is_slice = |part: &str| part.ends_with(".slice");
    let is_below_slices = above.is_empty() || above.split('/').all(is_slice);
    let kinds = [".service", ".scope", ".slice", ".socket", ".mount", ".swap"];
    let is_unit = kinds.iter().any(|kind| name.len() > kind.len() && name.ends_with(kind));
    (is_below_slices && is_unit).then(|| name.strip_prefix('_').unwrap_or(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_has_slices_above_is_a_unit_of_this_machine() {
        for (path, unit) in [
            ("/init.scope", Some("init.scope")),
            ("/system.slice", Some("system.slice")),
            ("/system.slice/system-getty.slice/getty@tty1.service", Some("getty@tty1.service")),
            ("/system.slice/_cpu.service", Some("cpu.service")),
            ("/system.slice/__x.service", Some("_x.service")),
            ("/user.slice/user-1000.slice/user@1000.service", Some("user@1000.service")),
            ("/user.slice/user-1000.slice/user@1000.service/app.slice/dbus.service", None),
            ("/machine.slice/web.scope/system.slice/ssh.service", None),
            ("/docker/0123/system.slice/ssh.service", None),
            ("/", None),
            ("/docker", None),
            ("/.service", None),
        ] {
            assert_eq!(unit_of(path), unit, "{path}");
        }
    }
}
