//! `cgroup.procs`: the processes of one group, not of those below it, one number per line. The kernel shows it in
//! pieces. Reading it from a threaded group of v2 fails with `EOPNOTSUPP`.

use crate::scan::{lines, parse_u64};

/// How many processes there are.
pub fn count(bytes: &[u8]) -> u64 {
    lines(bytes).filter(|(_, line)| !line.is_empty()).count() as u64
}

/// The process with the lowest number that can be seen from our PID namespace (0 stands for one that cannot). In a
/// container this is nearly always the first.
pub fn lowest(bytes: &[u8]) -> Option<u32> {
    let pids = lines(bytes).filter_map(|(_, line)| parse_u64(line).and_then(|pid| u32::try_from(pid).ok()));
    pids.filter(|pid| *pid > 0).min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processes_outside_our_namespace_are_counted_but_not_named() {
        assert_eq!((count(b"0\n412\n7\n"), lowest(b"0\n412\n7\n")), (3, Some(7)));
        assert_eq!((count(b""), lowest(b"")), (0, None));
    }
}
