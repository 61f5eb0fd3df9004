//! Containers come, change and go, on fake machines that change while they are looked at.

mod machine;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use collectors::Collector;
use machine::{Collected, Machine, collect, row};
use rig::{Page, series};

const ID: &str = "72e5a5ff5eef3c4222a6551b992b9360a99122f77d2229783f0ee0946dfd800e";
const OTHER: &str = "40af7cdcbe507acad47a5a62025743ad3ddc6ab93b77b21363aa1c1d641047c9";

fn put(folder: &Path, path: &str, text: &str) {
    let path = folder.join(path);
    fs::create_dir_all(path.parent().expect("below the folder")).expect("made");
    fs::write(path, text).expect("written");
}

/// A cgroup of v2 with the files that tests look at.
fn put_cgroup(folder: &Path, path: &str) {
    for (name, text) in [
        ("cpu.stat", "usage_usec 2000000\nuser_usec 1500000\nsystem_usec 500000\n"),
        ("cpu.max", "max 100000\n"),
        ("memory.current", "1000\n"),
        ("memory.max", "max\n"),
        ("memory.stat", "anon 600\nfile 400\ninactive_file 100\npgfault 7\npgmajfault 1\n"),
        ("pids.current", "3\n"),
        ("cgroup.procs", "412\n"),
    ] {
        put(folder, &format!("sys/fs/cgroup{path}/{name}"), text);
    }
}

/// A v2 machine with one Docker container.
fn docker_machine() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    put(folder.path(), "sys/fs/cgroup/cgroup.controllers", "cpu io memory pids\n");
    put_cgroup(folder.path(), &format!("/system.slice/docker-{ID}.scope"));
    put(folder.path(), &format!("runtime/inspect_{}.json", &ID[..12]), &inspection(ID, "web", 412, "bridge"));
    folder
}

fn inspection(id: &str, name: &str, pid: u32, network: &str) -> String {
    format!(
        r#"{{"Id":"{id}","Name":"/{name}","State":{{"Pid":{pid}}},"HostConfig":{{"NetworkMode":"{network}"}},
            "Config":{{"Image":"busybox","Labels":{{"app":"{name}","a.b/c":"x"}},"Env":["A=do-not-export"]}}}}"#
    )
}

struct Running {
    collector: Box<dyn Collector>,
}

impl Running {
    fn on(machine: &Machine) -> Running {
        Running { collector: machine.build(row("containers")) }
    }

    fn collect(&mut self) -> Collected {
        collect(&mut *self.collector)
    }

    fn scrape(&mut self) -> Page {
        series(&self.collect().text)
    }
}

/// Labels of the series of a family.
fn labels<'a>(page: &'a Page, family: &str) -> Vec<&'a str> {
    page.keys().filter_map(|key| key.strip_prefix(family)?.strip_prefix('{')).collect()
}

#[test]
fn what_appears_is_shown_by_the_next_scrape_and_what_goes_is_not() {
    let folder = docker_machine();
    let mut running = Running::on(&Machine::below(folder.path()));
    let first = running.scrape();
    let key = format!(
        r#"container_memory_working_set_bytes{{container_label_app="web",id="/system.slice/docker-{ID}.scope",image="busybox",name="web"}}"#
    );
    assert_eq!(first.get(&key), Some(&900.0), "{:?}", labels(&first, "container_memory_working_set_bytes"));

    put(folder.path(), &format!("runtime/inspect_{}.json", &OTHER[..12]), &inspection(OTHER, "late", 413, "none"));
    put_cgroup(folder.path(), &format!("/docker/{OTHER}"));
    let second = running.scrape();
    let seen = labels(&second, "container_memory_usage_bytes");
    assert!(seen.iter().any(|labels| labels.contains(OTHER) && labels.contains(r#"name="late""#)), "{seen:?}");

    fs::remove_dir_all(folder.path().join(format!("sys/fs/cgroup/docker/{OTHER}"))).expect("removed");
    let third = running.scrape();
    assert!(!third.keys().any(|key| key.contains(OTHER)));
    assert!(third.contains_key(&key));
}

#[test]
fn a_runtime_may_know_a_container_late() {
    let folder = docker_machine();
    put_cgroup(folder.path(), &format!("/docker/{OTHER}"));
    let mut running = Running::on(&Machine::below(folder.path()));
    let name_of_other = |page: &Page| {
        let labels = labels(page, "container_last_seen");
        let of_other =
            labels.into_iter().find(|labels| labels.contains(OTHER)).expect("it is shown without a name too");
        of_other.contains(r#"name="late""#)
    };
    assert!(!name_of_other(&running.scrape()));
    put(folder.path(), &format!("runtime/inspect_{}.json", &OTHER[..12]), &inspection(OTHER, "late", 413, "none"));
    let give_up = Instant::now() + Duration::from_secs(30);
    while !name_of_other(&running.scrape()) {
        assert!(Instant::now() < give_up, "it was never asked for again");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_changed_limit_is_shown() {
    let folder = docker_machine();
    let mut running = Running::on(&Machine::below(folder.path()));
    let limit = |page: &Page| {
        let mut limits =
            page.iter().filter(|(key, _)| key.starts_with("container_spec_memory_limit_bytes") && key.contains(ID));
        limits.next().map(|(_, value)| *value)
    };
    assert_eq!(limit(&running.scrape()), Some(0.0));
    put(folder.path(), &format!("sys/fs/cgroup/system.slice/docker-{ID}.scope/memory.max"), "67108864\n");
    assert_eq!(limit(&running.scrape()), Some(67_108_864.0));
}

#[test]
fn an_odd_line_costs_only_itself() {
    let folder = docker_machine();
    let stat = format!("sys/fs/cgroup/system.slice/docker-{ID}.scope/memory.stat");
    put(folder.path(), &stat, "anon 600\nfile lots\ninactive_file 100\n");
    let collected = Running::on(&Machine::below(folder.path())).collect();
    let path = folder.path().join(&stat);
    assert_eq!(collected.problems, [format!("{}:2: expected a key and a number, found \"file lots\"", path.display())]);
    let page = series(&collected.text);
    assert_eq!(labels(&page, "container_memory_rss").len(), 1);
    assert_eq!(labels(&page, "container_memory_working_set_bytes").len(), 1);
    assert!(labels(&page, "container_memory_cache").is_empty());
}

#[test]
fn no_spoilt_file_makes_it_panic_or_hides_the_rest() {
    for host in ["cgroup-v2-mixed", "linux-6.18-hybrid-docker"] {
        let source = machine::workspace().join("fixtures/hosts").join(host);
        let folder = tempfile::tempdir().expect("a temporary folder");
        copy(&source.join("sys"), &folder.path().join("sys"));
        copy(&source.join("runtime"), &folder.path().join("runtime"));
        let mut files = Vec::new();
        files_below(folder.path(), &mut files);
        let names = series(&Running::on(&Machine::below(folder.path())).collect().text).len();
        for file in &files {
            let whole = fs::read(file).expect("a file");
            for spoilt in [&b"\xff\x00 \n::\n=\n"[..], &whole[..whole.len() / 2]] {
                fs::write(file, spoilt).expect("written");
                let page = series(&Running::on(&Machine::below(folder.path())).collect().text);
                assert!(page.len() * 2 > names, "{}: {} of {names} series left", file.display(), page.len());
            }
            fs::write(file, whole).expect("written");
        }
        assert!(files.len() > 60, "{} files", files.len());
    }
}

fn copy(from: &Path, to: &Path) {
    let mut files = Vec::new();
    files_below(from, &mut files);
    for file in files {
        let target = to.join(file.strip_prefix(from).expect("below"));
        fs::create_dir_all(target.parent().expect("a parent")).expect("made");
        fs::copy(&file, target).expect("copied");
    }
}

fn files_below(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        if entry.path().is_dir() {
            files_below(&entry.path(), files);
        } else {
            files.push(entry.path());
        }
    }
}

#[test]
fn a_network_namespace_is_shown_once() {
    let folder = docker_machine();
    let interfaces = |name: &str| {
        format!(
            "Inter-|\n face |\n    lo: 1 1 0 0 0 0 0 0 1 1 0 0 0 0 0 0\n  {name}: 5 1 0 0 0 0 0 0 9 1 0 0 0 0 0 0\n"
        )
    };
    for (id, name, pid, mode) in
        [(OTHER, "side", 413, &*format!("container:{ID}")), (&"a".repeat(64), "host", 414, "host")]
    {
        put(folder.path(), &format!("runtime/inspect_{}.json", &id[..12]), &inspection(id, name, pid, mode));
        put_cgroup(folder.path(), &format!("/docker/{id}"));
    }
    // One that no runtime knows, in a namespace of its own.
    put_cgroup(folder.path(), &format!("/docker/{}", "b".repeat(64)));
    put(folder.path(), &format!("sys/fs/cgroup/docker/{}/cgroup.procs", "b".repeat(64)), "415\n416\n");
    for (pid, namespace, name) in
        [(1, "host", "ens5"), (412, "web", "eth0"), (413, "web", "eth0"), (414, "host", "ens5"), (415, "own", "eth0")]
    {
        put(folder.path(), &format!("proc/{pid}/net/dev"), &interfaces(name));
        fs::create_dir_all(folder.path().join(format!("proc/{pid}/ns"))).expect("made");
        symlink(format!("net:[{namespace}]"), folder.path().join(format!("proc/{pid}/ns/net"))).expect("linked");
    }
    let page = Running::on(&Machine::below(folder.path())).scrape();
    let owners: Vec<_> = labels(&page, "container_network_receive_bytes_total");
    let is_owner = |text: &str| owners.iter().any(|labels| labels.contains(text));
    assert_eq!(owners.len(), 3, "{owners:?}");
    assert!(is_owner(r#"id="/",interface="ens5""#) && is_owner(r#"name="web""#) && is_owner("bbbb"), "{owners:?}");
}

#[test]
fn labels_leave_only_when_they_are_asked_for() {
    let folder = docker_machine();
    let text = |flags: &[(&str, &str)]| Running::on(&Machine::below(folder.path()).with(flags)).collect().text;
    let none = text(&[("whitelisted_container_labels", "")]);
    assert!(!none.contains("container_label_"), "{none}");
    let all = text(&[("store_container_labels", "true")]);
    assert!(all.contains(r#"container_label_a_b_c="x",container_label_app="web""#), "{all}");
    assert!(!all.contains("do-not-export"));
}

#[test]
fn groups_choose_what_is_read() {
    let folder = docker_machine();
    let families = |flags: &[(&str, &str)]| {
        let page = Running::on(&Machine::below(folder.path()).with(flags)).scrape();
        let has = |family: &str| page.keys().any(|key| key.starts_with(family));
        ["container_cpu_usage", "container_memory_rss", "container_threads"].map(has)
    };
    assert_eq!(families(&[]), [true, true, true]);
    assert_eq!(families(&[("enable_metrics", "cpu")]), [true, false, false]);
    assert_eq!(families(&[("disable_metrics", "memory,oom_event")]), [true, false, true]);
}

#[test]
fn without_a_file_to_keep_the_page_is_the_same() {
    let folder = docker_machine();
    let machine = Machine::below(folder.path());
    let kept = Running::on(&machine).scrape();
    let frugal = Machine { host: kernel::Host::new((*machine.host.roots).clone(), 0), settings: machine.settings };
    let mut running = Running::on(&frugal);
    let page = running.scrape();
    let steady = |page: &Page| -> Vec<(String, f64)> {
        let is_steady = |key: &str| !key.starts_with("container_last_seen") && !key.starts_with("container_fs_");
        page.iter().filter(|(key, _)| is_steady(key)).map(|(key, value)| (key.clone(), *value)).collect()
    };
    assert_eq!(steady(&page), steady(&kept));
    assert_eq!(frugal.host.files.kept(), 0);
}
