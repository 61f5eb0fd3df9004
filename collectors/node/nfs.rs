//! `/proc/net/rpc/nfs`: calls of the NFS client.
//! Kernel: any with the NFS client. Privileges: none. Cost: one read of about 500 bytes.
//!
//! Versions and procedures of which the kernel says nothing are 0, as node_exporter has it.

use exposition::{Family, Page, counter};
use kernel::KeptFile;
use kernel::proc::net_rpc::{Statistics, statistics};
use kernel::scan::ParseError;

use crate::{Collector, Failure, Outcome, Scrape, Spec};

const CONNECTIONS: Family = counter("node_nfs_connections_total", "Total number of NFSd TCP connections.");
const PACKETS: Family =
    counter("node_nfs_packets_total", "Total NFSd network packets (sent+received) by protocol type.");
const REQUESTS: Family = counter("node_nfs_requests_total", "Number of NFS procedures invoked.");
const AUTHENTICATION_REFRESHES: Family =
    counter("node_nfs_rpc_authentication_refreshes_total", "Number of RPC authentication refreshes performed.");
const RETRANSMISSIONS: Family = counter("node_nfs_rpc_retransmissions_total", "Number of RPC transmissions performed.");
const RPCS: Family = counter("node_nfs_rpcs_total", "Total number of RPCs performed.");

/// Procedures by their number; the server's and the client's are the same.
pub const PROCEDURES_2: [&str; 18] = [
    "Null", "GetAttr", "SetAttr", "Root", "Lookup", "ReadLink", "Read", "WrCache", "Write", "Create", "Remove",
    "Rename", "Link", "SymLink", "MkDir", "RmDir", "ReadDir", "FsStat",
];
pub const PROCEDURES_3: [&str; 22] = [
    "Null",
    "GetAttr",
    "SetAttr",
    "Lookup",
    "Access",
    "ReadLink",
    "Read",
    "Write",
    "Create",
    "MkDir",
    "SymLink",
    "MkNod",
    "Remove",
    "RmDir",
    "Rename",
    "Link",
    "ReadDir",
    "ReadDirPlus",
    "FsStat",
    "FsInfo",
    "PathConf",
    "Commit",
];
/// Procedures of the client, in the kernel's order.
const PROCEDURES_4: [&str; 59] = [
    "Null",
    "Read",
    "Write",
    "Commit",
    "Open",
    "OpenConfirm",
    "OpenNoattr",
    "OpenDowngrade",
    "Close",
    "Setattr",
    "FsInfo",
    "Renew",
    "SetClientID",
    "SetClientIDConfirm",
    "Lock",
    "Lockt",
    "Locku",
    "Access",
    "Getattr",
    "Lookup",
    "LookupRoot",
    "Remove",
    "Rename",
    "Link",
    "Symlink",
    "Create",
    "Pathconf",
    "StatFs",
    "ReadLink",
    "ReadDir",
    "ServerCaps",
    "DelegReturn",
    "GetACL",
    "SetACL",
    "FsLocations",
    "ReleaseLockowner",
    "Secinfo",
    "FsidPresent",
    "ExchangeID",
    "CreateSession",
    "DestroySession",
    "Sequence",
    "GetLeaseTime",
    "ReclaimComplete",
    "GetDeviceInfo",
    "LayoutGet",
    "LayoutCommit",
    "LayoutReturn",
    "SecinfoNoName",
    "TestStateID",
    "FreeStateID",
    "GetDeviceList",
    "BindConnToSession",
    "DestroyClientID",
    "Seek",
    "Allocate",
    "DeAllocate",
    "LayoutStats",
    "Clone",
];

pub const SPEC: Spec = Spec {
    name: "nfs",
    is_on_by_default: true,
    help: "calls of the NFS client, from /proc/net/rpc/nfs",
    families: &[CONNECTIONS, PACKETS, REQUESTS, AUTHENTICATION_REFRESHES, RETRANSMISSIONS, RPCS],
    flags: &[],
    build: |host, _| Ok(Box::new(Nfs { file: host.net_file("rpc/nfs") })),
};

struct Nfs {
    file: KeptFile,
}

#[derive(Default)]
struct Calls {
    net: [u64; 4],
    rpc: [u64; 3],
    procedures: Procedures,
}

struct Procedures {
    version_2: [u64; 18],
    version_3: [u64; 22],
    version_4: [u64; 59],
}

impl Default for Procedures {
    fn default() -> Self {
        Procedures { version_2: [0; 18], version_3: [0; 22], version_4: [0; 59] }
    }
}

impl Collector for Nfs {
    fn collect(&mut self, scrape: &mut Scrape<'_>) -> Result<Outcome, Failure> {
        let bytes = match self.file.read(scrape.buffer) {
            Ok(bytes) => bytes,
            Err(error) => return Outcome::of_error(error),
        };
        let mut calls = Calls::default();
        for line in statistics(bytes) {
            if let Err(problem) = calls.read(&line) {
                scrape.problems.push(kernel::Error::parse(self.file.path(), problem).to_string());
            }
        }
        calls.write(scrape.page);
        Ok(Outcome::Collected)
    }
}

impl Calls {
    /// A kind of line that is not known is passed over.
    fn read(&mut self, line: &Statistics<'_>) -> Result<(), ParseError> {
        match line.kind {
            b"net" => self.net = line.numbers()?,
            b"rpc" => self.rpc = line.numbers()?,
            b"proc2" => self.procedures.version_2 = line.counted()?,
            b"proc3" => self.procedures.version_3 = line.counted()?,
            b"proc4" => self.procedures.version_4 = line.counted()?,
            _ => {}
        }
        Ok(())
    }

    fn write(&self, page: &mut Page) {
        let [_, udp, tcp, connections] = self.net;
        page.sample(&CONNECTIONS, &[], connections as f64);
        page.sample(&PACKETS, &[("protocol", "udp")], udp as f64);
        page.sample(&PACKETS, &[("protocol", "tcp")], tcp as f64);
        let [calls, retransmissions, refreshes] = self.rpc;
        page.sample(&RPCS, &[], calls as f64);
        page.sample(&RETRANSMISSIONS, &[], retransmissions as f64);
        page.sample(&AUTHENTICATION_REFRESHES, &[], refreshes as f64);
        write_calls(page, &REQUESTS, "2", &PROCEDURES_2, &self.procedures.version_2);
        write_calls(page, &REQUESTS, "3", &PROCEDURES_3, &self.procedures.version_3);
        write_calls(page, &REQUESTS, "4", &PROCEDURES_4, &self.procedures.version_4);
    }
}

/// A procedure without a name is left out.
pub fn write_calls(page: &mut Page, family: &Family, version: &str, procedures: &[&str], calls: &[u64]) {
    for (method, calls) in procedures.iter().zip(calls).filter(|(method, _)| !method.is_empty()) {
        page.sample(family, &[("method", method), ("proto", version)], *calls as f64);
    }
}
