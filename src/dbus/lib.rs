//! A small D-Bus client: it calls methods over a unix socket and reads their replies, nothing else. Synchronous, one
//! connection, many calls at once, and everything has a deadline and a bound: a bus that never answers costs the
//! deadline, one that answers garbage an error, and neither a descriptor.
//!
//! The wire format is that of the D-Bus specification 0.42, sections "Type System", "Message Protocol" and
//! "Authentication Protocol" (EXTERNAL, which every system bus and systemd itself accept).

mod address;
mod call;
mod connection;
mod error;
mod message;
mod reader;
#[cfg(test)]
mod tests;

pub use address::Address;
pub use call::Call;
pub use connection::{Connection, Peer};
pub use error::{Error, Result};
pub use message::{Fault, Reply};
pub use reader::{Reader, Value};
