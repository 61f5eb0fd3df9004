//! Docker's Engine API (1.24 and later) and Podman's twin of it: `GET /containers/<id>/json`. Of the answer only the
//! fields below are ever taken; the environment, where secrets live, is not among them.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;

use crate::metadata::{Metadata, Network};
use crate::rfc3339::parse_seconds;
use crate::{LabelFilter, Runtime};

/// The answer to an inspection.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(crate) struct Inspection {
    pub id: String,
    name: String,
    created: Option<String>,
    restart_count: Option<u64>,
    state: State,
    config: Option<Config>,
    host_config: Option<HostConfig>,
    /// `null` with the containerd image store.
    graph_driver: Option<GraphDriver>,
}

/// The same in `config.v2.json` on disk.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(crate) struct State {
    pid: u32,
    started_at: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(crate) struct Config {
    image: String,
    labels: Option<BTreeMap<String, String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(crate) struct HostConfig {
    network_mode: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct GraphDriver {
    name: String,
    data: Option<BTreeMap<String, serde_json::Value>>,
}

/// `GET /info`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(crate) struct Info {
    pub docker_root_dir: Option<PathBuf>,
}

impl Inspection {
    /// The storage driver, for looking up the layer where the answer does not name it.
    pub fn driver(&self) -> Option<&str> {
        self.graph_driver.as_ref().map(|driver| driver.name.as_str())
    }

    pub fn into_metadata(self, runtime: Runtime, filter: &LabelFilter) -> Metadata {
        let upper_dir = self
            .graph_driver
            .and_then(|driver| driver.data)
            .and_then(|data| data.get("UpperDir").and_then(|path| path.as_str()).map(PathBuf::from));
        Metadata {
            restarts: self.restart_count,
            writable_layer: upper_dir,
            ..describe(runtime, &self.name, self.created, self.state, self.config, self.host_config, filter)
        }
    }
}

/// What the API and the state on disk have in common.
pub(crate) fn describe(
    runtime: Runtime,
    name: &str,
    created: Option<String>,
    state: State,
    config: Option<Config>,
    host_config: Option<HostConfig>,
    filter: &LabelFilter,
) -> Metadata {
    let mut metadata = Metadata::named(runtime, name.trim_start_matches('/'));
    let config = config.unwrap_or_default();
    metadata.image = Some(config.image).filter(|image| !image.is_empty());
    metadata.set_labels(&config.labels.unwrap_or_default(), filter);
    metadata.pid = Some(state.pid).filter(|pid| *pid > 0);
    metadata.created_seconds = created.as_deref().and_then(parse_seconds);
    metadata.started_seconds = state.started_at.as_deref().and_then(parse_seconds);
    if let Some(host_config) = host_config {
        metadata.network = network_of(&host_config.network_mode);
    }
    metadata
}

fn network_of(mode: &str) -> Network {
    match mode {
        "" => Network::Unknown,
        "host" => Network::Host,
        mode if mode.starts_with("container:") => Network::Shared,
        _ => Network::Own,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INSPECTION: &str = r#"{
        "Id": "72e5", "Name": "/demo", "Created": "2026-01-01T00:00:00Z", "RestartCount": 2, "Image": "sha256:1",
        "State": {"Pid": 42, "StartedAt": "2026-01-01T00:00:01Z", "Running": true},
        "Config": {"Image": "busybox:1", "Labels": {"app": "demo", "b": "c"}, "Env": ["TOKEN=secret"]},
        "HostConfig": {"NetworkMode": "container:40af"},
        "GraphDriver": {"Name": "overlay2", "Data": {"UpperDir": "/var/lib/docker/overlay2/x/diff", "ID": null}}
    }"#;

    #[test]
    fn an_inspection_gives_name_image_and_allowed_labels() {
        let inspection: Inspection = serde_json::from_str(INSPECTION).expect("valid");
        assert_eq!(inspection.driver(), Some("overlay2"));
        let metadata = inspection.into_metadata(Runtime::Docker, &LabelFilter::new(false, "app"));
        assert_eq!((metadata.name.as_str(), metadata.image.as_deref()), ("demo", Some("busybox:1")));
        assert_eq!(metadata.labels, [("app".to_owned(), "demo".to_owned())]);
        assert_eq!((metadata.pid, metadata.restarts, metadata.network), (Some(42), Some(2), Network::Shared));
        assert_eq!(metadata.started_seconds, Some(1_767_225_601.0));
        assert_eq!(metadata.writable_layer, Some("/var/lib/docker/overlay2/x/diff".into()));
        assert!(!format!("{metadata:?}").contains("secret"));
    }

    #[test]
    fn a_container_that_is_being_started_has_no_pid_yet() {
        let text = r#"{"Id":"1","Name":"/x","State":{"Pid":0,"StartedAt":"0001-01-01T00:00:00Z"},
            "Config":{"Labels":null},"GraphDriver":{"Name":"vfs","Data":null}}"#;
        let inspection: Inspection = serde_json::from_str(text).expect("valid");
        let metadata = inspection.into_metadata(Runtime::Docker, &LabelFilter::Everything);
        assert_eq!((metadata.pid, metadata.started_seconds, metadata.writable_layer), (None, None, None));
        assert_eq!(metadata.network, Network::Unknown);
    }
}
