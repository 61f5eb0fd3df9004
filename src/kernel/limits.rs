//! This process and the limits that the system sets it: open files, page size, clock ticks, whether it is root.

use std::io;
use std::sync::OnceLock;

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::unistd::{SysconfVar, geteuid, sysconf};

/// Raises the soft limit of open files (`RLIMIT_NOFILE`) towards `wanted`, as far as the hard limit allows; never
/// lowers it. Returns what holds then.
pub fn raise_open_files(wanted: u64) -> io::Result<u64> {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    let raised = wanted.min(hard).max(soft);
    if raised > soft {
        setrlimit(Resource::RLIMIT_NOFILE, raised, hard)?;
    }
    Ok(raised)
}

pub fn is_root() -> bool {
    geteuid().is_root()
}

/// Bytes of a page of memory.
pub fn page_bytes() -> u64 {
    static BYTES: OnceLock<u64> = OnceLock::new();
    *BYTES.get_or_init(|| number(SysconfVar::PAGE_SIZE, 4096))
}

/// The unit of times in `/proc` (`USER_HZ`).
pub fn ticks_per_second() -> u64 {
    static TICKS: OnceLock<u64> = OnceLock::new();
    *TICKS.get_or_init(|| number(SysconfVar::CLK_TCK, 100))
}

/// Keeps the C library's allocator from spreading over the address space; see `ffi::keep_heap_small`.
pub fn keep_heap_small() {
    crate::ffi::keep_heap_small();
}

fn number(variable: SysconfVar, usual: u64) -> u64 {
    sysconf(variable)
        .ok()
        .flatten()
        .and_then(|value| u64::try_from(value).ok())
        .filter(|value| *value > 0)
        .unwrap_or(usual)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_of_open_files_is_never_lowered() {
        let before = raise_open_files(0).expect("readable");
        assert!(raise_open_files(before + 1).expect("settable") >= before);
        assert!(page_bytes().is_power_of_two() && ticks_per_second() > 0);
    }
}
