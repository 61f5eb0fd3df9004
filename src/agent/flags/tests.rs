//! The command line, the configuration file and the profile together.

use super::*;
use std::fs;

fn flags(arguments: &[&str]) -> Result<Flags, String> {
    match parse(arguments.iter().map(|argument| (*argument).to_owned()))? {
        Wish::Serve(flags) => Ok(*flags),
        Wish::Print(text) => Err(text),
    }
}

fn enabled(arguments: &[&str]) -> Vec<&'static str> {
    flags(arguments).expect("valid").plan.enabled
}

fn refusal(arguments: &[&str]) -> String {
    flags(arguments).err().expect("refused")
}

#[test]
fn collectors_are_switched_as_node_exporters_are() {
    let defaults: Vec<_> = TABLE.iter().filter(|spec| spec.is_on_by_default).map(|spec| spec.name).collect();
    assert_eq!(enabled(&[]), defaults);
    let without: Vec<_> = defaults.iter().copied().filter(|name| *name != "loadavg").collect();
    for off in ["--no-collector.loadavg", "--collector.loadavg=false"] {
        assert_eq!(enabled(&[off]), without);
    }
    let only = ["--collector.disable-defaults", "--collector.loadavg", "--collector.cpu=true"];
    assert_eq!(enabled(&only), ["cpu", "loadavg"]);
    assert_eq!(enabled(&["--collector.disable-defaults", "--no-collector.wifi"]), [""; 0]);
}

#[test]
fn values_come_by_equals_sign_or_blank_and_aliases_count() {
    let flags = flags(&[
        "--collector.diskstats.ignored-devices=^x",
        "--collector.netdev.device-include",
        "^eth",
        "--no-collector.netdev.netlink",
        "--collector.textfile.directory=/a",
        "--collector.textfile.directory=/b",
        "--web.listen-address=127.0.0.1:1",
        "--web.listen-address=:2",
        "--web.timeout-offset=250ms",
        "--path.rootfs=/host",
    ])
    .expect("valid");
    assert_eq!(flags.plan.settings.text("collector.diskstats.device-exclude"), "^x");
    assert!(flags.plan.settings.is_given("collector.diskstats.device-exclude"));
    assert_eq!(flags.plan.settings.text("collector.netdev.device-include"), "^eth");
    assert!(!flags.plan.settings.is_on("collector.netdev.netlink"));
    assert!(!flags.plan.settings.is_given("collector.filesystem.fs-types-exclude"));
    assert_eq!(flags.plan.settings.list("collector.textfile.directory"), ["/a", "/b"]);
    assert_eq!(flags.listen_addresses, ["127.0.0.1:1", ":2"]);
    assert_eq!(flags.timeout_offset, Duration::from_millis(250));
    assert_eq!(flags.roots.rootfs, std::path::Path::new("/host"));
}

#[test]
fn what_is_wrong_is_one_line() {
    for (arguments, line) in [
        (&["--collector.nonsense"][..], "unknown flag --collector.nonsense, try --help"),
        (&["--collector.cpu", "--no-collector.cpu"], "flag --collector.cpu cannot be repeated, try --help"),
        (&["--path.procfs=/a", "--path.procfs=/b"], "flag --path.procfs cannot be repeated, try --help"),
        (&["--path.procfs"], "flag --path.procfs needs a value, try --help"),
        (&["--path.procfs", "--collector.cpu"], "flag --path.procfs needs a value, try --help"),
        (&["--path.procfs", "--no-collector.cpu"], "flag --path.procfs needs a value, try --help"),
        (&["--log.level=loud"], "flag --log.level: \"loud\" is not one of its values, try --help"),
        (&["--collector.cpu=maybe"], "flag --collector.cpu: \"maybe\" is not one of its values, try --help"),
        (&["start"], "unexpected argument \"start\", try --help"),
        (
            &["--collector.runit"],
            "--collector.runit: collector runit: deprecated by node_exporter and left out here; let a script write the \
             states of services for the collector textfile",
        ),
        (&["--runtime.gomaxprocs=all"], "--runtime.gomaxprocs: expected a number, found \"all\""),
        (&["--web.max-requests=many"], "--web.max-requests: expected a number, found \"many\""),
        (&["--web.timeout-offset=-1s"], "--web.timeout-offset: expected a duration such as 0.5s, found \"-1s\""),
        (&["--web.telemetry-path=m"], "--web.telemetry-path: \"m\" does not begin with a slash"),
    ] {
        assert_eq!(refusal(arguments), line, "{arguments:?}");
    }
    assert_eq!(flags(&["--web.config.file="]).expect("valid").web_config_file, None);
    assert_eq!(flags(&["--agent.config-file="]).expect("valid").origin.file, None);
    assert_eq!(flags(&["--log.level=WARN"]).expect("valid").log_level, tracing::Level::WARN);
    assert_eq!(flags(&["--collector.textfile.directory=-x"]).map(|_| ()), Ok(()));
    assert_eq!(flags(&["--runtime.gomaxprocs=2"]).expect("valid").warnings, [""; 0]);
}

#[test]
fn command_lines_of_node_exporter_keep_working() {
    let kube_prometheus = [
        "--web.listen-address=127.0.0.1:9100",
        "--path.sysfs=/host/sys",
        "--path.rootfs=/host/root",
        "--path.procfs=/host/root/proc",
        "--path.udev.data=/host/root/run/udev/data",
        "--no-collector.wifi",
        "--no-collector.hwmon",
        "--no-collector.btrfs",
        "--collector.filesystem.mount-points-exclude=^/(dev|proc|sys|run/k3s/containerd/.+)($|/)",
        "--collector.netclass.ignored-devices=^(veth.*|[a-f0-9]{15})$",
        "--collector.netdev.device-exclude=^(veth.*|[a-f0-9]{15})$",
    ];
    let flags = flags(&kube_prometheus).expect("valid");
    assert_eq!(flags.warnings, [""; 0]);
    assert!(!flags.plan.enables("hwmon") && !flags.plan.enables("btrfs"));
}

#[test]
fn help_and_version_are_printed() {
    assert!(refusal(&["--help"]).contains("--collector.diskstats.device-exclude"));
    assert!(refusal(&["--version"]).starts_with("vitals-agent, version "));
}

/// The command line and a configuration file.
fn with_file(text: &str, arguments: &[&str]) -> Result<Flags, String> {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("vitals.yml");
    fs::write(&path, text).expect("written");
    let file = format!("--agent.config-file={}", path.display());
    let all: Vec<&str> = arguments.iter().copied().chain([file.as_str()]).collect();
    flags(&all).map_err(|error| error.replace(&folder.path().display().to_string(), ""))
}

#[test]
fn a_file_sets_any_flag_and_the_command_line_wins() {
    let text = "collector.netdev.device-whitelist: ^eth\ncollector:\n  cpu: false\n  cpu.info: true\n\
        \x20 diskstats.device-exclude: ^a\n  textfile.directory: [/a, /b]\nweb.max-requests: 7\n\
        web.listen-address: 127.0.0.1:1\n";
    let arguments = ["--collector.diskstats.device-exclude=^b", "--web.listen-address=127.0.0.1:2"];
    let flags = with_file(text, &arguments).expect("valid");
    let settings = &flags.plan.settings;
    assert_eq!(settings.text("collector.netdev.device-include"), "^eth");
    assert!(settings.is_given("collector.netdev.device-include") && settings.is_on("collector.cpu.info"));
    assert_eq!(settings.text("collector.diskstats.device-exclude"), "^b");
    assert_eq!(settings.list("collector.textfile.directory"), ["/a", "/b"]);
    assert_eq!(flags.max_requests, 7);
    assert_eq!(flags.listen_addresses, ["127.0.0.1:2"]);
    assert!(!flags.plan.enables("cpu") && flags.plan.enables("meminfo"));
}

#[test]
fn what_is_wrong_in_a_file_has_file_line_and_key() {
    for (text, line) in [
        ("\ncollector.nonsense: 1", "/vitals.yml:2: collector.nonsense: no such flag"),
        ("log:\n  level: loud", "/vitals.yml:2: log.level: \"loud\" is not one of its values"),
        ("collector.cpu: maybe", "/vitals.yml:1: collector.cpu: \"maybe\" is not one of its values"),
        ("path.procfs: [/a, /b]", "/vitals.yml:1: path.procfs: cannot be repeated"),
        ("web.max-requests: many", "/vitals.yml:1: web.max-requests: expected a number, found \"many\""),
        (
            "collector.ntp: true",
            "/vitals.yml:1: collector.ntp: collector ntp: deprecated by node_exporter and left out \
            here; the collector timex (on by default) tells the offset of the clock and whether it is synchronised",
        ),
        ("version: true", "/vitals.yml:1: version: only on the command line"),
        ("a: 1\na: 2", "/vitals.yml:2: a: given twice"),
        (
            "collector.diskstats.ignored-devices: a\ncollector.diskstats.device-exclude: b",
            "/vitals.yml:2: collector.diskstats.device-exclude: given in line 1 already",
        ),
    ] {
        let refusal = with_file(text, &[]).err().expect("refused");
        assert!(refusal.starts_with(line), "{text}: {refusal}");
    }
    assert!(flags(&["--agent.config-file=/nowhere"]).err().expect("refused").starts_with("/nowhere: No such file"));
}

#[test]
fn a_bad_pattern_is_located_too() {
    let flags = with_file("log.level: info\ncollector.netdev.device-exclude: \"(\"", &[]).expect("still text");
    let error = collectors::Runner::new(kernel::Host::default(), TABLE, flags.plan.clone(), Default::default());
    let error = error.err().expect("refused");
    let line = flags.origin.explain(&error);
    let expected = "vitals.yml:2: collector.netdev.device-exclude: invalid regular expression \"(\": unclosed group";
    assert!(line.ends_with(expected), "{line}");
}

#[test]
fn what_cannot_change_at_run_time_is_named_when_the_file_changes_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("vitals.yml");
    fs::write(&path, "web.telemetry-path: /a\nlog.level: info\n").expect("written");
    let flags = flags(&[&format!("--agent.config-file={}", path.display())]).expect("valid");
    fs::write(&path, "web.telemetry-path: /b\nlog.level: warn\ncollector.series-limit: 5\n").expect("written");
    let (again, kept) = flags.again().expect("valid");
    assert_eq!(kept, ["web.telemetry-path"]);
    assert_eq!((again.telemetry_path.as_str(), again.log_level), ("/a", tracing::Level::WARN));
    assert_eq!(again.plan.series_limit, 5);
    fs::write(&path, "nonsense: 1\n").expect("written");
    assert!(again.again().err().expect("refused").ends_with("vitals.yml:1: nonsense: no such flag"));
}

#[test]
fn a_profile_changes_defaults_and_nothing_that_is_given() {
    let exclude = "collector.netdev.device-exclude";
    let plain = flags(&["--profile=kubernetes"]).expect("valid");
    let pattern = plain.plan.settings.pattern(exclude).expect("valid").expect("there is one");
    for pod in ["veth12ab", "cali0123456789a", "cilium_host", "lxc_health", "ovn-k8s-mp0", "0123456789abcde"] {
        assert!(pattern.is_match(pod), "{pod}");
    }
    for node in ["eth0", "ens5", "bond0", "lo", "wg0", "docker0", "br0", "enp3s0f1", "eni0"] {
        assert!(!pattern.is_match(node), "{node}");
    }
    assert!(!plain.plan.settings.is_given(exclude) && !plain.shows_containers);
    assert_eq!(plain.plan.settings.text("containers.labels"), "kubelet");
    assert!(plain.plan.settings.is_on("collector.filesystem.once-per-device"));

    let given = flags(&["--profile=kubernetes", "--collector.netdev.device-exclude=^x", "--web.telemetry-containers"]);
    let given = given.expect("valid");
    assert_eq!(given.plan.settings.text(exclude), "^x");
    assert!(given.shows_containers);
    let include = flags(&["--profile=kubernetes", "--collector.netdev.device-include=^veth"]).expect("valid");
    assert!(!include.plan.settings.is_given(exclude), "so that it gives way to the include flag");
    let in_file = with_file("profile: kubernetes\ncollector.filesystem.once-per-device: no\n", &[]).expect("valid");
    assert!(!in_file.plan.settings.is_on("collector.filesystem.once-per-device") && !in_file.shows_containers);

    assert_eq!(refusal(&["--profile=moon"]), "flag --profile: \"moon\" is not one of its values, try --help");
    assert!(refusal(&["--help", "--profile=kubernetes"]).contains("cali.*"));
    assert!(!refusal(&["--help"]).contains("cali.*"));
}

#[test]
fn the_profiles_pattern_of_mounts_leaves_the_nodes_own() {
    let flags = flags(&["--profile=kubernetes"]).expect("valid");
    let pattern = flags.plan.settings.pattern("collector.filesystem.mount-points-exclude").expect("valid");
    let pattern = pattern.expect("there is one");
    for pod in [
        "/var/lib/kubelet/pods/12/volumes/kubernetes.io~csi/pvc/mount",
        "/run/containerd/io.containerd.grpc.v1.cri/sandboxes/ab/shm",
        "/run/k3s/containerd/io.containerd.runtime.v2.task/k8s.io/ab/rootfs",
        "/run/netns/cni-1",
        "/var/lib/docker/overlay2/ab/merged",
        "/var/lib/containers/storage/overlay/ab/merged",
        "/var/lib/rancher/k3s/agent/containerd/x",
        "/proc",
        "/dev/shm",
    ] {
        assert!(pattern.is_match(pod), "{pod}");
    }
    for node in ["/", "/boot/efi", "/var", "/var/lib/kubelet", "/var/lib/containerd", "/run", "/mnt/data"] {
        assert!(!pattern.is_match(node), "{node}");
    }
}

#[test]
fn the_charts_command_lines_win_over_a_profile() {
    // As the Helm chart of node_exporter starts it.
    let chart = [
        "--path.procfs=/host/proc",
        "--path.sysfs=/host/sys",
        "--path.rootfs=/host/root",
        "--path.udev.data=/host/root/run/udev/data",
        "--web.listen-address=[$(HOST_IP)]:9100",
        "--collector.filesystem.mount-points-exclude=^/(dev|proc|sys)($|/)",
        "--collector.filesystem.fs-types-exclude=^(autofs|proc)$",
        "--profile=kubernetes",
    ];
    let flags = flags(&chart).expect("valid");
    assert_eq!(flags.plan.settings.text("collector.filesystem.mount-points-exclude"), "^/(dev|proc|sys)($|/)");
    assert_eq!(flags.plan.settings.text("collector.filesystem.fs-types-exclude"), "^(autofs|proc)$");
    assert_eq!(flags.roots.procfs, std::path::Path::new("/host/proc"));
}
