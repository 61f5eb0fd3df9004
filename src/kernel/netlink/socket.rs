//! A socket to the kernel's routing tables, for dumps: one request, many answers.
//! Cost: one send, and one receive for each 32 KB of answer; no file below `/proc` or `/sys` is opened.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

use nix::libc;
use nix::sys::socket::{AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, recv, send, socket};

use super::message::{Message, messages};

/// The largest answer that the kernel gives in one piece.
const ANSWER_BYTES: usize = 32 << 10;
/// How often a dump is begun again because devices came or went in the middle of it.
const ATTEMPTS: usize = 3;

#[derive(Debug)]
pub struct RouteSocket {
    socket: OwnedFd,
    sequence: u32,
}

enum Ended {
    Complete,
    /// Something changed meanwhile, so the answer may have gaps or repetitions (`NLM_F_DUMP_INTR`).
    Interrupted,
}

impl RouteSocket {
    pub fn open() -> io::Result<Self> {
        let protocol = SockProtocol::NetlinkRoute;
        let socket = socket(AddressFamily::Netlink, SockType::Raw, SockFlag::SOCK_CLOEXEC, protocol)?;
        Ok(RouteSocket { socket, sequence: 0 })
    }

    /// Asks for everything of a kind (`RTM_GETLINK`, `RTM_GETADDR`) and hands on each answer. `begin` is called before
    /// the first answer, and again when the dump has to be begun anew: what came before counts no longer. After an
    /// error the socket is of no further use.
    pub fn dump<C>(
        &mut self,
        kind: u16,
        buffer: &mut Vec<u8>,
        context: &mut C,
        begin: fn(&mut C),
        each: fn(&mut C, &Message<'_>),
    ) -> io::Result<()> {
        for _ in 0..ATTEMPTS {
            begin(context);
            self.request(kind)?;
            if matches!(self.receive(buffer, |message| each(context, message))?, Ended::Complete) {
                break;
            }
        }
        Ok(())
    }

    fn request(&mut self, kind: u16) -> io::Result<()> {
        self.sequence = self.sequence.wrapping_add(1);
        // struct nlmsghdr, then struct ifinfomsg or ifaddrmsg of zeros: any family, any device.
        let mut request = [0; 16 + 16];
        let flags = (libc::NLM_F_REQUEST | libc::NLM_F_DUMP) as u16;
        let length = request.len() as u32;
        request[0..4].copy_from_slice(&length.to_ne_bytes());
        request[4..6].copy_from_slice(&kind.to_ne_bytes());
        request[6..8].copy_from_slice(&flags.to_ne_bytes());
        request[8..12].copy_from_slice(&self.sequence.to_ne_bytes());
        send(self.socket.as_raw_fd(), &request, MsgFlags::empty())?;
        Ok(())
    }

    fn receive(&mut self, buffer: &mut Vec<u8>, mut each: impl FnMut(&Message<'_>)) -> io::Result<Ended> {
        if buffer.len() < ANSWER_BYTES {
            buffer.resize(ANSWER_BYTES, 0);
        }
        let mut is_interrupted = false;
        loop {
            // With MSG_TRUNC the true length is returned, so that a cut answer does not look whole.
            let length = recv(self.socket.as_raw_fd(), buffer, MsgFlags::MSG_TRUNC)?;
            let answer = buffer.get(..length).ok_or_else(|| io::Error::other("an answer larger than it may be"))?;
            for message in messages(answer).filter(|message| message.sequence == self.sequence) {
                is_interrupted |= message.flags & libc::NLM_F_DUMP_INTR as u16 != 0;
                match i32::from(message.kind) {
                    libc::NLMSG_DONE if is_interrupted => return Ok(Ended::Interrupted),
                    libc::NLMSG_DONE => return Ok(Ended::Complete),
                    libc::NLMSG_ERROR => return Err(error_of(&message)),
                    _ => each(&message),
                }
            }
        }
    }
}

/// struct nlmsgerr begins with the negated number of the error.
fn error_of(message: &Message<'_>) -> io::Error {
    let number = message.payload.get(..4).and_then(|bytes| bytes.try_into().ok()).map_or(0, i32::from_ne_bytes);
    io::Error::from_raw_os_error(number.saturating_neg())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::netlink::Link;

    #[test]
    fn the_loopback_device_is_among_the_links() {
        let mut socket = RouteSocket::open().expect("a netlink socket");
        let mut buffer = Vec::new();
        for _ in 0..2 {
            let mut names: Vec<Vec<u8>> = Vec::new();
            let each = |names: &mut Vec<Vec<u8>>, message: &Message<'_>| {
                names.extend(Link::parse(message).map(|link| link.name.to_vec()));
            };
            socket.dump(libc::RTM_GETLINK, &mut buffer, &mut names, Vec::clear, each).expect("an answer");
            assert!(names.iter().any(|name| name == b"lo"), "{names:?}");
        }
    }

    #[test]
    fn an_error_of_the_kernel_is_told() {
        let mut socket = RouteSocket::open().expect("a netlink socket");
        let error = socket.dump(0xfff0, &mut Vec::new(), &mut (), |()| {}, |(), _| {}).expect_err("no such request");
        assert!(error.raw_os_error().is_some_and(|number| number > 0), "{error}");
    }
}
