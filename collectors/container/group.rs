//! cAdvisor's metric groups, by which `--disable_metrics` and `--enable_metrics` choose.

use crate::SettingsError;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    Cpu,
    /// v1 only: one series for each CPU instead of the total.
    Percpu,
    Memory,
    DiskIo,
    /// File system of the machine and of writable layers.
    Disk,
    Network,
    OomEvent,
    Pressure,
    /// Processes and threads: what of cAdvisor's `process` need not be looked up process by process. It is cheap, and
    /// so on by default.
    Pids,
}

/// The groups that are on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Groups(Vec<Group>);

const DEFAULT: [Group; 9] = [
    Group::Cpu,
    Group::Percpu,
    Group::Memory,
    Group::DiskIo,
    Group::Disk,
    Group::Network,
    Group::OomEvent,
    Group::Pressure,
    Group::Pids,
];

/// What each of cAdvisor's names switches here. Some are known and bring nothing yet.
const NAMES: [(&str, &[Group]); 22] = [
    ("advtcp", &[]),
    ("app", &[]),
    ("cpu", &[Group::Cpu]),
    ("cpuLoad", &[]),
    ("cpu_topology", &[]),
    ("cpuset", &[]),
    ("disk", &[Group::Disk]),
    ("diskIO", &[Group::DiskIo]),
    ("hugetlb", &[]),
    ("memory", &[Group::Memory]),
    ("memory_numa", &[]),
    ("network", &[Group::Network]),
    ("oom_event", &[Group::OomEvent]),
    ("percpu", &[Group::Percpu]),
    ("perf_event", &[]),
    ("pressure", &[Group::Pressure]),
    ("process", &[Group::Pids]),
    ("referenced_memory", &[]),
    ("resctrl", &[]),
    ("sched", &[]),
    ("tcp", &[]),
    ("udp", &[]),
];

impl Groups {
    /// As cAdvisor reads the two flags: `enable` names all that is on; else everything is on but what `disable` names;
    /// without either the defaults are.
    pub fn read(enable: &str, disable: &str) -> Result<Groups, SettingsError> {
        if !enable.trim().is_empty() {
            return named("enable_metrics", enable).map(Groups);
        }
        if !disable.trim().is_empty() {
            let off = named("disable_metrics", disable)?;
            let all = NAMES.iter().flat_map(|(_, groups)| groups.iter().copied());
            return Ok(Groups(all.filter(|group| !off.contains(group)).collect()));
        }
        Ok(Groups(DEFAULT.to_vec()))
    }

    pub fn has(&self, group: Group) -> bool {
        self.0.contains(&group)
    }
}

fn named(flag: &str, list: &str) -> Result<Vec<Group>, SettingsError> {
    let mut groups = Vec::new();
    for name in list.split(',').map(str::trim).filter(|name| !name.is_empty()) {
        let known = NAMES.iter().find(|(known, _)| *known == name);
        let (_, switched) = known.ok_or_else(|| {
            let all = NAMES.map(|(name, _)| name).join(", ");
            SettingsError { flag: flag.to_owned(), reason: format!("unknown group {name:?}, known are {all}") }
        })?;
        groups.extend_from_slice(switched);
    }
    Ok(groups)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn enabling_names_all_that_is_on() {
        let groups = Groups::read("cpu, memory", "cpu").expect("valid");
        assert!(groups.has(Group::Cpu) && groups.has(Group::Memory) && !groups.has(Group::Network));
    }

    #[test]
    fn disabling_leaves_everything_else_on() {
        let groups = Groups::read("", "percpu,disk").expect("valid");
        assert!(groups.has(Group::Pids) && !groups.has(Group::Percpu) && !groups.has(Group::Disk));
        assert_eq!(Groups::read("", "").expect("valid"), Groups(DEFAULT.to_vec()));
        assert!(!Groups::read("", "process").expect("valid").has(Group::Pids));
    }

    #[test]
    fn unknown_names_are_refused_with_the_flag() {
        let error = Groups::read("", "cpu,memroy").expect_err("a typo");
        assert!(error.to_string().starts_with("--disable_metrics: unknown group \"memroy\""), "{error}");
    }
}
