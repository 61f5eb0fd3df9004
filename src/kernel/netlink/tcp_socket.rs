//! TCP sockets (`sock_diag(7)`, since Linux 3.3): state and queues of each. Cost: 72 bytes or a little more per socket;
//! reading the same from `/proc/net/tcp` takes the kernel several times as long.

use nix::libc;

use super::message::{Message, u32_at};
use super::socket::Question;

pub const EVERY_V4_TCP_SOCKET: Question<'static> = Question { kind: SOCK_DIAG_BY_FAMILY, body: &V4_BODY };
pub const EVERY_V6_TCP_SOCKET: Question<'static> = Question { kind: SOCK_DIAG_BY_FAMILY, body: &V6_BODY };

const SOCK_DIAG_BY_FAMILY: u16 = 20;
const V4_BODY: [u8; 56] = body(libc::AF_INET as u8);
const V6_BODY: [u8; 56] = body(libc::AF_INET6 as u8);

/// struct inet_diag_req_v2: TCP, no extensions, the states 0 to 11, any addresses.
const fn body(family: u8) -> [u8; 56] {
    let mut body = [0; 56];
    body[0] = family;
    body[1] = libc::IPPROTO_TCP as u8;
    let states = 0xfff_u32.to_ne_bytes();
    let (_, rest) = body.split_at_mut(4);
    rest.split_at_mut(4).0.copy_from_slice(&states);
    body
}

/// From struct inet_diag_msg.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TcpSocket {
    /// `TCP_ESTABLISHED` (1) and so on.
    pub state: u8,
    /// Bytes that the process has not fetched yet; of a listening socket, connections that wait to be accepted.
    pub receive_queue: u32,
    /// Bytes that the other end has not confirmed yet; of a listening socket, the longest that `receive_queue` may get.
    pub send_queue: u32,
}

impl TcpSocket {
    /// `None` for messages of other kinds.
    pub fn parse(message: &Message<'_>) -> Option<TcpSocket> {
        if message.kind != SOCK_DIAG_BY_FAMILY {
            return None;
        }
        let receive_queue = u32_at(message.payload, 56)?;
        let send_queue = u32_at(message.payload, 60)?;
        Some(TcpSocket { state: message.payload[1], receive_queue, send_queue })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::netlink::{KeptSocket, Protocol, Step};
    use std::net::TcpListener;
    use std::time::{Duration, Instant};

    #[test]
    fn a_listening_socket_is_among_them() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a socket");
        let mut socket = KeptSocket::new(Protocol::Sockets);
        let mut listening = 0;
        let answered =
            socket.dump(&EVERY_V4_TCP_SOCKET, &mut Vec::new(), Instant::now() + Duration::from_secs(10), |step| {
                let Step::Answer(message) = step else { return };
                let one = TcpSocket::parse(&message).expect("a socket");
                listening += usize::from(one.state == 10);
            });
        drop(listener);
        match answered {
            Ok(_) => assert!(listening > 0),
            // A kernel without this module.
            Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::NotFound),
        }
    }

    #[test]
    fn a_cut_message_is_no_socket() {
        let message = |payload| Message { kind: SOCK_DIAG_BY_FAMILY, flags: 0, sequence: 0, payload };
        assert_eq!(TcpSocket::parse(&message(&[1; 63])), None);
        let expected = TcpSocket { state: 1, receive_queue: 0x0101_0101, send_queue: 0x0101_0101 };
        assert_eq!(TcpSocket::parse(&message(&[1; 72])), Some(expected));
    }
}
