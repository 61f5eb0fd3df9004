//! What the machine has: `/proc/meminfo`, `/sys/devices/system/cpu/online`, and `machine_*` with the labels by which
//! cAdvisor names a machine. Cost: two reads.

use std::path::PathBuf;

use exposition::{Family, LabelText, Page, gauge};
use kernel::proc::meminfo;
use kernel::sys::cpu_list;
use kernel::{Host, KeptFile, Roots};

use super::file::Reader;

const CORES: Family = gauge("machine_cpu_cores", "CPUs that are online.");
const MEMORY: Family = gauge("machine_memory_bytes", "Memory of the machine, in bytes.");
const SWAP: Family = gauge("machine_swap_bytes", "Swap space of the machine, in bytes.");

pub const FAMILIES: &[Family] = &[CORES, MEMORY, SWAP];

/// A label of the machine and the file that tells it.
type IdentityFile = (&'static str, fn(&Roots) -> PathBuf);

const IDENTITY: [IdentityFile; 3] = [
    ("boot_id", |roots| roots.proc("sys/kernel/random/boot_id")),
    ("machine_id", |roots| roots.host_path("/etc/machine-id")),
    ("system_uuid", |roots| roots.sys("class/dmi/id/product_uuid")),
];

pub struct Machine {
    meminfo: KeptFile,
    labels: LabelText,
    pub memory: MachineMemory,
    pub cpus: Cpus,
}

#[derive(Clone, Copy, Debug, Default)]
pub struct MachineMemory {
    pub total_bytes: Option<u64>,
    pub swap_total_bytes: Option<u64>,
    swap_free_bytes: Option<u64>,
}

/// Which CPUs are online, and their names as cAdvisor writes them.
pub struct Cpus {
    online: KeptFile,
    /// The list as the kernel wrote it, so that it is taken apart only when it changes.
    list: Vec<u8>,
    is_online: Vec<bool>,
    names: Vec<String>,
}

/// More possible CPUs than Linux can have (`NR_CPUS` of x86 is 8192).
const MAX_CPUS: usize = 1 << 16;

impl Machine {
    pub fn new(host: &Host) -> Machine {
        Machine {
            meminfo: host.proc_file("meminfo"),
            labels: labels(&host.roots),
            memory: MachineMemory::default(),
            cpus: Cpus {
                online: host.sys_file("devices/system/cpu/online"),
                list: Vec::new(),
                is_online: Vec::new(),
                names: Vec::new(),
            },
        }
    }

    pub fn read(&mut self, reader: &mut Reader<'_>) {
        self.memory = MachineMemory::default();
        if let Ok(bytes) = self.meminfo.read_single(reader.buffer) {
            for field in meminfo::fields(bytes).flatten() {
                let bytes = Some(field.value.saturating_mul(1024));
                match field.name {
                    b"MemTotal" => self.memory.total_bytes = bytes,
                    b"SwapTotal" => self.memory.swap_total_bytes = bytes,
                    b"SwapFree" => self.memory.swap_free_bytes = bytes,
                    _ => {}
                }
            }
        }
        self.cpus.read(reader);
    }

    pub fn write(&self, page: &mut Page) {
        let cores = self.cpus.is_online.iter().filter(|is_online| **is_online).count();
        let bytes = |bytes: Option<u64>| bytes.map(|bytes| bytes as f64);
        for (family, value) in [
            (&CORES, Some(cores as f64).filter(|cores| *cores > 0.0)),
            (&MEMORY, bytes(self.memory.total_bytes)),
            (&SWAP, bytes(self.memory.swap_total_bytes)),
        ] {
            if let Some(value) = value {
                page.labelled_sample(family, &self.labels, &[], value);
            }
        }
    }
}

impl MachineMemory {
    pub fn swap_used_bytes(&self) -> Option<u64> {
        Some(self.swap_total_bytes?.saturating_sub(self.swap_free_bytes?))
    }
}

impl Cpus {
    fn read(&mut self, reader: &mut Reader<'_>) {
        let Ok(bytes) = self.online.read_single(reader.buffer) else { return };
        if bytes == self.list {
            return;
        }
        self.list.clear();
        self.list.extend_from_slice(bytes);
        self.is_online.clear();
        for range in cpu_list::ranges(bytes).unwrap_or_default() {
            let last = (*range.end() as usize).min(MAX_CPUS);
            self.is_online.resize(self.is_online.len().max(last + 1), false);
            let first = (*range.start() as usize).min(last);
            self.is_online[first..=last].fill(true);
        }
    }

    pub fn is_online(&self, cpu: usize) -> bool {
        self.is_online.get(cpu).copied().unwrap_or(false)
    }

    /// Makes sure that there are names for so many CPUs.
    pub fn name_all(&mut self, count: usize) {
        for cpu in self.names.len()..count.min(MAX_CPUS) {
            self.names.push(format!("cpu{cpu:02}"));
        }
    }

    pub fn name(&self, cpu: usize) -> &str {
        self.names.get(cpu).map_or("", String::as_str)
    }
}

/// Read once: who a machine is does not change while it runs. What it does not tell has no label.
fn labels(roots: &Roots) -> LabelText {
    let mut labels = LabelText::default();
    for (label, path) in IDENTITY {
        let text = std::fs::read_to_string(path(roots)).unwrap_or_default();
        if !text.trim().is_empty() {
            labels.push(label, text.trim());
        }
    }
    labels
}
