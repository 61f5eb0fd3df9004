//! `process_*` of this process, from `/proc/self/{stat,status,limits,fd}` (any kernel): four small reads for each
//! scrape. The only place where the aggregator reads `/proc`.

use std::fs;

use exposition::{Family, Page, counter, gauge};

/// Clock ticks in a second: the same on every architecture that we build for, whatever the kernel's own rate.
const TICKS_PER_SECOND: f64 = 100.0;

const CPU: Family = counter("process_cpu_seconds_total", "Total user and system CPU time spent in seconds.");
const MAX_FDS: Family = gauge("process_max_fds", "Maximum number of open file descriptors.");
const OPEN_FDS: Family = gauge("process_open_fds", "Number of open file descriptors.");
const RESIDENT: Family = gauge("process_resident_memory_bytes", "Resident memory size in bytes.");
const VIRTUAL: Family = gauge("process_virtual_memory_bytes", "Virtual memory size in bytes.");
const VIRTUAL_MAX: Family =
    gauge("process_virtual_memory_max_bytes", "Maximum amount of virtual memory available in bytes.");
const STARTED: Family = gauge("process_start_time_seconds", "Start time of the process since unix epoch in seconds.");

pub fn write(page: &mut Page, started_ms: i64) {
    let read = |name: &str| fs::read_to_string(format!("/proc/self/{name}")).unwrap_or_default();
    let (stat, status, limits) = (read("stat"), read("status"), read("limits"));
    let open_fds = fs::read_dir("/proc/self/fd").ok().map(|entries| entries.count() as f64);
    for (family, value) in [
        (&CPU, cpu_seconds(&stat)),
        (&MAX_FDS, limit(&limits, "Max open files")),
        // The descriptor that lists the folder is one of them.
        (&OPEN_FDS, open_fds.map(|count| count - 1.0)),
        (&RESIDENT, status_bytes(&status, "VmRSS:")),
        (&VIRTUAL, status_bytes(&status, "VmSize:")),
        (&VIRTUAL_MAX, limit(&limits, "Max address space")),
        (&STARTED, Some(started_ms as f64 / 1000.0)),
    ] {
        if let Some(value) = value {
            page.sample(family, &[], value);
        }
    }
}

/// Fields 14 and 15, counted from 1; the second field is a name in parentheses that may hold anything.
fn cpu_seconds(stat: &str) -> Option<f64> {
    let (_, after_name) = stat.rsplit_once(") ")?;
    let mut fields = after_name.split(' ').skip(11);
    let user: f64 = fields.next()?.parse().ok()?;
    let system: f64 = fields.next()?.parse().ok()?;
    Some((user + system) / TICKS_PER_SECOND)
}

fn status_bytes(status: &str, key: &str) -> Option<f64> {
    let line = status.lines().find_map(|line| line.strip_prefix(key))?;
    let kilobytes: f64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kilobytes * 1024.0)
}

/// The soft limit; Prometheus' clients print no limit as the largest number.
fn limit(limits: &str, key: &str) -> Option<f64> {
    let line = limits.lines().find_map(|line| line.strip_prefix(key))?;
    match line.split_whitespace().next()? {
        "unlimited" => Some(u64::MAX as f64),
        number => number.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_parentheses_and_spaces_does_not_move_the_fields() {
        let stat = "1 (a) b) S 0 1 1 0 -1 4194560 100 200 3 4 250 150 0 0 20 0 12 0 50 1000 300";
        assert_eq!(cpu_seconds(stat), Some(4.0));
        assert_eq!(cpu_seconds(""), None);
    }

    #[test]
    fn sizes_and_limits_are_found_by_their_names() {
        assert_eq!(status_bytes("VmSize:\t    2048 kB\nVmRSS:\t      10 kB\n", "VmRSS:"), Some(10_240.0));
        let limits = "Max open files            20000                20001                files\n\
                      Max address space         unlimited            unlimited            bytes\n";
        assert_eq!(limit(limits, "Max open files"), Some(20_000.0));
        assert_eq!(limit(limits, "Max address space"), Some(u64::MAX as f64));
        assert_eq!(limit(limits, "Max cpu time"), None);
    }
}
