//! Netlink (netlink(7)): what the kernel tells by messages of attributes rather than by files. Reading needs no
//! privileges. It speaks for the network namespace of the thread that opened the socket.

mod address;
mod generic;
mod link;
mod link_events;
mod link_names;
mod message;
mod neighbour;
mod nl80211;
mod qdisc;
mod route;
mod socket;
mod tcp_socket;

pub use address::{Address, EVERY_ADDRESS};
pub use generic::{EVERY_FAMILY, Family};
pub use link::{EVERY_LINK, Link, LinkCounters};
pub use link_events::LinkEvents;
pub use link_names::{EVERY_LINK_NAME, LinkNames};
pub use message::{Attribute, Message, attributes, messages};
pub use neighbour::{EVERY_V4_NEIGHBOUR, Neighbour};
pub use nl80211::{Bss, Nl80211, Station, WifiInterface, WifiQuestion};
pub use qdisc::{EVERY_QDISC, Qdisc, QdiscCounters};
pub use route::{EVERY_ROUTE, Hop, Route};
pub use socket::{Completeness, KeptSocket, Protocol, Question, Step};
pub use tcp_socket::{EVERY_V4_TCP_SOCKET, EVERY_V6_TCP_SOCKET, TcpSocket};
