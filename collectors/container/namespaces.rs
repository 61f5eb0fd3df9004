//! Which cgroup shows which network namespace: each namespace is shown once. It belongs to the root (the machine's own),
//! to a pod's sandbox, else to the container that has it for itself. `readlink /proc/<pid>/ns/net` tells namespaces
//! apart; where we may not ask, the runtime's word is taken. Cost: a link for each container, when containers come or go.

use std::fs;
use std::path::{Path, PathBuf};

use containers::{Kind, Network};
use kernel::cgroup::{Hierarchies, procs};
use kernel::{Host, Roots, read_file};

use super::cgroup::{Cgroup, Place};

/// How many cgroups below a container are searched for a process.
const MAX_CHILDREN: usize = 16;

/// A cgroup that could show a namespace.
struct Candidate {
    claim: Claim,
    /// Of the cgroup.
    index: usize,
    pid: u32,
    namespace: Option<PathBuf>,
}

/// The strongest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Claim {
    Machine,
    Sandbox,
    /// The runtime says that the container has a namespace for itself.
    Own,
    /// Nobody says anything: only a look can tell.
    Unknown,
}

/// Gives each namespace to the cgroup with the strongest claim.
pub fn give(cgroups: &mut [Cgroup], hierarchies: &Hierarchies, host: &Host) {
    let roots = &host.roots;
    let mut candidates = Vec::new();
    for (index, cgroup) in cgroups.iter_mut().enumerate() {
        cgroup.network.set_file(None);
        let Some(claim) = claim_of(cgroup) else { continue };
        let (pid, namespace) = if claim == Claim::Machine {
            (1, machine_namespace(roots))
        } else {
            let known = cgroup.metadata.as_ref().and_then(|metadata| metadata.pid);
            let Some(pid) = known.or_else(|| first_process(hierarchies, host, &cgroup.path)) else { continue };
            (pid, namespace_of(roots, pid))
        };
        if namespace.is_some() || claim != Claim::Unknown {
            candidates.push(Candidate { claim, index, pid, namespace });
        }
    }
    candidates.sort_by_key(|candidate| (candidate.claim, candidate.index));
    let mut taken: Vec<PathBuf> = Vec::new();
    for Candidate { index, pid, namespace, .. } in candidates {
        if let Some(namespace) = namespace {
            if taken.contains(&namespace) {
                continue;
            }
            taken.push(namespace);
        }
        cgroups[index].network.set_file(Some(roots.proc(format!("{pid}/net/dev"))));
    }
}

/// `None` for cgroups that are no containers, and for those that use the machine's namespace.
fn claim_of(cgroup: &Cgroup) -> Option<Claim> {
    if cgroup.is_root() {
        return Some(Claim::Machine);
    }
    let Some(metadata) = &cgroup.metadata else {
        return (cgroup.identity.kind == Kind::Container).then_some(Claim::Unknown);
    };
    let is_sandbox = metadata.kubernetes.as_ref().is_some_and(|member| member.is_sandbox);
    match metadata.network {
        Network::Host => None,
        _ if is_sandbox => Some(Claim::Sandbox),
        Network::Own => Some(Claim::Own),
        Network::Shared | Network::Unknown => Some(Claim::Unknown),
    }
}

/// Where process 1 hides it, the kernel's threads are in it too.
fn machine_namespace(roots: &Roots) -> Option<PathBuf> {
    const KTHREADD: u32 = 2;
    let is_kernel = || fs::read(roots.proc(format!("{KTHREADD}/comm"))).is_ok_and(|name| name == b"kthreadd\n");
    namespace_of(roots, 1).or_else(|| is_kernel().then(|| namespace_of(roots, KTHREADD)).flatten())
}

/// Which namespace a process is in; `None` where we may not know.
fn namespace_of(roots: &Roots, pid: u32) -> Option<PathBuf> {
    fs::read_link(roots.proc(format!("{pid}/ns/net"))).ok()
}

/// A process of a cgroup whose runtime tells none: its own, else one of a cgroup right below it, where some runtimes and
/// a systemd within put them.
fn first_process(hierarchies: &Hierarchies, host: &Host, path: &str) -> Option<u32> {
    let place = Place { hierarchies, path, budget: &host.files };
    let directory = place.below(hierarchies.walked()?);
    let mut buffer = Vec::new();
    let mut lowest = |directory: &Path| procs::lowest(read_file(&directory.join("cgroup.procs"), &mut buffer).ok()?);
    if let Some(pid) = lowest(&directory) {
        return Some(pid);
    }
    let below =
        fs::read_dir(&directory).ok()?.flatten().filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    below.take(MAX_CHILDREN).find_map(|entry| lowest(&entry.path()))
}
