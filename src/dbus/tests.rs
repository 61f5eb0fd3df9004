//! The client against a server of the tests, which says wrong things too, and against the real dbus-daemon.

use std::fs;
use std::os::unix::net::UnixListener;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use proptest::prelude::*;
use rig::{Body, FakeBus, Says, skip};

use crate::error::{Error, Result};
use crate::message::{Message, length};
use crate::{Address, Call, Connection, Peer, Value};

const PROPERTIES: &str = "org.freedesktop.DBus.Properties";

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(20)
}

fn a_moment() -> Instant {
    Instant::now() + Duration::from_millis(100)
}

fn get<'a>(path: &'a str, arguments: &'a [&'a str]) -> Call<'a> {
    Call { destination: "org.example", path, interface: PROPERTIES, member: "Get", arguments }
}

/// The names of this process's open files, which a leak would make more.
fn descriptors() -> usize {
    fs::read_dir("/proc/self/fd")
        .expect("procfs")
        .filter(|entry| {
            let link = entry.as_ref().ok().and_then(|entry| fs::read_link(entry.path()).ok());
            link.is_some_and(|link| link.to_string_lossy().starts_with("socket:"))
        })
        .count()
}

#[test]
fn many_calls_are_answered_each_for_itself() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let bus = FakeBus::start(&dir.path().join("bus"), |asked| match asked.arguments.as_slice() {
        [interface, name] if interface == "i" && name == "Missing" => {
            Says::Fault("org.freedesktop.DBus.Error.UnknownProperty")
        }
        [_, name] if name == "Path" => Says::Return(Body::of("v").signature("s").text(&asked.path)),
        _ => Says::Return(Body::of("v").signature("t").u64(u64::MAX)),
    });
    let address = Address::Path(bus.path.clone());
    let mut connection = Connection::open(&address, Peer::Bus, soon()).expect("connected");
    let paths: Vec<String> = (0..1000).map(|number| format!("/unit/{number}")).collect();
    for _ in 0..2 {
        let calls = paths
            .iter()
            .flat_map(|path| [get(path, &["i", "Path"]), get(path, &["i", "Number"]), get(path, &["i", "Missing"])]);
        let mut answered = 0;
        connection
            .call_all(calls, soon(), |place, outcome| {
                answered += 1;
                match (place % 3, outcome) {
                    (0, Ok(reply)) => assert_eq!(reply.value()?, Value::Text(&paths[place / 3])),
                    (1, Ok(reply)) => assert_eq!(reply.value()?, Value::Number(u64::MAX)),
                    (2, Err(fault)) => assert!(fault.name.ends_with("UnknownProperty") && fault.text == "no"),
                    (_, other) => panic!("{place}: {other:?}"),
                }
                Ok(())
            })
            .expect("all answered");
        assert_eq!(answered, 3000);
    }
    assert_eq!(bus.connections(), 1);
}

#[test]
fn a_bus_that_never_answers_costs_the_deadline_and_no_descriptor() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let silent = FakeBus::start(&dir.path().join("silent"), |_| Says::Nothing);
    // Connections are queued, but nobody ever takes one.
    let deaf = dir.path().join("deaf");
    let _listener = UnixListener::bind(&deaf).expect("a socket");
    for _ in 0..3 {
        let error = Connection::open(&Address::Path(deaf.clone()), Peer::Bus, a_moment()).expect_err("deaf");
        assert!(matches!(error, Error::TimedOut), "{error}");
        let mut connection = Connection::open(&Address::Path(silent.path.clone()), Peer::Bus, soon()).expect("open");
        let outcome = connection.call_all([get("/", &[])], a_moment(), |_, _| panic!("no reply"));
        assert!(matches!(outcome, Err(Error::TimedOut)), "{outcome:?}");
    }
}

#[test]
fn a_full_queue_is_not_waited_for() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let path = dir.path().join("full");
    let _listener = UnixListener::bind(&path).expect("a socket");
    let address = Address::Path(path);
    let mut queued = Vec::new();
    let error = loop {
        match super::connection::connected(&address) {
            Ok(socket) => queued.push(socket),
            Err(error) => break error,
        }
        assert!(queued.len() < 100_000, "the queue has no end");
    };
    assert!(matches!(error, Error::Busy), "{error}");
    let open = descriptors();
    drop(queued);
    assert!(descriptors() < open);
}

#[test]
fn one_that_dies_midway_is_gone_and_none_at_all_is_absent() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let mut left = 2;
    let bus = FakeBus::start(&dir.path().join("bus"), move |_| {
        left -= 1;
        if left < 0 { Says::HangsUp } else { Says::Return(Body::of("v").signature("b").u32(1)) }
    });
    let mut connection = Connection::open(&Address::Path(bus.path.clone()), Peer::Bus, soon()).expect("connected");
    let mut answered = 0;
    let outcome = connection.call_all(vec![get("/", &[]); 5], soon(), |_, outcome| {
        assert_eq!(outcome.expect("a reply").value()?, Value::Bool(true));
        answered += 1;
        Ok(())
    });
    assert!(outcome.is_err_and(|error| error.is_gone()));
    assert_eq!(answered, 2);

    let nothing = Connection::open(&Address::Path(dir.path().join("none")), Peer::Bus, soon()).expect_err("absent");
    assert!(nothing.is_absent(), "{nothing}");
    let stale = dir.path().join("stale");
    drop(UnixListener::bind(&stale).expect("a socket"));
    let refused = Connection::open(&Address::Path(stale), Peer::Bus, soon()).expect_err("nobody listens");
    assert!(!refused.is_absent() && matches!(refused, Error::Connect(_)), "{refused}");
}

#[test]
fn garbage_is_an_error() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let endless = [&[b'l', 2, 1, 1, 255, 255, 255, 255][..], &[0; 8]].concat();
    for (name, bytes) in [("http", b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec()), ("endless", endless)] {
        let bus = FakeBus::start(&dir.path().join(name), move |_| Says::Bytes(bytes.clone()));
        let mut connection = Connection::open(&Address::Path(bus.path.clone()), Peer::Bus, soon()).expect("connected");
        let outcome = connection.call_all([get("/", &[])], soon(), |_, _| Ok(()));
        assert!(matches!(outcome, Err(Error::Malformed(_) | Error::TooLong(_))), "{name}: {outcome:?}");
    }
    let bus = FakeBus::start(&dir.path().join("types"), |_| Says::Return(Body::of("s").text("no variant")));
    let mut connection = Connection::open(&Address::Path(bus.path.clone()), Peer::Program, soon()).expect("connected");
    let read = |_: usize, outcome: std::result::Result<crate::Reply<'_>, crate::Fault<'_>>| -> Result<()> {
        outcome.expect("a reply").value().map(drop)
    };
    let outcome = connection.call_all([get("/", &[])], soon(), read);
    assert!(matches!(outcome, Err(Error::Malformed("v"))), "{outcome:?}");
}

struct Daemon(Child);

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn the_real_daemon_understands_us() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let path = dir.path().join("bus");
    let daemon = Command::new("dbus-daemon")
        .args(["--session", "--nofork", "--nosyslog"])
        .arg(format!("--address=unix:path={}", path.display()))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let Ok(daemon) = daemon else {
        return skip("a client beside dbus-daemon", "no such program");
    };
    let _daemon = Daemon(daemon);
    let deadline = soon();
    let mut connection = loop {
        match Connection::open(&Address::Path(path.clone()), Peer::Bus, deadline) {
            Ok(connection) => break connection,
            Err(error) => assert!(Instant::now() < deadline && matches!(error, Error::Connect(_)), "{error}"),
        }
        std::thread::yield_now();
    };
    let to_the_bus = |member, arguments| Call {
        destination: "org.freedesktop.DBus",
        path: "/org/freedesktop/DBus",
        interface: "org.freedesktop.DBus",
        member,
        arguments,
    };
    let calls = (0..300).flat_map(|_| {
        [
            to_the_bus("ListNames", &[][..]),
            to_the_bus("NameHasOwner", &["org.freedesktop.DBus"]),
            Call { destination: "org.example.Nobody", ..to_the_bus("Anything", &[]) },
        ]
    });
    let mut answered = [0; 3];
    connection
        .call_all(calls, deadline, |place, outcome| {
            answered[place % 3] += 1;
            match (place % 3, outcome) {
                (0, Ok(reply)) => {
                    let mut names = reply.body("as")?.array(4)?;
                    assert_eq!(names.text()?, "org.freedesktop.DBus");
                }
                (1, Ok(reply)) => assert_eq!(reply.body("b")?.u32()?, 1),
                (2, Err(fault)) => assert!(fault.is_nobody(), "{fault:?}"),
                (_, other) => panic!("{place}: {other:?}"),
            }
            Ok(())
        })
        .expect("all answered");
    assert_eq!(answered, [300; 3]);
}

proptest! {
    #[test]
    fn no_message_makes_it_panic(
        mut bytes in proptest::collection::vec(any::<u8>().prop_map(|byte| byte % 120), 16..200),
        is_big_endian: bool,
        kind in 1u8..5,
    ) {
        (bytes[0], bytes[1]) = (if is_big_endian { b'B' } else { b'l' }, kind);
        let _ = length(&bytes);
        if let Ok(message) = Message::parse(&bytes)
            && let Some(Ok(reply)) = message.outcome
        {
            let _ = reply.value();
        }
    }
}
