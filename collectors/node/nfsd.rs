//! `/proc/net/rpc/nfsd`: calls to the NFS server of the kernel.
//! Kernel: any with the NFS server. Privileges: none. Cost: one read of about 1 KB.
//!
//! What the kernel says nothing of is 0, as node_exporter has it.

use exposition::{Family, Page, counter, gauge};
use kernel::KeptFile;
use kernel::proc::net_rpc::{Statistics, statistics};
use kernel::scan::ParseError;

use super::nfs::{PROCEDURES_2, PROCEDURES_3, write_calls};
use crate::{Collector, Failure, Outcome, Scrape, Spec};

const CONNECTIONS: Family = counter("node_nfsd_connections_total", "Total number of NFSd TCP connections.");
const BYTES_READ: Family = counter("node_nfsd_disk_bytes_read_total", "Total NFSd bytes read.");
const BYTES_WRITTEN: Family = counter("node_nfsd_disk_bytes_written_total", "Total NFSd bytes written.");
const FILE_HANDLES_STALE: Family =
    counter("node_nfsd_file_handles_stale_total", "Total number of NFSd stale file handles");
const PACKETS: Family =
    counter("node_nfsd_packets_total", "Total NFSd network packets (sent+received) by protocol type.");
const READ_AHEAD_NOT_FOUND: Family =
    counter("node_nfsd_read_ahead_cache_not_found_total", "Total number of NFSd read ahead cache not found.");
const READ_AHEAD_SIZE: Family =
    gauge("node_nfsd_read_ahead_cache_size_blocks", "How large the read ahead cache is in blocks.");
const REPLY_CACHE_HITS: Family =
    counter("node_nfsd_reply_cache_hits_total", "Calls that were answered from the cache: a client missed the answer.");
const REPLY_CACHE_MISSES: Family =
    counter("node_nfsd_reply_cache_misses_total", "Calls that went into the cache of answers.");
const REPLY_CACHE_NOCACHE: Family =
    counter("node_nfsd_reply_cache_nocache_total", "Calls whose answers need not be kept.");
const REQUESTS: Family = counter("node_nfsd_requests_total", "Total number NFSd Requests by method and protocol.");
const RPC_ERRORS: Family = counter("node_nfsd_rpc_errors_total", "Total number of NFSd RPC errors by error type.");
const RPCS: Family = counter("node_nfsd_server_rpcs_total", "Total number of NFSd RPCs.");
const THREADS: Family = gauge("node_nfsd_server_threads", "Total number of NFSd kernel threads that are running.");

/// Operations within a call of version 4, by their number. Those without a name are not exported.
const OPERATIONS_4: [&str; 40] = [
    "",
    "",
    "",
    "Access",
    "Close",
    "Commit",
    "Create",
    "DelegPurge",
    "DelegReturn",
    "GetAttr",
    "GetFH",
    "Link",
    "Lock",
    "Lockt",
    "Locku",
    "Lookup",
    "LookupRoot",
    "Nverify",
    "Open",
    "OpenAttr",
    "OpenConfirm",
    "OpenDgrd",
    "PutFH",
    "",
    "",
    "Read",
    "ReadDir",
    "ReadLink",
    "Remove",
    "Rename",
    "Renew",
    "RestoreFH",
    "SaveFH",
    "SecInfo",
    "SetAttr",
    "SetClientID",
    "SetClientIDConfirm",
    "Verify",
    "Write",
    "RelLockOwner",
];
/// On a line of its own, since 6.6.
const WDELEG_GETATTR: &str = "WdelegGetattr";

pub const SPEC: Spec = Spec {
    name: "nfsd",
    is_on_by_default: true,
    help: "calls to the NFS server of the kernel, from /proc/net/rpc/nfsd",
    families: &[
        CONNECTIONS,
        BYTES_READ,
        BYTES_WRITTEN,
        FILE_HANDLES_STALE,
        PACKETS,
        READ_AHEAD_NOT_FOUND,
        READ_AHEAD_SIZE,
        REPLY_CACHE_HITS,
        REPLY_CACHE_MISSES,
        REPLY_CACHE_NOCACHE,
        REQUESTS,
        RPC_ERRORS,
        RPCS,
        THREADS,
    ],
    flags: &[],
    build: |host, _| Ok(Box::new(Nfsd { file: host.net_file("rpc/nfsd") })),
};

struct Nfsd {
    file: KeptFile,
}

/// Lines of the file by their kind.
struct Calls {
    reply_cache: [u64; 3],
    stale_file_handles: [u64; 1],
    io: [u64; 2],
    threads: [u64; 1],
    read_ahead: [u64; 12],
    net: [u64; 4],
    rpc: [u64; 5],
    version_2: [u64; 18],
    version_3: [u64; 22],
    operations_4: [u64; 40],
    wdeleg_getattr: [u64; 1],
}

impl Default for Calls {
    fn default() -> Self {
        Calls {
            reply_cache: [0; 3],
            stale_file_handles: [0],
            io: [0; 2],
            threads: [0],
            read_ahead: [0; 12],
            net: [0; 4],
            rpc: [0; 5],
            version_2: [0; 18],
            version_3: [0; 22],
            operations_4: [0; 40],
            wdeleg_getattr: [0],
        }
    }
}

impl Collector for Nfsd {
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
            b"rc" => self.reply_cache = line.numbers()?,
            b"fh" => self.stale_file_handles = line.numbers()?,
            b"io" => self.io = line.numbers()?,
            b"th" => self.threads = line.numbers()?,
            b"ra" => self.read_ahead = line.numbers()?,
            b"net" => self.net = line.numbers()?,
            b"rpc" => self.rpc = line.numbers()?,
            b"proc2" => self.version_2 = line.counted()?,
            b"proc3" => self.version_3 = line.counted()?,
            b"proc4ops" => self.operations_4 = line.counted()?,
            b"wdeleg_getattr" => self.wdeleg_getattr = line.numbers()?,
            _ => {}
        }
        Ok(())
    }

    fn write(&self, page: &mut Page) {
        let [hits, misses, nocache] = self.reply_cache;
        let [bytes_read, bytes_written] = self.io;
        let [_, udp, tcp, connections] = self.net;
        let [calls, _, bad_format, bad_authentication, bad_client] = self.rpc;
        let [read_ahead_size, .., read_ahead_not_found] = self.read_ahead;
        for (family, value) in [
            (&REPLY_CACHE_HITS, hits),
            (&REPLY_CACHE_MISSES, misses),
            (&REPLY_CACHE_NOCACHE, nocache),
            (&FILE_HANDLES_STALE, self.stale_file_handles[0]),
            (&BYTES_READ, bytes_read),
            (&BYTES_WRITTEN, bytes_written),
            (&THREADS, self.threads[0]),
            (&READ_AHEAD_SIZE, read_ahead_size),
            (&READ_AHEAD_NOT_FOUND, read_ahead_not_found),
            (&CONNECTIONS, connections),
            (&RPCS, calls),
        ] {
            page.sample(family, &[], value as f64);
        }
        page.sample(&PACKETS, &[("proto", "udp")], udp as f64);
        page.sample(&PACKETS, &[("proto", "tcp")], tcp as f64);
        for (error, count) in [("fmt", bad_format), ("auth", bad_authentication), ("cInt", bad_client)] {
            page.sample(&RPC_ERRORS, &[("error", error)], count as f64);
        }
        // The server does not tell of calls that do nothing.
        write_calls(page, &REQUESTS, "2", &PROCEDURES_2[1..], &self.version_2[1..]);
        write_calls(page, &REQUESTS, "3", &PROCEDURES_3[1..], &self.version_3[1..]);
        write_calls(page, &REQUESTS, "4", &OPERATIONS_4, &self.operations_4);
        write_calls(page, &REQUESTS, "4", &[WDELEG_GETATTR], &self.wdeleg_getattr);
    }
}
