//! The kept connection to the system bus, shared in kind by the collectors that ask services instead of the kernel.

use std::time::{Duration, Instant};

use dbus::{Address, Call, Connection, Error, Fault, Peer, Reply};
use kernel::{Host, limits};

use crate::{Failure, Outcome};

/// A service answers within milliseconds. One that needs longer than this is in trouble, and the other collectors'
/// answers shall not wait for it.
const PATIENCE: Duration = Duration::from_secs(5);
/// Before the scrape's deadline, so that what was learnt so far can still be written.
const MARGIN: Duration = Duration::from_millis(100);

pub struct Bus {
    /// In the order in which they are tried; the first that is there counts.
    places: Vec<(Address, Peer)>,
    connection: Option<(Connection, Address)>,
}

/// What a call brought.
pub type Outcomes<'t> = &'t mut dyn FnMut(usize, Result<Reply<'_>, Fault<'_>>) -> dbus::Result<()>;

/// The bus, or the service behind it, cannot be asked.
#[derive(Debug)]
pub struct BusError {
    address: String,
    source: Error,
}

impl Bus {
    /// The system bus: where `DBUS_SYSTEM_BUS_ADDRESS` says, else the socket that every distribution has.
    pub fn system(host: &Host) -> Self {
        let given = std::env::var("DBUS_SYSTEM_BUS_ADDRESS").ok().and_then(|text| Address::parse(&text));
        let usual = || Address::Path(host.roots.run("dbus/system_bus_socket"));
        Bus { places: vec![(given.unwrap_or_else(usual), Peer::Bus)], connection: None }
    }

    /// systemd's own socket, which it opens to root.
    pub fn systemd_private(host: &Host) -> Self {
        Bus { places: vec![private(host)], connection: None }
    }

    /// The system bus or, where there is none and we are root, systemd's own socket.
    pub fn system_or_systemd(host: &Host) -> Self {
        let mut bus = Bus::system(host);
        bus.places.extend(limits::is_root().then(|| private(host)));
        bus
    }

    /// When to stop asking.
    pub fn deadline(scrape_deadline: Instant) -> Instant {
        let latest = scrape_deadline.checked_sub(MARGIN).unwrap_or(scrape_deadline);
        latest.min(Instant::now() + PATIENCE)
    }

    /// As `Connection::call_all`. An error closes the connection; the next call opens another.
    pub fn call_all<'c>(
        &mut self,
        calls: impl IntoIterator<Item = Call<'c>> + Clone,
        deadline: Instant,
        take: Outcomes<'_>,
    ) -> Result<(), BusError> {
        let was_open = self.connection.is_some();
        let mut has_answered = false;
        let mut noting = |place: usize, outcome: Result<Reply<'_>, Fault<'_>>| {
            has_answered = true;
            take(place, outcome)
        };
        let first = self.try_all(calls.clone(), deadline, &mut noting);
        match first {
            // The bus was restarted since the last scrape.
            Err(error) if was_open && !has_answered && error.source.is_gone() => self.try_all(calls, deadline, take),
            outcome => outcome,
        }
    }

    fn try_all<'c>(
        &mut self,
        calls: impl IntoIterator<Item = Call<'c>>,
        deadline: Instant,
        take: Outcomes<'_>,
    ) -> Result<(), BusError> {
        let (mut connection, address) = match self.connection.take() {
            Some(open) => open,
            None => self.open(deadline)?,
        };
        match connection.call_all(calls, deadline, take) {
            Ok(()) => {
                self.connection = Some((connection, address));
                Ok(())
            }
            Err(source) => Err(BusError { address: address.to_string(), source }),
        }
    }

    fn open(&self, deadline: Instant) -> Result<(Connection, Address), BusError> {
        let mut failed = None;
        for (address, peer) in &self.places {
            match Connection::open(address, *peer, deadline) {
                Ok(connection) => return Ok((connection, address.clone())),
                Err(source) => {
                    let is_absent = source.is_absent();
                    failed.get_or_insert(BusError { address: address.to_string(), source });
                    if !is_absent {
                        break;
                    }
                }
            }
        }
        let none = || BusError { address: String::new(), source: Error::Closed };
        Err(failed.unwrap_or_else(none))
    }
}

fn private(host: &Host) -> (Address, Peer) {
    (Address::Path(host.roots.run("systemd/private")), Peer::Program)
}

impl BusError {
    /// No bus is nothing here, one that does not work is a failure.
    pub fn outcome(self) -> Result<Outcome, Failure> {
        if self.source.is_absent() { Ok(Outcome::absent(format!("no bus: {self}"))) } else { Err(self.into()) }
    }
}

impl std::fmt::Display for BusError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.address, self.source)
    }
}

impl From<BusError> for Failure {
    fn from(error: BusError) -> Self {
        Failure(error.to_string())
    }
}
