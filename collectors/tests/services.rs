//! systemd and logind as they answer over D-Bus: well, half, wrongly, late, never. The bus is one of the tests' own that
//! speaks the real wire format; on a machine with systemd `beside_node_exporter.rs` compares with the real one.

mod machine;

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use collectors::{Collector, Outcome, Scrape};
use exposition::Page;
use machine::{Collected, Machine, collect, row};
use rig::{Asked, Body, FakeBus, Says};

/// Name, load state, active state.
const UNITS: [[&str; 3]; 9] = [
    ["nginx.service", "loaded", "active"],
    ["cron.service", "loaded", "failed"],
    ["backup.timer", "loaded", "active"],
    ["docker.socket", "loaded", "active"],
    ["gone.service", "not-found", "inactive"],
    ["reloading.service", "loaded", "reloading"],
    ["data.mount", "loaded", "active"],
    ["user.slice", "loaded", "active"],
    ["network.target", "loaded", "inactive"],
];

const EVERYTHING: &[(&str, &str)] = &[
    ("collector.systemd.unit-exclude", r".+\.slice"),
    ("collector.systemd.enable-task-metrics", "true"),
    ("collector.systemd.enable-restarts-metrics", "true"),
    ("collector.systemd.enable-start-time-metrics", "true"),
];

fn list_of_units() -> Body {
    Body::of("a(ssssssouso)").structs(&UNITS, |body, [name, load_state, active_state]| {
        let texts = [name, "A unit", load_state, active_state, "running", ""];
        let body = texts.iter().fold(body, |body, text| body.text(text));
        body.text(&format!("/unit/{name}")).u32(0).text("").text("/")
    })
}

fn text(value: &str) -> Says {
    Says::Return(Body::of("v").signature("s").text(value))
}

fn number32(value: u32) -> Says {
    Says::Return(Body::of("v").signature("u").u32(value))
}

fn number64(value: u64) -> Says {
    Says::Return(Body::of("v").signature("t").u64(value))
}

fn systemd(asked: &Asked) -> Says {
    assert_eq!(asked.destination, "org.freedesktop.systemd1");
    if asked.member == "ListUnits" {
        return Says::Return(list_of_units());
    }
    let unit = asked.path.strip_prefix("/unit/").unwrap_or("");
    match (unit, asked.arguments[1].as_str()) {
        ("", "Version") => text("v255.4-1ubuntu8"),
        ("", "Virtualization") => text(""),
        ("", "SystemState") => text("degraded"),
        ("data.mount", "Type") => text("ext4"),
        ("cron.service", "Type") => text("oneshot"),
        (_, "Type") => text("simple"),
        ("cron.service", "NRestarts") => Says::Fault("org.freedesktop.DBus.Error.UnknownProperty"),
        (_, "NRestarts") => number32(7),
        ("nginx.service", "TasksCurrent") => number64(9),
        (_, "TasksCurrent" | "TasksMax") => number64(u64::MAX),
        (_, "ActiveEnterTimestamp") => number64(1_700_000_000_250_000),
        (_, "LastTriggerUSec") => number64(1_600_000_000_500_000),
        (_, "NAccepted") => number32(40),
        (_, "NConnections") => number32(2),
        (_, "NRefused") => number32(1),
        other => panic!("{other:?} was asked"),
    }
}

fn logind(asked: &Asked) -> Says {
    let sessions = [("c1", "seat0", "/session/c1"), ("2", "", "/session/2"), ("3", "", "/session/3")];
    match (asked.member.as_str(), asked.path.as_str(), asked.arguments.last().map(String::as_str)) {
        ("ListSeats", _, _) => {
            Says::Return(Body::of("a(so)").structs(&["seat0"], |body, seat| body.text(seat).text("/seat/0")))
        }
        ("ListSessions", _, _) => Says::Return(
            Body::of("a(susso)")
                .structs(&sessions, |body, (id, seat, path)| body.text(id).u32(1000).text("ann").text(seat).text(path)),
        ),
        // It ended after it was listed.
        (_, "/session/3", Some("Class")) => Says::Fault("org.freedesktop.DBus.Error.UnknownObject"),
        (_, path, Some("Remote")) => Says::Return(Body::of("v").signature("b").u32(u32::from(path != "/session/c1"))),
        (_, "/session/c1", Some("Type")) => text("wayland"),
        (_, _, Some("Type")) => text("hologram"),
        (_, _, Some("Class")) => text("user"),
        other => panic!("{other:?} was asked"),
    }
}

/// A machine with a bus at the usual place.
fn machine_with(folder: &Path, answer: impl FnMut(&Asked) -> Says + Send + 'static) -> (Machine, FakeBus) {
    let socket = folder.join("run/dbus/system_bus_socket");
    fs::create_dir_all(socket.parent().expect("a parent")).expect("a folder");
    (Machine::below(folder), FakeBus::start(&socket, answer))
}

fn samples(collected: &Collected) -> Vec<&str> {
    collected.text.lines().filter(|line| !line.starts_with('#')).collect()
}

/// One scrape that must be back soon.
fn within(collector: &mut dyn Collector, patience: Duration) -> Result<Outcome, String> {
    let (mut page, mut buffer, mut problems) = (Page::new(), Vec::new(), Vec::new());
    let deadline = Instant::now() + patience;
    let mut scrape = Scrape { page: &mut page, buffer: &mut buffer, deadline, problems: &mut problems };
    let outcome = collector.collect(&mut scrape);
    assert!(Instant::now() < deadline + Duration::from_secs(20), "it did not heed the deadline");
    outcome.map_err(|failure| failure.to_string())
}

#[test]
fn everything_that_systemd_tells_is_shown() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let (machine, _bus) = machine_with(dir.path(), systemd);
    let collected = machine.with(EVERYTHING).collect(row("systemd"));
    assert_eq!((collected.outcome.clone(), collected.problems.len()), (Ok(Outcome::Collected), 0));
    let samples = samples(&collected);
    for expected in [
        r#"node_systemd_unit_state{name="nginx.service",state="active",type="simple"} 1"#,
        r#"node_systemd_unit_state{name="cron.service",state="failed",type="oneshot"} 1"#,
        r#"node_systemd_unit_state{name="cron.service",state="active",type="oneshot"} 0"#,
        r#"node_systemd_unit_state{name="data.mount",state="active",type="ext4"} 1"#,
        r#"node_systemd_unit_state{name="network.target",state="inactive",type=""} 1"#,
        r#"node_systemd_unit_state{name="reloading.service",state="active",type="simple"} 0"#,
        r#"node_systemd_units{state="active"} 5"#,
        r#"node_systemd_units{state="deactivating"} 0"#,
        r#"node_systemd_units{state="reloading"} 1"#,
        r#"node_systemd_service_restart_total{name="nginx.service"} 7"#,
        r#"node_systemd_unit_tasks_current{name="nginx.service"} 9"#,
        r#"node_systemd_unit_start_time_seconds{name="nginx.service"} 1700000000.25"#,
        r#"node_systemd_unit_start_time_seconds{name="cron.service"} 0"#,
        r#"node_systemd_timer_last_trigger_seconds{name="backup.timer"} 1600000000.5"#,
        r#"node_systemd_socket_accepted_connections_total{name="docker.socket"} 40"#,
        r#"node_systemd_socket_current_connections{name="docker.socket"} 2"#,
        r#"node_systemd_socket_refused_connections_total{name="docker.socket"} 1"#,
        r#"node_systemd_version{version="v255.4-1ubuntu8"} 255.4"#,
        r#"node_systemd_virtualization_info{virtualization_type="none"} 1"#,
        r#"node_systemd_system_running 0"#,
    ] {
        assert!(samples.contains(&expected), "{expected} is missing in\n{}", collected.text);
    }
    for unwanted in ["gone.service", "user.slice", "tasks_max", "restart_total{name=\"cron"] {
        assert!(!samples.iter().any(|line| line.contains(unwanted)), "{unwanted}");
    }
}

#[test]
fn one_connection_serves_all_scrapes_and_types_are_not_asked_for_again() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let asked = Arc::new(Mutex::new(Vec::new()));
    let notes = asked.clone();
    let (machine, bus) = machine_with(dir.path(), move |call| {
        notes.lock().expect("no panic").push(call.arguments.last().unwrap_or(&call.member).clone());
        systemd(call)
    });
    let mut collector = machine.build(row("systemd"));
    let first = collect(&mut *collector).text;
    let questions = std::mem::take(&mut *asked.lock().expect("no panic"));
    assert_eq!(questions.iter().filter(|name| *name == "Type").count(), 3, "{questions:?}");
    for _ in 0..20 {
        assert_eq!(collect(&mut *collector).text, first);
    }
    assert!(!asked.lock().expect("no panic").contains(&"Type".to_owned()));
    assert_eq!(bus.connections(), 1);
}

#[test]
fn sessions_are_counted_by_all_that_logind_can_say() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let (machine, bus) = machine_with(dir.path(), logind);
    let mut collector = machine.build(row("logind"));
    let collected = collect(&mut *collector);
    assert_eq!(collected.outcome, Ok(Outcome::Collected));
    let samples = samples(&collected);
    assert_eq!(samples.len(), 2 * 7 * 5 * 2);
    let counted: Vec<_> = samples.iter().filter(|line| !line.ends_with(" 0")).copied().collect();
    assert_eq!(
        counted,
        [
            r#"node_logind_sessions{class="user",remote="true",seat="",type="other"} 1"#,
            r#"node_logind_sessions{class="user",remote="false",seat="seat0",type="wayland"} 1"#,
        ]
    );
    assert_eq!(collect(&mut *collector).text, collected.text);
    assert_eq!(bus.connections(), 1);
}

#[test]
fn no_bus_and_nobody_on_it_are_nothing_here() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let reason = |name: &str, machine: &Machine| match machine.collect(row(name)).outcome {
        Ok(Outcome::Absent(reason)) => reason.replace(&dir.path().display().to_string(), ""),
        other => panic!("{name}: {other:?}"),
    };
    for name in ["systemd", "logind"] {
        let reason = reason(name, &Machine::below(dir.path()));
        assert!(reason.starts_with("no bus: /run/dbus/system_bus_socket: No such file"), "{reason}");
    }
    let (machine, _bus) = machine_with(dir.path(), |_| Says::Fault("org.freedesktop.DBus.Error.ServiceUnknown"));
    assert!(reason("systemd", &machine).starts_with("no systemd on the bus: org.freedesktop.DBus.Error.S"));
    assert!(reason("logind", &machine).starts_with("no logind on the bus: org.freedesktop.DBus.Error.S"));
}

#[test]
fn a_bus_that_does_not_answer_is_a_failure_in_time_and_open_again_later() {
    for name in ["systemd", "logind"] {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let calls = Arc::new(AtomicUsize::new(0));
        let counter = calls.clone();
        let (machine, bus) = machine_with(dir.path(), move |asked| match counter.fetch_add(1, Ordering::SeqCst) {
            0..8 => Says::Nothing,
            _ if asked.destination == "org.freedesktop.login1" => logind(asked),
            _ => systemd(asked),
        });
        let mut collector = machine.build(row(name));
        let mut failures = 0;
        while calls.load(Ordering::SeqCst) < 8 {
            let failure = within(&mut *collector, Duration::from_millis(300)).expect_err("no answer");
            assert!(failure.ends_with("system_bus_socket: no answer in time"), "{failure}");
            failures += 1;
        }
        let first = within(&mut *collector, Duration::from_secs(20));
        let outcome = if first.is_err() { within(&mut *collector, Duration::from_secs(20)) } else { first };
        assert_eq!(outcome, Ok(Outcome::Collected), "{name}");
        assert!(bus.connections() <= failures + 2, "{name}: {} connections", bus.connections());
    }
}

#[test]
fn a_bus_that_was_restarted_is_found_again_in_the_same_scrape() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let calls = AtomicUsize::new(0);
    let is_to_end = Arc::new(AtomicUsize::new(0));
    let end = is_to_end.clone();
    let (machine, bus) = machine_with(dir.path(), move |asked| {
        calls.fetch_add(1, Ordering::SeqCst);
        if end.swap(0, Ordering::SeqCst) == 1 { Says::HangsUp } else { systemd(asked) }
    });
    let mut collector = machine.build(row("systemd"));
    let before = collect(&mut *collector).text;
    is_to_end.store(1, Ordering::SeqCst);
    let after = collect(&mut *collector);
    assert_eq!((after.outcome, after.text), (Ok(Outcome::Collected), before));
    assert_eq!(bus.connections(), 2);
}

#[test]
fn one_that_dies_midway_keeps_what_it_said() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let (machine, _bus) = machine_with(dir.path(), |asked| match asked.arguments.last().map(String::as_str) {
        Some("NAccepted") => Says::HangsUp,
        _ => systemd(asked),
    });
    let collected = machine.collect(row("systemd"));
    let failure = collected.outcome.expect_err("cut off").to_string();
    assert!(failure.contains("system_bus_socket: "), "{failure}");
    assert!(collected.text.contains(r#"node_systemd_units{state="active"} 5"#));
    assert!(collected.text.contains(r#"name="backup.timer",state="active",type=""} 1"#));
    assert!(!collected.text.contains(r#"name="nginx.service",state="active",type=""}"#), "{}", collected.text);
}

#[test]
fn garbage_and_surprises_are_failures_that_name_the_bus() {
    for (says, expected) in [
        (b"garbage, and no end of it\r\n".to_vec(), "sent something that is no D-Bus message: expected a byte order"),
        ([&b"l\x02\x01\x01\xff\xff\xff\x7f"[..], &[0; 8]].concat(), "bytes, more than is taken"),
    ] {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let (machine, _bus) = machine_with(dir.path(), move |_| Says::Bytes(says.clone()));
        let failure = machine.collect(row("systemd")).outcome.expect_err("garbage").to_string();
        assert!(failure.ends_with(expected), "{failure}");
    }
    let dir = tempfile::tempdir().expect("a temporary folder");
    let (machine, _bus) = machine_with(dir.path(), |_| Says::Fault("org.freedesktop.DBus.Error.AccessDenied"));
    let failure = machine.collect(row("systemd")).outcome.expect_err("denied").to_string();
    assert_eq!(failure, "systemd does not list its units: org.freedesktop.DBus.Error.AccessDenied no");
    let dir = tempfile::tempdir().expect("a temporary folder");
    let (machine, _bus) = machine_with(dir.path(), |_| Says::Return(Body::of("as").structs::<&str>(&[], |b, _| b)));
    let failure = machine.collect(row("systemd")).outcome.expect_err("other types").to_string();
    assert!(failure.ends_with("expected a(ssssssouso)") || failure.ends_with("expected v"), "{failure}");
}
