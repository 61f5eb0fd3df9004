//! TCP connections by state, and what waits in their queues, by `sock_diag(7)`.
//! Kernel: 3.3 and later with the module tcp_diag. Privileges: none. Cost: two questions, about 100 bytes of answer per
//! socket. Off by default: a machine may have a million sockets.

use std::io;

use exposition::{Family, gauge};
use kernel::Host;
use kernel::netlink::{EVERY_V4_TCP_SOCKET, EVERY_V6_TCP_SOCKET, KeptSocket, Protocol, Step, TcpSocket};

use super::netlink::{Unanswered, dump};
use super::other_network;
use crate::{Collector, Failure, Outcome, Scrape, Spec};

const STATES: Family = gauge("node_tcp_connection_states", "Number of connection states.");

/// By the kernel's numbers.
const NAMES: [&str; 12] = [
    "unknown",
    "established",
    "syn_sent",
    "syn_recv",
    "fin_wait1",
    "fin_wait2",
    "time_wait",
    "close",
    "close_wait",
    "last_ack",
    "listen",
    "closing",
];

pub const SPEC: Spec = Spec {
    name: "tcpstat",
    is_on_by_default: false,
    help: "TCP connections by state, and their queues",
    families: &[STATES],
    flags: &[],
    build: |host, _| Ok(Box::new(Tcpstat::new(host))),
};

struct Tcpstat {
    /// `None` outside the host's network namespace.
    socket: Option<KeptSocket>,
}

#[derive(Clone, Copy, Default)]
struct Sums {
    sockets: [u64; NAMES.len()],
    receive_queue_bytes: u64,
    send_queue_bytes: u64,
}

impl Tcpstat {
    fn new(host: &Host) -> Self {
        Tcpstat { socket: host.is_in_host_network().then(|| KeptSocket::new(Protocol::Sockets)) }
    }
}

impl Collector for Tcpstat {
    fn collect(&mut self, scrape: &mut Scrape<'_>) -> Result<Outcome, Failure> {
        let Some(socket) = &mut self.socket else { return Ok(Outcome::absent(other_network::REASON)) };
        let mut sums = Sums::default();
        for question in [&EVERY_V4_TCP_SOCKET, &EVERY_V6_TCP_SOCKET] {
            let before = sums;
            let answered = dump(socket, question, scrape, |step| match step {
                Step::Begin => sums = before,
                Step::Answer(message) => sums.add(TcpSocket::parse(&message)),
            });
            match answered {
                Err(Unanswered(error)) if error.kind() == io::ErrorKind::NotFound => {
                    return Ok(Outcome::absent("the kernel has no module tcp_diag"));
                }
                other => other?,
            }
        }
        sums.write(scrape);
        Ok(Outcome::Collected)
    }
}

impl Sums {
    fn add(&mut self, socket: Option<TcpSocket>) {
        let Some(socket) = socket else { return };
        let state = usize::from(socket.state);
        self.sockets[if state < NAMES.len() { state } else { 0 }] += 1;
        self.receive_queue_bytes += u64::from(socket.receive_queue);
        self.send_queue_bytes += u64::from(socket.send_queue);
    }

    /// A state that no connection is in has no series.
    fn write(&self, scrape: &mut Scrape<'_>) {
        let states = NAMES.iter().zip(self.sockets).filter(|(_, count)| *count > 0);
        let queues = [("rx_queued_bytes", self.receive_queue_bytes), ("tx_queued_bytes", self.send_queue_bytes)];
        let has_sockets = self.sockets.iter().any(|count| *count > 0);
        let queues = queues.iter().filter(|_| has_sockets).map(|(name, bytes)| (name, *bytes));
        for (state, value) in states.chain(queues) {
            scrape.page.sample(&STATES, &[("state", state)], value as f64);
        }
    }
}
