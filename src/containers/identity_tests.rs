//! Paths of every runtime and driver: recorded ones, and shapes that the recorded ones lack.

use std::path::PathBuf;

use proptest::prelude::*;

use crate::{Driver, Identity, Kind, Qos, Runtime};

const ID: &str = "40af7cdcbe507acad47a5a62025743ad3ddc6ab93b77b21363aa1c1d641047c9";
const UID: &str = "068e8fa0-9213-11e7-a01f-507b9d4141fa";

fn kind_of_words(words: &str) -> Kind {
    match words {
        "root" => Kind::Root,
        "pod" => Kind::Pod,
        "container" => Kind::Container,
        "service" => Kind::Service,
        "system slice, not a container" => Kind::Slice,
        "conmon, not a container" => Kind::Monitor,
        "ignore (.mount)" | "sandbox dir, ignore" => Kind::Ignored,
        _ if words.starts_with("not a container") => Kind::Other,
        _ => panic!("unknown kind {words:?}"),
    }
}

fn runtime_word(runtime: Option<Runtime>) -> &'static str {
    match runtime {
        None => "",
        Some(Runtime::Docker) => "docker",
        Some(Runtime::Containerd) => "containerd",
        Some(Runtime::Crio) => "crio",
        Some(Runtime::Podman) => "podman",
    }
}

fn qos_word(qos: Option<Qos>) -> &'static str {
    match qos {
        None => "",
        Some(Qos::Guaranteed) => "guaranteed",
        Some(Qos::Burstable) => "burstable",
        Some(Qos::BestEffort) => "besteffort",
    }
}

#[test]
fn every_recorded_path_is_known() {
    let default = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/conformance");
    let root = std::env::var("VITALS_CONFORMANCE").unwrap_or_else(|_| default.to_owned());
    let table = PathBuf::from(root).join("cadvisor/discovery/cgroup_paths.tsv");
    let Ok(text) = std::fs::read_to_string(&table) else {
        println!("skipped: {} is not there", table.display());
        return;
    };
    let mut rows = 0;
    for line in text.lines().skip(1) {
        let column: Vec<&str> = line.split('\t').collect();
        let driver = if column[2] == "systemd" { Driver::Systemd } else { Driver::Cgroupfs };
        let identity = Identity::with_driver(column[0], driver);
        assert_eq!(identity.kind, kind_of_words(column[3]), "{line}");
        assert_eq!(runtime_word(identity.runtime), column[1].split(' ').next().unwrap_or(""), "{line}");
        assert_eq!(identity.container_id.as_deref().unwrap_or(""), column[4], "{line}");
        assert_eq!(identity.pod_uid.as_deref().unwrap_or(""), column[5], "{line}");
        assert_eq!(qos_word(identity.qos), column[6], "{line}");
        rows += 1;
    }
    assert!(rows > 20, "{rows} rows");
}

fn container(path: &str, runtime: Option<Runtime>, pod_uid: Option<&str>, qos: Option<Qos>) {
    let expected = Identity {
        kind: Kind::Container,
        runtime,
        container_id: Some(ID.to_owned()),
        pod_uid: pod_uid.map(str::to_owned),
        qos,
    };
    assert_eq!(Identity::of(path), expected, "{path}");
}

#[test]
fn kubelet_with_systemd_over_a_runtime_with_cgroupfs() {
    let pod = UID.replace('-', "_");
    let path = format!("/system.slice/containerd.service/kubepods-burstable-pod{pod}.slice:cri-containerd:{ID}");
    container(&path, Some(Runtime::Containerd), Some(UID), Some(Qos::Burstable));
    let path = format!("/kubepods-pod{pod}.slice:cri-containerd:{ID}");
    container(&path, Some(Runtime::Containerd), Some(UID), Some(Qos::Guaranteed));
}

#[test]
fn machines_within_containers_show_the_innermost() {
    let other = "72e5a5ff5eef3c4222a6551b992b9360a99122f77d2229783f0ee0946dfd800e";
    let path = format!("/docker/{other}/kubelet/kubepods/besteffort/pod{UID}/{ID}");
    container(&path, Some(Runtime::Containerd), Some(UID), Some(Qos::BestEffort));
    let pod = UID.replace('-', "_");
    let path = format!(
        "/system.slice/docker-{other}.scope/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-pod{pod}.slice/\
         cri-containerd-{ID}.scope"
    );
    container(&path, Some(Runtime::Containerd), Some(UID), Some(Qos::Guaranteed));
    // A service of systemd in a container is a service, not the container.
    let service = Identity::of(&format!("/docker/{other}/system.slice/cron.service"));
    assert_eq!((service.kind, service.container_id), (Kind::Service, None));
}

#[test]
fn less_common_runtimes_and_parents() {
    container(&format!("/ecs/0123/{ID}"), Some(Runtime::Docker), None, None);
    container(&format!("/custom.slice/docker-{ID}.scope"), Some(Runtime::Docker), None, None);
    let rootless = "/user.slice/user-1000.slice/user@1000.service/user.slice";
    container(&format!("{rootless}/docker-{ID}.scope"), Some(Runtime::Docker), None, None);
    container(&format!("{rootless}/nerdctl-{ID}.scope"), Some(Runtime::Containerd), None, None);
    container(&format!("/k8s.io/{ID}"), Some(Runtime::Containerd), None, None);
    container(&format!("/machine.slice/libpod-{ID}.scope/container"), Some(Runtime::Podman), None, None);
    container(&format!("/system.slice/unheard-of-{ID}.scope"), None, None, None);
    let other = "72e5a5ff5eef3c4222a6551b992b9360a99122f77d2229783f0ee0946dfd800e";
    for path in [format!("/machine.slice/machine-libpod_pod_{other}.slice"), format!("/libpod_parent/{other}")] {
        let pod = Identity::of(&path);
        assert_eq!((pod.kind, pod.pod_uid.as_deref()), (Kind::Pod, Some(other)), "{path}");
    }
    let path = format!("/machine.slice/machine-libpod_pod_{other}.slice/libpod-{ID}.scope");
    container(&path, Some(Runtime::Podman), Some(other), None);
}

#[test]
fn near_misses_are_no_containers() {
    for (path, kind) in [
        (format!("/docker/{}", &ID[1..]), Kind::Other),
        (format!("/docker/{}0", ID), Kind::Other),
        (format!("/docker/{}", ID.to_uppercase()), Kind::Other),
        (format!("/system.slice/docker-{ID}.service"), Kind::Service),
        ("/system.slice/docker.service".to_owned(), Kind::Service),
        ("/docker/buildkit/ykd2k7zqqv6sgs3pgn9eqhm5u".to_owned(), Kind::Other),
        ("/lxc.payload.web".to_owned(), Kind::Other),
        ("/init.scope".to_owned(), Kind::Scope),
        ("/user.slice/user-1000.slice/session-3.scope".to_owned(), Kind::Scope),
        ("/podman".to_owned(), Kind::Other),
        ("/pod068e8fa0".to_owned(), Kind::Other),
        (format!("/elsewhere/pod{UID}"), Kind::Other),
        ("/kubepods/burstable".to_owned(), Kind::Other),
        ("/kubepods.slice/kubepods-burstable.slice".to_owned(), Kind::Slice),
        ("container".to_owned(), Kind::Other),
    ] {
        let identity = Identity::of(&path);
        assert_eq!((identity.kind, identity.container_id, identity.pod_uid), (kind, None, None), "{path}");
    }
    assert_eq!(Identity::of("/kubepods/burstable").qos, Some(Qos::Burstable));
    assert_eq!(Identity::of("/kubepods.slice/kubepods-besteffort.slice").qos, Some(Qos::BestEffort));
    assert_eq!(Identity::of("/burstable").qos, None);
}

proptest! {
    #[test]
    fn no_path_makes_it_panic(path in "(/[a-z0-9:._-]{0,20}(\\.(slice|scope|mount))?){0,6}") {
        Identity::of(&path);
    }

    #[test]
    fn a_container_of_a_pod_is_found_at_any_depth(above in "(/[a-z]{1,8}){0,4}", qos in 0usize..3) {
        let (directory, class) = [("", Qos::Guaranteed), ("/burstable", Qos::Burstable), ("/besteffort", Qos::BestEffort)][qos];
        let identity = Identity::of(&format!("{above}/kubepods{directory}/pod{UID}/{ID}"));
        prop_assert_eq!(identity.pod_uid.as_deref(), Some(UID));
        prop_assert_eq!((identity.qos, identity.container_id.as_deref()), (Some(class), Some(ID)));
    }
}
