//! `/proc/pressure/{cpu,io,memory,irq}`: how long tasks waited for a resource (pressure stall information). Resources
//! that the kernel adds appear by themselves. How long no task at all had a CPU is not told: the kernel has no such
//! thing for the whole machine, and always says 0.
//! Kernel: 4.20 and later (irq 6.1), unless switched off. Privileges: none. Cost: four reads of about 100 bytes.

use exposition::{Family, Kind, counter};
use kernel::proc::pressure::{Pressure, Stall};
use kernel::{Folder, Host, KeptFile};

use super::named::Named;
use super::several::Several;
use crate::{Collector, Failure, Outcome, Scrape, Spec};

const CPU_WAITING: Family =
    counter("node_pressure_cpu_waiting_seconds_total", "Total time in seconds that processes have waited for CPU time");
const IO_WAITING: Family = counter(
    "node_pressure_io_waiting_seconds_total",
    "Total time in seconds that processes have waited due to IO congestion",
);
const IO_STALLED: Family = counter(
    "node_pressure_io_stalled_seconds_total",
    "Total time in seconds no process could make progress due to IO congestion",
);
const MEMORY_WAITING: Family = counter(
    "node_pressure_memory_waiting_seconds_total",
    "Total time in seconds that processes have waited for memory",
);
const MEMORY_STALLED: Family = counter(
    "node_pressure_memory_stalled_seconds_total",
    "Total time in seconds no process could make progress due to memory congestion",
);
const IRQ_STALLED: Family = counter(
    "node_pressure_irq_stalled_seconds_total",
    "Total time in seconds no process could make progress due to IRQ congestion",
);

const WAITING: Family = counter(
    "node_pressure_<resource>_waiting_seconds_total",
    "Total time in seconds that processes have waited for <resource>",
);
const STALLED: Family = counter(
    "node_pressure_<resource>_stalled_seconds_total",
    "Total time in seconds no process could make progress due to <resource>",
);

/// The files that are known.
const KNOWN: [&[u8]; 4] = [b"cpu", b"io", b"memory", b"irq"];

pub const SPEC: Spec = Spec {
    name: "pressure",
    is_on_by_default: true,
    help: "time that tasks waited for CPU, I/O and memory, from /proc/pressure",
    families: &[CPU_WAITING, IO_WAITING, IO_STALLED, MEMORY_WAITING, MEMORY_STALLED, IRQ_STALLED, WAITING, STALLED],
    flags: &[],
    build: |host, _| Ok(Box::new(PressureFiles::new(host))),
};

struct PressureFiles {
    host: Host,
    resources: [Resource; 4],
    /// Looked for once: they come with another kernel.
    others: Option<Vec<OtherResource>>,
}

/// One that is not known by name.
struct OtherResource {
    file: KeptFile,
    waiting: Named,
    stalled: Named,
}

struct Resource {
    file: KeptFile,
    waiting: Option<&'static Family>,
    stalled: Option<&'static Family>,
}

impl PressureFiles {
    fn new(host: &Host) -> Self {
        let resource = |name, waiting, stalled| Resource { file: host.proc_file(name), waiting, stalled };
        PressureFiles {
            host: host.clone(),
            others: None,
            resources: [
                resource("pressure/cpu", Some(&CPU_WAITING), None),
                resource("pressure/io", Some(&IO_WAITING), Some(&IO_STALLED)),
                resource("pressure/memory", Some(&MEMORY_WAITING), Some(&MEMORY_STALLED)),
                resource("pressure/irq", None, Some(&IRQ_STALLED)),
            ],
        }
    }
}

impl Collector for PressureFiles {
    fn collect(&mut self, scrape: &mut Scrape<'_>) -> Result<Outcome, Failure> {
        let mut files = Several::default();
        for resource in &mut self.resources {
            files.note(resource.collect(scrape));
        }
        let host = &self.host;
        for other in self.others.get_or_insert_with(|| OtherResource::all(host, scrape.buffer)) {
            files.note(other.collect(scrape));
        }
        files.outcome(scrape.problems, nothing_here)
    }
}

fn nothing_here(error: kernel::Error) -> Outcome {
    if error.is_switched_off() {
        Outcome::absent("pressure stall information is switched off; boot with psi=1")
    } else {
        Outcome::absent(format!("the kernel has no pressure stall information: {error}"))
    }
}

impl Resource {
    fn collect(&mut self, scrape: &mut Scrape<'_>) -> kernel::Result<()> {
        let pressure = self.file.parse_single(scrape.buffer, Pressure::parse)?;
        for (family, stall) in [(self.waiting, pressure.some), (self.stalled, pressure.full)] {
            if let (Some(family), Some(stall)) = (family, stall) {
                scrape.page.sample(family, &[], seconds(stall));
            }
        }
        Ok(())
    }
}

impl OtherResource {
    fn all(host: &Host, buffer: &mut Vec<u8>) -> Vec<Self> {
        let mut folder = Folder::new(host.roots.proc("pressure"));
        if folder.list(buffer).is_err() {
            return Vec::new();
        }
        let names = folder.names().filter(|name| !KNOWN.contains(name));
        names.map(|name| OtherResource::new(host, &String::from_utf8_lossy(name))).collect()
    }

    fn new(host: &Host, name: &str) -> Self {
        let named = |family: &Family| {
            let of_this = |text: &str| text.replace("<resource>", name);
            Named::new(Kind::Counter, of_this(family.name), of_this(family.help))
        };
        let file = host.proc_file(format!("pressure/{name}"));
        OtherResource { file, waiting: named(&WAITING), stalled: named(&STALLED) }
    }

    fn collect(&mut self, scrape: &mut Scrape<'_>) -> kernel::Result<()> {
        let pressure = self.file.parse_single(scrape.buffer, Pressure::parse)?;
        for (named, stall) in [(&self.waiting, pressure.some), (&self.stalled, pressure.full)] {
            if let Some(stall) = stall {
                named.write(scrape.page, seconds(stall));
            }
        }
        Ok(())
    }
}

/// In two steps, as node_exporter does, so that the last digit is the same.
fn seconds(stall: Stall) -> f64 {
    stall.total_usec as f64 / 1000.0 / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io;

    #[test]
    fn switched_off_and_never_built_are_told_apart() {
        let error = |errno| kernel::Error::io("/proc/pressure/cpu", io::Error::from_raw_os_error(errno));
        let off = nothing_here(error(nix::libc::EOPNOTSUPP));
        assert_eq!(off, Outcome::absent("pressure stall information is switched off; boot with psi=1"));
        let Outcome::Absent(missing) = nothing_here(error(nix::libc::ENOENT)) else { panic!("nothing is here") };
        assert!(missing.starts_with("the kernel has no pressure stall information: /proc/pressure/cpu: "), "{missing}");
    }
}
