//! This process as the kernel accounts it, with the names of Prometheus' Go library. It looks at itself, not at the
//! machine that it watches, so it asks the real `/proc` whatever `--path.procfs` says.
//!
//! Cost: two reads of kept files and one stat a scrape (`/proc/self/fd` tells its number of entries since Linux 6.2).

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use exposition::{Family, Page, counter, gauge};
use kernel::limits::{page_bytes, ticks_per_second};
use kernel::proc::net_snmp::protocols;
use kernel::scan::{Fields, parse_u64};
use kernel::{Host, KeptFile};

const CPU: Family = counter("process_cpu_seconds_total", "Total user and system CPU time spent in seconds.");
const MAX_FILES: Family = gauge("process_max_fds", "Maximum number of open file descriptors.");
const OPEN_FILES: Family = gauge("process_open_fds", "Number of open file descriptors.");
const RESIDENT: Family = gauge("process_resident_memory_bytes", "Resident memory size in bytes.");
const VIRTUAL: Family = gauge("process_virtual_memory_bytes", "Virtual memory size in bytes.");
const VIRTUAL_MAX: Family =
    gauge("process_virtual_memory_max_bytes", "Maximum amount of virtual memory available in bytes.");
const START: Family = gauge("process_start_time_seconds", "Start time of the process since unix epoch in seconds.");
const RECEIVED: Family =
    counter("process_network_receive_bytes_total", "Number of bytes received by the process over the network.");
const SENT: Family =
    counter("process_network_transmit_bytes_total", "Number of bytes sent by the process over the network.");
const THREADS: Family = gauge("vitals_threads", "Threads of the agent.");

pub struct Process {
    files: Mutex<Files>,
    /// What does not change while the process lives; `None` where it cannot be found out.
    start_seconds: Option<f64>,
    max_files: Option<f64>,
    max_virtual_bytes: Option<f64>,
}

struct Files {
    stat: KeptFile,
    netstat: KeptFile,
    buffer: Vec<u8>,
}

/// Of `/proc/self/stat`: times in ticks of `USER_HZ`, memory in bytes and pages.
struct Stat {
    utime_ticks: u64,
    stime_ticks: u64,
    threads: u64,
    start_ticks: u64,
    virtual_bytes: u64,
    resident_pages: u64,
}

impl Process {
    pub fn new(host: &Host) -> Self {
        let kept = |path: &str| KeptFile::new(PathBuf::from(path), &host.files);
        let limits = fs::read_to_string("/proc/self/limits").unwrap_or_default();
        let mut process = Process {
            files: Mutex::new(Files {
                stat: kept("/proc/self/stat"),
                netstat: kept("/proc/self/net/netstat"),
                buffer: Vec::new(),
            }),
            start_seconds: None,
            max_files: soft_limit(&limits, "Max open files"),
            max_virtual_bytes: soft_limit(&limits, "Max address space"),
        };
        let machine_stat = fs::read_to_string("/proc/stat").unwrap_or_default();
        let boot_seconds =
            machine_stat.lines().find_map(|line| line.strip_prefix("btime ")?.trim().parse::<f64>().ok());
        let stat = process.files.get_mut().unwrap_or_else(PoisonError::into_inner).stat();
        process.start_seconds = boot_seconds.zip(stat).map(|(boot, stat)| boot + seconds(stat.start_ticks));
        process
    }

    pub fn write(&self, page: &mut Page) {
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        let mut sample = |family: &Family, value: Option<f64>| {
            if let Some(value) = value {
                page.sample(family, &[], value);
            }
        };
        let stat = files.stat();
        let stat = stat.as_ref();
        sample(&CPU, stat.map(|stat| seconds(stat.utime_ticks + stat.stime_ticks)));
        sample(&RESIDENT, stat.map(|stat| (stat.resident_pages * page_bytes()) as f64));
        sample(&VIRTUAL, stat.map(|stat| stat.virtual_bytes as f64));
        sample(&THREADS, stat.map(|stat| stat.threads as f64));
        sample(&VIRTUAL_MAX, self.max_virtual_bytes);
        sample(&START, self.start_seconds);
        sample(&MAX_FILES, self.max_files);
        sample(&OPEN_FILES, open_files());
        let (received, sent) = files.network_bytes();
        sample(&RECEIVED, received);
        sample(&SENT, sent);
    }
}

impl Files {
    fn stat(&mut self) -> Option<Stat> {
        let bytes = self.stat.read_single(&mut self.buffer).ok()?;
        parse_stat(bytes)
    }

    /// Received and sent, of the network namespace that the process lives in.
    fn network_bytes(&mut self) -> (Option<f64>, Option<f64>) {
        let Ok(bytes) = self.netstat.read_single(&mut self.buffer) else { return (None, None) };
        let mut extension = protocols(bytes).flatten().filter(|protocol| protocol.name == b"IpExt");
        let Some(extension) = extension.next() else { return (None, None) };
        let value = |wanted: &[u8]| {
            let place = extension.names().position(|name| name == wanted)?;
            extension.values().nth(place).and_then(parse_u64)
        };
        (value(b"InOctets").map(|bytes| bytes as f64), value(b"OutOctets").map(|bytes| bytes as f64))
    }
}

/// The name of the program, in parentheses, may hold anything; fields are counted from behind it.
fn parse_stat(bytes: &[u8]) -> Option<Stat> {
    let name_end = bytes.iter().rposition(|byte| *byte == b')')?;
    let mut fields = Fields::new(1, &bytes[name_end + 1..]);
    // proc(5) counts the state, the first field behind the name, as number 3.
    let mut last = 2;
    let mut field = |number: usize| {
        let value = fields.nth(number - last - 1).and_then(parse_u64);
        last = number;
        value
    };
    Some(Stat {
        utime_ticks: field(14)?,
        stime_ticks: field(15)?,
        threads: field(20)?,
        start_ticks: field(22)?,
        virtual_bytes: field(23)?,
        resident_pages: field(24)?,
    })
}

/// A soft limit of `/proc/self/limits`; unlimited is the largest number, as with Go's library.
fn soft_limit(limits: &str, name: &str) -> Option<f64> {
    let line = limits.lines().find_map(|line| line.strip_prefix(name))?;
    match line.split_whitespace().next()? {
        "unlimited" => Some(u64::MAX as f64),
        number => number.parse().ok(),
    }
}

fn open_files() -> Option<f64> {
    let folder = Path::new("/proc/self/fd");
    match fs::metadata(folder).ok()?.len() {
        0 => Some(fs::read_dir(folder).ok()?.count() as f64),
        count => Some(count as f64),
    }
}

fn seconds(ticks: u64) -> f64 {
    ticks as f64 / ticks_per_second() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_may_be_called_anything() {
        let stat = parse_stat(
            b"42 (a) b (c) S 1 42 42 0 -1 4194560 100 0 0 0 7 3 0 0 20 0 2 0 1234 10485760 500 18446744073709551615 1 1\n",
        )
        .expect("valid");
        assert_eq!((stat.utime_ticks, stat.stime_ticks, stat.threads), (7, 3, 2));
        assert_eq!((stat.start_ticks, stat.virtual_bytes, stat.resident_pages), (1234, 10_485_760, 500));
        assert!(parse_stat(b"42 (x) S 1 2").is_none() && parse_stat(b"").is_none());
    }

    #[test]
    fn limits_are_numbers_or_unlimited() {
        let limits = "Limit                     Soft Limit           Hard Limit           Units\n\
                      Max address space         unlimited            unlimited            bytes\n\
                      Max open files            1024                 524288               files\n";
        assert_eq!(soft_limit(limits, "Max open files"), Some(1024.0));
        assert_eq!(soft_limit(limits, "Max address space"), Some(18_446_744_073_709_551_615.0));
        assert_eq!(soft_limit(limits, "Max nonsense"), None);
    }

    #[test]
    fn this_process_can_be_told_of() {
        let mut page = Page::new();
        Process::new(&Host::default()).write(&mut page);
        assert_eq!(page.samples(), 10);
    }
}
