//! logind over D-Bus: sessions by seat, kind and class. All values that logind can give have a series for each seat,
//! also while no session has them; what logind may invent later counts as `other`.
//! Needs systemd-logind 229 or later on the system bus. Privileges: none. Cost: two round trips on one kept connection.

use dbus::{Call, Fault, Reply, Value};
use exposition::{Family, gauge};

use super::bus::Bus;
use crate::{Collector, Failure, Outcome, Scrape, Spec};

const SESSIONS: Family = gauge("node_logind_sessions", "Number of sessions registered in logind.");

pub const SPEC: Spec = Spec {
    name: "logind",
    is_on_by_default: false,
    help: "sessions of users, asked of logind over D-Bus",
    families: &[SESSIONS],
    flags: &[],
    build: |host, _| Ok(Box::new(Logind { bus: Bus::system(host) })),
};

const LOGIND: &str = "org.freedesktop.login1";
const REMOTE: [&str; 2] = ["false", "true"];
const TYPES: [&str; 7] = ["mir", "other", "tty", "unspecified", "wayland", "web", "x11"];
const CLASSES: [&str; 5] = ["background", "greeter", "lock-screen", "other", "user"];
const PROPERTIES: [&str; 3] = ["Remote", "Type", "Class"];

struct Logind {
    bus: Bus,
}

#[derive(Default)]
struct Session {
    path: String,
    seat: String,
    /// Places in the lists above, by property; `None` until all have come.
    values: [Option<usize>; PROPERTIES.len()],
}

impl Collector for Logind {
    fn collect(&mut self, scrape: &mut Scrape<'_>) -> Result<Outcome, Failure> {
        let deadline = Bus::deadline(scrape.deadline);
        // Sessions over the network have no seat.
        let mut seats = vec![String::new()];
        let mut sessions = Vec::new();
        let mut fault = None;
        let lists = ["ListSeats", "ListSessions"].map(|member| Call {
            destination: LOGIND,
            path: "/org/freedesktop/login1",
            interface: "org.freedesktop.login1.Manager",
            member,
            arguments: &[],
        });
        let asked = self.bus.call_all(lists, deadline, &mut |place, outcome| {
            match outcome {
                Ok(reply) if place == 0 => read_seats(&reply, &mut seats)?,
                Ok(reply) => read_sessions(&reply, &mut sessions)?,
                Err(said) => fault = Some((said.is_nobody(), in_words(&said))),
            }
            Ok(())
        });
        if let Err(error) = asked {
            return error.outcome();
        }
        match fault {
            Some((true, words)) => return Ok(Outcome::absent(format!("no logind on the bus: {words}"))),
            Some((false, words)) => return Err(Failure(format!("logind does not list seats and sessions: {words}"))),
            None => {}
        }
        let asked = self.ask_sessions(&mut sessions, deadline);
        seats.sort();
        seats.dedup();
        write(scrape, &seats, &sessions);
        asked?;
        Ok(Outcome::Collected)
    }
}

impl Logind {
    /// A session that ended in the meantime stays without values.
    fn ask_sessions(&mut self, sessions: &mut [Session], deadline: std::time::Instant) -> Result<(), Failure> {
        let arguments = PROPERTIES.map(|name| ["org.freedesktop.login1.Session", name]);
        let paths: Vec<String> = sessions.iter().map(|session| session.path.clone()).collect();
        let calls = paths.iter().flat_map(|path| {
            arguments.iter().map(|arguments| Call {
                destination: LOGIND,
                path,
                interface: "org.freedesktop.DBus.Properties",
                member: "Get",
                arguments,
            })
        });
        self.bus.call_all(calls, deadline, &mut |place, outcome| {
            let (session, property) = (place / PROPERTIES.len(), place % PROPERTIES.len());
            if let Ok(reply) = outcome {
                sessions[session].values[property] = match (property, reply.value()?) {
                    (0, Value::Bool(is_remote)) => Some(usize::from(is_remote)),
                    (1, Value::Text(kind)) => place_in(&TYPES, kind),
                    (2, Value::Text(class)) => place_in(&CLASSES, class),
                    _ => None,
                };
            }
            Ok(())
        })?;
        Ok(())
    }
}

fn write(scrape: &mut Scrape<'_>, seats: &[String], sessions: &[Session]) {
    for seat in seats {
        let mut counts = [[[0u32; TYPES.len()]; CLASSES.len()]; REMOTE.len()];
        for session in sessions.iter().filter(|session| session.seat == *seat) {
            if let [Some(remote), Some(kind), Some(class)] = session.values {
                counts[remote][class][kind] += 1;
            }
        }
        for (class_at, class) in CLASSES.iter().enumerate() {
            for (remote_at, remote) in REMOTE.iter().enumerate() {
                for (type_at, kind) in TYPES.iter().enumerate() {
                    let labels = [("class", *class), ("remote", *remote), ("seat", seat.as_str()), ("type", *kind)];
                    let count = counts[remote_at][class_at][type_at];
                    scrape.page.sample(&SESSIONS, &labels, f64::from(count));
                }
            }
        }
    }
}

fn read_seats(reply: &Reply<'_>, seats: &mut Vec<String>) -> dbus::Result<()> {
    let mut rows = reply.body("a(so)")?.array(8)?;
    while !rows.is_at_end() {
        rows.structure()?;
        seats.push(rows.text()?.to_owned());
        rows.text()?;
    }
    Ok(())
}

fn read_sessions(reply: &Reply<'_>, sessions: &mut Vec<Session>) -> dbus::Result<()> {
    let mut rows = reply.body("a(susso)")?.array(8)?;
    while !rows.is_at_end() {
        rows.structure()?;
        let (_id, _user, _user_name) = (rows.text()?, rows.u32()?, rows.text()?);
        let seat = rows.text()?.to_owned();
        sessions.push(Session { seat, path: rows.text()?.to_owned(), ..Session::default() });
    }
    Ok(())
}

fn place_in(known: &[&str], value: &str) -> Option<usize> {
    let place = |value: &str| known.iter().position(|one| *one == value);
    place(value).or_else(|| place("other"))
}

fn in_words(fault: &Fault<'_>) -> String {
    format!("{} {}", fault.name, fault.text)
}
