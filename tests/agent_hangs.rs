//! The agent beside what never answers: FIFOs in the place of kernel files, folders and mounts whose server is dead.
//! Everything else is there in time, again and again, and neither threads nor files pile up.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rig::{Cost, HungMounts, Page, Program, cost_of, get, get_with, series, wait_until};

/// A scraper that waits two seconds.
const TIMEOUT: &str = "X-Prometheus-Scrape-Timeout-Seconds: 2\r\n";

/// Dead mounts of one test are mounts of the machine that the others look at too.
static MOUNTS: Mutex<()> = Mutex::new(());

fn start(arguments: &[&str]) -> (Program, String) {
    Program::serve(env!("CARGO_BIN_EXE_vitals-agent"), arguments)
}

/// One scrape, which must be there before the scraper gives up.
fn scrape(address: &str) -> Page {
    let begin = Instant::now();
    let page = series(&get_with(address, "/metrics", TIMEOUT).expect("an answer").text());
    assert!(begin.elapsed() < Duration::from_secs(4), "a scrape took {:?}", begin.elapsed());
    page
}

/// Threads and files of a program beside what they were at first.
#[derive(Default)]
struct Flat(Option<Cost>);

impl Flat {
    fn check(&mut self, program: &Program) {
        let now = cost_of(program.pid()).expect("it runs");
        let first = self.0.get_or_insert(now);
        assert!(now.threads <= first.threads + 1, "threads pile up: {} then {}", first.threads, now.threads);
        // The sockets of clients that have just gone may still be open.
        assert!(now.open_files <= first.open_files + 3, "files pile up: {} then {}", first.open_files, now.open_files);
    }
}

/// A copy of a fake machine, to be spoilt.
fn copy_of(name: &str) -> tempfile::TempDir {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/hosts").join(name);
    let folder = tempfile::tempdir().expect("a temporary folder");
    copy(&source, folder.path());
    folder
}

fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        let (kind, target) = (entry.file_type().expect("a type"), to.join(entry.file_name()));
        if kind.is_symlink() {
            let link = fs::read_link(entry.path()).expect("a link");
            std::os::unix::fs::symlink(link, target).expect("linked");
        } else if kind.is_dir() {
            fs::create_dir_all(&target).expect("a folder");
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).expect("copied");
        }
    }
}

/// Everything on, all of it read from the folder.
fn arguments_for(folder: &Path) -> Vec<String> {
    let (probe, address) = start(&["--collector.disable-defaults"]);
    let status = get(&address, "/status").expect("an answer").json();
    drop(probe);
    let collectors = status["collectors"].as_array().expect("a list");
    let names = collectors.iter().map(|one| one["name"].as_str().expect("a name").to_owned());
    let on = names.filter(|name| name != "containers").map(|name| format!("--collector.{name}"));
    let below = |part: &str| folder.join(part).display().to_string();
    let paths = [
        "--collector.disable-defaults".to_owned(),
        "--no-collector.netdev.netlink".to_owned(),
        format!("--path.procfs={}", below("proc")),
        format!("--path.sysfs={}", below("sys")),
        format!("--path.rootfs={}", folder.display()),
        format!("--path.udev.data={}", below("run/udev/data")),
    ];
    paths.into_iter().chain(on).collect()
}

/// Names and labels of what comes from the files of the machine.
fn keys(page: &Page) -> BTreeSet<String> {
    let is_own = |key: &&String| {
        let others = ["node_scrape_collector_status", "node_tcp_", "node_network_route"];
        key.starts_with("node_") && others.iter().all(|start| !key.starts_with(start))
    };
    page.keys().filter(is_own).cloned().collect()
}

fn make_fifo(file: PathBuf) {
    fs::remove_file(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    nix::unistd::mkfifo(&file, nix::sys::stat::Mode::S_IRWXU).expect("a fifo");
}

#[test]
fn a_hundred_scrapes_beside_fifos_and_dead_folders_are_as_cheap_as_the_first() {
    let folder = copy_of("server");
    let arguments = arguments_for(folder.path());
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let (healthy, address) = start(&arguments);
    let before = keys(&scrape(&address));
    drop(healthy);

    for file in ["proc/meminfo", "proc/net/netstat", "proc/stat", "sys/class/hwmon/hwmon0/name"] {
        make_fifo(folder.path().join(file));
    }
    let dead = ["sys/class/net", "sys/class/thermal", "proc/pressure", "sys/fs/xfs"].map(|one| folder.path().join(one));
    let _alone = MOUNTS.lock().unwrap_or_else(PoisonError::into_inner);
    let dead: Vec<&Path> = dead.iter().map(PathBuf::as_path).collect();
    let Some(_hung) = HungMounts::new("dead folders of a machine", &dead) else { return };

    let (agent, address) = start(&arguments);
    let mut flat = Flat::default();
    // In this one the hung collectors are found.
    scrape(&address);
    for number in 0..100 {
        let page = scrape(&address);
        let extra: Vec<_> = keys(&page).difference(&before).cloned().collect();
        assert!(extra.is_empty(), "scrape {number} has series that it had not while all was well: {extra:#?}");
        assert!(page.contains_key("node_load1") && page.contains_key("node_filefd_allocated"), "scrape {number}");
        for hung in ["netclass", "pressure", "thermal_zone", "meminfo"] {
            assert_eq!(page[&format!("node_scrape_collector_success{{collector=\"{hung}\"}}")], 0.0, "{hung}");
        }
        flat.check(&agent);
    }
    assert!(fs::metadata(folder.path().join("proc/stat")).expect("it is there").file_type().is_fifo());
}

/// All regular files below a folder.
fn files_below(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let entry = entry.expect("an entry");
        let kind = entry.file_type().expect("a type");
        if kind.is_dir() {
            files_below(&entry.path(), found);
        } else if kind.is_file() {
            found.push(entry.path());
        }
    }
}

#[test]
fn a_machine_of_nothing_but_fifos_is_answered_for_at_once() {
    let folder = copy_of("server");
    let arguments = arguments_for(folder.path());
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let mut files = Vec::new();
    for part in ["proc", "sys", "etc", "usr"] {
        files_below(&folder.path().join(part), &mut files);
    }
    assert!(files.len() > 500, "only {} files", files.len());
    files.into_iter().for_each(make_fifo);
    let (agent, address) = start(&arguments);
    let mut flat = Flat::default();
    for _ in 0..20 {
        let page = scrape(&address);
        assert!(page.contains_key("node_time_seconds"));
        assert_eq!(page["vitals_collectors_left_behind"], 0.0, "a FIFO holds nobody up");
        flat.check(&agent);
    }
}

#[test]
fn a_bus_that_takes_connections_and_never_answers_costs_those_who_ask_it() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::create_dir_all(folder.path().join("run/dbus")).expect("a folder");
    let socket = UnixListener::bind(folder.path().join("run/dbus/system_bus_socket")).expect("a socket");
    socket.set_nonblocking(true).expect("it never waits");
    let rootfs = format!("--path.rootfs={}", folder.path().display());
    let on = ["--collector.disable-defaults", "--collector.loadavg", "--collector.logind", "--collector.systemd"];
    let (agent, address) = start(&[&on[..], &[&rootfs]].concat());
    let (mut flat, mut callers) = (Flat::default(), Vec::new());
    // Each takes as long as the scraper lets it.
    for _ in 0..6 {
        let page = scrape(&address);
        assert!(page.contains_key("node_load1"));
        for asks in ["logind", "systemd"] {
            assert_eq!(page[&format!("node_scrape_collector_success{{collector=\"{asks}\"}}")], 0.0, "{asks}");
        }
        assert!(!page.keys().any(|key| key.starts_with("node_systemd_unit") || key.starts_with("node_logind")));
        callers.extend(socket.accept());
        flat.check(&agent);
    }
    assert!(!callers.is_empty(), "nobody has asked");
}

#[test]
fn a_container_runtime_that_never_answers_is_named_and_costs_names_only() {
    let folder = copy_of("linux-6.18-hybrid-docker");
    fs::create_dir_all(folder.path().join("run")).expect("a folder");
    let _silent = UnixListener::bind(folder.path().join("run/docker.sock")).expect("a socket");
    let mut arguments = arguments_for(folder.path());
    arguments.retain(|argument| !argument.starts_with("--collector.") || argument == "--collector.disable-defaults");
    arguments.push("--collector.containers".to_owned());
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let (agent, address) = start(&arguments);
    let told = wait_until("a word about the runtime", Duration::from_secs(60), || {
        let page = scrape(&address);
        assert!(page.keys().any(|key| key.starts_with("container_cpu_usage_seconds_total")), "containers are there");
        let status = get(&address, "/status").expect("an answer").json();
        let collectors = status["collectors"].as_array().expect("a list").clone();
        let containers = collectors.into_iter().find(|one| one["name"] == "containers").expect("it is on");
        let problems = containers["problems"].to_string();
        problems.contains("docker").then_some(problems)
    });
    assert!(told.contains("docker.sock"), "{told}");
    let mut flat = Flat::default();
    for _ in 0..20 {
        scrape(&address);
        flat.check(&agent);
    }
}

#[test]
fn a_fifo_in_the_place_of_a_kernel_file_costs_one_collector_and_no_time() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let proc = folder.path().join("proc");
    fs::create_dir_all(&proc).expect("a folder");
    fs::write(proc.join("loadavg"), "0.10 0.20 0.30 1/100 42\n").expect("written");
    nix::unistd::mkfifo(&proc.join("meminfo"), nix::sys::stat::Mode::S_IRWXU).expect("a fifo");
    let procfs = format!("--path.procfs={}", proc.display());
    let (agent, address) =
        start(&["--collector.disable-defaults", "--collector.loadavg", "--collector.meminfo", &procfs]);
    let begin = Instant::now();
    let mut threads = BTreeSet::new();
    for _ in 0..50 {
        let page = scrape(&address);
        assert_eq!(page["node_load1"], 0.1);
        assert_eq!(page[r#"node_scrape_collector_success{collector="meminfo"}"#], 0.0);
        threads.insert(cost_of(agent.pid()).expect("it runs").threads);
    }
    assert!(begin.elapsed() < Duration::from_secs(50), "the fifo delays scrapes: {:?}", begin.elapsed());
    assert!(
        threads.iter().max() <= threads.iter().min().map(|least| least + 2).as_ref(),
        "threads pile up: {threads:?}"
    );
    let page = get(&address, "/metrics").expect("an answer").text();
    let status = page.lines().find(|line| line.contains("collector_status") && line.contains("meminfo"));
    assert!(status.is_some_and(|line| line.contains(r#"status="failed""#) && line.contains("meminfo:")), "{status:?}");
}

#[test]
fn a_mount_that_never_answers_costs_itself_only() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mount = folder.path().join("hung");
    let _alone = MOUNTS.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(_hung) = HungMounts::new("a mount that never answers", &[&mount]) else { return };
    let (agent, address) = start(&["--collector.disable-defaults", "--collector.filesystem", "--collector.loadavg"]);
    let point = mount.display().to_string();
    let key = |page: &Page, name: &str| page.keys().filter(|key| key.starts_with(name) && key.contains(&point)).count();
    let mut flat = Flat::default();
    for _ in 0..100 {
        let page = scrape(&address);
        assert!(page.contains_key("node_load1"));
        assert!(page.keys().any(|key| key.starts_with("node_filesystem_size_bytes")), "the other mounts are there");
        assert_eq!(key(&page, "node_filesystem_size_bytes"), 0);
        assert_eq!(key(&page, "node_filesystem_device_error"), 1, "the hung one is told");
        assert!(
            page.keys().any(|key| key.contains(&point) && key.contains("device_error=\"\"")),
            "its labels are those that it always has"
        );
        flat.check(&agent);
    }
}
