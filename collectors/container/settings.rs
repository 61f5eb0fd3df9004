//! The flags of the collector, most of them cAdvisor's.

use std::path::PathBuf;

use containers::{LabelFilter, RuntimeSettings};

use super::group::Groups;
use crate::{Flag, FlagKind, Settings, SettingsError};

pub const FLAGS: &[Flag] = &[
    flag(
        "containers.labels",
        FlagKind::Text { default: "standalone" },
        "Labels of container series: standalone (id, name, image) or kubelet (with container, pod and namespace).",
    ),
    flag(
        "containers.runtime-answers",
        FlagKind::Text { default: "" },
        "Folder with recorded answers of container runtimes to use instead of their sockets.",
    ),
    flag(
        "store_container_labels",
        FlagKind::Switch { default: false },
        "Add all labels of containers to their series, as container_label_*.",
    ),
    flag(
        "whitelisted_container_labels",
        FlagKind::Text { default: "" },
        "Comma-separated labels of containers to add to their series, as container_label_*.",
    ),
    flag(
        "enable_metrics",
        FlagKind::Text { default: "" },
        "Comma-separated groups of container metrics to collect, and no others; cAdvisor's names.",
    ),
    flag(
        "disable_metrics",
        FlagKind::Text { default: "" },
        "Comma-separated groups of container metrics to leave out; all others are collected.",
    ),
    flag("docker", FlagKind::Text { default: "unix:///var/run/docker.sock" }, "Docker's socket."),
    flag(
        "docker_root",
        FlagKind::Text { default: "/var/lib/docker" },
        "Docker's state on disk, used where Docker does not tell.",
    ),
    flag("containerd", FlagKind::Text { default: "/run/containerd/containerd.sock" }, "containerd's socket."),
    flag(
        "containerd-namespace",
        FlagKind::Text { default: "k8s.io" },
        "Namespace of containerd that is asked first; the others follow.",
    ),
    flag("podman", FlagKind::Text { default: "unix:///var/run/podman/podman.sock" }, "Podman's socket."),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LabelStyle {
    Standalone,
    Kubelet,
}

#[derive(Clone, Debug)]
pub struct ContainerSettings {
    pub style: LabelStyle,
    pub groups: Groups,
    pub runtimes: RuntimeSettings,
}

impl ContainerSettings {
    pub fn read(settings: &Settings) -> Result<Self, SettingsError> {
        let style = match settings.text("containers.labels") {
            "standalone" => LabelStyle::Standalone,
            "kubelet" => LabelStyle::Kubelet,
            other => return Err(refused("containers.labels", format!("{other:?} is neither standalone nor kubelet"))),
        };
        let labels =
            LabelFilter::new(settings.is_on("store_container_labels"), settings.text("whitelisted_container_labels"));
        let recorded = Some(settings.text("containers.runtime-answers")).filter(|folder| !folder.is_empty());
        let runtimes = RuntimeSettings {
            docker_socket: socket(settings, "docker")?,
            docker_root: settings.text("docker_root").into(),
            containerd_socket: socket(settings, "containerd")?,
            containerd_namespace: settings.text("containerd-namespace").to_owned(),
            podman_socket: socket(settings, "podman")?,
            recorded: recorded.map(PathBuf::from),
            labels,
        };
        let groups = Groups::read(settings.text("enable_metrics"), settings.text("disable_metrics"))?;
        Ok(ContainerSettings { style, groups, runtimes })
    }
}

const fn flag(name: &'static str, kind: FlagKind, help: &'static str) -> Flag {
    Flag { name, kind, help, aliases: &[] }
}

/// `unix:///var/run/docker.sock` or the path alone.
fn socket(settings: &Settings, flag: &str) -> Result<PathBuf, SettingsError> {
    let text = settings.text(flag);
    let path = text.strip_prefix("unix://").unwrap_or(text);
    if path.contains("://") {
        return Err(refused(flag, format!("{text:?} is no unix socket; others are not supported")));
    }
    Ok(path.into())
}

fn refused(flag: &str, reason: String) -> SettingsError {
    SettingsError { flag: flag.to_owned(), reason }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::container::containers::SPEC;

    fn with(flag: &str, value: &str) -> Result<ContainerSettings, SettingsError> {
        let mut settings = Settings::defaults([&SPEC]);
        settings.set(flag, vec![value.to_owned()]);
        ContainerSettings::read(&settings)
    }

    #[test]
    fn sockets_may_be_urls_or_paths() {
        let settings = with("docker", "unix:///tmp/docker.sock").expect("valid");
        assert_eq!(settings.runtimes.docker_socket, PathBuf::from("/tmp/docker.sock"));
        let settings = with("docker", "/tmp/docker.sock").expect("valid");
        assert_eq!(settings.runtimes.docker_socket, PathBuf::from("/tmp/docker.sock"));
        let error = with("docker", "tcp://10.0.0.1:2375").expect_err("not a socket");
        assert_eq!(error.to_string(), "--docker: \"tcp://10.0.0.1:2375\" is no unix socket; others are not supported");
    }

    #[test]
    fn an_unknown_style_is_refused() {
        assert_eq!(with("containers.labels", "kubelet").expect("valid").style, LabelStyle::Kubelet);
        assert!(with("containers.labels", "docker").is_err());
    }
}
