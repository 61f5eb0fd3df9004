//! One cgroup: who it is, its open files, and the figures of the last read.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use containers::{Identity, Kind, Metadata};
use exposition::LabelText;
use kernel::FileBudget;
use kernel::cgroup::{Controller, Hierarchies, Version};

use super::block_io::BlockIo;
use super::cpu::Cpu;
use super::file::{CgroupFile, Reader};
use super::group::{Group, Groups};
use super::machine::MachineMemory;
use super::memory::Memory;
use super::network::Network;
use super::pids::Pids;
use super::pressure::Pressures;
use super::spec::Spec;
use super::times::Times;

pub struct Cgroup {
    pub path: String,
    pub identity: Identity,
    pub metadata: Option<Arc<Metadata>>,
    /// What all its series have in common.
    pub labels: LabelText,
    pub spec: Spec,
    pub times: Times,
    pub cpu: Option<Cpu>,
    pub memory: Option<Memory>,
    pub block_io: Option<BlockIo>,
    pub pids: Option<Pids>,
    pub pressures: Option<Pressures>,
    pub network: Network,
}

/// Where the files of one cgroup are.
pub struct Place<'a> {
    pub hierarchies: &'a Hierarchies,
    pub path: &'a str,
    pub budget: &'a FileBudget,
}

impl Cgroup {
    pub fn open(place: &Place<'_>, groups: &Groups) -> Cgroup {
        Cgroup {
            path: place.path.to_owned(),
            identity: Identity::of(place.path),
            metadata: None,
            labels: LabelText::default(),
            spec: Spec::open(place),
            times: Times::read(place),
            cpu: if groups.has(Group::Cpu) { Cpu::open(place, groups.has(Group::Percpu)) } else { None },
            memory: Memory::open(place, groups),
            block_io: if groups.has(Group::DiskIo) { BlockIo::open(place) } else { None },
            pids: if groups.has(Group::Pids) { Pids::open(place) } else { None },
            pressures: if groups.has(Group::Pressure) { Pressures::open(place) } else { None },
            network: Network::default(),
        }
    }

    pub fn is_root(&self) -> bool {
        self.identity.kind == Kind::Root
    }

    /// Reads the figures of this scrape. The limits come first: without a quota there is no throttling to read.
    pub fn read(&mut self, reader: &mut Reader<'_>, machine: &MachineMemory, with_spec: bool) {
        if with_spec {
            self.spec.read(reader, machine);
        }
        if let Some(cpu) = &mut self.cpu {
            cpu.read(reader, self.spec.has_quota());
        }
        if let Some(memory) = &mut self.memory {
            memory.read(reader, machine);
        }
        if let Some(block_io) = &mut self.block_io {
            block_io.read(reader);
        }
        if let Some(pids) = &mut self.pids {
            pids.read(reader);
        }
        if let Some(pressures) = &mut self.pressures {
            pressures.read(reader);
        }
        self.network.read(reader);
    }
}

impl Place<'_> {
    pub fn is_root(&self) -> bool {
        self.path == "/"
    }

    /// The cgroup's directory in the hierarchy of a controller.
    pub fn directory(&self, controller: Controller) -> Option<(Version, PathBuf)> {
        let (version, root) = self.hierarchies.of(controller)?;
        Some((version, self.below(root)))
    }

    pub fn below(&self, root: &Path) -> PathBuf {
        root.join(self.path.trim_start_matches('/'))
    }

    pub fn file(&self, directory: &Path, name: &str) -> CgroupFile {
        CgroupFile::new(directory.join(name), self.budget)
    }
}
