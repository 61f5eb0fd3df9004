//! What a process costs: processor time and memory, as the kernel accounts them.

use std::fs;
use std::path::{Path, PathBuf};

#[derive(Clone, Copy, Debug)]
pub struct Cost {
    /// User and system time of all threads.
    pub cpu_seconds: f64,
    /// Pages in memory.
    pub resident_bytes: u64,
    pub threads: u64,
    pub open_files: u64,
}

/// A memory cgroup of its own for one process, so that kernel memory charged to it can be read.
pub struct Group {
    folder: PathBuf,
}

/// `None` when the process is gone.
pub fn cost_of(pid: u32) -> Option<Cost> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let after_name = &stat[stat.rfind(')')? + 2..];
    let fields: Vec<&str> = after_name.split(' ').collect();
    let field = |index: usize| fields.get(index).and_then(|text| text.parse::<u64>().ok());
    // The fields after the name begin with number 3 (state); utime is 14, stime 15, num_threads 20, rss 24.
    let (utime, stime, threads, rss_pages) = (field(11)?, field(12)?, field(17)?, field(21)?);
    let ticks_per_second = sysconf(nix::unistd::SysconfVar::CLK_TCK);
    let page_bytes = sysconf(nix::unistd::SysconfVar::PAGE_SIZE);
    let open_files = fs::read_dir(format!("/proc/{pid}/fd")).map_or(0, |entries| entries.count() as u64);
    Some(Cost {
        cpu_seconds: (utime + stime) as f64 / ticks_per_second as f64,
        resident_bytes: rss_pages * page_bytes,
        threads,
        open_files,
    })
}

fn sysconf(variable: nix::unistd::SysconfVar) -> u64 {
    nix::unistd::sysconf(variable).ok().flatten().and_then(|value| u64::try_from(value).ok()).unwrap_or(100)
}

/// The middle value; of an even number of values the mean of the middle two.
pub fn median(values: &mut [f64]) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => f64::NAN,
        count if count % 2 == 1 => values[middle],
        _ => f64::midpoint(values[middle - 1], values[middle]),
    }
}

impl Group {
    /// Makes `name` below the memory hierarchy (v1) or the unified one; `None` where that is not allowed.
    pub fn new(name: &str) -> Option<Group> {
        let parents = ["/sys/fs/cgroup/memory", "/sys/fs/cgroup"];
        let parent = parents.iter().map(Path::new).find(|parent| parent.join("cgroup.procs").exists())?;
        let folder = parent.join(name);
        fs::create_dir_all(&folder).ok()?;
        Some(Group { folder })
    }

    pub fn add(&self, pid: u32) -> bool {
        fs::write(self.folder.join("cgroup.procs"), pid.to_string()).is_ok()
    }

    /// Kernel memory charged to the group: open files, sockets, page tables.
    pub fn kernel_bytes(&self) -> Option<u64> {
        if let Ok(text) = fs::read_to_string(self.folder.join("memory.kmem.usage_in_bytes")) {
            return text.trim().parse().ok();
        }
        let stat = fs::read_to_string(self.folder.join("memory.stat")).ok()?;
        stat.lines().find_map(|line| line.strip_prefix("kernel "))?.parse().ok()
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // Fails while a process is still in it; the folder is then left for the next run.
        let _ = fs::remove_dir(&self.folder);
    }
}
