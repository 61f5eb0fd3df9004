//! Group `network`: `/proc/<pid>/net/dev` of one process in each network namespace. Opened and closed each time: a kept
//! descriptor would keep a dead container's namespace alive. Cost: one file for each namespace, about 20 µs.
//!
//! Which cgroup shows which namespace is decided in `namespaces`. Interfaces of the machine that only lead into containers (`veth*`, `docker*`, `nerdctl*`) and `lo` are left
//! out.

use std::path::PathBuf;

use exposition::{Family, Page, counter};
use kernel::proc::net_dev::interfaces;
use kernel::read_file_if_there;

use super::cgroup::Cgroup;
use super::file::Reader;

const FAMILIES_BY_COUNTER: [Family; 8] = [
    counter("container_network_receive_bytes_total", "Bytes received."),
    counter("container_network_receive_packets_total", "Packets received."),
    counter("container_network_receive_packets_dropped_total", "Packets dropped while receiving."),
    counter("container_network_receive_errors_total", "Errors while receiving."),
    counter("container_network_transmit_bytes_total", "Bytes transmitted."),
    counter("container_network_transmit_packets_total", "Packets transmitted."),
    counter("container_network_transmit_packets_dropped_total", "Packets dropped while transmitting."),
    counter("container_network_transmit_errors_total", "Errors while transmitting."),
];

pub const FAMILIES: &[Family] = &FAMILIES_BY_COUNTER;

/// More interfaces of one namespace than this are left out.
const MAX_INTERFACES: usize = 256;

/// Interface names that begin so are left out, in any case.
const LEFT_OUT: [&[u8]; 4] = [b"lo", b"veth", b"docker", b"nerdctl"];

#[derive(Default)]
pub struct Network {
    /// `net/dev` of a process in the namespace; `None` for cgroups that own none.
    file: Option<PathBuf>,
    /// In use are the first `count`; the others keep their memory for later.
    interfaces: Vec<Interface>,
    count: usize,
    /// The process has ended.
    pub has_lost_process: bool,
}

#[derive(Default)]
struct Interface {
    name: String,
    /// In the order of the families.
    counters: [u64; FAMILIES_BY_COUNTER.len()],
}

impl Network {
    /// `None` for a cgroup that owns no namespace.
    pub fn set_file(&mut self, file: Option<PathBuf>) {
        self.file = file;
        self.count = 0;
        self.has_lost_process = false;
    }

    pub fn read(&mut self, reader: &mut Reader<'_>) {
        self.count = 0;
        let Some(file) = &self.file else { return };
        let bytes = match read_file_if_there(file, reader.buffer) {
            Ok(Some(bytes)) => bytes,
            Ok(None) => {
                self.has_lost_process = true;
                return;
            }
            Err(error) => {
                reader.problems.push(error.to_string());
                return;
            }
        };
        for interface in interfaces(bytes) {
            match interface {
                Ok(interface) if is_left_out(interface.name) || self.count >= MAX_INTERFACES => {}
                Ok(interface) => {
                    let Ok(name) = std::str::from_utf8(interface.name) else { continue };
                    if self.count == self.interfaces.len() {
                        self.interfaces.push(Interface::default());
                    }
                    let place = &mut self.interfaces[self.count];
                    place.set_name(name);
                    let (receive, transmit) = (interface.receive, interface.transmit);
                    place.counters = [
                        receive.bytes,
                        receive.packets,
                        receive.dropped,
                        receive.errors,
                        transmit.bytes,
                        transmit.packets,
                        transmit.dropped,
                        transmit.errors,
                    ];
                    self.count += 1;
                }
                Err(problem) => {
                    let problem = kernel::Error::Parse { path: file.as_path().into(), problem };
                    reader.problems.push(problem.to_string());
                }
            }
        }
    }
}

impl Interface {
    fn set_name(&mut self, name: &str) {
        if self.name != name {
            self.name.clear();
            self.name.push_str(name);
        }
    }
}

fn is_left_out(name: &[u8]) -> bool {
    LEFT_OUT.iter().any(|prefix| name.len() >= prefix.len() && name[..prefix.len()].eq_ignore_ascii_case(prefix))
}

pub fn write(page: &mut Page, cgroups: &[Cgroup]) {
    for (index, family) in FAMILIES_BY_COUNTER.iter().enumerate() {
        for cgroup in cgroups {
            for interface in &cgroup.network.interfaces[..cgroup.network.count] {
                let labels = [("interface", interface.name.as_str())];
                page.labelled_sample(family, &cgroup.labels, &labels, interface.counters[index] as f64);
            }
        }
    }
}
