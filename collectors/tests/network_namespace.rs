//! What collectors learn by netlink, in a network namespace made for the test: with devices, neighbours, routes,
//! queueing disciplines and sockets of many kinds, beside the real node_exporter. And, the other way round, what they
//! say when the first process of the machine is in a network namespace that is not ours. Skipped without root or `ip`.

mod machine;

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::symlink;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use collectors::Outcome;
use kernel::Roots;
use machine::{Machine, row};
use nix::sched::{CloneFlags, unshare};
use nix::sys::socket::{AddressFamily, SockFlag, SockType, SockaddrIn, connect, socket};
use rig::{Page, Program, free_port, get, peer, series, skip};

/// Each line is the arguments of a command; what the kernel or the program cannot do is passed over, with a line.
const SETUP: &str = "
    ip link set lo up
    ip link add uplink type veth peer name far
    ip link add quiet0 type veth peer name quiet1
    ip addr add 192.0.2.1/24 dev uplink
    ip addr add 2001:db8::1/64 dev uplink nodad
    ip link set uplink up
    ip link set far up
    ip link set quiet0 up
    ip neigh add 192.0.2.7 lladdr 02:00:00:00:00:07 dev uplink nud permanent
    ip neigh add 192.0.2.8 lladdr 02:00:00:00:00:08 dev uplink nud stale
    ip neigh add 192.0.2.9 lladdr 02:00:00:00:00:09 dev uplink nud noarp
    ip neigh add 192.0.2.10 lladdr 02:00:00:00:00:10 dev quiet0 nud reachable
    ip neigh add 2001:db8::7 lladdr 02:00:00:00:00:07 dev uplink nud permanent
    ip route add default via 192.0.2.7
    ip route add 203.0.113.0/24 via 192.0.2.7 dev uplink metric 50 proto static src 192.0.2.1
    ip route add 198.51.100.0/24 nexthop via 192.0.2.7 dev uplink weight 1 nexthop via 192.0.2.8 dev uplink weight 3
    ip route add 10.77.0.0/16 via 192.0.2.7 proto bgp table 77
    ip route add 10.78.0.0/16 dev quiet0 proto 99
    ip route add 10.55.0.0/16 via inet6 2001:db8::7 dev uplink
    ip route add blackhole 10.66.0.0/16
    ip -6 route add 2001:db8:5::/48 via 2001:db8::7 dev uplink
    ip -6 route add 2001:db8:6::/48 nexthop via 2001:db8::7 dev uplink nexthop via 2001:db8::8 dev uplink
    tc qdisc add dev uplink root handle 1: htb default 1
    tc class add dev uplink parent 1: classid 1:1 htb rate 100mbit
    tc qdisc add dev uplink parent 1:1 handle 10: pfifo limit 5
    tc qdisc add dev quiet0 root tbf rate 1mbit burst 10k latency 50ms
    tc qdisc add dev quiet0 ingress
";

#[test]
fn netlink_tells_what_node_exporter_is_told() {
    in_a_namespace("netlink beside node_exporter", || {
        set_up();
        let sockets = Sockets::open();
        let Some(peer) = peer("prometheus-node-exporter") else {
            return skip("netlink beside node_exporter", "no such program; tests/peers gets it");
        };
        let collectors = ["arp", "network_route", "qdisc", "tcpstat"];
        let address = format!("127.0.0.1:{}", free_port());
        let mut arguments = vec![format!("--web.listen-address={address}"), "--collector.disable-defaults".to_owned()];
        arguments.extend(collectors.iter().map(|name| format!("--collector.{name}")));
        let environment: Vec<_> = peer.environment.iter().map(|(name, value)| (&**name, &**value)).collect();
        let mut program = Program::start_with(&peer.path, &arguments, &environment);
        program.wait_ready(&address, "/");
        let answer = || String::from_utf8(get(&address, "/metrics").expect("an answer").body).expect("UTF-8");
        answer();

        let ours = || {
            // Their answer travels on a connection, so ours is taken with one open too.
            let _connection = connection_in_use(&address);
            let machine = Machine::here();
            let texts: Vec<String> = collectors.iter().map(|name| collect(&machine, name)).collect();
            series(&texts.concat())
        };
        let compare = || {
            let before = ours();
            let mut theirs = series(&answer());
            let is_compared = |key: &str| !key.starts_with("node_scrape_") && !key.contains("exporter");
            theirs.retain(|key, _| key.starts_with("node_") && is_compared(key));
            let differences = differences(&theirs, &before, &ours());
            (theirs, differences)
        };
        let (mut theirs, mut differences) = compare();
        // The ends of the connections before may still be saying goodbye to each other.
        for _ in 0..20 {
            if differences.is_empty() {
                break;
            }
            thread::sleep(Duration::from_millis(50));
            (theirs, differences) = compare();
        }
        assert!(differences.is_empty(), "{}\nnode_exporter has {theirs:#?}", differences.join("\n"));
        for part in ["arp_entries", "route_info", "network_routes", "qdisc_bytes", "state=\"syn_sent\"", "rx_queued"] {
            assert!(theirs.keys().any(|key| key.contains(part)), "nothing of {part} was compared: {theirs:#?}");
        }
        drop(sockets);
        println!("{} series are in both", theirs.len());
    });
}

#[test]
fn the_file_of_neighbours_says_the_same_as_netlink() {
    in_a_namespace("neighbours by file and by netlink", || {
        set_up();
        // `/proc/net` would be that of the first thread, which is not in this namespace.
        let machine = Machine::new(Roots { procfs: "/proc/thread-self".into(), ..Roots::default() });
        let by_netlink = collect(&machine, "arp");
        let by_file = collect(&machine.with(&[("collector.arp.netlink", "false")]), "arp");
        assert_eq!(by_netlink, by_file);
        assert!(by_file.contains(r#"node_arp_entries{device="uplink"} 2"#), "{by_file}");
    });
}

#[test]
fn outside_the_hosts_network_its_files_are_read_and_nothing_is_asked() {
    in_a_namespace("another network namespace", || {
        set_up();
        // Stays in this namespace while the thread that asks is in the one of all others.
        let Ok(mut first) = Command::new("sleep").arg("60").stdin(Stdio::null()).spawn() else {
            return skip("another network namespace", "no program sleep");
        };
        let folder = tempfile::tempdir().expect("a temporary folder");
        symlink(format!("/proc/{}", first.id()), folder.path().join("1")).expect("a link");
        symlink("/proc/net", folder.path().join("net")).expect("a link");
        let roots = Roots { procfs: folder.path().to_owned(), ..Roots::default() };
        let machine = Machine::new(roots);
        assert!(!machine.host.is_in_host_network());

        let devices = collect(&machine, "netdev");
        assert!(devices.contains(r#"{device="uplink"}"#) && devices.contains(r#"{device="quiet1"}"#), "{devices}");
        let by_file = Machine::new((*machine.host.roots).clone()).with(&[("collector.arp.netlink", "false")]);
        assert!(collect(&by_file, "arp").contains(r#"node_arp_entries{device="uplink"} 2"#));
        for name in ["netstat", "sockstat", "softnet", "udp_queues"] {
            assert!(!collect(&machine, name).is_empty(), "{name}");
        }
        for name in ["arp", "network_route", "qdisc", "tcpstat", "wifi"] {
            match machine.collect(row(name)).outcome {
                Ok(Outcome::Absent(reason)) => assert!(reason.contains("other network namespace"), "{name}: {reason}"),
                other => panic!("{name}: {other:?}"),
            }
        }
        let addresses = machine.with(&[("collector.netdev.address-info", "true")]).collect(row("netdev"));
        assert!(addresses.problems.iter().any(|problem| problem.contains("other network namespace")));
        assert!(!addresses.text.contains("node_network_address_info"), "{}", addresses.text);
        first.kill().and_then(|()| first.wait()).expect("it ends");
    });
}

/// Runs on a thread of its own, which alone is in the new namespace, together with the programs that it starts.
fn in_a_namespace(what: &'static str, test: impl FnOnce() + Send + 'static) {
    if Command::new("ip").arg("-V").stdout(Stdio::null()).status().is_err() {
        return skip(what, "no program ip");
    }
    let thread = thread::spawn(move || match unshare(CloneFlags::CLONE_NEWNET) {
        Ok(()) => test(),
        Err(errno) => skip(what, &format!("no network namespace can be made: {errno}")),
    });
    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
}

fn set_up() {
    for line in SETUP.lines().filter(|line| !line.trim().is_empty()) {
        let mut words = line.split_whitespace();
        let program = words.next().expect("a program");
        let output = Command::new(program).args(words).output();
        match output {
            Ok(output) if output.status.success() => {}
            Ok(output) => skip(line.trim(), String::from_utf8_lossy(&output.stderr).trim()),
            Err(error) => skip(line.trim(), &error.to_string()),
        }
    }
}

/// A connection that the other end has accepted and on which nothing waits.
fn connection_in_use(address: &str) -> TcpStream {
    let mut connection = TcpStream::connect(address).expect("a connection");
    connection.write_all(b"HEAD / HTTP/1.1\r\nHost: here\r\n\r\n").expect("sent");
    let (mut answer, mut byte) = (Vec::new(), [0]);
    while !answer.ends_with(b"\r\n\r\n") {
        connection.read_exact(&mut byte).expect("an answer");
        answer.extend(byte);
    }
    connection
}

fn collect(machine: &Machine, name: &str) -> String {
    let collected = machine.collect(row(name));
    assert_eq!((collected.outcome, collected.problems), (Ok(Outcome::Collected), vec![]), "{name}");
    collected.text
}

/// TCP sockets in many states, UDP sockets with and without waiting datagrams.
struct Sockets {
    _listeners: Vec<TcpListener>,
    _streams: Vec<TcpStream>,
    _connecting: OwnedFd,
    _datagrams: UdpSocket,
}

impl Sockets {
    fn open() -> Sockets {
        let v4 = TcpListener::bind("127.0.0.1:0").expect("a listener");
        let v6 = TcpListener::bind("[::1]:0").expect("a listener");
        let mut streams = Vec::new();
        for listener in [&v4, &v6] {
            let mut near = TcpStream::connect(listener.local_addr().expect("an address")).expect("a connection");
            let (far, _) = listener.accept().expect("a connection");
            near.write_all(&[7; 1000]).expect("written");
            streams.extend([near, far]);
        }
        // The far end keeps its side: CLOSE_WAIT there, FIN_WAIT2 here.
        let closing = TcpStream::connect(v4.local_addr().expect("an address")).expect("a connection");
        streams.push(v4.accept().expect("a connection").0);
        drop(closing);
        let connecting =
            socket(AddressFamily::Inet, SockType::Stream, SockFlag::SOCK_NONBLOCK, None).expect("a socket");
        connect(connecting.as_raw_fd(), &SockaddrIn::new(192, 0, 2, 7, 9)).expect_err("nobody answers");
        let datagrams = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        datagrams.send_to(&[7; 100], datagrams.local_addr().expect("an address")).expect("sent");
        Sockets { _listeners: vec![v4, v6], _streams: streams, _connecting: connecting, _datagrams: datagrams }
    }
}

/// Keys must be the same; a value must lie between ours before and ours after.
fn differences(theirs: &Page, before: &Page, after: &Page) -> Vec<String> {
    // Connections of earlier answers linger for a minute.
    let lingers = |key: &str| key.contains("time_wait");
    let keys: BTreeSet<&String> = theirs.keys().chain(before.keys()).chain(after.keys()).collect();
    let difference = |key: &String| match (theirs.get(key), before.get(key), after.get(key)) {
        _ if lingers(key) => None,
        (Some(theirs), Some(before), Some(after)) if before <= theirs && theirs <= after => None,
        (theirs, before, after) => Some(format!("{key}: ours {before:?}, node_exporter's {theirs:?}, ours {after:?}")),
    };
    keys.into_iter().filter_map(difference).collect()
}

#[test]
fn a_machine_made_of_files_is_in_its_own_network() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::create_dir(folder.path().join("proc")).expect("a folder");
    assert!(Machine::below(folder.path()).host.is_in_host_network());
}

#[test]
fn outside_the_hosts_network_connections_are_counted_by_their_statistics() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let put = |path: &str, text: &str| {
        let path = folder.path().join("proc").join(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        fs::write(path, text).expect("written");
    };
    put("sys/net/netfilter/nf_conntrack_count", "3\n");
    put("sys/net/netfilter/nf_conntrack_max", "65536\n");
    put("net/stat/nf_conntrack", "entries found\n00000003 00000001\n");
    put("1/net/stat/nf_conntrack", "entries found\n000001f4 00000007\n000001f4 00000002\n");
    let inside = collect(&Machine::below(folder.path()), "conntrack");
    assert!(inside.contains("node_nf_conntrack_entries 3\n"), "{inside}");
    fs::create_dir(folder.path().join("proc/1/ns")).expect("a folder");
    symlink("net:[1]", folder.path().join("proc/1/ns/net")).expect("a link");
    let outside = collect(&Machine::below(folder.path()), "conntrack");
    for line in ["_entries 500\n", "_entries_limit 65536\n", "_stat_found 9\n"] {
        assert!(outside.contains(&format!("node_nf_conntrack{line}")), "{line:?} is not in {outside}");
    }
}

/// Runs itself once more, with a name for the node: a process' environment is not to be changed while threads run.
#[test]
fn outside_the_hosts_network_the_node_is_called_what_the_agent_is_told() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    if std::env::var("NODE_NAME").is_ok_and(|name| name == "node-of-the-test") {
        fs::create_dir_all(folder.path().join("proc/1/ns")).expect("a folder");
        let inside = collect(&Machine::below(folder.path()), "uname");
        assert!(!inside.contains("node-of-the-test"), "{inside}");
        symlink("net:[1]", folder.path().join("proc/1/ns/net")).expect("a link");
        let outside = collect(&Machine::below(folder.path()), "uname");
        return assert!(outside.contains(r#"nodename="node-of-the-test""#), "{outside}");
    }
    let own = std::env::current_exe().expect("the path of this test");
    let again = Command::new(own)
        .args(["--exact", "outside_the_hosts_network_the_node_is_called_what_the_agent_is_told"])
        .env("NODE_NAME", "node-of-the-test")
        .output()
        .expect("it starts");
    assert!(again.status.success(), "{}", String::from_utf8_lossy(&again.stdout));
}
