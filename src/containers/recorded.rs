//! Answers of runtimes from a folder, in place of their sockets: for fake machines (`--containers.runtime-answers`).
//!
//! ```text
//! inspect_<first 12 digits>.json          Docker
//! containerd_<namespace>.json             containerd: a list of containers with their specification and task
//! crio_container_<first 12 digits>.json   CRI-O
//! inspect.json                            Podman: one container
//! ```

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::docker::Inspection;
use crate::metadata::{Metadata, Network};
use crate::oci::Spec;
use crate::rfc3339::parse_seconds;
use crate::{LabelFilter, Runtime};

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct ContainerdEntry {
    id: String,
    labels: BTreeMap<String, String>,
    image: String,
    created_at: String,
    spec: Spec,
    task: Task,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Task {
    pid: u32,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct CrioContainer {
    name: String,
    pid: u32,
    image: String,
    /// Nanoseconds since the epoch.
    created_time: i64,
    labels: BTreeMap<String, String>,
    /// Where the container's file system is mounted.
    root: PathBuf,
}

/// Looks for a container by id, or by the cgroup that its specification names.
pub(crate) fn look_up(folder: &Path, cgroup: &str, id: Option<&str>, filter: &LabelFilter) -> Option<Metadata> {
    let by_id = id.and_then(|id| by_id(folder, id, filter));
    by_id.or_else(|| in_containerd(folder, cgroup, id, filter))
}

fn by_id(folder: &Path, id: &str, filter: &LabelFilter) -> Option<Metadata> {
    let short = id.get(..12)?;
    if let Some(inspection) = read::<Inspection>(&folder.join(format!("inspect_{short}.json"))) {
        return Some(inspection.into_metadata(Runtime::Docker, filter));
    }
    if let Some(container) = read::<CrioContainer>(&folder.join(format!("crio_container_{short}.json"))) {
        return Some(container.into_metadata(filter));
    }
    let inspection = read::<Inspection>(&folder.join("inspect.json")).filter(|inspection| inspection.id == id)?;
    Some(inspection.into_metadata(Runtime::Podman, filter))
}

fn in_containerd(folder: &Path, cgroup: &str, id: Option<&str>, filter: &LabelFilter) -> Option<Metadata> {
    for file in fs::read_dir(folder).ok()?.flatten() {
        let name = file.file_name().into_string().unwrap_or_default();
        if !name.starts_with("containerd_") {
            continue;
        }
        let entries: Vec<ContainerdEntry> = read(&file.path()).unwrap_or_default();
        let is_it = |entry: &ContainerdEntry| match id {
            Some(id) => entry.id == id,
            None => entry.spec.is_in(cgroup),
        };
        if let Some(entry) = entries.into_iter().find(is_it) {
            return Some(entry.into_metadata(filter));
        }
    }
    None
}

fn read<T: DeserializeOwned>(path: &Path) -> Option<T> {
    serde_json::from_slice(&fs::read(path).ok()?).ok()
}

impl ContainerdEntry {
    fn into_metadata(self, filter: &LabelFilter) -> Metadata {
        let mut metadata = Metadata::named(Runtime::Containerd, self.id);
        metadata.image = Some(self.image).filter(|image| !image.is_empty());
        metadata.set_labels(&self.labels, filter);
        metadata.created_seconds = parse_seconds(&self.created_at);
        metadata.pid = Some(self.task.pid).filter(|pid| *pid > 0);
        self.spec.complete(&mut metadata);
        metadata
    }
}

impl CrioContainer {
    fn into_metadata(self, filter: &LabelFilter) -> Metadata {
        let mut metadata = Metadata::named(Runtime::Crio, self.name);
        metadata.image = Some(self.image).filter(|image| !image.is_empty());
        metadata.set_labels(&self.labels, filter);
        metadata.pid = Some(self.pid).filter(|pid| *pid > 0);
        metadata.created_seconds = Some(self.created_time as f64 / 1e9).filter(|seconds| *seconds > 0.0);
        let is_merged = self.root.file_name().is_some_and(|name| name == "merged");
        metadata.writable_layer = is_merged.then(|| self.root.with_file_name("diff"));
        if metadata.kubernetes.is_none() {
            metadata.network = Network::Unknown;
        }
        metadata
    }
}
