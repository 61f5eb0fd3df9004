//! The collector of cgroups: containers, pods, services and slices, with cAdvisor's names.
//!
//! One collector, since discovery and identity are shared. Its parts follow cAdvisor's metric groups; each is one file
//! with the files that it reads of a cgroup, the figures of the last read, and the families that show them.

mod block_io;
mod cgroup;
mod column;
pub mod containers;
mod cpu;
mod devices;
mod file;
mod filesystem;
mod group;
mod label_text;
mod layers;
mod machine;
mod memory;
mod namespaces;
mod network;
mod origin;
mod pids;
mod pressure;
mod resolver;
mod settings;
mod spec;
mod times;
pub mod units;

/// Which container runtimes there are on this machine; empty when the settings are bad or there are none.
pub fn runtimes_seen(host: &kernel::Host, settings: &crate::Settings) -> Vec<String> {
    settings::ContainerSettings::read(settings)
        .map(|settings| ::containers::runtimes_seen(&host.roots, &settings.runtimes))
        .unwrap_or_default()
}
