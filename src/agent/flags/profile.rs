//! Profiles: for one surrounding, the defaults of flags that are better there. A flag that is given wins over them.

pub struct Profile {
    pub name: &'static str,
    /// Flag and default. A row for a flag that no collector has yet waits for it.
    pub defaults: &'static [(&'static str, &'static str)],
}

/// What `--profile` takes.
pub const NAMES: [&str; 1] = [ALL[0].name];

/// Interfaces of pods and of the network plug-ins that join them: plain veth pairs, Calico, Cilium, OVN-Kubernetes, Open
/// vSwitch, and the pod interfaces of the clouds. They come and go with pods, and their traffic is the containers'.
const POD_INTERFACES: &str = "^(veth.*|cali.*|cilium.*|lxc.*|ovn.*|ovs-.*|br-(int|ex|ext)|genev_sys_.*|vxlan_sys_.*|azv.*\
    |eni[0-9a-f]{11}|gke[0-9a-f]{11}|kube-ipvs0|nodelocaldns|[0-9a-f]{15})$";

/// Upstream's default, and what the kubelet and container runtimes mount for pods: volumes, layers, shm, network
/// namespaces. The kubelet itself tells of volumes.
const POD_MOUNTS: &str = "^/(dev|proc|sys\
    |run/(containerd|containers|credentials|crio|docker|k0s|k3s|netns)/.+\
    |var/lib/(docker|containerd|containers/storage)/.+\
    |var/lib/(kubelet|k0s/kubelet|rancher/(k3s|rke2)/agent/kubelet)/(pods|plugins)/.+\
    |var/lib/(k0s|rancher/(k3s|rke2)/agent)/containerd/.+\
    |var/snap/microk8s/common/(run|var/lib/(containerd|kubelet))/.+)($|/)";

/// A DaemonSet on a Kubernetes node.
const KUBERNETES: Profile = Profile {
    name: "kubernetes",
    defaults: &[
        ("collector.arp.device-exclude", POD_INTERFACES),
        ("collector.ethtool.device-exclude", POD_INTERFACES),
        ("collector.filesystem.mount-points-exclude", POD_MOUNTS),
        ("collector.filesystem.once-per-device", "true"),
        ("collector.netclass.ignored-devices", POD_INTERFACES),
        ("collector.netdev.device-exclude", POD_INTERFACES),
        ("collector.qdisc.device-exclude", POD_INTERFACES),
        ("containers.labels", "kubelet"),
        ("web.telemetry-containers", "false"),
    ],
};

pub const ALL: [&Profile; 1] = [&KUBERNETES];

pub fn find(name: &str) -> Option<&'static Profile> {
    ALL.into_iter().find(|profile| profile.name == name)
}
