//! The agent on a real cgroup v2 host with pressure stall information: a kernel of its own under QEMU, an initramfs
//! with busybox, the agent, its libraries and `tests/machine/init`.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const ID: &str = "4f1a5b7c9d0e2f3a4b5c6d7e8f901a2b3c4d5e6f708192a3b4c5d6e7f8091a2b";

/// What `tests/machine/init` showed, by name.
fn boot() -> Option<BTreeMap<String, String>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let kernel = root.join(".tools/vmlinuz");
    for (what, is_there) in [
        ("qemu-system-x86_64", has("qemu-system-x86_64")),
        ("cpio", has("cpio")),
        ("/bin/busybox", Path::new("/bin/busybox").exists()),
        ("a kernel at .tools/vmlinuz", kernel.exists()),
    ] {
        if !is_there {
            rig::skip("the agent in a virtual machine", &format!("{what} is not there"));
            return None;
        }
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    let archive = initramfs(folder.path());
    let mut qemu = Command::new("timeout");
    qemu.args(["--signal=KILL", "180", "qemu-system-x86_64", "-M", "q35", "-m", "512", "-smp", "2", "-nographic"]);
    qemu.args(["-no-reboot", "-append", "console=ttyS0 psi=1 quiet panic=-1", "-kernel"]).arg(kernel);
    let output = qemu.arg("-initrd").arg(archive).stdin(Stdio::null()).output().expect("QEMU starts");
    let serial = String::from_utf8_lossy(&output.stdout).replace('\r', "");
    let parts = sections(&serial);
    assert!(parts.contains_key("status"), "the machine did not get through; it printed:\n{serial}");
    Some(parts)
}

fn has(program: &str) -> bool {
    Command::new("sh").args(["-c", &format!("command -v {program}")]).output().is_ok_and(|out| out.status.success())
}

/// Lays out the files and packs them as the kernel wants them.
fn initramfs(folder: &Path) -> PathBuf {
    let root = folder.join("root");
    for name in ["bin", "dev", "proc", "sys", "tmp", "var/lib", "etc"] {
        fs::create_dir_all(root.join(name)).expect("a folder");
    }
    let agent = Path::new(env!("CARGO_BIN_EXE_vitals-agent"));
    copy(Path::new("/bin/busybox"), &root.join("bin/busybox"));
    copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/machine/init"), &root.join("init"));
    let strip = Command::new("strip").arg("-o").arg(root.join("bin/agent")).arg(agent).status();
    if !strip.is_ok_and(|status| status.success()) {
        copy(agent, &root.join("bin/agent"));
    }
    let libraries = Command::new("ldd").arg(agent).output().expect("ldd runs");
    for word in String::from_utf8_lossy(&libraries.stdout).split_whitespace().filter(|word| word.starts_with('/')) {
        let target = root.join(word.trim_start_matches('/'));
        fs::create_dir_all(target.parent().expect("a library lies in a folder")).expect("a folder");
        copy(Path::new(word), &target);
    }
    let archive = folder.join("initramfs");
    let pack = format!("cd {} && find . | cpio -o -H newc --quiet > {}", root.display(), archive.display());
    assert!(Command::new("sh").args(["-c", &pack]).status().expect("sh runs").success());
    archive
}

fn copy(from: &Path, to: &Path) {
    let bytes = fs::read(from).unwrap_or_else(|error| panic!("{}: {error}", from.display()));
    fs::File::create(to).and_then(|mut file| file.write_all(&bytes)).expect("written");
    fs::set_permissions(to, fs::Permissions::from_mode(0o755)).expect("made executable");
}

fn sections(serial: &str) -> BTreeMap<String, String> {
    let mut parts = BTreeMap::new();
    let mut open: Option<(String, String)> = None;
    for line in serial.lines() {
        match line.strip_prefix("=== ") {
            Some("end") => parts.extend(open.take()),
            Some(name) => open = Some((name.to_owned(), String::new())),
            None => {
                if let Some((_, text)) = &mut open {
                    text.push_str(line);
                    text.push('\n');
                }
            }
        }
    }
    parts
}

#[test]
fn a_container_on_cgroup_v2_is_named_measured_and_under_pressure() {
    let Some(parts) = boot() else { return };
    let (first, later) = (rig::series(&parts["metrics"]), rig::series(&parts["later"]));
    let log = &parts["log"];
    let of_container = |page: &rig::Page, name: &str, extra: &str| -> f64 {
        let found = rig::find(page, name, &[ID, extra]);
        found.unwrap_or_else(|| panic!("no {name} with {extra} for the container; log:\n{log}\n{page:#?}"))
    };

    let usage = first.keys().find(|key| key.starts_with("container_cpu_usage_seconds_total") && key.contains(ID));
    let usage = usage.expect("the container has a CPU series");
    for label in [r#"name="spinner""#, r#"image="busybox:latest""#, r#"container_label_app="demo""#] {
        assert!(usage.contains(label), "{usage} lacks {label}");
    }
    assert!(!parts["metrics"].contains("do-not-export"), "a label that is not on the allow-list got out");

    let rate = |name: &str, extra: &str| {
        let elapsed = later["node_time_seconds"] - first["node_time_seconds"];
        (of_container(&later, name, extra) - of_container(&first, name, extra)) / elapsed
    };
    let cpu = rate("container_cpu_usage_seconds_total", "");
    assert!((0.45..0.55).contains(&cpu), "half a processor was allowed, {cpu} used");
    assert!(of_container(&later, "container_cpu_cfs_throttled_periods_total", "") > 0.0);
    assert!(rate("container_pressure_cpu_waiting_seconds_total", "") > 0.1, "a throttled loop waits");
    assert_eq!(of_container(&later, "container_spec_memory_limit_bytes", ""), 67_108_864.0);

    let stat = &parts["memory.stat"];
    let field = |name: &str| -> f64 {
        let line = stat.lines().find_map(|line| line.strip_prefix(&format!("{name} ")));
        line.and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("no {name} in memory.stat"))
    };
    // The loop allocates nothing any more: what the kernel said just after the scrape is what the scrape said.
    for kind in ["pgfault", "pgmajfault"] {
        let labels = [ID, &format!(r#"failure_type="{kind}""#), r#"scope="hierarchy""#];
        assert_eq!(rig::find(&later, "container_memory_failures_total", &labels), Some(field(kind)), "{kind}");
    }
    assert_eq!(of_container(&later, "container_memory_rss", ""), field("anon"));

    for node in ["node_pressure_cpu_waiting_seconds_total", "node_pressure_memory_stalled_seconds_total", "node_load1"]
    {
        assert!(later.contains_key(node), "no {node}");
    }
}
