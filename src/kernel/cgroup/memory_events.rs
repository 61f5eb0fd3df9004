//! `memory.events`, v2 (`oom_kill` since 4.13), and `memory.oom_control`, v1 (`oom_kill` since 4.13): how often a limit
//! was met. The counters of v2 include all groups below.

use super::flat_keyed::read_pairs;
use crate::scan::ParseError;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MemoryEvents {
    /// Times that `memory.high` was met. v2 only.
    pub high: Option<u64>,
    /// Times that `memory.max` was met. v2 only.
    pub max: Option<u64>,
    /// Processes that the OOM killer ended.
    pub oom_kills: Option<u64>,
}

impl MemoryEvents {
    /// Either file.
    pub fn parse(bytes: &[u8], problems: &mut dyn FnMut(ParseError)) -> Self {
        let mut events = MemoryEvents::default();
        read_pairs(bytes, problems, |key, value| match key {
            b"high" => events.high = Some(value),
            b"max" => events.max = Some(value),
            b"oom_kill" => events.oom_kills = Some(value),
            _ => {}
        });
        events
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_files_are_read() {
        let v2 = b"low 0\nhigh 3\nmax 17\noom 1\noom_kill 1\noom_group_kill 0\n";
        let events = MemoryEvents::parse(v2, &mut |problem| panic!("{problem}"));
        assert_eq!(events, MemoryEvents { high: Some(3), max: Some(17), oom_kills: Some(1) });
        let v1 = b"oom_kill_disable 0\nunder_oom 0\noom_kill 2\n";
        let events = MemoryEvents::parse(v1, &mut |problem| panic!("{problem}"));
        assert_eq!(events, MemoryEvents { oom_kills: Some(2), ..Default::default() });
    }
}
