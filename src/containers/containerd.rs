//! containerd's gRPC API (1.0 and later) over its socket: `Containers/Get`, `Tasks/Get`, `Namespaces/List`. The messages
//! are taken apart by field numbers, which the API promises to keep.

use std::collections::BTreeMap;

use crate::metadata::Metadata;
use crate::oci::Spec;
use crate::protobuf::{Fields, field, push_text};
use crate::socket::{Failure, GrpcSocket};
use crate::{LabelFilter, Runtime};

const GET_CONTAINER: &str = "/containerd.services.containers.v1.Containers/Get";
const GET_TASK: &str = "/containerd.services.tasks.v1.Tasks/Get";
const LIST_NAMESPACES: &str = "/containerd.services.namespaces.v1.Namespaces/List";

/// `Ok(None)` when containerd has no such container in the namespace.
pub(crate) fn look_up(
    socket: &mut GrpcSocket,
    namespace: &str,
    id: &str,
    filter: &LabelFilter,
) -> Result<Option<(Metadata, Spec)>, Failure> {
    let mut request = Vec::new();
    push_text(&mut request, 1, id);
    let Some(answer) = socket.call(GET_CONTAINER, namespace, &request)? else { return Ok(None) };
    let Some(container) = field(&answer, 1) else { return Ok(None) };
    let (mut metadata, spec) = read_container(container.bytes(), id, filter);
    let task = socket.call(GET_TASK, namespace, &request)?;
    metadata.pid = task.as_deref().and_then(read_pid);
    Ok(Some((metadata, spec)))
}

pub(crate) fn namespaces(socket: &mut GrpcSocket) -> Result<Vec<String>, Failure> {
    let answer = socket.call(LIST_NAMESPACES, "", &[])?.unwrap_or_default();
    let entries = Fields::new(&answer).filter(|(number, _)| *number == 1);
    Ok(entries.filter_map(|(_, entry)| field(entry.bytes(), 1).map(|name| name.text())).collect())
}

/// Container: 2 labels, 3 image, 5 specification, 8 time of creation.
fn read_container(message: &[u8], id: &str, filter: &LabelFilter) -> (Metadata, Spec) {
    let mut metadata = Metadata::named(Runtime::Containerd, id);
    let mut labels = BTreeMap::new();
    let mut spec = Spec::default();
    for (number, value) in Fields::new(message) {
        match number {
            2 => {
                let text = |number| field(value.bytes(), number).map(|text| text.text()).unwrap_or_default();
                labels.insert(text(1), text(2));
            }
            3 => metadata.image = Some(value.text()).filter(|image| !image.is_empty()),
            // An `Any`: 2 is its value, JSON here.
            5 => {
                let json = field(value.bytes(), 2).map(|json| json.bytes()).unwrap_or_default();
                spec = serde_json::from_slice(json).unwrap_or_default();
            }
            8 => metadata.created_seconds = Some(read_timestamp(value.bytes())),
            _ => {}
        }
    }
    metadata.set_labels(&labels, filter);
    if let Some(name) = labels.get("nerdctl/name").filter(|name| !name.is_empty()) {
        metadata.name.clone_from(name);
    }
    spec.complete(&mut metadata);
    (metadata, spec)
}

fn read_timestamp(message: &[u8]) -> f64 {
    let number = |number| field(message, number).map_or(0, |value| value.number());
    number(1) as i64 as f64 + number(2) as f64 / 1e9
}

/// A task's process: 3 is its pid; 0 before it is started.
fn read_pid(answer: &[u8]) -> Option<u32> {
    let pid = field(field(answer, 1)?.bytes(), 3)?.number();
    u32::try_from(pid).ok().filter(|pid| *pid > 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metadata::Network;

    #[test]
    fn a_container_message_is_taken_apart() {
        let mut message = Vec::new();
        push_text(&mut message, 1, "demo");
        for (key, value) in [("app", "web"), ("secret", "x")] {
            let mut entry = Vec::new();
            push_text(&mut entry, 1, key);
            push_text(&mut entry, 2, value);
            push_text(&mut message, 2, &String::from_utf8(entry).expect("text"));
        }
        push_text(&mut message, 3, "docker.io/library/busybox:1");
        let mut any = Vec::new();
        push_text(&mut any, 1, "types.containerd.io/opencontainers/runtime-spec/1/Spec");
        push_text(&mut any, 2, r#"{"linux":{"cgroupsPath":"/default/demo","namespaces":[{"type":"network"}]}}"#);
        push_text(&mut message, 5, &String::from_utf8(any).expect("text"));
        // Seconds 100, nanoseconds 500 as varints.
        push_text(&mut message, 8, "\u{8}\u{64}");
        let (metadata, spec) = read_container(&message, "demo", &LabelFilter::new(false, "app"));
        assert_eq!((metadata.name.as_str(), metadata.image.as_deref()), ("demo", Some("docker.io/library/busybox:1")));
        assert_eq!(metadata.labels, [("app".to_owned(), "web".to_owned())]);
        assert_eq!((metadata.network, metadata.created_seconds), (Network::Own, Some(100.0)));
        assert!(spec.is_in("/default/demo"));
    }

    #[test]
    fn a_task_that_is_not_started_has_no_pid() {
        assert_eq!(read_pid(&[0x0a, 2, 0x18, 7]), Some(7));
        assert_eq!(read_pid(&[0x0a, 2, 0x18, 0]), None);
        assert_eq!(read_pid(&[]), None);
    }
}
