//! Groups `memory` and `oom_event`. v2: `memory.current`, `.stat`, `.peak` (5.19), `.swap.current`, `.events`. v1:
//! `memory.usage_in_bytes`, `.stat`, `.max_usage_in_bytes`, `.failcnt`, `.kmem.usage_in_bytes`, `.oom_control`. Cost: six
//! reads for each cgroup, of which `memory.stat` is the dearest.
//!
//! The root of v2 has no `memory.current`: its use is what `memory.stat` calls anon and file, its swap the machine's.

use exposition::{Family, Page, counter, gauge};
use kernel::cgroup::memory_events::MemoryEvents;
use kernel::cgroup::memory_stat::MemoryStat;
use kernel::cgroup::memory_stat_v1::MemoryStatV1;
use kernel::cgroup::{Controller, Version};

use super::cgroup::{Cgroup, Place};
use super::column::{self, Column, column, families};
use super::file::{CgroupFile, Reader};
use super::group::{Group, Groups};
use super::machine::MachineMemory;

const FAILURES: Family =
    counter("container_memory_failures_total", "Page faults, minor and major (pgfault) or major alone (pgmajfault).");

const COLUMNS: [Column; 19] = [
    column(gauge("container_memory_cache", "Page cache, in bytes."), |cgroup| number(cgroup, |now| now.cache)),
    column(gauge("container_memory_rss", "Anonymous memory, in bytes."), |cgroup| number(cgroup, |now| now.rss)),
    column(gauge("container_memory_kernel_usage", "Kernel memory, in bytes."), |cgroup| {
        number(cgroup, |now| now.kernel)
    }),
    column(gauge("container_memory_mapped_file", "Page cache that is mapped, in bytes."), |cgroup| {
        number(cgroup, |now| now.mapped_file)
    }),
    column(gauge("container_memory_swap", "Memory that is swapped out, in bytes."), |cgroup| {
        number(cgroup, |now| now.swap)
    }),
    column(counter("container_memory_failcnt", "Times that the memory limit was met."), |cgroup| {
        number(cgroup, |now| now.limit_hits)
    }),
    column(gauge("container_memory_usage_bytes", "All memory used, in bytes."), |cgroup| {
        number(cgroup, |now| now.usage)
    }),
    column(gauge("container_memory_max_usage_bytes", "Most memory used so far, in bytes."), |cgroup| {
        number(cgroup, |now| now.max_usage)
    }),
    column(
        gauge(
            "container_memory_working_set_bytes",
            "Memory used without page cache that was not used lately, in bytes.",
        ),
        |cgroup| number(cgroup, |now| now.working_set),
    ),
    column(gauge("container_memory_total_active_file_bytes", "Page cache that was used lately, in bytes."), |cgroup| {
        number(cgroup, |now| now.active_file)
    }),
    column(
        gauge("container_memory_total_inactive_file_bytes", "Page cache that was not used lately, in bytes."),
        |cgroup| number(cgroup, |now| now.inactive_file),
    ),
    column(counter("container_memory_events_high_total", "Times that memory.high was met."), |cgroup| {
        number(cgroup, |now| now.high_events)
    }),
    column(counter("container_memory_events_max_total", "Times that memory.max was met."), |cgroup| {
        number(cgroup, |now| now.max_events)
    }),
    column(gauge("container_memory_file_dirty_bytes", "Bytes of page cache yet to be written."), |cgroup| {
        number(cgroup, |now| now.file_dirty)
    }),
    column(gauge("container_memory_file_writeback_bytes", "Bytes of page cache being written."), |cgroup| {
        number(cgroup, |now| now.file_writeback)
    }),
    column(counter("container_memory_pgscan_total", "Number of pages scanned by reclaim."), |cgroup| {
        number(cgroup, |now| now.pages_scanned)
    }),
    column(counter("container_memory_pgsteal_total", "Number of pages taken by reclaim."), |cgroup| {
        number(cgroup, |now| now.pages_stolen)
    }),
    column(
        counter("container_memory_workingset_refault_file_total", "Number of refaults of file pages taken before."),
        |cgroup| number(cgroup, |now| now.file_refaults),
    ),
    column(
        counter(
            "container_memory_workingset_refault_anon_total",
            "Number of refaults of anonymous pages taken before.",
        ),
        |cgroup| number(cgroup, |now| now.anon_refaults),
    ),
];

const OOM: [Column; 1] =
    [column(counter("container_oom_events_total", "Processes that the OOM killer ended."), |cgroup| {
        cgroup.memory.as_ref()?.oom_kills.map(|kills| kills as f64)
    })];

const OF_COLUMNS: [Family; 19] = families(&COLUMNS);
const OF_OOM: [Family; 1] = families(&OOM);
pub const FAMILIES: &[Family] = &column::joined::<21>(&[&OF_COLUMNS, &[FAILURES], &OF_OOM]);

pub struct Memory {
    source: Source,
    has_figures: bool,
    now: Figures,
    /// Processes that the OOM killer ended.
    oom_kills: Option<u64>,
}

/// In bytes or counts, as the families say.
#[derive(Clone, Copy, Debug, Default)]
struct Figures {
    usage: Option<u64>,
    max_usage: Option<u64>,
    working_set: Option<u64>,
    cache: Option<u64>,
    rss: Option<u64>,
    mapped_file: Option<u64>,
    swap: Option<u64>,
    kernel: Option<u64>,
    active_file: Option<u64>,
    inactive_file: Option<u64>,
    limit_hits: Option<u64>,
    high_events: Option<u64>,
    max_events: Option<u64>,
    file_dirty: Option<u64>,
    file_writeback: Option<u64>,
    pages_scanned: Option<u64>,
    pages_stolen: Option<u64>,
    file_refaults: Option<u64>,
    anon_refaults: Option<u64>,
    faults: Faults,
}

#[derive(Clone, Copy, Debug, Default)]
struct Faults {
    page: Option<u64>,
    major: Option<u64>,
    /// With all cgroups below.
    page_hierarchy: Option<u64>,
    major_hierarchy: Option<u64>,
}

enum Source {
    V1(Box<FilesV1>),
    V2(Box<FilesV2>),
}

struct FilesV1 {
    stat: CgroupFile,
    usage: CgroupFile,
    max_usage: CgroupFile,
    failcnt: CgroupFile,
    kernel: CgroupFile,
    oom_control: CgroupFile,
}

struct FilesV2 {
    stat: CgroupFile,
    current: CgroupFile,
    peak: CgroupFile,
    swap: CgroupFile,
    events: CgroupFile,
    is_root: bool,
}

impl Memory {
    /// `None` without the controller, or when neither group is wanted.
    pub fn open(place: &Place<'_>, groups: &Groups) -> Option<Memory> {
        let has_figures = groups.has(Group::Memory);
        if !has_figures && !groups.has(Group::OomEvent) {
            return None;
        }
        let (version, directory) = place.directory(Controller::Memory)?;
        let file = |name: &str| place.file(&directory, name);
        let source = match version {
            Version::V1 => Source::V1(Box::new(FilesV1 {
                stat: file("memory.stat"),
                usage: file("memory.usage_in_bytes"),
                max_usage: file("memory.max_usage_in_bytes"),
                failcnt: file("memory.failcnt"),
                kernel: file("memory.kmem.usage_in_bytes"),
                oom_control: file("memory.oom_control"),
            })),
            Version::V2 => Source::V2(Box::new(FilesV2 {
                stat: file("memory.stat"),
                current: file("memory.current"),
                peak: file("memory.peak"),
                swap: file("memory.swap.current"),
                events: file("memory.events"),
                is_root: place.is_root(),
            })),
        };
        Some(Memory { source, has_figures, now: Figures::default(), oom_kills: None })
    }

    pub fn read(&mut self, reader: &mut Reader<'_>, machine: &MachineMemory) {
        let events = match &mut self.source {
            Source::V1(files) => files.oom_control.read(reader, |bytes, problems| MemoryEvents::parse(bytes, problems)),
            Source::V2(files) => files.events.read(reader, |bytes, problems| MemoryEvents::parse(bytes, problems)),
        };
        self.oom_kills = events.and_then(|events| events.oom_kills);
        if !self.has_figures {
            return;
        }
        self.now = match &mut self.source {
            Source::V1(files) => files.read(reader),
            Source::V2(files) => files.read(reader, events.unwrap_or_default(), machine),
        };
    }
}

impl Memory {
    pub fn usage_bytes(&self) -> Option<f64> {
        self.now.usage.map(|bytes| bytes as f64)
    }

    pub fn working_set_bytes(&self) -> Option<f64> {
        self.now.working_set.map(|bytes| bytes as f64)
    }

    pub fn anonymous_bytes(&self) -> Option<f64> {
        self.now.rss.map(|bytes| bytes as f64)
    }

    pub fn swap_bytes(&self) -> Option<f64> {
        self.now.swap.map(|bytes| bytes as f64)
    }
}

impl FilesV1 {
    fn read(&mut self, reader: &mut Reader<'_>) -> Figures {
        let usage = self.usage.read_value(reader);
        let stat = self.stat.read(reader, |bytes, problems| MemoryStatV1::parse(bytes, problems)).unwrap_or_default();
        let inactive_file = stat.hierarchical(|own| own.inactive_file_bytes);
        Figures {
            usage,
            max_usage: self.max_usage.read_value(reader),
            working_set: without(usage, inactive_file),
            cache: stat.hierarchical(|own| own.cache_bytes),
            rss: stat.hierarchical(|own| own.rss_bytes),
            mapped_file: stat.hierarchical(|own| own.mapped_file_bytes),
            swap: stat.hierarchical(|own| own.swap_bytes),
            kernel: self.kernel.read_value(reader),
            active_file: stat.hierarchical(|own| own.active_file_bytes),
            inactive_file,
            limit_hits: self.failcnt.read_value(reader),
            faults: Faults {
                page: stat.local.page_faults,
                major: stat.local.major_page_faults,
                page_hierarchy: stat.hierarchical(|own| own.page_faults),
                major_hierarchy: stat.hierarchical(|own| own.major_page_faults),
            },
            ..Figures::default()
        }
    }
}

impl FilesV2 {
    fn read(&mut self, reader: &mut Reader<'_>, events: MemoryEvents, machine: &MachineMemory) -> Figures {
        let stat = self.stat.read(reader, |bytes, problems| MemoryStat::parse(bytes, problems)).unwrap_or_default();
        let (usage, swap) = if self.is_root {
            (stat.anon_bytes.zip(stat.file_bytes).map(|(anon, file)| anon + file), machine.swap_used_bytes())
        } else {
            (self.current.read_value(reader), self.swap.read_value(reader))
        };
        Figures {
            usage,
            max_usage: self.peak.read_value(reader),
            working_set: without(usage, stat.inactive_file_bytes),
            cache: stat.file_bytes,
            rss: stat.anon_bytes,
            mapped_file: stat.file_mapped_bytes,
            swap,
            kernel: stat.kernel_bytes,
            active_file: stat.active_file_bytes,
            inactive_file: stat.inactive_file_bytes,
            limit_hits: events.max,
            high_events: events.high,
            max_events: events.max,
            file_dirty: stat.file_dirty_bytes,
            file_writeback: stat.file_writeback_bytes,
            pages_scanned: stat.pages_scanned,
            pages_stolen: stat.pages_stolen,
            file_refaults: stat.file_refaults,
            anon_refaults: stat.anon_refaults,
            // Counters of v2 always include what is below.
            faults: Faults {
                page: stat.page_faults,
                major: stat.major_page_faults,
                page_hierarchy: stat.page_faults,
                major_hierarchy: stat.major_page_faults,
            },
        }
    }
}

pub fn write(page: &mut Page, cgroups: &[Cgroup]) {
    column::write(page, &COLUMNS, cgroups);
    for cgroup in cgroups {
        let Some(faults) = cgroup.memory.as_ref().map(|memory| memory.now.faults) else { continue };
        for (kind, scope, value) in [
            ("pgfault", "container", faults.page),
            ("pgfault", "hierarchy", faults.page_hierarchy),
            ("pgmajfault", "container", faults.major),
            ("pgmajfault", "hierarchy", faults.major_hierarchy),
        ] {
            if let Some(value) = value {
                let labels = [("failure_type", kind), ("scope", scope)];
                page.labelled_sample(&FAILURES, &cgroup.labels, &labels, value as f64);
            }
        }
    }
}

pub fn write_oom(page: &mut Page, cgroups: &[Cgroup]) {
    column::write(page, &OOM, cgroups);
}

fn number(cgroup: &Cgroup, field: fn(&Figures) -> Option<u64>) -> Option<f64> {
    field(&cgroup.memory.as_ref()?.now).map(|value| value as f64)
}

/// Never below 0: the two figures are not of the same moment.
fn without(usage: Option<u64>, inactive_file: Option<u64>) -> Option<u64> {
    Some(usage?.saturating_sub(inactive_file?))
}
