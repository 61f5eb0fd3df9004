//! One connection: who we are is told once, then calls go out and replies come in. Several calls are on their way at
//! the same time, so a hundred questions cost a few round trips.

use std::io::{self, Read, Write};
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::net::UnixStream;
use std::time::Instant;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{AddressFamily, SockFlag, SockType, UnixAddr, connect, socket};
use nix::unistd::geteuid;

use crate::error::{Error, Result};
use crate::message::{self, Fault, Message, Reply};
use crate::{Address, Call};

/// Calls that are on their way at the same time. A bus limits how many replies may be due, and drops who has more.
const CALLS_ON_THEIR_WAY: usize = 64;
const READ_BYTES: usize = 32 << 10;
/// A line of the authentication.
const LONGEST_LINE_BYTES: usize = 1 << 10;

/// Who is at the other end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    /// A bus, which wants to be greeted first.
    Bus,
    /// A program that speaks D-Bus by itself.
    Program,
}

/// Of no use after an error: drop it and open another.
#[derive(Debug)]
pub struct Connection {
    socket: UnixStream,
    next_serial: u32,
    /// What is yet to be sent.
    out: Vec<u8>,
    /// What has come and is not taken apart yet.
    input: Vec<u8>,
    /// Calls of the current batch that have their reply.
    is_answered: Vec<bool>,
}

impl Connection {
    pub fn open(address: &Address, peer: Peer, deadline: Instant) -> Result<Connection> {
        let mut connection = Connection {
            socket: connected(address)?,
            next_serial: 1,
            out: Vec::new(),
            input: Vec::new(),
            is_answered: Vec::new(),
        };
        connection.authenticate(deadline)?;
        if peer == Peer::Bus {
            let hello = Call {
                destination: "org.freedesktop.DBus",
                path: "/org/freedesktop/DBus",
                interface: "org.freedesktop.DBus",
                member: "Hello",
                arguments: &[],
            };
            let mut refused = None;
            connection.call_all([hello], deadline, |_, outcome| {
                refused = outcome.err().map(|fault| fault.name.to_owned());
                Ok(())
            })?;
            if let Some(name) = refused {
                return Err(Error::Refused(name));
            }
        }
        Ok(connection)
    }

    /// Makes all calls and hands over what came of each, by its place among them, as replies come in: in the order of
    /// the calls or not. An error of `take` ends it like any other.
    pub fn call_all<'c>(
        &mut self,
        calls: impl IntoIterator<Item = Call<'c>>,
        deadline: Instant,
        mut take: impl FnMut(usize, std::result::Result<Reply<'_>, Fault<'_>>) -> Result<()>,
    ) -> Result<()> {
        let mut calls = calls.into_iter().fuse();
        if self.next_serial > u32::MAX / 2 {
            // No reply is due, so the numbers are free.
            self.next_serial = 1;
        }
        let first_serial = self.next_serial;
        self.is_answered.clear();
        let mut on_their_way = 0;
        loop {
            while on_their_way < CALLS_ON_THEIR_WAY {
                let Some(call) = calls.next() else { break };
                call.write(self.next_serial, &mut self.out);
                self.next_serial += 1;
                self.is_answered.push(false);
                on_their_way += 1;
            }
            if on_their_way == 0 {
                return Ok(());
            }
            let mut taken = 0;
            while let Some(length) = whole_message(&self.input[taken..])? {
                let message = Message::parse(&self.input[taken..taken + length])?;
                taken += length;
                let place = message.reply_to.checked_sub(first_serial).map(|place| place as usize);
                let due = place.filter(|place| self.is_answered.get(*place) == Some(&false));
                if let (Some(place), Some(outcome)) = (due, message.outcome) {
                    self.is_answered[place] = true;
                    on_their_way -= 1;
                    take(place, outcome)?;
                }
            }
            self.input.drain(..taken);
            if taken == 0 {
                self.exchange(deadline)?;
            }
        }
    }

    /// `EXTERNAL`: the kernel tells the other side who we are.
    fn authenticate(&mut self, deadline: Instant) -> Result<()> {
        let user = geteuid().to_string();
        let in_hex: String = user.bytes().map(|digit| format!("{digit:02x}")).collect();
        self.out.extend_from_slice(format!("\0AUTH EXTERNAL {in_hex}\r\n").as_bytes());
        let end = loop {
            if let Some(end) = self.input.windows(2).position(|pair| pair == b"\r\n") {
                break end;
            }
            if self.input.len() > LONGEST_LINE_BYTES {
                return Err(Error::Malformed("a line of the authentication"));
            }
            self.exchange(deadline)?;
        };
        if !self.input.starts_with(b"OK ") {
            let line = String::from_utf8_lossy(&self.input[..end.min(100)]);
            return Err(Error::Refused(line.into_owned()));
        }
        self.input.drain(..end + 2);
        self.out.extend_from_slice(b"BEGIN\r\n");
        Ok(())
    }

    /// Waits until something can be sent or has come, and does that.
    fn exchange(&mut self, deadline: Instant) -> Result<()> {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(Error::TimedOut);
        }
        let wanted = if self.out.is_empty() { PollFlags::POLLIN } else { PollFlags::POLLIN | PollFlags::POLLOUT };
        let mut fds = [PollFd::new(self.socket.as_fd(), wanted)];
        // Rounded up, so that it does not spin through the last millisecond.
        let milliseconds = i32::try_from(left.as_millis()).unwrap_or(i32::MAX).saturating_add(1);
        let timeout = PollTimeout::try_from(milliseconds).unwrap_or(PollTimeout::MAX);
        match poll(&mut fds, timeout) {
            Ok(0) => return Err(Error::TimedOut),
            Ok(_) | Err(Errno::EINTR) => {}
            Err(errno) => return Err(Error::Io(errno.into())),
        }
        let ready = fds[0].revents().unwrap_or(PollFlags::empty());
        if ready.contains(PollFlags::POLLOUT) && !self.out.is_empty() {
            let sent = if_ready(self.socket.write(&self.out))?.unwrap_or(0);
            self.out.drain(..sent);
        }
        if ready.intersects(PollFlags::POLLIN | PollFlags::POLLHUP | PollFlags::POLLERR) {
            self.receive()?;
        }
        Ok(())
    }

    fn receive(&mut self) -> Result<()> {
        let filled = self.input.len();
        self.input.resize(filled + READ_BYTES, 0);
        let received = if_ready(self.socket.read(&mut self.input[filled..]));
        self.input.truncate(filled + received.as_ref().map_or(0, |received| received.unwrap_or(0)));
        match received? {
            Some(0) => Err(Error::Closed),
            _ => Ok(()),
        }
    }
}

/// Does not wait, as connecting to a unix socket does while the other side accepts nobody.
pub(crate) fn connected(address: &Address) -> Result<UnixStream> {
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    let failed = |errno: Errno| if errno == Errno::EAGAIN { Error::Busy } else { Error::Connect(errno.into()) };
    let name = match address {
        Address::Path(path) => UnixAddr::new(path),
        Address::Abstract(name) => UnixAddr::new_abstract(name),
    };
    let name = name.map_err(failed)?;
    let socket = socket(AddressFamily::Unix, SockType::Stream, flags, None).map_err(failed)?;
    connect(socket.as_raw_fd(), &name).map_err(failed)?;
    Ok(socket.into())
}

/// The length of the message at the beginning, when it is there as a whole.
fn whole_message(input: &[u8]) -> Result<Option<usize>> {
    let Some(fixed) = input.get(..message::FIXED_BYTES) else { return Ok(None) };
    let length = message::length(fixed)?;
    Ok(Some(length).filter(|length| *length <= input.len()))
}

fn if_ready(result: io::Result<usize>) -> Result<Option<usize>> {
    match result {
        Ok(count) => Ok(Some(count)),
        Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => Ok(None),
        Err(error) => Err(Error::Io(error)),
    }
}
