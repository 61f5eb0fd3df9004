//! Group `process`, its cheap part: `pids.current` and the number of lines of `cgroup.procs`. Cost: two reads for each
//! cgroup. Processes are those of the cgroup itself; threads include all cgroups below. Where v2 has no pids controller
//! (its root never has) the cgroup's own processes stand in for threads, as in cAdvisor.

use exposition::{Family, Page, gauge};
use kernel::cgroup::{Controller, Version, procs};

use super::cgroup::{Cgroup, Place};
use super::column::{self, Column, column, families};
use super::file::{CgroupFile, Reader};

const COLUMNS: [Column; 3] = [
    column(gauge("container_processes", "Processes of the container."), |cgroup| {
        cgroup.pids.as_ref()?.processes.map(|count| count as f64)
    }),
    column(gauge("container_threads", "Threads of the container and all below it."), |cgroup| {
        cgroup.pids.as_ref()?.threads.map(|count| count as f64)
    }),
    column(gauge("container_threads_max", "Limit on threads; 0 for none."), |cgroup| {
        cgroup.pids.as_ref().and_then(|_| cgroup.spec.thread_limit())
    }),
];

const OF_COLUMNS: [Family; 3] = families(&COLUMNS);
pub const FAMILIES: &[Family] = &OF_COLUMNS;

pub struct Pids {
    current: Option<CgroupFile>,
    procs: CgroupFile,
    is_v2: bool,
    processes: Option<u64>,
    threads: Option<u64>,
}

impl Pids {
    pub fn open(place: &Place<'_>) -> Option<Pids> {
        let (version, directory) = place
            .directory(Controller::Cpu)
            .or_else(|| place.directory(Controller::Pids))
            .or_else(|| place.hierarchies.walked().map(|root| (Version::V1, place.below(root))))?;
        let pids = place.directory(Controller::Pids).map(|(_, directory)| directory);
        Some(Pids {
            current: pids.map(|directory| place.file(&directory, "pids.current")),
            procs: CgroupFile::in_pieces(directory.join("cgroup.procs"), place.budget),
            is_v2: version == Version::V2,
            processes: None,
            threads: None,
        })
    }

    pub fn read(&mut self, reader: &mut Reader<'_>) {
        self.processes = self.procs.read(reader, |bytes, _| procs::count(bytes));
        self.threads = self.current.as_mut().and_then(|file| file.read_value(reader));
        if self.threads.is_none() && self.is_v2 {
            self.threads = self.processes;
        }
    }
}

pub fn write(page: &mut Page, cgroups: &[Cgroup]) {
    column::write(page, &COLUMNS, cgroups);
}
