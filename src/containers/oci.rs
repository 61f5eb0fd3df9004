//! The OCI runtime specification of a container, as containerd keeps it: in its database, and as `config.json` beside
//! the running task. Of it only the fields below are ever taken.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::metadata::{Metadata, Network, PodContainer};

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Spec {
    annotations: BTreeMap<String, String>,
    linux: Linux,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Linux {
    /// `/default/demo`, or `system.slice:docker:72e5…` with systemd.
    cgroups_path: String,
    namespaces: Vec<Namespace>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Namespace {
    #[serde(rename = "type")]
    kind: String,
    /// Of one that was there before.
    path: String,
}

impl Spec {
    /// Whether a container of this specification runs in a cgroup.
    pub fn is_in(&self, cgroup: &str) -> bool {
        let path = &self.linux.cgroups_path;
        match path.rsplit_once(':') {
            Some((slice_and_prefix, name)) => {
                let prefix = slice_and_prefix.rsplit(':').next().unwrap_or("");
                cgroup.rsplit('/').next() == Some(&format!("{prefix}-{name}.scope")) || cgroup.ends_with(path)
            }
            None => !path.is_empty() && cgroup.ends_with(path),
        }
    }

    /// Adds what the specification knows; what is there already wins.
    pub fn complete(&self, metadata: &mut Metadata) {
        let text = |key: &str| self.annotations.get(key).filter(|text| !text.is_empty()).cloned();
        if let Some(name) = text("nerdctl/name") {
            metadata.name = name;
        }
        if metadata.image.is_none() {
            metadata.image = text("io.kubernetes.cri.image-name");
        }
        if metadata.kubernetes.is_none() {
            metadata.kubernetes = text("io.kubernetes.cri.sandbox-name").map(|pod| PodContainer {
                container: text("io.kubernetes.cri.container-name").unwrap_or_default(),
                pod,
                namespace: text("io.kubernetes.cri.sandbox-namespace").unwrap_or_default(),
                is_sandbox: text("io.kubernetes.cri.container-type").as_deref() == Some("sandbox"),
            });
        }
        let network = self.linux.namespaces.iter().find(|namespace| namespace.kind == "network");
        let is_sandbox = metadata.kubernetes.as_ref().is_some_and(|member| member.is_sandbox);
        metadata.network = match network {
            None => Network::Host,
            Some(namespace) if is_sandbox || namespace.path.is_empty() => Network::Own,
            Some(_) => Network::Shared,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Runtime;

    #[test]
    fn annotations_of_the_cri_plugin_name_pod_and_image() {
        let text = r#"{"ociVersion": "1.2.0", "process": {"env": ["TOKEN=secret"]},
            "annotations": {"io.kubernetes.cri.container-name": "web", "io.kubernetes.cri.container-type": "container",
                "io.kubernetes.cri.image-name": "nginx:1", "io.kubernetes.cri.sandbox-name": "web-1",
                "io.kubernetes.cri.sandbox-namespace": "shop"},
            "linux": {"cgroupsPath": "a.slice:cri-containerd:40af", "namespaces": [{"type": "network", "path": "x"}]}}"#;
        let spec: Spec = serde_json::from_str(text).expect("valid");
        let mut metadata = Metadata::named(Runtime::Containerd, "40af");
        spec.complete(&mut metadata);
        let member = PodContainer {
            container: "web".to_owned(),
            pod: "web-1".to_owned(),
            namespace: "shop".to_owned(),
            is_sandbox: false,
        };
        assert_eq!((metadata.kubernetes, metadata.image.as_deref()), (Some(member), Some("nginx:1")));
        assert_eq!(metadata.network, Network::Shared);
        assert!(spec.is_in("/a.slice/cri-containerd-40af.scope") && !spec.is_in("/a.slice/docker-40af.scope"));
    }

    #[test]
    fn without_a_network_namespace_it_is_the_hosts() {
        let spec: Spec = serde_json::from_str(r#"{"linux": {"cgroupsPath": "/default/demo"}}"#).expect("valid");
        let mut metadata = Metadata::named(Runtime::Containerd, "demo");
        spec.complete(&mut metadata);
        assert_eq!(metadata.network, Network::Host);
        assert!(spec.is_in("/default/demo") && !spec.is_in("/default/demo2"));
        assert!(!Spec::default().is_in("/default/demo"));
    }
}
