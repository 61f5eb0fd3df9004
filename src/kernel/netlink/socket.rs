//! A netlink socket for dumps: one question, many answers.
//! Cost: one send, and one receive for each 32 KB of answer; no file below `/proc` or `/sys` is opened.

use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::time::Instant;

use nix::errno::Errno;
use nix::libc;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, recv, send, socket};

use super::message::{MESSAGE_HEADER_BYTES, Message, messages};

/// The largest answer that the kernel gives in one piece.
const ANSWER_BYTES: usize = 32 << 10;
/// How often a dump is begun when things came or went in the middle of it.
const ATTEMPTS: usize = 2;
/// The largest question: the header and what inet_diag wants to know.
const QUESTION_BYTES: usize = MESSAGE_HEADER_BYTES + 64;

/// A part of the kernel that answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// Devices, addresses, routes, neighbours and queueing disciplines.
    Route,
    /// Sockets (`sock_diag(7)`).
    Sockets,
    /// Families that are found by name, such as nl80211.
    Generic,
}

/// What is asked for: everything of a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Question<'a> {
    /// `RTM_GETLINK` and the like.
    pub kind: u16,
    /// The header of the kind, and attributes where it takes any; 64 bytes at most.
    pub body: &'a [u8],
}

/// What a dump hands on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step<'a> {
    /// It begins, or begins anew: what came before counts no longer.
    Begin,
    Answer(Message<'a>),
}

/// How far the answers of a dump can be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Completeness {
    Whole,
    /// Things came or went each time (`NLM_F_DUMP_INTR`): there may be gaps or repetitions.
    Changing,
    /// The kernel had no room for some answers (`ENOBUFS`).
    Lossy,
}

/// Opened when it is needed first, and again after an error: what a socket still holds then would confuse the next
/// question. It speaks for the network namespace of the thread that opens it.
#[derive(Debug)]
pub struct KeptSocket {
    protocol: Protocol,
    open: Option<OwnedFd>,
    sequence: u32,
}

impl KeptSocket {
    pub const fn new(protocol: Protocol) -> Self {
        KeptSocket { protocol, open: None, sequence: 0 }
    }

    /// Asks, and hands on each answer. Waits no longer than the deadline. A dump in the middle of which things came or
    /// went is begun once more.
    pub fn dump(
        &mut self,
        question: &Question<'_>,
        buffer: &mut Vec<u8>,
        deadline: Instant,
        mut step: impl FnMut(Step<'_>),
    ) -> io::Result<Completeness> {
        let socket = match self.open.take() {
            Some(socket) => socket,
            None => self.protocol.open()?,
        };
        if buffer.len() < ANSWER_BYTES {
            buffer.resize(ANSWER_BYTES, 0);
        }
        let mut completeness = Completeness::Whole;
        for _ in 0..ATTEMPTS {
            self.sequence = self.sequence.wrapping_add(1);
            step(Step::Begin);
            ask(&socket, question, self.sequence)?;
            completeness = receive(&socket, self.sequence, buffer, deadline, &mut step)?;
            if completeness == Completeness::Whole {
                break;
            }
        }
        self.open = Some(socket);
        Ok(completeness)
    }
}

impl Protocol {
    fn open(self) -> io::Result<OwnedFd> {
        let protocol = match self {
            Protocol::Route => SockProtocol::NetlinkRoute,
            Protocol::Sockets => SockProtocol::NetlinkSockDiag,
            Protocol::Generic => SockProtocol::NetlinkGeneric,
        };
        Ok(socket(AddressFamily::Netlink, SockType::Raw, SockFlag::SOCK_CLOEXEC, protocol)?)
    }
}

fn ask(socket: &OwnedFd, question: &Question<'_>, sequence: u32) -> io::Result<()> {
    let length = MESSAGE_HEADER_BYTES + question.body.len();
    let mut bytes = [0; QUESTION_BYTES];
    let Some(body) = bytes.get_mut(MESSAGE_HEADER_BYTES..length) else {
        return Err(io::Error::other("a question larger than it may be"));
    };
    body.copy_from_slice(question.body);
    let flags = (libc::NLM_F_REQUEST | libc::NLM_F_DUMP) as u16;
    bytes[0..4].copy_from_slice(&(length as u32).to_ne_bytes());
    bytes[4..6].copy_from_slice(&question.kind.to_ne_bytes());
    bytes[6..8].copy_from_slice(&flags.to_ne_bytes());
    bytes[8..12].copy_from_slice(&sequence.to_ne_bytes());
    send(socket.as_raw_fd(), &bytes[..length], MsgFlags::empty())?;
    Ok(())
}

fn receive(
    socket: &OwnedFd,
    sequence: u32,
    buffer: &mut [u8],
    deadline: Instant,
    step: &mut impl FnMut(Step<'_>),
) -> io::Result<Completeness> {
    let mut completeness = Completeness::Whole;
    loop {
        // With MSG_TRUNC the true length is returned, so that a cut answer does not look whole.
        let length = match recv(socket.as_raw_fd(), buffer, MsgFlags::MSG_TRUNC | MsgFlags::MSG_DONTWAIT) {
            Ok(length) => length,
            Err(Errno::EAGAIN) => {
                wait(socket, deadline)?;
                continue;
            }
            Err(Errno::ENOBUFS) => {
                completeness = Completeness::Lossy;
                continue;
            }
            Err(Errno::EINTR) => continue,
            Err(errno) => return Err(errno.into()),
        };
        let answer = buffer.get(..length).ok_or_else(|| io::Error::other("an answer larger than it may be"))?;
        for message in messages(answer).filter(|message| message.sequence == sequence) {
            if message.flags & libc::NLM_F_DUMP_INTR as u16 != 0 && completeness == Completeness::Whole {
                completeness = Completeness::Changing;
            }
            match i32::from(message.kind) {
                libc::NLMSG_DONE => return error_of(&message).map_or(Ok(completeness), Err),
                libc::NLMSG_ERROR => return error_of(&message).map_or(Ok(completeness), Err),
                _ => step(Step::Answer(message)),
            }
        }
        if Instant::now() > deadline {
            return Err(too_late());
        }
    }
}

/// The kernel answers while it is asked, so there is next to never anything to wait for.
fn wait(socket: &OwnedFd, deadline: Instant) -> io::Result<()> {
    let left = deadline.saturating_duration_since(Instant::now());
    let timeout = PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX);
    match poll(&mut [PollFd::new(socket.as_fd(), PollFlags::POLLIN)], timeout) {
        Ok(0) => Err(too_late()),
        Ok(_) | Err(Errno::EINTR) => Ok(()),
        Err(errno) => Err(errno.into()),
    }
}

fn too_late() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, "no whole answer before the deadline of the scrape")
}

/// The end of a dump and an error both begin with a number, which is negative when something went wrong.
fn error_of(message: &Message<'_>) -> Option<io::Error> {
    let number = message.payload.get(..4)?.try_into().ok().map(i32::from_ne_bytes)?;
    (number < 0).then(|| io::Error::from_raw_os_error(number.saturating_neg()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::netlink::{EVERY_LINK, Link};
    use std::os::unix::net::UnixDatagram;
    use std::time::Duration;

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(10)
    }

    #[test]
    fn the_loopback_device_is_among_the_links() {
        let mut socket = KeptSocket::new(Protocol::Route);
        let mut buffer = Vec::new();
        for _ in 0..2 {
            let mut names: Vec<Vec<u8>> = Vec::new();
            let step = |step: Step<'_>| match step {
                Step::Begin => names.clear(),
                Step::Answer(message) => names.extend(Link::parse(&message).map(|link| link.name.to_vec())),
            };
            socket.dump(&EVERY_LINK, &mut buffer, soon(), step).expect("an answer");
            assert!(names.iter().any(|name| name == b"lo"), "{names:?}");
        }
    }

    #[test]
    fn an_error_of_the_kernel_is_told_and_the_socket_works_again() {
        let mut socket = KeptSocket::new(Protocol::Route);
        let odd = Question { kind: 0xfff0, body: &[0; 16] };
        let error = socket.dump(&odd, &mut Vec::new(), soon(), |_| {}).expect_err("no such request");
        assert!(error.raw_os_error().is_some_and(|number| number > 0), "{error}");
        socket.dump(&EVERY_LINK, &mut Vec::new(), soon(), |_| {}).expect("an answer");
    }

    /// A message of the first dump from somebody who plays the kernel.
    fn message(kind: i32, flags: i32, body: &[u8]) -> Vec<u8> {
        message_of(1, kind, flags, body)
    }

    fn message_of(sequence: u32, kind: i32, flags: i32, body: &[u8]) -> Vec<u8> {
        let length = (MESSAGE_HEADER_BYTES + body.len()) as u32;
        let mut bytes = length.to_ne_bytes().to_vec();
        bytes.extend([(kind as u16).to_ne_bytes(), (flags as u16).to_ne_bytes()].concat());
        bytes.extend([sequence.to_ne_bytes(), [0; 4]].concat());
        bytes.extend(body);
        bytes
    }

    fn answers(datagrams: &[Vec<u8>], deadline: Instant) -> (io::Result<Completeness>, usize) {
        let (kernel, ours) = UnixDatagram::pair().expect("two sockets");
        for datagram in datagrams {
            kernel.send(datagram).expect("sent");
        }
        let (mut count, mut buffer) = (0, vec![0; 4096]);
        let mut step = |_: Step<'_>| count += 1;
        let completeness = receive(&ours.into(), 1, &mut buffer, deadline, &mut step);
        (completeness, count)
    }

    #[test]
    fn a_dump_that_was_interrupted_does_not_pass_for_whole() {
        let done = message(libc::NLMSG_DONE, 0, &0i32.to_ne_bytes());
        let link = message(16, 0, b"link");
        let (result, count) = answers(&[[link.clone(), link].concat(), done.clone()], soon());
        assert_eq!((result.ok(), count), (Some(Completeness::Whole), 2));
        let interrupted = message(16, libc::NLM_F_DUMP_INTR, b"link");
        let (result, count) = answers(&[interrupted, done], soon());
        assert_eq!((result.ok(), count), (Some(Completeness::Changing), 1));
    }

    #[test]
    fn a_dump_that_was_interrupted_is_begun_once_more() {
        let (kernel, ours) = UnixDatagram::pair().expect("two sockets");
        let dump_of = |sequence, flags, body| {
            let done = message_of(sequence, libc::NLMSG_DONE, flags, &0i32.to_ne_bytes());
            [message_of(sequence, 16, 0, body), done].concat()
        };
        for datagram in [dump_of(1, libc::NLM_F_DUMP_INTR, b"gone"), dump_of(2, 0, b"here")] {
            kernel.send(&datagram).expect("sent");
        }
        let mut socket = KeptSocket { protocol: Protocol::Route, open: Some(ours.into()), sequence: 0 };
        let (mut begun, mut bodies) = (0, Vec::new());
        let step = |step: Step<'_>| match step {
            Step::Begin => {
                begun += 1;
                bodies.clear();
            }
            Step::Answer(message) => bodies.push(message.payload.to_vec()),
        };
        let completeness = socket.dump(&EVERY_LINK, &mut Vec::new(), soon(), step).expect("an answer");
        assert_eq!((completeness, begun, bodies), (Completeness::Whole, 2, vec![b"here".to_vec()]));
        // Nobody answers a third time.
        kernel.send(&dump_of(3, libc::NLM_F_DUMP_INTR, b"gone")).expect("sent");
        kernel.send(&dump_of(4, libc::NLM_F_DUMP_INTR, b"gone")).expect("sent");
        let completeness = socket.dump(&EVERY_LINK, &mut Vec::new(), soon(), |_| {}).expect("an answer");
        assert_eq!(completeness, Completeness::Changing);
    }

    #[test]
    fn a_dump_may_end_in_an_error() {
        let (result, _) = answers(&[message(libc::NLMSG_DONE, 0, &(-libc::EOPNOTSUPP).to_ne_bytes())], soon());
        assert_eq!(result.expect_err("an error").raw_os_error(), Some(libc::EOPNOTSUPP));
    }

    #[test]
    fn nobody_is_waited_for_past_the_deadline() {
        let (result, _) = answers(&[message(16, 0, b"link")], Instant::now() + Duration::from_millis(20));
        assert_eq!(result.expect_err("no end").kind(), io::ErrorKind::TimedOut);
    }
}
