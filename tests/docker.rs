//! Real containers: a Docker daemon of the test's own, a busybox image made here, the agent and the aggregator.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::thread::sleep;
use std::time::Duration;

use rig::{Page, Program, free_port, get, post, series, wait_until};

/// A daemon with its own state and socket; ended, with everything it started, when dropped.
struct Docker {
    daemon: Option<Program>,
    folder: tempfile::TempDir,
}

impl Docker {
    fn start() -> Option<Docker> {
        let say = |why: &str| rig::skip("real containers", why);
        if !rig::is_root() {
            say("needs root");
            return None;
        }
        for program in ["dockerd", "docker", "containerd", "runc", "tar"] {
            if !Command::new("sh")
                .args(["-c", &format!("command -v {program}")])
                .output()
                .is_ok_and(|out| out.status.success())
            {
                say(&format!("{program} is not there"));
                return None;
            }
        }
        let folder = tempfile::Builder::new().prefix("vitals-docker").tempdir_in("/tmp").expect("a folder");
        let at = |name: &str| folder.path().join(name).display().to_string();
        let daemon = Program::start(
            "dockerd",
            [
                format!("--data-root={}", at("data")),
                format!("--exec-root={}", at("exec")),
                format!("--pidfile={}", at("pid")),
                format!("--host=unix://{}", at("docker.sock")),
                "--bridge=none".to_owned(),
                "--iptables=false".to_owned(),
                "--ip6tables=false".to_owned(),
            ],
        );
        let docker = Docker { daemon: Some(daemon), folder };
        for _ in 0..300 {
            if docker.call(&["version"]).status.success() {
                docker.import_busybox();
                return Some(docker);
            }
            sleep(Duration::from_millis(100));
        }
        say(&format!("dockerd does not start: {}", docker.daemon.as_ref().map(Program::output).unwrap_or_default()));
        None
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("docker.sock")
    }

    fn call(&self, arguments: &[&str]) -> Output {
        let host = format!("unix://{}", self.socket().display());
        Command::new("docker").env("DOCKER_HOST", host).args(arguments).output().expect("docker runs")
    }

    fn run(&self, arguments: &[&str]) -> String {
        let output = self.call(arguments);
        assert!(output.status.success(), "docker {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    fn import_busybox(&self) {
        let root = self.folder.path().join("image");
        fs::create_dir_all(root.join("bin")).expect("a folder");
        fs::copy("/bin/busybox", root.join("bin/busybox")).expect("busybox-static is installed");
        for name in ["sh", "sleep", "cat", "dd"] {
            symlink("busybox", root.join("bin").join(name)).expect("a link");
        }
        let archive = self.folder.path().join("image.tar");
        let made = Command::new("tar").arg("-C").arg(&root).arg("-cf").arg(&archive).arg(".").status();
        assert!(made.expect("tar runs").success());
        self.run(&["import", &archive.display().to_string(), "busybox:test"]);
    }
}

impl Drop for Docker {
    fn drop(&mut self) {
        let running = self.call(&["ps", "-aq"]);
        for id in String::from_utf8_lossy(&running.stdout).split_whitespace() {
            self.call(&["rm", "-f", id]);
        }
        if let Some(daemon) = self.daemon.take() {
            daemon.terminate();
        }
    }
}

fn page(address: &str) -> Page {
    series(&get(address, "/metrics").expect("an answer").text())
}

/// The files of a container's cgroup on this host, whichever version and driver it uses.
fn cgroup_file(id: &str, controller: &str, file: &str) -> Option<String> {
    let roots = [format!("/sys/fs/cgroup/{controller}"), "/sys/fs/cgroup".to_owned()];
    let shapes = [format!("docker/{id}"), format!("system.slice/docker-{id}.scope")];
    let paths = roots.iter().flat_map(|root| shapes.iter().map(move |shape| Path::new(root).join(shape).join(file)));
    paths.into_iter().find_map(|path| fs::read_to_string(path).ok())
}

/// What the kernel counts for the container.
fn cgroup_cpu_seconds(id: &str) -> f64 {
    if let Some(nanoseconds) = cgroup_file(id, "cpuacct", "cpuacct.usage") {
        return nanoseconds.trim().parse::<f64>().expect("a number") / 1e9;
    }
    let stat = cgroup_file(id, "", "cpu.stat").expect("the container's cpu.stat");
    stat_field(&stat, &["usage_usec"]).expect("usage_usec") / 1e6
}

fn stat_field(text: &str, names: &[&str]) -> Option<f64> {
    let field = |name: &&str| text.lines().find_map(|line| line.strip_prefix(&format!("{name} ")))?.parse().ok();
    names.iter().find_map(field)
}

#[test]
fn a_container_is_named_measured_and_gone_when_it_is_removed() {
    let Some(docker) = Docker::start() else { return };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let agent_address = format!("127.0.0.1:{}", free_port());
    let mut agent = Program::start(
        env!("CARGO_BIN_EXE_vitals-agent"),
        [
            format!("--web.listen-address={agent_address}"),
            format!("--docker=unix://{}", docker.socket().display()),
            "--whitelisted_container_labels=app".to_owned(),
        ],
    );
    agent.wait_ready(&agent_address, "/readyz");
    let config = folder.path().join("prometheus.yml");
    let job = format!("  - job_name: node\n    static_configs: [{{targets: ['{agent_address}']}}]\n");
    fs::write(&config, format!("global: {{scrape_interval: 1s, scrape_timeout: 1s}}\nscrape_configs:\n{job}"))
        .expect("written");
    let address = format!("127.0.0.1:{}", free_port());
    let mut aggregator = Program::start(
        env!("CARGO_BIN_EXE_vitals-aggregator"),
        [
            format!("--config.file={}", config.display()),
            format!("--storage.tsdb.path={}", folder.path().join("data").display()),
            format!("--web.listen-address={address}"),
        ],
    );
    aggregator.wait_ready(&address, "/-/ready");
    let _ = page(&agent_address);

    let id = docker.run(&[
        "run",
        "-d",
        "--name",
        "demo",
        "--network",
        "none",
        "--memory",
        "64m",
        "--cpus",
        "0.5",
        "--label",
        "app=demo",
        "--label",
        "secret=do-not-export",
        "busybox:test",
        "sh",
        "-c",
        "while :; do :; done",
    ]);
    // One scrape sees it, named.
    sleep(Duration::from_secs(1));
    let text = get(&agent_address, "/metrics").expect("an answer").text();
    let first = series(&text);
    let usage = first.keys().find(|key| key.starts_with("container_cpu_usage_seconds_total") && key.contains(&id));
    let usage = usage.unwrap_or_else(|| panic!("no series of the container; the agent printed:\n{}", agent.output()));
    for label in [r#"name="demo""#, r#"image="busybox:test""#, r#"container_label_app="demo""#] {
        assert!(usage.contains(label), "{usage} lacks {label}");
    }
    assert!(!text.contains("do-not-export"));

    let first_seconds = cgroup_cpu_seconds(&id);
    sleep(Duration::from_secs(10));
    let later = page(&agent_address);
    let true_seconds = cgroup_cpu_seconds(&id) - first_seconds;
    let cpu = |page: &Page| -> f64 {
        let of_container = |key: &&String| key.starts_with("container_cpu_usage_seconds_total") && key.contains(&id);
        page.keys().filter(of_container).map(|key| page[key]).sum()
    };
    // The quota is half a processor; on a busy machine the container may not even get that, and the series say so.
    let used_seconds = cpu(&later) - cpu(&first);
    assert!((used_seconds / true_seconds - 1.0).abs() <= 0.05, "{used_seconds} s, the kernel counts {true_seconds} s");
    let rate = used_seconds / (later["node_time_seconds"] - first["node_time_seconds"]);
    assert!(rate <= 0.525, "half a processor was allowed, {rate} used");

    let stat = cgroup_file(&id, "memory", "memory.stat").expect("the container's memory.stat");
    let usage = cgroup_file(&id, "memory", "memory.usage_in_bytes").or_else(|| cgroup_file(&id, "", "memory.current"));
    let usage: f64 = usage.and_then(|text| text.trim().parse().ok()).expect("the container's memory use");
    let now = page(&agent_address);
    let inactive = stat_field(&stat, &["total_inactive_file", "inactive_file"]).expect("inactive_file");
    let working_set = rig::find(&now, "container_memory_working_set_bytes", &[&id]).expect("a working set");
    assert!((working_set - (usage - inactive)).abs() <= 65536.0, "{working_set} against {usage} - {inactive}");
    let labels = [&*id, r#"failure_type="pgfault""#, r#"scope="hierarchy""#];
    let faults = rig::find(&now, "container_memory_failures_total", &labels);
    assert_eq!(faults, stat_field(&stat, &["total_pgfault", "pgfault"]), "page faults");
    assert_eq!(rig::find(&now, "container_spec_memory_limit_bytes", &[&id]), Some(67_108_864.0));

    let query = |text: &str| {
        let escaped: String = text.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let answer = post(&address, "/api/v1/query", &format!("query={escaped}")).expect("an answer").json();
        answer["data"]["result"].as_array().cloned().unwrap_or_default()
    };
    let stored = r#"rate(container_cpu_usage_seconds_total{container_label_app="demo"}[5s])"#;
    wait_until("the container in the aggregator", Duration::from_secs(20), || {
        (!query(stored).is_empty()).then_some(())
    });

    docker.run(&["rm", "-f", "demo"]);
    wait_until("the container's end", Duration::from_secs(5), || {
        (!page(&agent_address).keys().any(|key| key.contains(&id))).then_some(())
    });
    // An instant query looks back five minutes: only a staleness marker makes it answer nothing so soon.
    wait_until("the staleness marker", Duration::from_secs(10), || {
        query(r#"container_memory_usage_bytes{name="demo"}"#).is_empty().then_some(())
    });
}
