//! How much of the machine this program may take: what sysinfo says of memory and of the cgroup's limit, once at start.
//! Half of the memory is for series, a quarter for queries, an eighth for answers on their way; the rest is for what a
//! scrape needs and for the allocator.

use sysinfo::{MemoryRefreshKind, RefreshKind, System};

/// Memory that an active series costs at most, with its share of index, cache and open chunk.
const SERIES_BYTES: u64 = 1024;

/// Taken to be there where the system does not tell.
const UNKNOWN_MEMORY_BYTES: u64 = 1 << 30;

#[derive(Clone, Copy, Debug)]
pub struct Budget {
    /// Of the cgroup where it has a limit, else of the machine.
    pub memory_bytes: u64,
    /// CPUs that this process may use.
    pub cpus: usize,
}

impl Budget {
    pub fn of_this_machine() -> Budget {
        let memory_bytes = memory_bytes().unwrap_or(UNKNOWN_MEMORY_BYTES);
        let cpus = std::thread::available_parallelism().map_or(1, usize::from);
        Budget { memory_bytes, cpus }
    }

    /// Series above which new ones are refused rather than the process killed.
    pub fn max_series(&self) -> usize {
        usize::try_from(self.memory_bytes / 2 / SERIES_BYTES).unwrap_or(usize::MAX).max(10_000)
    }

    /// Memory that all queries together may hold.
    pub fn queries_bytes(&self) -> usize {
        self.part(4, 128 << 20)
    }

    /// Memory that one query may hold: not so much that nothing is left for others.
    pub fn query_bytes(&self) -> usize {
        self.queries_bytes() / 2
    }

    /// Answers that clients have not taken yet.
    pub fn responses_bytes(&self) -> usize {
        self.part(8, 64 << 20)
    }

    fn part(&self, divisor: u64, at_least: usize) -> usize {
        usize::try_from(self.memory_bytes / divisor).unwrap_or(usize::MAX).max(at_least)
    }
}

fn memory_bytes() -> Option<u64> {
    let memory = RefreshKind::nothing().with_memory(MemoryRefreshKind::everything());
    let system = System::new_with_specifics(memory).ok()?;
    let total = system.total_memory();
    let limit = system.cgroup_limits().map(|limits| limits.total_memory).filter(|bytes| *bytes > 0);
    Some(limit.map_or(total, |limit| limit.min(total))).filter(|bytes| *bytes > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_are_less_than_the_whole() {
        let budget = Budget { memory_bytes: 8 << 30, cpus: 1 };
        let series_bytes = budget.max_series() as u64 * SERIES_BYTES;
        let parts = series_bytes + (budget.queries_bytes() + budget.responses_bytes()) as u64;
        assert_eq!((parts, budget.query_bytes()), (7 << 30, 1 << 30));
    }
}
