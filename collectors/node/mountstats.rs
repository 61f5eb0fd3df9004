//! `/proc/self/mountstats` and `/proc/self/mountinfo`: what the NFS client counts for each mount.
//! Kernel: 2.6.17 and later. Privileges: none; the mounts are those that the agent itself sees. Cost: one read per page
//! of two files; some 60 series per kind of request and mount, so it is off by default.

use exposition::{Label, Page};
use kernel::proc::mountinfo;
use kernel::proc::mountstats::{Mount, Statistic, mounts};
use kernel::{Error, Host, KeptFile};

use super::mountstats_families::{AGE, BYTES, EVENT, FAMILIES, MOUNTPOINT, OPERATION, TRANSPORT};
use super::parsed::parsed;
use crate::{Collector, Failure, Outcome, Scrape, Spec};

pub const SPEC: Spec = Spec {
    name: "mountstats",
    is_on_by_default: false,
    help: "what the NFS client counts for each mount, from /proc/self/mountstats",
    families: &FAMILIES,
    flags: &[],
    build: |host, _| Ok(Box::new(Mountstats::new(host))),
};

struct Mountstats {
    mountstats: KeptFile,
    mountinfo: KeptFile,
    mountinfo_buffer: Vec<u8>,
    /// Of this scrape: a server's directory may be mounted in several places, and counts once.
    seen: Seen,
}

/// Tuples of texts that were there before. Its room is kept.
#[derive(Default)]
struct Seen {
    bytes: Vec<u8>,
    /// Where each tuple ends in `bytes`.
    ends: Vec<usize>,
}

/// What tells the series of one mount from those of others.
struct Identity<'a> {
    export: &'a str,
    address: &'a str,
    protocol: &'a str,
}

impl Mountstats {
    fn new(host: &Host) -> Self {
        Mountstats {
            mountstats: host.proc_file("self/mountstats"),
            mountinfo: host.proc_file("self/mountinfo"),
            mountinfo_buffer: Vec::new(),
            seen: Seen::default(),
        }
    }
}

impl Collector for Mountstats {
    fn collect(&mut self, scrape: &mut Scrape<'_>) -> Result<Outcome, Failure> {
        let bytes = match self.mountstats.read(scrape.buffer) {
            Ok(bytes) => bytes,
            Err(error) => return Outcome::of_error(error),
        };
        let infos = self.mountinfo.read(&mut self.mountinfo_buffer)?;
        // Both files have the same mounts in the same order.
        let mut infos = mountinfo::mounts(infos);
        self.seen.clear();
        let path = self.mountstats.path();
        let mut odd_lines = Vec::new();
        for mount in parsed(mounts(bytes), path, scrape.problems) {
            let info = infos.next().and_then(Result::ok);
            let address = info.map_or(&b""[..], |info| address_of(info.super_options));
            let complain = |problem| odd_lines.push(Error::parse(path, problem).to_string());
            write_mount(&mount, &String::from_utf8_lossy(address), &mut self.seen, scrape.page, complain);
        }
        scrape.problems.append(&mut odd_lines);
        Ok(Outcome::Collected)
    }
}

fn address_of(options: &[u8]) -> &[u8] {
    options.split(|byte| *byte == b',').find_map(|option| option.strip_prefix(b"addr=")).unwrap_or_default()
}

/// A mount with several connections has the protocol of each; its counters are there once per protocol.
fn write_mount(
    mount: &Mount<'_>,
    address: &str,
    seen: &mut Seen,
    page: &mut Page,
    mut complain: impl FnMut(kernel::scan::ParseError),
) {
    let (export, place) = (String::from_utf8_lossy(mount.source), String::from_utf8_lossy(mount.mount_point));
    for transport in mount.statistics() {
        let Ok(Statistic::Transport(transport)) = transport else { continue };
        let protocol = String::from_utf8_lossy(transport.protocol);
        let identity = Identity { export: &export, address, protocol: &protocol };
        if seen.is_new(&[&export, &protocol, address, &place]) {
            let labels =
                [("export", &*export), ("mountaddr", address), ("mountpoint", &*place), ("protocol", &*protocol)];
            page.sample(&MOUNTPOINT, &labels, 1.0);
        }
        if !seen.is_new(&[&export, &protocol, address]) {
            return;
        }
        identity.write(mount, page, &mut complain);
    }
}

impl Identity<'_> {
    fn write(&self, mount: &Mount<'_>, page: &mut Page, complain: &mut impl FnMut(kernel::scan::ParseError)) {
        let labels = [("export", self.export), ("mountaddr", self.address), ("protocol", self.protocol)];
        let mut transports = 0;
        for statistic in mount.statistics() {
            match statistic {
                Ok(Statistic::AgeSeconds(age)) => page.sample(&AGE, &labels, age as f64),
                Ok(Statistic::Bytes(bytes)) => {
                    BYTES.iter().zip(bytes).for_each(|(family, bytes)| page.sample(family, &labels, bytes as f64));
                }
                Ok(Statistic::Events(events)) => {
                    for (family, count) in EVENT.iter().zip(events.counts()) {
                        if let Some(family) = family {
                            page.sample(family, &labels, count as f64);
                        }
                    }
                }
                Ok(Statistic::Transport(transport)) => {
                    let mut digits = itoa::Buffer::new();
                    let place = ("transport", digits.format(transports));
                    let [export, address, protocol] = labels;
                    for (family, value) in &TRANSPORT {
                        page.sample(family, &[export, address, protocol, place], value(&transport) as f64);
                    }
                    transports += 1;
                }
                Ok(Statistic::Operation(operation)) => {
                    let name = String::from_utf8_lossy(operation.name);
                    let labels: [Label<'_>; 4] = [labels[0], labels[1], ("operation", &*name), labels[2]];
                    for (family, value) in &OPERATION {
                        page.sample(family, &labels, value(&operation));
                    }
                }
                Err(problem) => complain(problem),
            }
        }
    }
}

impl Seen {
    fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
    }

    /// Remembers the tuple; `false` when it was there.
    fn is_new(&mut self, parts: &[&str]) -> bool {
        let start = self.bytes.len();
        for part in parts {
            self.bytes.extend_from_slice(part.as_bytes());
            self.bytes.push(0);
        }
        let (before, tuple) = self.bytes.split_at(start);
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        let is_known = starts.zip(&self.ends).any(|(start, end)| before[start..*end] == *tuple);
        if is_known {
            self.bytes.truncate(start);
        } else {
            self.ends.push(self.bytes.len());
        }
        !is_known
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tuple_is_new_once() {
        let mut seen = Seen::default();
        assert!(seen.is_new(&["a", "b"]) && seen.is_new(&["a", "b", "c"]) && seen.is_new(&["ab"]));
        assert!(!seen.is_new(&["a", "b"]) && !seen.is_new(&["ab"]));
        seen.clear();
        assert!(seen.is_new(&["a", "b"]));
    }
}
