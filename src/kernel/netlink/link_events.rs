//! Which network devices have changed meanwhile, as the kernel announces it (`RTNLGRP_LINK`): their state, flags,
//! addresses, sizes and aliases, though not their speed. It costs one receive when nothing has changed, and saves reading
//! everything to find that out. Privileges: none.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

use nix::errno::Errno;
use nix::libc;
use nix::sys::socket::{AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, bind, recv, socket};

use super::link::Link;
use super::message::messages;

/// Room for one announcement; a longer one is passed over.
const ANNOUNCEMENT_BYTES: usize = 32 << 10;
/// What is taken at once at most: on a machine where devices come and go faster than that, the rest waits.
const MOST_ANNOUNCEMENTS: usize = 1000;

#[derive(Debug)]
pub struct LinkEvents {
    socket: OwnedFd,
}

impl LinkEvents {
    /// Of the network namespace of the calling thread, from now on.
    pub fn subscribe() -> io::Result<Self> {
        let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
        let socket = socket(AddressFamily::Netlink, SockType::Raw, flags, SockProtocol::NetlinkRoute)?;
        bind(socket.as_raw_fd(), &NetlinkAddr::new(0, libc::RTMGRP_LINK as u32))?;
        Ok(LinkEvents { socket })
    }

    /// Hands on the name of each device that was announced since the last time. Where the kernel had no room for all
    /// announcements some are missing.
    pub fn take(&mut self, buffer: &mut Vec<u8>, mut each: impl FnMut(&[u8])) {
        if buffer.len() < ANNOUNCEMENT_BYTES {
            buffer.resize(ANNOUNCEMENT_BYTES, 0);
        }
        for _ in 0..MOST_ANNOUNCEMENTS {
            match recv(self.socket.as_raw_fd(), buffer, MsgFlags::empty()) {
                Ok(length) => {
                    let links = messages(&buffer[..length]).filter_map(|message| Link::parse(&message));
                    links.for_each(|link| each(link.name));
                }
                Err(Errno::EINTR | Errno::ENOBUFS) => {}
                // Nothing more (EAGAIN), or nothing at all any more.
                Err(_) => return,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_announced_where_nothing_changes_and_nobody_waits_for_it() {
        let mut events = LinkEvents::subscribe().expect("a netlink socket");
        let mut buffer = Vec::new();
        events.take(&mut buffer, |name| assert!(!name.is_empty()));
        assert_eq!(buffer.len(), ANNOUNCEMENT_BYTES);
    }
}
