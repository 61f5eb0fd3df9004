//! containerd's running tasks on disk, for machines whose socket we may not use: the runtime specification and the pid
//! of each, in `/run/containerd/io.containerd.runtime.v2.task/<namespace>/<id>/` (containerd 1.3 and later). There
//! are no labels and, outside Kubernetes, no image. Needs root.

use std::fs;
use std::path::PathBuf;

use kernel::Roots;

use crate::Runtime;
use crate::metadata::Metadata;
use crate::oci::Spec;

const TASKS: &str = "containerd/io.containerd.runtime.v2.task";

/// `None` when there is no such task in the namespace.
pub(crate) fn look_up(roots: &Roots, namespace: &str, id: &str) -> Option<(Metadata, Spec)> {
    let folder = tasks(roots).join(namespace).join(id);
    let spec: Spec = serde_json::from_slice(&fs::read(folder.join("config.json")).ok()?).ok()?;
    let mut metadata = Metadata::named(Runtime::Containerd, id);
    metadata.pid = fs::read_to_string(folder.join("init.pid")).ok().and_then(|text| text.trim().parse().ok());
    spec.complete(&mut metadata);
    Some((metadata, spec))
}

pub(crate) fn namespaces(roots: &Roots) -> Vec<String> {
    let entries = fs::read_dir(tasks(roots)).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().into_string().ok()).collect()
}

fn tasks(roots: &Roots) -> PathBuf {
    roots.run(TASKS)
}
