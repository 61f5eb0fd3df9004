//! CPU times that do not go backwards.
//!
//! The kernel's do: iowait and idle of a tickless CPU are estimates that it corrects downwards, and a CPU that went
//! offline and came back may begin anew. A counter that falls looks like a restart to Prometheus and yields a huge rate.
//! So each mode keeps the highest value seen, unless idle fell so far that the CPU must have begun anew.

use kernel::proc::stat::CpuTimes;

/// A fall of idle by this much means that the CPU was away; less is a correction.
const RESTART_SECONDS: u64 = 3;

#[derive(Debug, Default)]
pub struct SteadyTimes {
    /// By CPU, in the kernel's order.
    cpus: Vec<(u32, CpuTimes)>,
    previous: Vec<(u32, CpuTimes)>,
    restart_ticks: u64,
}

impl SteadyTimes {
    pub fn new(ticks_per_second: u64) -> Self {
        SteadyTimes { restart_ticks: RESTART_SECONDS * ticks_per_second, ..SteadyTimes::default() }
    }

    /// Takes what the kernel says now. A CPU that is no longer named is forgotten. Returns whether the set of CPUs
    /// has changed.
    pub fn update(&mut self, now: impl Iterator<Item = (u32, CpuTimes)>) -> bool {
        std::mem::swap(&mut self.cpus, &mut self.previous);
        self.cpus.clear();
        let mut is_same_set = true;
        for (place, (cpu, times)) in now.enumerate() {
            let same_place = self.previous.get(place).filter(|(known, _)| *known == cpu);
            is_same_set &= same_place.is_some();
            let before = same_place.or_else(|| self.previous.iter().find(|(known, _)| *known == cpu));
            let times = match before {
                Some((_, before)) if !self.has_restarted(before, &times) => highest(before, &times),
                _ => times,
            };
            self.cpus.push((cpu, times));
        }
        !is_same_set || self.cpus.len() != self.previous.len()
    }

    pub fn cpus(&self) -> &[(u32, CpuTimes)] {
        &self.cpus
    }

    fn has_restarted(&self, before: &CpuTimes, now: &CpuTimes) -> bool {
        before.idle.saturating_sub(now.idle) >= self.restart_ticks
    }
}

fn highest(one: &CpuTimes, other: &CpuTimes) -> CpuTimes {
    CpuTimes {
        user: one.user.max(other.user),
        nice: one.nice.max(other.nice),
        system: one.system.max(other.system),
        idle: one.idle.max(other.idle),
        iowait: one.iowait.max(other.iowait),
        irq: one.irq.max(other.irq),
        softirq: one.softirq.max(other.softirq),
        steal: one.steal.max(other.steal),
        guest: one.guest.max(other.guest),
        guest_nice: one.guest_nice.max(other.guest_nice),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(user: u64, idle: u64, iowait: u64) -> CpuTimes {
        CpuTimes { user, idle, iowait, ..CpuTimes::default() }
    }

    #[test]
    fn a_counter_that_falls_a_little_stays_where_it_was() {
        let mut steady = SteadyTimes::new(100);
        assert!(steady.update([(0, times(10, 1000, 50))].into_iter()));
        assert!(!steady.update([(0, times(11, 701, 40))].into_iter()));
        assert_eq!(steady.cpus(), [(0, times(11, 1000, 50))]);
    }

    #[test]
    fn a_cpu_whose_idle_falls_by_three_seconds_begins_anew() {
        let mut steady = SteadyTimes::new(100);
        steady.update([(0, times(10, 1000, 50))].into_iter());
        steady.update([(0, times(1, 700, 2))].into_iter());
        assert_eq!(steady.cpus(), [(0, times(1, 700, 2))]);
    }

    #[test]
    fn a_cpu_that_goes_is_forgotten_and_the_others_are_not() {
        let mut steady = SteadyTimes::new(100);
        steady.update([(0, times(1, 10, 0)), (1, times(5, 50, 9)), (2, times(7, 70, 9))].into_iter());
        assert!(steady.update([(0, times(1, 10, 0)), (2, times(7, 71, 3))].into_iter()));
        assert_eq!(steady.cpus(), [(0, times(1, 10, 0)), (2, times(7, 71, 9))]);
        assert!(steady.update([(0, times(1, 10, 0)), (1, times(0, 0, 0)), (2, times(7, 71, 3))].into_iter()));
        assert_eq!(steady.cpus()[1], (1, times(0, 0, 0)));
    }
}
