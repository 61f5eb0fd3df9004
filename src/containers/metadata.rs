//! What a runtime knows of a container and the cgroup does not tell.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::{LabelFilter, Runtime};

#[derive(Clone, Debug, PartialEq)]
pub struct Metadata {
    pub runtime: Runtime,
    /// Docker's and Podman's name without a slash; containerd has none, there it is the id.
    pub name: String,
    /// As it was asked for: `postgres:17`.
    pub image: Option<String>,
    /// Those that may leave the machine, sorted by key.
    pub labels: Vec<(String, String)>,
    /// For containers of Kubernetes.
    pub kubernetes: Option<PodContainer>,
    /// The container's first process in the host's PID namespace. `None` while it is being started.
    pub pid: Option<u32>,
    /// Seconds since the epoch.
    pub created_seconds: Option<f64>,
    /// The same; of the last start.
    pub started_seconds: Option<f64>,
    /// How often the runtime started it again.
    pub restarts: Option<u64>,
    pub network: Network,
    /// Host path of the directory that holds what the container wrote.
    pub writable_layer: Option<PathBuf>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PodContainer {
    /// "" for the sandbox of a pod, where the runtime gives it no name.
    pub container: String,
    pub pod: String,
    pub namespace: String,
    /// The container that holds the pod's namespaces.
    pub is_sandbox: bool,
}

/// Whose network namespace a container lives in, as far as the runtime tells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Network {
    #[default]
    Unknown,
    Own,
    /// Another container's.
    Shared,
    Host,
}

impl Metadata {
    /// With nothing but a name.
    pub(crate) fn named(runtime: Runtime, name: impl Into<String>) -> Metadata {
        Metadata {
            runtime,
            name: name.into(),
            image: None,
            labels: Vec::new(),
            kubernetes: None,
            pid: None,
            created_seconds: None,
            started_seconds: None,
            restarts: None,
            network: Network::Unknown,
            writable_layer: None,
        }
    }

    /// Takes from a container's labels what may leave and what Kubernetes put there.
    pub(crate) fn set_labels(&mut self, labels: &BTreeMap<String, String>, filter: &LabelFilter) {
        self.labels = filter.apply(labels);
        self.kubernetes = PodContainer::from_labels(labels);
        if let Some(member) = &self.kubernetes {
            self.network = if member.is_sandbox { Network::Own } else { Network::Shared };
        }
    }
}

impl PodContainer {
    fn from_labels(labels: &BTreeMap<String, String>) -> Option<PodContainer> {
        let text = |key: &str| labels.get(key).map_or("", String::as_str);
        let container = text("io.kubernetes.container.name");
        let is_sandbox = container == "POD"
            || text("io.cri-containerd.kind") == "sandbox"
            || text("io.kubernetes.docker.type") == "podsandbox";
        Some(PodContainer {
            container: container.to_owned(),
            pod: labels.get("io.kubernetes.pod.name")?.clone(),
            namespace: text("io.kubernetes.pod.namespace").to_owned(),
            is_sandbox,
        })
    }
}
