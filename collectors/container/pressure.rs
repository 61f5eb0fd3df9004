//! Group `pressure`: `cpu.pressure`, `memory.pressure` and `io.pressure` of v2 (4.20). Cost: three reads for each cgroup.
//! On hybrid machines they are in the `unified` hierarchy, for cgroups that have processes there. Where PSI is switched
//! off there is nothing to show, and nothing is shown.

use exposition::{Family, Page, counter};
use kernel::proc::pressure::Pressure;

use super::cgroup::{Cgroup, Place};
use super::column::{self, Column, column, families};
use super::file::{CgroupFile, Reader, or_complain};

const COLUMNS: [Column; 6] = [
    column(
        counter("container_pressure_cpu_stalled_seconds_total", "Time in which all tasks waited for CPU."),
        |cgroup| cgroup.pressures.as_ref()?.cpu_stalled(),
    ),
    column(
        counter("container_pressure_cpu_waiting_seconds_total", "Time in which some task waited for CPU."),
        |cgroup| cgroup.pressures.as_ref()?.cpu_waiting(),
    ),
    column(
        counter("container_pressure_memory_stalled_seconds_total", "Time in which all tasks waited for memory."),
        |cgroup| cgroup.pressures.as_ref()?.memory_stalled(),
    ),
    column(
        counter("container_pressure_memory_waiting_seconds_total", "Time in which some task waited for memory."),
        |cgroup| cgroup.pressures.as_ref()?.memory_waiting(),
    ),
    column(
        counter("container_pressure_io_stalled_seconds_total", "Time in which all tasks waited for I/O."),
        |cgroup| cgroup.pressures.as_ref()?.io_stalled(),
    ),
    column(
        counter("container_pressure_io_waiting_seconds_total", "Time in which some task waited for I/O."),
        |cgroup| cgroup.pressures.as_ref()?.io_waiting(),
    ),
];

const OF_COLUMNS: [Family; 6] = families(&COLUMNS);
pub const FAMILIES: &[Family] = &OF_COLUMNS;

pub struct Pressures {
    cpu: Resource,
    memory: Resource,
    io: Resource,
}

struct Resource {
    file: CgroupFile,
    now: Option<Pressure>,
}

impl Pressures {
    pub fn open(place: &Place<'_>) -> Option<Pressures> {
        let directory = place.below(place.hierarchies.unified()?);
        let resource = |name: &str| Resource { file: place.file(&directory, name), now: None };
        Some(Pressures {
            cpu: resource("cpu.pressure"),
            memory: resource("memory.pressure"),
            io: resource("io.pressure"),
        })
    }

    pub fn read(&mut self, reader: &mut Reader<'_>) {
        for resource in [&mut self.cpu, &mut self.memory, &mut self.io] {
            let read = resource.file.read(reader, |bytes, problems| or_complain(Pressure::parse(bytes), problems));
            resource.now = read.flatten();
        }
    }
}

impl Pressures {
    pub fn cpu_waiting(&self) -> Option<f64> {
        waiting(&self.cpu)
    }

    pub fn cpu_stalled(&self) -> Option<f64> {
        stalled(&self.cpu)
    }

    pub fn memory_waiting(&self) -> Option<f64> {
        waiting(&self.memory)
    }

    pub fn memory_stalled(&self) -> Option<f64> {
        stalled(&self.memory)
    }

    pub fn io_waiting(&self) -> Option<f64> {
        waiting(&self.io)
    }

    pub fn io_stalled(&self) -> Option<f64> {
        stalled(&self.io)
    }
}

pub fn write(page: &mut Page, cgroups: &[Cgroup]) {
    column::write(page, &COLUMNS, cgroups);
}

fn stalled(resource: &Resource) -> Option<f64> {
    resource.now?.full.map(|stall| stall.total_usec as f64 / 1e6)
}

fn waiting(resource: &Resource) -> Option<f64> {
    resource.now?.some.map(|stall| stall.total_usec as f64 / 1e6)
}
