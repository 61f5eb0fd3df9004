//! Socket activation: systemd binds the sockets of a `.socket` unit and hands them over as open descriptors
//! (sd_listen_fds(3)). `LISTEN_PID` tells whom they are meant for, `LISTEN_FDS` how many there are.

use std::io;
use std::os::fd::OwnedFd;

use crate::ffi::inherited_sockets;

/// The sockets for this process; none where it was started otherwise. They can be had once.
pub fn systemd_sockets() -> io::Result<Vec<OwnedFd>> {
    let variable = |name: &str| std::env::var(name).unwrap_or_default();
    match socket_count(&variable("LISTEN_PID"), &variable("LISTEN_FDS"), std::process::id()) {
        0 => Ok(Vec::new()),
        count => inherited_sockets(count),
    }
}

fn socket_count(listen_pid: &str, listen_fds: &str, own_pid: u32) -> u16 {
    if listen_pid.parse() == Ok(own_pid) { listen_fds.parse().unwrap_or(0) } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sockets_for_another_process_are_not_ours() {
        assert_eq!(socket_count("42", "2", 42), 2);
        for (pid, fds) in [("41", "2"), ("", "2"), ("42", ""), ("42", "-1"), ("42", "many"), ("", "")] {
            assert_eq!(socket_count(pid, fds, 42), 0, "{pid} {fds}");
        }
    }
}
