//! Look-ups over state on disk, recorded answers and a socket that nobody answers on.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use kernel::Roots;

use crate::{Answer, Identity, LabelFilter, Metadata, Network, Runtime, RuntimeSettings, Runtimes};

const ID: &str = "40af7cdcbe507acad47a5a62025743ad3ddc6ab93b77b21363aa1c1d641047c9";

fn settings() -> RuntimeSettings {
    RuntimeSettings {
        docker_socket: "/var/run/docker.sock".into(),
        docker_root: "/var/lib/docker".into(),
        containerd_socket: "/run/containerd/containerd.sock".into(),
        containerd_namespace: "k8s.io".to_owned(),
        podman_socket: "/run/podman/podman.sock".into(),
        recorded: None,
        labels: LabelFilter::new(false, "app"),
    }
}

fn machine(files: &[(String, &str)]) -> (tempfile::TempDir, Arc<Roots>) {
    let dir = tempfile::tempdir().expect("a temporary folder");
    for (path, text) in files {
        let path = dir.path().join(path);
        fs::create_dir_all(path.parent().expect("below the folder")).expect("made");
        fs::write(path, text).expect("written");
    }
    let roots = Roots { rootfs: dir.path().to_owned(), ..Roots::default() };
    (dir, Arc::new(roots))
}

/// Paths that only exist on the fake machine, so that a runtime of the real one cannot answer.
fn fake_settings(root: &Path) -> RuntimeSettings {
    RuntimeSettings { docker_socket: root.join("no.sock"), containerd_socket: root.join("no.sock"), ..settings() }
}

fn known(answer: Answer) -> Metadata {
    match answer {
        Answer::Known(metadata) => *metadata,
        other => panic!("not known: {other:?}"),
    }
}

#[test]
fn docker_is_read_from_disk_when_its_socket_is_not_there() {
    let container = format!("var/lib/docker/containers/{ID}");
    let mount = format!("var/lib/docker/image/overlay2/layerdb/mounts/{ID}/mount-id");
    let config = r#"{"ID":"x","Name":"/demo","Created":"2026-01-01T00:00:00Z","Driver":"overlay2","RestartCount":1,
        "State":{"Pid":7,"StartedAt":"2026-01-01T00:00:02Z"},
        "Config":{"Image":"busybox","Labels":{"app":"demo","other":"x"},"Env":["A=secret"]}}"#;
    let (dir, roots) = machine(&[
        (format!("{container}/config.v2.json"), config),
        (format!("{container}/hostconfig.json"), r#"{"NetworkMode":"host"}"#),
        (mount, "abc123"),
    ]);
    let mut runtimes = Runtimes::new(roots, fake_settings(dir.path()));
    let path = format!("/docker/{ID}");
    let metadata = known(runtimes.look_up(&path, &Identity::of(&path)));
    assert_eq!((metadata.name.as_str(), metadata.image.as_deref()), ("demo", Some("busybox")));
    assert_eq!(metadata.labels, [("app".to_owned(), "demo".to_owned())]);
    assert_eq!((metadata.pid, metadata.network), (Some(7), Network::Host));
    assert_eq!(metadata.writable_layer, Some("/var/lib/docker/overlay2/abc123/diff".into()));
}

#[test]
fn containerd_is_read_from_disk_by_id_and_by_cgroup() {
    let tasks = "run/containerd/io.containerd.runtime.v2.task";
    let (dir, roots) = machine(&[
        (
            format!("{tasks}/k8s.io/{ID}/config.json"),
            r#"{"annotations":{"io.kubernetes.cri.sandbox-name":"web-1","io.kubernetes.cri.container-type":"sandbox"},
                "linux":{"namespaces":[{"type":"network","path":"/run/netns/x"}]}}"#,
        ),
        (format!("{tasks}/k8s.io/{ID}/init.pid"), "412"),
        (format!("{tasks}/moby/{}/config.json", ID.replace('4', "5")), "{}"),
        (format!("{tasks}/default/demo/config.json"), r#"{"linux":{"cgroupsPath":"/default/demo"}}"#),
    ]);
    let mut runtimes = Runtimes::new(roots, fake_settings(dir.path()));
    let path =
        format!("/kubepods.slice/kubepods-pod068e8fa0_9213_11e7_a01f_507b9d4141fa.slice/cri-containerd-{ID}.scope");
    let sandbox = known(runtimes.look_up(&path, &Identity::of(&path)));
    assert_eq!((sandbox.pid, sandbox.network), (Some(412), Network::Own));
    assert!(sandbox.kubernetes.is_some_and(|member| member.is_sandbox && member.pod == "web-1"));
    let plain = known(runtimes.look_up("/default/demo", &Identity::of("/default/demo")));
    assert_eq!((plain.runtime, plain.name.as_str()), (Runtime::Containerd, "demo"));
    // Docker's containers are Docker's to name.
    let docker = format!("/docker/{}", ID.replace('4', "5"));
    assert_eq!(runtimes.look_up(&docker, &Identity::of(&docker)), Answer::Unknown);
    // Another cgroup that merely ends in the same word is not the container.
    assert_eq!(runtimes.look_up("/other/demo", &Identity::of("/other/demo")), Answer::Unknown);
}

#[test]
fn recorded_answers_take_the_place_of_sockets() {
    let default = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/conformance");
    let root = std::env::var("VITALS_CONFORMANCE").unwrap_or_else(|_| default.to_owned());
    let root = Path::new(&root).join("cadvisor");
    if !root.is_dir() {
        println!("skipped: {} is not there", root.display());
        return;
    }
    let look_up = |folder: &str, path: &str| {
        let settings =
            RuntimeSettings { recorded: Some(root.join(folder)), labels: LabelFilter::Everything, ..settings() };
        let answer = Runtimes::new(Arc::new(Roots::default()), settings).look_up(path, &Identity::of(path));
        assert!(!format!("{answer:?}").contains("do-not-export"), "{answer:?}");
        known(answer)
    };
    let docker = look_up(
        "nodes/v1_docker_cgroupfs/runtime",
        "/docker/27fccc10a35091dbf133a642374afc739cec7f63437c3cc52d9ceb460176c71e",
    );
    assert_eq!((docker.name.as_str(), docker.restarts, docker.pid), ("shop-job-1", Some(4), Some(3100)));
    let crio = look_up(
        "runtime/crio",
        "/kubepods.slice/kubepods-pod0a0b0c0d_1111_2222_3333_444455556666.slice/\
         crio-0f1e2d3c4b5a0000000000000000000000000000000000000000000000000000.scope",
    );
    assert_eq!((crio.runtime, crio.pid), (Runtime::Crio, Some(7301)));
    assert_eq!(crio.writable_layer, Some("/var/lib/containers/storage/overlay/def/diff".into()));
    let podman = look_up(
        "runtime/podman",
        "/machine.slice/libpod-4b5d3f0c9e8a7b6c5d4e3f2a1b0c9d8e7f6a5b4c3d2e1f0a9b8c7d6e5f4a3b2c.scope",
    );
    assert_eq!((podman.runtime, podman.name.as_str()), (Runtime::Podman, "quiet_lake"));
    assert_eq!(podman.labels, [("tier".to_owned(), "edge".to_owned())]);
}

#[test]
fn a_socket_that_nobody_answers_on_is_unreachable_and_then_left_alone() {
    let (dir, roots) = machine(&[]);
    let path = dir.path().join("docker.sock");
    let _listener = std::os::unix::net::UnixListener::bind(&path).expect("bound");
    let settings = RuntimeSettings { docker_socket: path, ..fake_settings(dir.path()) };
    let mut runtimes = Runtimes::new(roots, settings);
    let cgroup = format!("/docker/{ID}");
    let Answer::Unreachable(first) = runtimes.look_up(&cgroup, &Identity::of(&cgroup)) else { panic!("answered") };
    assert!(first.ends_with("timed out after 2s"), "{first}");
    let Answer::Unreachable(second) = runtimes.look_up(&cgroup, &Identity::of(&cgroup)) else { panic!("answered") };
    assert!(second.ends_with("did not answer in time a moment ago"), "{second}");
}

#[test]
fn a_machine_without_runtimes_knows_nothing_and_fails_at_nothing() {
    let (dir, roots) = machine(&[]);
    let mut runtimes = Runtimes::new(roots, fake_settings(dir.path()));
    for path in [format!("/docker/{ID}"), format!("/machine.slice/libpod-{ID}.scope"), "/a/b".to_owned()] {
        assert_eq!(runtimes.look_up(&path, &Identity::of(&path)), Answer::Unknown);
    }
}
