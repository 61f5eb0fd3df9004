//! Asks the runtimes of this machine who a container is: by socket where there is one, by their state on disk otherwise.
//! Answers are not kept here; who asks keeps them, and asks again when a runtime did not know a container yet.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use kernel::Roots;

use crate::docker::{Info, Inspection};
use crate::metadata::Metadata;
use crate::socket::{Executor, Failure, GrpcSocket, HttpSocket};
use crate::{Identity, Kind, LabelFilter, Runtime, containerd, containerd_state, docker_state, recorded};

/// How long the list of containerd's namespaces is believed.
const NAMESPACES_AGE: Duration = Duration::from_secs(30);

/// Where Docker keeps its containers in containerd.
const DOCKERS_NAMESPACE: &str = "moby";

/// Where the runtimes are, as flags say it. Paths are the host's.
#[derive(Clone, Debug)]
pub struct RuntimeSettings {
    pub docker_socket: PathBuf,
    /// Used where Docker does not tell its root itself.
    pub docker_root: PathBuf,
    pub containerd_socket: PathBuf,
    /// The namespace that is asked first.
    pub containerd_namespace: String,
    pub podman_socket: PathBuf,
    /// A folder of recorded answers in place of all sockets and of all state on disk.
    pub recorded: Option<PathBuf>,
    pub labels: LabelFilter,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// Boxed: it is large and the others are not.
    Known(Box<Metadata>),
    /// No runtime knows the container, or none is there.
    Unknown,
    /// A runtime is there and did not answer: why.
    Unreachable(String),
}

/// Not `Send`: it lives on the thread that waits for the answers.
pub struct Runtimes {
    roots: Arc<Roots>,
    settings: RuntimeSettings,
    executor: Option<Executor>,
    docker: Option<HttpSocket>,
    docker_root: Option<PathBuf>,
    podman: Option<HttpSocket>,
    containerd: Option<GrpcSocket>,
    namespaces: Option<(Instant, Vec<String>)>,
}

type Found = Result<Option<Metadata>, Failure>;

impl Runtimes {
    pub fn new(roots: Arc<Roots>, settings: RuntimeSettings) -> Runtimes {
        Runtimes {
            roots,
            settings,
            executor: None,
            docker: None,
            docker_root: None,
            podman: None,
            containerd: None,
            namespaces: None,
        }
    }

    /// Whether it makes sense to ask about a cgroup: it is a container, or has the shape of one of containerd's whose id
    /// is a plain word (`/default/demo`).
    pub fn may_know(cgroup: &str, identity: &Identity) -> bool {
        identity.kind == Kind::Container || identity.kind == Kind::Other && plain_name(cgroup).is_some()
    }

    /// Waits for the answer, at worst a few seconds.
    pub fn look_up(&mut self, cgroup: &str, identity: &Identity) -> Answer {
        let id = identity.container_id.as_deref();
        if let Some(folder) = &self.settings.recorded {
            let found = recorded::look_up(folder, cgroup, id, &self.settings.labels);
            return found.map_or(Answer::Unknown, |metadata| Answer::Known(Box::new(metadata)));
        }
        let ways: &[fn(&mut Self, &str, &str) -> Found] = match (id, identity.runtime) {
            (None, _) => &[Self::in_containerd],
            (_, Some(Runtime::Containerd)) => &[Self::in_containerd, Self::in_docker],
            (_, Some(Runtime::Podman)) => &[Self::in_podman],
            (_, Some(Runtime::Crio)) => &[],
            (_, Some(Runtime::Docker)) => &[Self::in_docker, Self::in_containerd],
            (_, None) => &[Self::in_docker, Self::in_containerd, Self::in_podman],
        };
        let Some(id) = id.or_else(|| plain_name(cgroup)) else { return Answer::Unknown };
        let mut failure = None;
        for way in ways {
            match way(self, cgroup, id) {
                Ok(Some(metadata)) => return Answer::Known(Box::new(metadata)),
                Ok(None) => {}
                Err(Failure(reason)) => failure = Some(reason),
            }
        }
        failure.map_or(Answer::Unknown, Answer::Unreachable)
    }

    fn in_docker(&mut self, _cgroup: &str, id: &str) -> Found {
        let by_socket = self.in_docker_socket(id);
        if matches!(by_socket, Ok(Some(_))) {
            return by_socket;
        }
        let root = self.docker_root.clone().unwrap_or_else(|| self.settings.docker_root.clone());
        let on_disk = docker_state::look_up(&self.roots, &root, id, &self.settings.labels);
        if on_disk.is_some() { Ok(on_disk) } else { by_socket }
    }

    fn in_docker_socket(&mut self, id: &str) -> Found {
        let path = self.settings.docker_socket.clone();
        let Some(executor) = self.executor_for(&path)? else { return Ok(None) };
        let socket = self.docker.get_or_insert_with(|| HttpSocket::new(&on_this_host(&self.roots, &path), &executor));
        let Some(inspection) = inspect(socket, &format!("/containers/{id}/json"))? else { return Ok(None) };
        let driver = inspection.driver().map(str::to_owned);
        let mut metadata = inspection.into_metadata(Runtime::Docker, &self.settings.labels);
        if let (None, Some(driver)) = (&metadata.writable_layer, driver) {
            if self.docker_root.is_none() {
                let info: Option<Info> = socket.get("/info")?.and_then(|json| serde_json::from_slice(json).ok());
                self.docker_root = info.and_then(|info| info.docker_root_dir);
            }
            let root = self.docker_root.as_ref().unwrap_or(&self.settings.docker_root);
            metadata.writable_layer = docker_state::writable_layer(&self.roots, root, &driver, id);
        }
        Ok(Some(metadata))
    }

    fn in_podman(&mut self, _cgroup: &str, id: &str) -> Found {
        let path = self.settings.podman_socket.clone();
        let Some(executor) = self.executor_for(&path)? else { return Ok(None) };
        let socket = self.podman.get_or_insert_with(|| HttpSocket::new(&on_this_host(&self.roots, &path), &executor));
        let inspection = inspect(socket, &format!("/v1.0.0/containers/{id}/json"))?;
        Ok(inspection.map(|inspection| inspection.into_metadata(Runtime::Podman, &self.settings.labels)))
    }

    fn in_containerd(&mut self, cgroup: &str, id: &str) -> Found {
        let by_socket = self.in_containerd_socket(cgroup, id);
        if matches!(by_socket, Ok(Some(_))) {
            return by_socket;
        }
        for namespace in ordered(containerd_state::namespaces(&self.roots), cgroup, &self.settings.containerd_namespace)
        {
            if let Some((metadata, spec)) = containerd_state::look_up(&self.roots, &namespace, id)
                && (is_hexadecimal(id) || spec.is_in(cgroup))
            {
                return Ok(Some(metadata));
            }
        }
        by_socket
    }

    fn in_containerd_socket(&mut self, cgroup: &str, id: &str) -> Found {
        let path = self.settings.containerd_socket.clone();
        let Some(executor) = self.executor_for(&path)? else { return Ok(None) };
        let socket =
            self.containerd.get_or_insert_with(|| GrpcSocket::new(&on_this_host(&self.roots, &path), &executor));
        let is_old = |(read, _): &(Instant, Vec<String>)| read.elapsed() > NAMESPACES_AGE;
        if self.namespaces.as_ref().is_none_or(is_old) {
            self.namespaces = Some((Instant::now(), containerd::namespaces(socket)?));
        }
        let known = self.namespaces.as_ref().map(|(_, names)| names.clone()).unwrap_or_default();
        for namespace in ordered(known, cgroup, &self.settings.containerd_namespace) {
            let found = containerd::look_up(socket, &namespace, id, &self.settings.labels)?;
            if let Some((metadata, spec)) = found
                && (is_hexadecimal(id) || spec.is_in(cgroup))
            {
                return Ok(Some(metadata));
            }
        }
        Ok(None)
    }

    /// `None` when there is no such socket.
    fn executor_for(&mut self, socket: &Path) -> Result<Option<Executor>, Failure> {
        if !on_this_host(&self.roots, socket).exists() {
            return Ok(None);
        }
        if self.executor.is_none() {
            self.executor = Some(Executor::new()?);
        }
        Ok(self.executor.clone())
    }
}

fn inspect(socket: &mut HttpSocket, target: &str) -> Result<Option<Inspection>, Failure> {
    let Some(json) = socket.get(target)? else { return Ok(None) };
    serde_json::from_slice(json).map(Some).map_err(|error| Failure(format!("GET {target}: {error}")))
}

/// Sockets are given as the host sees them; but one may also be mounted to where the flag says.
pub(crate) fn on_this_host(roots: &Roots, path: &Path) -> PathBuf {
    let on_host = roots.locate(path);
    if on_host.exists() { on_host } else { path.to_owned() }
}

/// The namespaces in the order in which they are worth asking: the one that the cgroup's parent is called, the
/// configured one, the rest. Docker's own is left out: containerd knows neither name nor image there, and would answer
/// with less than Docker does a moment later.
fn ordered(mut namespaces: Vec<String>, cgroup: &str, preferred: &str) -> Vec<String> {
    let parent = cgroup.rsplit('/').nth(1).unwrap_or("").to_owned();
    namespaces.retain(|name| name != DOCKERS_NAMESPACE);
    namespaces.sort_by_key(|name| (*name != parent, name != preferred));
    namespaces
}

/// The last component of a path that has at least two, as `ctr` makes them.
fn plain_name(cgroup: &str) -> Option<&str> {
    let (parent, name) = cgroup.rsplit_once('/')?;
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    (!parent.is_empty() && !name.is_empty() && name.bytes().all(is_word)).then_some(name)
}

fn is_hexadecimal(id: &str) -> bool {
    id.len() == 64
}
