//! Cgroups: containers, pods, services, slices and the root, on v1, v2 and hybrid machines.
//! Kernel: any with cgroups. Privileges: none for the figures; names need the runtime's socket or root. Cost: about ten
//! reads for each cgroup.
//!
//! A scrape reads all figures of all cgroups, then writes family by family. Which cgroups there are comes from the tree
//! (kept current by inotify), who they are from the resolver.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use containers::{Identity, Kind, Metadata};
use exposition::Family;
use kernel::Host;
use kernel::cgroup::Hierarchies;

use super::cgroup::{Cgroup, Place};
use super::column::{count, joined};
use super::devices::Devices;
use super::file::Reader;
use super::group::Group;
use super::label_text::{PodName, label_text};
use super::layers::Layers;
use super::machine::Machine;
use super::resolver::Resolver;
use super::settings::{ContainerSettings, FLAGS};
use super::{block_io, cpu, filesystem, machine, memory, namespaces, network, pids, pressure, spec, times};
use crate::{Collector, Failure, Outcome, Scrape, Settings, SettingsError, Spec};

const LISTS: &[&[Family]] = &[
    block_io::FAMILIES,
    cpu::FAMILIES,
    filesystem::FAMILIES,
    machine::FAMILIES,
    memory::FAMILIES,
    network::FAMILIES,
    pids::FAMILIES,
    pressure::FAMILIES,
    spec::FAMILIES,
    times::FAMILIES,
];
const FAMILIES: [Family; count(LISTS)] = joined(LISTS);

pub const SPEC: Spec = Spec {
    name: "containers",
    is_on_by_default: true,
    help: "CPU, memory, I/O, network and limits of cgroups and containers, as cAdvisor shows them",
    families: &FAMILIES,
    flags: FLAGS,
    build,
};

/// How long a scrape waits for the names of containers that are new.
const NAMES_WAIT: Duration = Duration::from_millis(500);
/// Limits of so many cgroups are read on each scrape, in turns: all of them on most machines.
const SPECS_PER_SCRAPE: usize = 32;
/// Of the files that may stay open, so many are left to the collectors of the machine itself.
const FILES_FOR_OTHERS: usize = 256;

struct Containers {
    host: Host,
    settings: ContainerSettings,
    /// Made on the first scrape, when the machine has cgroups.
    watched: Option<Watched>,
}

struct Watched {
    hierarchies: Hierarchies,
    resolver: Resolver,
    layers: Layers,
    machine: Machine,
    devices: Devices,
    /// Sorted by path.
    cgroups: Vec<Cgroup>,
    /// Of the tree, as of the last look.
    tree_generation: u64,
    /// Of the resolver.
    names_generation: u64,
    /// The cgroup whose limits are read next.
    next_spec: usize,
    path: PathBuf,
}

fn build(host: &Host, settings: &Settings) -> Result<Box<dyn Collector>, SettingsError> {
    let settings = ContainerSettings::read(settings)?;
    Ok(Box::new(Containers { host: host.clone(), settings, watched: None }))
}

impl Collector for Containers {
    fn collect(&mut self, scrape: &mut Scrape<'_>) -> Result<Outcome, Failure> {
        if self.watched.as_ref().is_some_and(|watched| !watched.resolver.is_alive()) {
            scrape.item_failed("the thread that looks up containers has ended; it is started again");
            self.watched = None;
        }
        if self.watched.is_none() {
            match Watched::start(&self.host, &self.settings) {
                Ok(watched) => self.watched = Some(watched),
                Err(error) => return Outcome::of_error(error),
            }
        }
        let Some(watched) = &mut self.watched else { return Ok(Outcome::absent("no cgroups")) };
        watched.look_around(scrape, &self.host, &self.settings)?;
        watched.read(scrape);
        watched.write(scrape, &self.settings);
        Ok(Outcome::Collected)
    }
}

impl Watched {
    fn start(host: &Host, settings: &ContainerSettings) -> kernel::Result<Watched> {
        let hierarchies = Hierarchies::detect(&host.roots)?;
        let root = hierarchies.walked().unwrap_or(&host.roots.sysfs).to_owned();
        let resolver = Resolver::start(&root, &host.roots, &settings.runtimes);
        Ok(Watched {
            resolver: resolver.map_err(|error| kernel::Error::io(&root, error))?,
            hierarchies,
            layers: Layers::new(&host.roots),
            machine: Machine::new(host),
            devices: Devices::new(&host.roots),
            cgroups: Vec::new(),
            tree_generation: 0,
            names_generation: 0,
            next_spec: 0,
            path: PathBuf::new(),
        })
    }

    /// Takes in cgroups that came, drops those that went, and learns what is new about the others.
    fn look_around(
        &mut self,
        scrape: &mut Scrape<'_>,
        host: &Host,
        settings: &ContainerSettings,
    ) -> Result<(), Failure> {
        let tree = self.resolver.tree()?;
        let generation = tree.generation();
        let is_new = generation != self.tree_generation;
        if is_new {
            let budget = host.files.leaving(FILES_FOR_OTHERS);
            let mut before = std::mem::take(&mut self.cgroups).into_iter().peekable();
            for path in tree.paths().iter().filter(|path| is_measured(path)) {
                while before.next_if(|cgroup| cgroup.path < *path).is_some() {}
                let known = before.next_if(|cgroup| cgroup.path == *path);
                self.cgroups.push(known.unwrap_or_else(|| {
                    let place = Place { hierarchies: &self.hierarchies, path, budget: &budget };
                    Cgroup::open(&place, &settings.groups)
                }));
            }
            self.tree_generation = generation;
        }
        if tree.left_out() > 0 {
            scrape.item_failed(format!("{} cgroups beyond the limit on their number are left out", tree.left_out()));
        }
        drop(tree);
        let margin = Duration::from_millis(100);
        let deadline = scrape.deadline.checked_sub(margin).unwrap_or(scrape.deadline).min(Instant::now() + NAMES_WAIT);
        self.resolver.wait(generation, deadline);
        let names_generation = self.resolver.generation();
        if is_new || names_generation != self.names_generation {
            self.names_generation = names_generation;
            self.learn(host, settings);
        }
        if let Some(reason) = self.resolver.unreachable() {
            scrape.item_failed(reason);
        }
        Ok(())
    }

    fn learn(&mut self, host: &Host, settings: &ContainerSettings) {
        let mut learnt: Vec<Option<Arc<Metadata>>> = Vec::with_capacity(self.cgroups.len());
        let paths = self.cgroups.iter().map(|cgroup| cgroup.path.as_str());
        self.resolver.look(paths, |_, metadata| learnt.push(metadata.cloned()));
        for (cgroup, metadata) in self.cgroups.iter_mut().zip(learnt) {
            if cgroup.labels.as_bytes().is_empty() || cgroup.metadata != metadata {
                cgroup.labels = label_text(&cgroup.path, metadata.as_deref(), None, settings.style);
                cgroup.metadata = metadata;
            }
        }
        for index in 0..self.cgroups.len() {
            let cgroup = &self.cgroups[index];
            if cgroup.identity.kind == Kind::Pod {
                let pod = self.pod_name(&cgroup.path);
                self.cgroups[index].labels = label_text(&cgroup.path, None, pod.as_ref(), settings.style);
            }
        }
        if settings.groups.has(Group::Network) {
            namespaces::give(&mut self.cgroups, &self.hierarchies, host);
        }
        if settings.groups.has(Group::Disk) {
            let layer = |cgroup: &Cgroup| {
                let layer = cgroup.metadata.as_ref()?.writable_layer.clone()?;
                Some((cgroup.path.clone(), layer))
            };
            self.layers.want(self.cgroups.iter().filter_map(layer));
        }
    }

    /// Any container of a pod knows the pod's name.
    fn pod_name(&self, pod: &str) -> Option<PodName> {
        let first = self.cgroups.partition_point(|cgroup| cgroup.path.as_str() <= pod);
        let below = self.cgroups[first..].iter().take_while(|cgroup| cgroup.path.starts_with(pod));
        let member = below.filter_map(|cgroup| cgroup.metadata.as_ref()?.kubernetes.as_ref()).next()?;
        Some((member.pod.clone(), member.namespace.clone()))
    }

    fn read(&mut self, scrape: &mut Scrape<'_>) {
        let mut reader = Reader {
            buffer: scrape.buffer,
            problems: scrape.problems,
            path: &mut self.path,
            has_lost: false,
            has_read: false,
        };
        self.machine.read(&mut reader);
        let count = self.cgroups.len();
        let first_spec = if count == 0 { 0 } else { self.next_spec % count };
        let root = self.hierarchies.walked();
        let mut gone = Vec::new();
        for (index, cgroup) in self.cgroups.iter_mut().enumerate() {
            (reader.has_lost, reader.has_read) = (false, false);
            let turn = (index + count - first_spec) % count;
            let with_spec = turn < SPECS_PER_SCRAPE || !cgroup.spec.is_read();
            cgroup.read(&mut reader, &self.machine.memory, with_spec);
            if reader.has_lost || !reader.has_read {
                let is_there = root.is_some_and(|root| root.join(cgroup.path.trim_start_matches('/')).exists());
                if !is_there {
                    gone.push(index);
                }
            }
            if cgroup.network.has_lost_process {
                self.resolver.doubt(&cgroup.path);
            }
        }
        self.next_spec = first_spec + SPECS_PER_SCRAPE;
        // Nothing of a container that is gone may be shown, so that its series end now.
        for index in gone.into_iter().rev() {
            self.resolver.forget(&self.cgroups.remove(index).path);
        }
    }

    fn write(&mut self, scrape: &mut Scrape<'_>, settings: &ContainerSettings) {
        let groups = &settings.groups;
        let (page, cgroups) = (&mut *scrape.page, self.cgroups.as_slice());
        self.devices.forget_old();
        self.machine.write(page);
        times::write(page, cgroups);
        spec::write(page, cgroups);
        cpu::write(page, cgroups, &mut self.machine.cpus);
        memory::write(page, cgroups);
        if groups.has(Group::OomEvent) {
            memory::write_oom(page, cgroups);
        }
        block_io::write(page, cgroups, &mut self.devices);
        if groups.has(Group::Disk) {
            filesystem::write(page, cgroups, &self.layers.look(), &mut self.devices);
        }
        network::write(page, cgroups);
        pids::write(page, cgroups);
        pressure::write(page, cgroups);
    }
}

/// Monitors, mount units and the inner cgroup of a container that has two show nothing of their own.
fn is_measured(path: &str) -> bool {
    let identity = Identity::of(path);
    let outer = path.strip_suffix("/container").map(Identity::of);
    let is_inner =
        identity.container_id.is_some() && outer.is_some_and(|outer| outer.container_id == identity.container_id);
    identity.is_measured() && !is_inner
}
