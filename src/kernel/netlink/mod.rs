//! rtnetlink (rtnetlink(7)): what the kernel tells about network devices and addresses, as messages of attributes.
//! Reading needs no privileges. It speaks for the network namespace of the thread that opened the socket.

mod address;
mod link;
mod message;
mod socket;

pub use address::Address;
pub use link::{Link, LinkCounters};
pub use message::{Attribute, Message, attributes, messages};
pub use socket::RouteSocket;
