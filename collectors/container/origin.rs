//! What `/proc` tells about a container's first process and the runtime did not: when it started, and where its writable
//! layer is. Read once for each container, off the scrape's path. Needs no more than the right to read `/proc`.

use std::fs;
use std::path::PathBuf;

use containers::Metadata;
use kernel::proc::mountinfo::{mounts, unescape};
use kernel::scan::{Fields, parse_u64};
use kernel::{Roots, read_file};
use nix::unistd::{SysconfVar, sysconf};

/// Adds what is missing.
pub fn complete(metadata: &mut Metadata, roots: &Roots) {
    let Some(pid) = metadata.pid else { return };
    if metadata.started_seconds.is_none() {
        metadata.started_seconds = start_seconds(roots, pid);
    }
    if metadata.writable_layer.is_none() {
        metadata.writable_layer = upper_directory(roots, pid);
    }
}

/// Start of a process, in seconds since the epoch: field 22 of `stat`, in ticks since boot.
fn start_seconds(roots: &Roots, pid: u32) -> Option<f64> {
    let stat = fs::read(roots.proc(format!("{pid}/stat"))).ok()?;
    // The name, in parentheses, may hold anything; fields are counted from after it.
    let after_name = stat.iter().rposition(|byte| *byte == b')')? + 1;
    let ticks = Fields::new(1, &stat[after_name..]).nth(19).and_then(parse_u64)?;
    let per_second = sysconf(SysconfVar::CLK_TCK).ok().flatten().filter(|ticks| *ticks > 0)?;
    Some(boot_seconds(roots)? + ticks as f64 / per_second as f64)
}

fn boot_seconds(roots: &Roots) -> Option<f64> {
    let stat = fs::read_to_string(roots.proc("stat")).ok()?;
    let line = stat.lines().find_map(|line| line.strip_prefix("btime "))?;
    line.trim().parse().ok()
}

/// `upperdir` of the overlay that is a process' root: all runtimes mount them so, whatever they call their store.
fn upper_directory(roots: &Roots, pid: u32) -> Option<PathBuf> {
    let mut buffer = Vec::new();
    let bytes = read_file(&roots.proc(format!("{pid}/mountinfo")), &mut buffer).ok()?;
    let root = mounts(bytes).flatten().find(|mount| mount.mount_point == b"/" && mount.filesystem == b"overlay")?;
    let directory = PathBuf::from(unescape(root.super_option("upperdir")?));
    directory.is_absolute().then_some(directory)
}
