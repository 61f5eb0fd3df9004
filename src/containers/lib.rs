//! Who a cgroup is. The path alone gives runtime, container id, pod and class (`Identity`); the runtime's socket or its
//! state on disk gives name, image and labels (`Runtimes`, which answers with `Metadata`). Nothing here reads figures.

mod containerd;
mod containerd_state;
mod docker;
mod docker_state;
mod identity;
mod label_filter;
mod metadata;
mod oci;
mod protobuf;
mod recorded;
mod rfc3339;
mod runtimes;
mod seen;
mod socket;

#[cfg(test)]
mod identity_tests;
#[cfg(test)]
mod runtimes_tests;

pub use identity::{Driver, Identity, Kind, Qos, Runtime};
pub use label_filter::LabelFilter;
pub use metadata::{Metadata, Network, PodContainer};
pub use runtimes::{Answer, RuntimeSettings, Runtimes};
pub use seen::runtimes_seen;
