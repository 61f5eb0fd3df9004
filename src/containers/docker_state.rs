//! Docker's state on disk, for machines whose socket we may not use: `containers/<id>/config.v2.json` and
//! `hostconfig.json` below Docker's root (Docker 1.10 and later), and where a container's layer lies. Needs root.

use std::fs;
use std::path::{Path, PathBuf};

use kernel::Roots;
use serde::Deserialize;

use crate::docker::{Config, HostConfig, State, describe};
use crate::metadata::Metadata;
use crate::{LabelFilter, Runtime};

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct ConfigFile {
    name: String,
    created: Option<String>,
    restart_count: Option<u64>,
    state: State,
    config: Option<Config>,
    driver: String,
}

/// `None` when Docker has no such container.
pub(crate) fn look_up(roots: &Roots, docker_root: &Path, id: &str, filter: &LabelFilter) -> Option<Metadata> {
    let folder = roots.host_path(docker_root.join("containers").join(id));
    let file: ConfigFile = serde_json::from_slice(&fs::read(folder.join("config.v2.json")).ok()?).ok()?;
    let host_config: Option<HostConfig> =
        fs::read(folder.join("hostconfig.json")).ok().and_then(|json| serde_json::from_slice(&json).ok());
    let layer = writable_layer(roots, docker_root, &file.driver, id);
    let described = describe(Runtime::Docker, &file.name, file.created, file.state, file.config, host_config, filter);
    Some(Metadata { restarts: file.restart_count, writable_layer: layer, ..described })
}

/// Host path of the directory that takes what a container writes.
pub(crate) fn writable_layer(roots: &Roots, docker_root: &Path, driver: &str, id: &str) -> Option<PathBuf> {
    let mount_id = docker_root.join("image").join(driver).join("layerdb/mounts").join(id).join("mount-id");
    let mount_id = fs::read_to_string(roots.host_path(mount_id)).ok()?;
    let mount_id = mount_id.trim();
    let is_plain = !mount_id.is_empty() && mount_id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    let layer = match driver {
        "overlay2" | "overlay" => docker_root.join(driver).join(mount_id).join("diff"),
        "vfs" => docker_root.join("vfs/dir").join(mount_id),
        "btrfs" => docker_root.join("btrfs/subvolumes").join(mount_id),
        _ => return None,
    };
    is_plain.then_some(layer)
}
