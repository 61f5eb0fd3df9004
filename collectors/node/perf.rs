//! Counters by perf_event_open(2): what CPUs and their caches do, and what the kernel counts, for each CPU.
//! Kernel: 2.6.31 and later. Privileges: CAP_PERFMON, or kernel.perf_event_paranoid of 0 or less. Cost: one descriptor
//! and one read of 8 bytes for each counter and CPU; they are opened on the first scrape and stay open.
//!
//! A CPU has fewer counters than there are events. The kernel lets them take turns, and what is shown is what was
//! counted in an event's turns, as node_exporter has it; fewer events (`--collector.perf.*-profilers`) have no gaps.
//! Virtual machines often have no hardware counters at all: such events have no series.

use std::io;

use exposition::{Family, Kind, counter};
use kernel::perf::{Counter, Event, is_not_countable};
use kernel::sys::cpu_list;
use kernel::{Host, KeptFile, read_file_if_there, scan};

use super::perf_cpus::cpus_of_flag;
use super::perf_events::{self, EVENTS};
use crate::{Collector, Failure, Flag, FlagKind, Outcome, Scrape, Settings, SettingsError, Spec};

const TRACEPOINT_FAMILY: Family =
    counter("node_perf_<subsystem>_<event>", "Times that the tracepoint <subsystem>:<event> was met.");

const CPUS: Flag = Flag {
    name: "collector.perf.cpus",
    kind: FlagKind::Text { default: "" },
    help: "CPUs to count on, such as 0-3,8-31:4; all that are online by default",
    aliases: &[],
};
const TRACEPOINT: Flag = Flag {
    name: "collector.perf.tracepoint",
    kind: FlagKind::List,
    help: "tracepoint to count, such as sched:sched_process_exec; may be repeated",
    aliases: &[],
};

const FLAG_COUNT: usize = perf_events::FLAGS.len() + 2;
const FLAGS: [Flag; FLAG_COUNT] = {
    let mut flags = [CPUS; FLAG_COUNT];
    flags[1] = TRACEPOINT;
    let mut index = 2;
    while index < FLAG_COUNT {
        flags[index] = perf_events::FLAGS[index - 2];
        index += 1;
    }
    flags
};

const FAMILY_COUNT: usize = perf_events::FAMILIES.len() + 1;
const FAMILIES: [Family; FAMILY_COUNT] = {
    let mut families = [TRACEPOINT_FAMILY; FAMILY_COUNT];
    let mut index = 1;
    while index < FAMILY_COUNT {
        families[index] = perf_events::FAMILIES[index - 1];
        index += 1;
    }
    families
};

pub const SPEC: Spec = Spec {
    name: "perf",
    is_on_by_default: false,
    help: "counters of CPUs, caches, the kernel and tracepoints, by perf_event_open",
    families: &FAMILIES,
    flags: &FLAGS,
    build,
};

struct Perf {
    host: Host,
    /// Given by flag; else those that are online.
    cpus: Option<Vec<u32>>,
    online: KeptFile,
    /// The list as the kernel wrote it when the counters were opened.
    online_then: Option<Vec<u8>>,
    counted: Vec<Counted>,
    open: Vec<OpenCounter>,
}

/// An event with what its series look like.
struct Counted {
    name: String,
    help: String,
    source: Source,
}

enum Source {
    Event(Event),
    /// Subsystem and name.
    Tracepoint(String, String),
}

struct OpenCounter {
    /// Place among the counted.
    counted: usize,
    cpu: String,
    counter: Counter,
}

fn build(host: &Host, settings: &Settings) -> Result<Box<dyn Collector>, SettingsError> {
    let known = perf_events::chosen(settings).into_iter().map(|place| {
        let Family { name, help, .. } = EVENTS[place].family;
        Counted { name: name.to_owned(), help: help.to_owned(), source: Source::Event(EVENTS[place].event) }
    });
    let mut counted: Vec<Counted> = known.collect();
    for text in settings.list(TRACEPOINT.name) {
        let tracepoint = tracepoint(text).ok_or_else(|| SettingsError {
            flag: TRACEPOINT.name.to_owned(),
            reason: format!("expected subsystem:event, found {text:?}"),
        })?;
        if counted.iter().all(|other| other.name != tracepoint.name) {
            counted.push(tracepoint);
        }
    }
    let cpus = match settings.text(CPUS.name) {
        "" => None,
        list => Some(cpus_of_flag(list).ok_or_else(|| SettingsError {
            flag: CPUS.name.to_owned(),
            reason: format!("expected CPUs such as 0-3,8-31:4, found {list:?}"),
        })?),
    };
    Ok(Box::new(Perf {
        host: host.clone(),
        cpus,
        online: host.sys_file("devices/system/cpu/online"),
        online_then: None,
        counted,
        open: Vec::new(),
    }))
}

fn tracepoint(text: &str) -> Option<Counted> {
    let (subsystem, event) = text.split_once(':')?;
    let is_plain = |part: &str| {
        !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
    };
    (is_plain(subsystem) && is_plain(event)).then(|| Counted {
        name: format!("node_perf_{subsystem}_{event}").replace('-', "_"),
        help: format!("Perf tracepoint {text}"),
        source: Source::Tracepoint(subsystem.to_owned(), event.to_owned()),
    })
}

impl Collector for Perf {
    fn collect(&mut self, scrape: &mut Scrape<'_>) -> Result<Outcome, Failure> {
        let online = self.online.read_single(scrape.buffer)?;
        if self.online_then.as_deref() != Some(online) {
            let online = online.to_vec();
            self.open_all(&online, scrape)?;
            self.online_then = Some(online);
        }
        if self.open.is_empty() {
            return Ok(Outcome::absent("this machine can count none of the events that are asked for"));
        }
        for open in &mut self.open {
            let Counted { name, help, .. } = &self.counted[open.counted];
            match open.counter.read() {
                Ok(Some(count)) => {
                    scrape.page.named_sample(name, Kind::Counter, help, &[("cpu", &open.cpu)], count as f64);
                }
                // Its CPU is offline.
                Ok(None) => {}
                Err(error) => scrape.item_failed(format!("{name} of CPU {}: {error}", open.cpu)),
            }
        }
        Ok(Outcome::Collected)
    }
}

impl Perf {
    /// Opens every counter on every CPU anew. When CPUs come or go all counters begin at 0 again.
    fn open_all(&mut self, online: &[u8], scrape: &mut Scrape<'_>) -> Result<(), Failure> {
        self.open.clear();
        let cpus = match &self.cpus {
            Some(cpus) => cpus.clone(),
            None => {
                let path = self.online.path();
                let ranges = cpu_list::ranges(online).map_err(|problem| kernel::Error::parse(path, problem))?;
                ranges.into_iter().flatten().collect()
            }
        };
        for (place, counted) in self.counted.iter().enumerate() {
            let event = match &counted.source {
                Source::Event(event) => *event,
                Source::Tracepoint(subsystem, event) => match self.tracepoint_number(subsystem, event, scrape.buffer) {
                    Ok(number) => Event::Tracepoint(number),
                    Err(problem) => {
                        scrape.item_failed(problem);
                        continue;
                    }
                },
            };
            for cpu in &cpus {
                match Counter::open(event, *cpu, &self.host.files) {
                    Ok(Some(counter)) => {
                        self.open.push(OpenCounter { counted: place, cpu: cpu.to_string(), counter });
                    }
                    Ok(None) => {
                        let wanted = cpus.len() * self.counted.len();
                        self.open.clear();
                        return Err(Failure(format!(
                            "{wanted} counters are more files than --path.max-kept-files allows"
                        )));
                    }
                    Err(error) if is_not_countable(&error) => {}
                    Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                        self.open.clear();
                        return Err(Failure(format!(
                            "perf_event_open: {error}; needs CAP_PERFMON or kernel.perf_event_paranoid of 0"
                        )));
                    }
                    Err(error) => scrape.item_failed(format!("{} of CPU {cpu}: {error}", counted.name)),
                }
            }
        }
        Ok(())
    }

    /// From tracefs, where it is mounted today or where it was before 4.1.
    fn tracepoint_number(&self, subsystem: &str, event: &str, buffer: &mut Vec<u8>) -> Result<u64, String> {
        for mount in ["kernel/tracing", "kernel/debug/tracing"] {
            let path = self.host.roots.sys(format!("{mount}/events/{subsystem}/{event}/id"));
            match read_file_if_there(&path, buffer) {
                Ok(Some(bytes)) => {
                    return scan::number(bytes).map_err(|problem| kernel::Error::parse(&path, problem).to_string());
                }
                Ok(None) => {}
                Err(error) => return Err(error.to_string()),
            }
        }
        Err(format!("no tracepoint {subsystem}:{event} in tracefs, or it is not mounted"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(flag: &str, value: &str) -> String {
        let mut settings = Settings::defaults([&SPEC]);
        settings.set(flag, vec![value.to_owned()]);
        build(&Host::default(), &settings).err().map(|error| error.to_string()).unwrap_or_default()
    }

    #[test]
    fn flags_that_make_no_sense_are_refused() {
        let tracepoint = refusal("collector.perf.tracepoint", "sched");
        assert_eq!(tracepoint, "--collector.perf.tracepoint: expected subsystem:event, found \"sched\"");
        assert!(refusal("collector.perf.tracepoint", "../x:y").contains("expected subsystem:event"));
        assert_eq!(refusal("collector.perf.tracepoint", "sched:sched_switch"), "");
        let cpus = refusal("collector.perf.cpus", "0-");
        assert_eq!(cpus, "--collector.perf.cpus: expected CPUs such as 0-3,8-31:4, found \"0-\"");
    }

    #[test]
    fn a_tracepoint_is_named_after_its_subsystem() {
        let counted = tracepoint("kvm-amd:exit").expect("valid");
        assert_eq!(
            (counted.name.as_str(), counted.help.as_str()),
            ("node_perf_kvm_amd_exit", "Perf tracepoint kvm-amd:exit")
        );
    }
}
