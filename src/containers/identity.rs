//! What the path of a cgroup says by itself. Kubernetes, the runtimes and systemd all put identity into directory names,
//! so this works without any socket, for every runtime, and costs nothing.
//!
//! A path is read from the root. Components that name a pod give its uid and class to everything below; the last
//! component says what the cgroup itself is:
//!
//! ```text
//! container  = [prefix "-"] id [".scope"]        docker-72e5….scope, crio-81e5…, 40af…
//!            | slice ".slice:" prefix ":" id     kubelet with systemd over a runtime without it
//!            | container "/container"            crun's inner cgroup of a scope
//! pod        = […"kubepods"] ["-besteffort" | "-burstable"] "-pod" uid ".slice"      dashes of the uid as "_"
//!            | "kubepods" ["/besteffort" | "/burstable"] "/pod" uid
//!            | …"libpod_pod_" id ".slice" | "libpod_parent/" id
//! id         = 64 hexadecimal digits
//! ```

/// Which software made a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Runtime {
    Docker,
    Containerd,
    Crio,
    Podman,
}

/// How a runtime names cgroups. Only CRI-O's names need it: with systemd a `crio-<id>` that is no scope is an empty
/// directory beside the container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Driver {
    Cgroupfs,
    Systemd,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Root,
    Slice,
    Service,
    Scope,
    Pod,
    Container,
    /// The process that watches over a container, not the container.
    Monitor,
    /// Nothing runs in it: a mount unit, an empty directory of a runtime.
    Ignored,
    /// Any other directory: `/docker`, `/lxc/web`.
    Other,
}

/// Kubernetes' quality-of-service class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Qos {
    Guaranteed,
    Burstable,
    BestEffort,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    pub kind: Kind,
    /// As far as the name tells; a bare id may belong to another runtime.
    pub runtime: Option<Runtime>,
    /// 64 hexadecimal digits.
    pub container_id: Option<String>,
    /// With dashes. Of static pods it is a hash without dashes.
    pub pod_uid: Option<String>,
    pub qos: Option<Qos>,
}

impl Identity {
    pub fn of(path: &str) -> Identity {
        let driver = if path.contains(".slice") { Driver::Systemd } else { Driver::Cgroupfs };
        Identity::with_driver(path, driver)
    }

    pub fn with_driver(path: &str, driver: Driver) -> Identity {
        let mut identity = Identity::plain(Kind::Root);
        let mut parent = "";
        let mut grandparent = "";
        for component in path.split('/').filter(|component| !component.is_empty()) {
            let mut last = Identity::of_component(component, parent, grandparent, driver);
            // What is below a pod is the pod's.
            last.pod_uid = last.pod_uid.or(identity.pod_uid);
            last.qos = last.qos.or(identity.qos);
            if is_id(component) && last.kind == Kind::Container && last.pod_uid.is_some() {
                // There a bare id is containerd's; elsewhere it is Docker's.
                last.runtime = Some(Runtime::Containerd);
            }
            identity = last;
            grandparent = parent;
            parent = component;
        }
        identity
    }

    /// Whether the cgroup gets series of its own.
    pub fn is_measured(&self) -> bool {
        !matches!(self.kind, Kind::Monitor | Kind::Ignored)
    }

    /// What one directory name says, given the names above it.
    fn of_component(name: &str, parent: &str, grandparent: &str, driver: Driver) -> Identity {
        if name.ends_with(".mount") {
            return Identity::plain(Kind::Ignored);
        }
        if name == "container"
            && let Some(outer) = ContainerName::read(parent).filter(|outer| outer.is_scope)
        {
            return outer.into_identity(grandparent, driver);
        }
        if let Some((pod_uid, qos, runtime)) = pod(name, parent, grandparent) {
            return Identity { runtime, pod_uid: Some(pod_uid), qos, ..Identity::plain(Kind::Pod) };
        }
        if let Some((slice, container)) = name.split_once(".slice:") {
            let above = pod(&format!("{slice}.slice"), parent, grandparent);
            if let Some(read) = ContainerName::read(&container.replace(':', "-")) {
                let (pod_uid, qos) = above.map_or((None, None), |(pod_uid, qos, _)| (Some(pod_uid), qos));
                return Identity { pod_uid, qos, ..read.into_identity(parent, driver) };
            }
        }
        if let Some(read) = ContainerName::read(name) {
            return read.into_identity(parent, driver);
        }
        let kind = match name.rsplit_once('.') {
            Some((_, "slice")) => Kind::Slice,
            Some((_, "service")) => Kind::Service,
            Some((_, "scope")) => Kind::Scope,
            _ => Kind::Other,
        };
        let runtime = name.split_once('-').and_then(|(prefix, _)| runtime_of_prefix(prefix));
        let runtime = runtime.filter(|_| kind == Kind::Other);
        Identity { runtime, qos: class(name, parent), ..Identity::plain(kind) }
    }

    fn plain(kind: Kind) -> Identity {
        Identity { kind, runtime: None, container_id: None, pod_uid: None, qos: None }
    }
}

/// `docker-72e5….scope` taken apart.
struct ContainerName<'a> {
    /// `docker`, `cri-containerd`, `crio-conmon`; "" for a bare id.
    prefix: &'a str,
    id: &'a str,
    is_scope: bool,
}

impl<'a> ContainerName<'a> {
    fn read(name: &'a str) -> Option<ContainerName<'a>> {
        let (name, is_scope) = name.strip_suffix(".scope").map_or((name, false), |name| (name, true));
        let (prefix, id) = name.rsplit_once('-').unwrap_or(("", name));
        is_id(id).then_some(ContainerName { prefix, id, is_scope })
    }

    fn into_identity(self, parent: &str, driver: Driver) -> Identity {
        let runtime = match self.prefix {
            "" if matches!(parent, "default" | "k8s.io") => Some(Runtime::Containerd),
            "" => Some(Runtime::Docker),
            prefix => runtime_of_prefix(prefix),
        };
        let kind = if self.prefix.ends_with("conmon") {
            Kind::Monitor
        } else if self.prefix == "crio" && driver == Driver::Systemd && !self.is_scope {
            Kind::Ignored
        } else {
            Kind::Container
        };
        let container_id = (kind == Kind::Container).then(|| self.id.to_owned());
        Identity { runtime, container_id, ..Identity::plain(kind) }
    }
}

fn runtime_of_prefix(prefix: &str) -> Option<Runtime> {
    match prefix {
        "docker" => Some(Runtime::Docker),
        "cri-containerd" | "containerd" | "nerdctl" => Some(Runtime::Containerd),
        "crio" | "crio-conmon" => Some(Runtime::Crio),
        "libpod" | "libpod-conmon" | "libpod-payload" => Some(Runtime::Podman),
        _ => None,
    }
}

/// Uid and class of the pod that a directory stands for.
fn pod(name: &str, parent: &str, grandparent: &str) -> Option<(String, Option<Qos>, Option<Runtime>)> {
    if let Some(slice) = name.strip_suffix(".slice") {
        if let Some((_, id)) = slice.rsplit_once("libpod_pod_") {
            return is_id(id).then(|| (id.to_owned(), None, Some(Runtime::Podman)));
        }
        let (above, last) = slice.rsplit_once('-')?;
        let uid = last.strip_prefix("pod").filter(|uid| is_uid(uid))?;
        return Some((uid.replace('_', "-"), Some(class_of_slice(above)?), None));
    }
    if parent == "libpod_parent" && is_id(name) {
        return Some((name.to_owned(), None, Some(Runtime::Podman)));
    }
    let uid = name.strip_prefix("pod").filter(|uid| is_uid(uid))?;
    let qos = match (parent, grandparent) {
        (class, above) if is_kubepods(above) => class_of_word(class)?,
        (above, _) if is_kubepods(above) => Qos::Guaranteed,
        _ => return None,
    };
    Some((uid.to_owned(), Some(qos), None))
}

/// The class that a directory above the pods stands for: `kubepods-besteffort.slice`, `kubepods/burstable`.
fn class(name: &str, parent: &str) -> Option<Qos> {
    match name.strip_suffix(".slice") {
        Some(slice) => class_of_slice(slice).filter(|qos| *qos != Qos::Guaranteed),
        None => class_of_word(name).filter(|_| is_kubepods(parent)),
    }
}

/// `kubepods-besteffort`, `kubelet-kubepods`: whatever is put before, these are the last words.
fn class_of_slice(slice: &str) -> Option<Qos> {
    if is_kubepods(slice) {
        return Some(Qos::Guaranteed);
    }
    let (above, word) = slice.rsplit_once('-')?;
    class_of_word(word).filter(|_| is_kubepods(above))
}

fn class_of_word(word: &str) -> Option<Qos> {
    match word {
        "besteffort" => Some(Qos::BestEffort),
        "burstable" => Some(Qos::Burstable),
        _ => None,
    }
}

fn is_kubepods(name: &str) -> bool {
    name == "kubepods" || name.ends_with("-kubepods")
}

fn is_id(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

fn is_uid(text: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_hexdigit() || matches!(byte, b'-' | b'_');
    text.len() >= 8 && text.bytes().all(is_part)
}
