//! The events of the perf collector: their families, and the names by which flags choose among them.

use exposition::{Family, counter};
use kernel::perf::{Access, Cache, Event, Outcome};

use crate::{Flag, FlagKind, Settings};

pub struct CountedEvent {
    pub family: Family,
    pub event: Event,
    group: Group,
    /// In `--collector.perf.<group>-profilers`.
    profiler: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Group {
    Hardware,
    Software,
    Cache,
}

pub const FLAGS: [Flag; 6] = [
    switch("collector.perf.disable-hardware-profilers", "leave out counters of the CPU"),
    list("collector.perf.hardware-profilers", "counter of the CPU to read, such as CpuCycles; may be repeated"),
    switch("collector.perf.disable-software-profilers", "leave out counters of the kernel"),
    list("collector.perf.software-profilers", "counter of the kernel to read, such as PageFault; may be repeated"),
    switch("collector.perf.disable-cache-profilers", "leave out counters of caches"),
    list("collector.perf.cache-profilers", "counter of a cache to read, such as LLReadMiss; may be repeated"),
];

pub const EVENTS: [CountedEvent; 30] = [
    hardware(0, "CpuCycles", counter("node_perf_cpucycles_total", "Number of CPU cycles (frequency scaled)")),
    hardware(1, "CpuInstr", counter("node_perf_instructions_total", "Number of CPU instructions")),
    hardware(4, "BranchInstr", counter("node_perf_branch_instructions_total", "Number of CPU branch instructions")),
    hardware(5, "BranchMisses", counter("node_perf_branch_misses_total", "Number of CPU branch misses")),
    hardware(2, "CacheRef", counter("node_perf_cache_refs_total", "Number of cache references (non frequency scaled)")),
    hardware(3, "CacheMisses", counter("node_perf_cache_misses_total", "Number of cache misses")),
    hardware(9, "RefCpuCycles", counter("node_perf_ref_cpucycles_total", "Number of CPU cycles")),
    hardware(
        8,
        "StalledCyclesBackend",
        counter("node_perf_stalled_cycles_backend_total", "Number of stalled backend CPU cycles"),
    ),
    hardware(
        7,
        "StalledCyclesFrontend",
        counter("node_perf_stalled_cycles_frontend_total", "Number of stalled frontend CPU cycles"),
    ),
    software(2, "PageFault", counter("node_perf_page_faults_total", "Number of page faults")),
    software(3, "ContextSwitch", counter("node_perf_context_switches_total", "Number of context switches")),
    software(4, "CpuMigration", counter("node_perf_cpu_migrations_total", "Number of CPU process migrations")),
    software(5, "MinorFault", counter("node_perf_minor_faults_total", "Number of minor page faults")),
    software(6, "MajorFault", counter("node_perf_major_faults_total", "Number of major page faults")),
    cache(
        Event::Cache(Cache::Level1Data, Access::Read, Outcome::Access),
        "L1DataReadHit",
        counter("node_perf_cache_l1d_read_hits_total", "Number L1 data cache read hits"),
    ),
    cache(
        Event::Cache(Cache::Level1Data, Access::Read, Outcome::Miss),
        "L1DataReadMiss",
        counter("node_perf_cache_l1d_read_misses_total", "Number L1 data cache read misses"),
    ),
    cache(
        Event::Cache(Cache::Level1Data, Access::Write, Outcome::Access),
        "L1DataWriteHit",
        counter("node_perf_cache_l1d_write_hits_total", "Number L1 data cache write hits"),
    ),
    cache(
        Event::Cache(Cache::Level1Instructions, Access::Read, Outcome::Miss),
        "L1InstrReadMiss",
        counter("node_perf_cache_l1_instr_read_misses_total", "Number instruction L1 instruction read misses"),
    ),
    cache(
        Event::Cache(Cache::InstructionTlb, Access::Read, Outcome::Access),
        "InstrTLBReadHit",
        counter("node_perf_cache_tlb_instr_read_hits_total", "Number instruction TLB read hits"),
    ),
    cache(
        Event::Cache(Cache::InstructionTlb, Access::Read, Outcome::Miss),
        "InstrTLBReadMiss",
        counter("node_perf_cache_tlb_instr_read_misses_total", "Number instruction TLB read misses"),
    ),
    cache(
        Event::Cache(Cache::DataTlb, Access::Read, Outcome::Access),
        "DataTLBReadHit",
        counter("node_perf_cache_tlb_data_read_hits_total", "Number of data TLB read hits"),
    ),
    cache(
        Event::Cache(Cache::DataTlb, Access::Read, Outcome::Miss),
        "DataTLBReadMiss",
        counter("node_perf_cache_tlb_data_read_misses_total", "Number of data TLB read misses"),
    ),
    cache(
        Event::Cache(Cache::DataTlb, Access::Write, Outcome::Access),
        "DataTLBWriteHit",
        counter("node_perf_cache_tlb_data_write_hits_total", "Number of data TLB write hits"),
    ),
    cache(
        Event::Cache(Cache::DataTlb, Access::Write, Outcome::Miss),
        "DataTLBWriteMiss",
        counter("node_perf_cache_tlb_data_write_misses_total", "Number of data TLB write misses"),
    ),
    cache(
        Event::Cache(Cache::LastLevel, Access::Read, Outcome::Access),
        "LLReadHit",
        counter("node_perf_cache_ll_read_hits_total", "Number last level read hits"),
    ),
    cache(
        Event::Cache(Cache::LastLevel, Access::Read, Outcome::Miss),
        "LLReadMiss",
        counter("node_perf_cache_ll_read_misses_total", "Number last level read misses"),
    ),
    cache(
        Event::Cache(Cache::LastLevel, Access::Write, Outcome::Access),
        "LLWriteHit",
        counter("node_perf_cache_ll_write_hits_total", "Number last level write hits"),
    ),
    cache(
        Event::Cache(Cache::LastLevel, Access::Write, Outcome::Miss),
        "LLWriteMiss",
        counter("node_perf_cache_ll_write_misses_total", "Number last level write misses"),
    ),
    cache(
        Event::Cache(Cache::Branches, Access::Read, Outcome::Access),
        "BPUReadHit",
        counter("node_perf_cache_bpu_read_hits_total", "Number BPU read hits"),
    ),
    cache(
        Event::Cache(Cache::Branches, Access::Read, Outcome::Miss),
        "BPUReadMiss",
        counter("node_perf_cache_bpu_read_misses_total", "Number BPU read misses"),
    ),
];

/// The families of all events.
pub const FAMILIES: [Family; EVENTS.len()] = {
    let mut families = [EVENTS[0].family; EVENTS.len()];
    let mut index = 1;
    while index < EVENTS.len() {
        families[index] = EVENTS[index].family;
        index += 1;
    }
    families
};

/// The events that the flags leave, by their places in `EVENTS`. A list of names that are all unknown chooses nothing
/// out, as node_exporter has it.
pub fn chosen(settings: &Settings) -> Vec<usize> {
    let is_chosen = |counted: &CountedEvent| {
        let name = counted.group.as_str();
        if settings.is_on(&format!("collector.perf.disable-{name}-profilers")) {
            return false;
        }
        let list = settings.list(&format!("collector.perf.{name}-profilers"));
        let is_known =
            |wanted: &String| EVENTS.iter().any(|other| other.group == counted.group && other.profiler == wanted);
        !list.iter().any(is_known) || list.iter().any(|wanted| wanted == counted.profiler)
    };
    (0..EVENTS.len()).filter(|place| is_chosen(&EVENTS[*place])).collect()
}

impl Group {
    fn as_str(self) -> &'static str {
        match self {
            Group::Hardware => "hardware",
            Group::Software => "software",
            Group::Cache => "cache",
        }
    }
}

const fn switch(name: &'static str, help: &'static str) -> Flag {
    Flag { name, kind: FlagKind::Switch { default: false }, help, aliases: &[] }
}

const fn list(name: &'static str, help: &'static str) -> Flag {
    Flag { name, kind: FlagKind::List, help, aliases: &[] }
}

const fn hardware(number: u64, profiler: &'static str, family: Family) -> CountedEvent {
    CountedEvent { family, event: Event::Hardware(number), group: Group::Hardware, profiler }
}

const fn software(number: u64, profiler: &'static str, family: Family) -> CountedEvent {
    CountedEvent { family, event: Event::Software(number), group: Group::Software, profiler }
}

const fn cache(event: Event, profiler: &'static str, family: Family) -> CountedEvent {
    CountedEvent { family, event, group: Group::Cache, profiler }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(flags: &[(&str, &[&str])]) -> Vec<&'static str> {
        let mut settings = Settings::default();
        for (flag, values) in flags {
            settings.set(flag, values.iter().map(|value| (*value).to_owned()).collect());
        }
        chosen(&settings).into_iter().map(|place| EVENTS[place].profiler).collect()
    }

    #[test]
    fn groups_are_chosen_each_for_itself() {
        assert_eq!(names(&[]).len(), 30);
        let off = [
            ("collector.perf.disable-hardware-profilers", &["true"][..]),
            ("collector.perf.disable-cache-profilers", &["true"]),
        ];
        assert_eq!(names(&off), ["PageFault", "ContextSwitch", "CpuMigration", "MinorFault", "MajorFault"]);
        let some = [off[0], off[1], ("collector.perf.software-profilers", &["MajorFault", "Typo", "PageFault"])];
        assert_eq!(names(&some), ["PageFault", "MajorFault"]);
        assert_eq!(names(&[off[0], off[1], ("collector.perf.software-profilers", &["Typo"])]).len(), 5);
    }
}
