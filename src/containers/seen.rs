//! Which runtimes there are on this machine, and by which way they can be asked.

use std::path::Path;

use kernel::Roots;

use crate::{RuntimeSettings, containerd_state, runtimes};

/// One line for each runtime that is there: `docker: socket /var/run/docker.sock`, `containerd: state on disk`.
pub fn runtimes_seen(roots: &Roots, settings: &RuntimeSettings) -> Vec<String> {
    if let Some(folder) = &settings.recorded {
        return vec![format!("recorded answers in {}", folder.display())];
    }
    let has_docker_state = roots.locate(&settings.docker_root).join("containers").is_dir();
    let has_containerd_state = !containerd_state::namespaces(roots).is_empty();
    let all = [
        ("docker", &settings.docker_socket, has_docker_state),
        ("containerd", &settings.containerd_socket, has_containerd_state),
        ("podman", &settings.podman_socket, false),
    ];
    all.into_iter().filter_map(|(name, socket, has_state)| seen(roots, name, socket, has_state)).collect()
}

fn seen(roots: &Roots, name: &str, socket: &Path, has_state: bool) -> Option<String> {
    if runtimes::on_this_host(roots, socket).exists() {
        return Some(format!("{name}: socket {}", socket.display()));
    }
    has_state.then(|| format!("{name}: state on disk"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::LabelFilter;
    use std::fs;

    #[test]
    fn a_runtime_is_seen_by_its_socket_or_by_what_it_left_on_disk() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let roots = Roots { rootfs: folder.path().to_owned(), ..Roots::default() };
        let settings = RuntimeSettings {
            docker_socket: "/run/test-docker.sock".into(),
            docker_root: "/var/lib/docker".into(),
            containerd_socket: "/run/test-containerd.sock".into(),
            containerd_namespace: "k8s.io".to_owned(),
            podman_socket: "/run/test-podman.sock".into(),
            recorded: None,
            labels: LabelFilter::default(),
        };
        assert!(runtimes_seen(&roots, &settings).is_empty());
        fs::create_dir_all(folder.path().join("var/lib/docker/containers")).expect("a folder");
        assert_eq!(runtimes_seen(&roots, &settings), ["docker: state on disk"]);
        fs::create_dir_all(folder.path().join("run")).expect("a folder");
        fs::write(folder.path().join("run/test-docker.sock"), "").expect("written");
        assert_eq!(runtimes_seen(&roots, &settings), ["docker: socket /run/test-docker.sock"]);
    }
}
