//! The labels of a cgroup's series. They are escaped once and kept until the runtime tells something new.

use containers::Metadata;
use exposition::LabelText;

use super::settings::LabelStyle;

/// Pod and namespace, for a pod's own cgroup: its containers know them.
pub type PodName = (String, String);

/// Sorted by name. An empty label is no label, so what is not known is left out.
pub fn label_text(path: &str, metadata: Option<&Metadata>, pod: Option<&PodName>, style: LabelStyle) -> LabelText {
    let member = metadata.and_then(|metadata| metadata.kubernetes.as_ref());
    let pod_name = member.map(|member| member.pod.as_str()).or(pod.map(|(name, _)| name.as_str()));
    let namespace = member.map(|member| member.namespace.as_str()).or(pod.map(|(_, namespace)| namespace.as_str()));
    let mut labels: Vec<(String, &str)> = vec![
        ("id".to_owned(), path),
        ("image".to_owned(), metadata.and_then(|metadata| metadata.image.as_deref()).unwrap_or_default()),
        ("name".to_owned(), metadata.map_or("", |metadata| metadata.name.as_str())),
    ];
    if style == LabelStyle::Kubelet {
        labels.push(("container".to_owned(), member.map_or("", |member| member.container.as_str())));
        labels.push(("pod".to_owned(), pod_name.unwrap_or_default()));
        labels.push(("namespace".to_owned(), namespace.unwrap_or_default()));
    }
    for (key, value) in metadata.map_or(&[][..], |metadata| &metadata.labels) {
        labels.push((format!("container_label_{}", sanitised(key)), value));
    }
    labels.retain(|(_, value)| !value.is_empty());
    // Where two keys become one name the first in alphabetical order stays, on every scrape the same.
    labels.sort_by(|(one, _), (other, _)| one.cmp(other));
    labels.dedup_by(|(later, _), (earlier, _)| later == earlier);
    LabelText::new(labels.iter().map(|(name, value)| (name.as_str(), *value)))
}

fn sanitised(key: &str) -> String {
    key.chars().map(|c| if c.is_ascii_alphanumeric() || c == '_' { c } else { '_' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use containers::{Network, PodContainer, Runtime};

    fn metadata() -> Metadata {
        Metadata {
            runtime: Runtime::Containerd,
            name: "web\"1".to_owned(),
            image: Some("nginx:1".to_owned()),
            labels: vec![("a-b".to_owned(), "1".to_owned()), ("a.b".to_owned(), "2".to_owned())],
            kubernetes: Some(PodContainer {
                container: "web".to_owned(),
                pod: "web-1".to_owned(),
                namespace: "shop".to_owned(),
                is_sandbox: false,
            }),
            pid: None,
            created_seconds: None,
            started_seconds: None,
            restarts: None,
            network: Network::Unknown,
            writable_layer: None,
        }
    }

    fn text(labels: LabelText) -> String {
        String::from_utf8(labels.as_bytes().to_vec()).expect("UTF-8")
    }

    #[test]
    fn styles_differ_in_what_kubernetes_tells() {
        let metadata = metadata();
        assert_eq!(
            text(label_text("/x", Some(&metadata), None, LabelStyle::Standalone)),
            r#"container_label_a_b="1",id="/x",image="nginx:1",name="web\"1""#
        );
        assert_eq!(
            text(label_text("/x", Some(&metadata), None, LabelStyle::Kubelet)),
            r#"container="web",container_label_a_b="1",id="/x",image="nginx:1",name="web\"1",namespace="shop",pod="web-1""#
        );
    }

    #[test]
    fn a_pod_has_its_name_from_its_containers_and_a_slice_has_none() {
        let pod = ("web-1".to_owned(), "shop".to_owned());
        assert_eq!(
            text(label_text("/p", None, Some(&pod), LabelStyle::Kubelet)),
            r#"id="/p",namespace="shop",pod="web-1""#
        );
        assert_eq!(text(label_text("/p", None, Some(&pod), LabelStyle::Standalone)), r#"id="/p""#);
    }
}
