//! What node_exporter 1.12 has and we have not: collectors and their flags. Command lines that switch such a collector
//! off, or tune it, keep working; one that asks for it by name is refused, with what to use instead.

use collectors::TABLE;

/// Collectors of node_exporter 1.12 on Linux.
const UPSTREAM: &[&str] = &[
    "arp",
    "bcache",
    "bcachefs",
    "bonding",
    "btrfs",
    "buddyinfo",
    "cgroups",
    "conntrack",
    "cpu",
    "cpu_vulnerabilities",
    "cpufreq",
    "diskstats",
    "dmi",
    "dmmultipath",
    "drbd",
    "drm",
    "edac",
    "entropy",
    "ethtool",
    "fibrechannel",
    "filefd",
    "filesystem",
    "hwmon",
    "infiniband",
    "interrupts",
    "ipvs",
    "kernel_hung",
    "ksmd",
    "lnstat",
    "loadavg",
    "logind",
    "mdadm",
    "meminfo",
    "meminfo_numa",
    "mountstats",
    "netclass",
    "netdev",
    "netstat",
    "network_route",
    "nfs",
    "nfsd",
    "ntp",
    "nvme",
    "nvmesubsystem",
    "os",
    "pcidevice",
    "perf",
    "powersupplyclass",
    "pressure",
    "processes",
    "qdisc",
    "rapl",
    "runit",
    "schedstat",
    "selinux",
    "slabinfo",
    "sockstat",
    "softirqs",
    "softnet",
    "stat",
    "supervisord",
    "swap",
    "sysctl",
    "systemd",
    "tapestats",
    "tcpstat",
    "textfile",
    "thermal_zone",
    "time",
    "timex",
    "udp_queues",
    "uname",
    "vmstat",
    "watchdog",
    "wifi",
    "xfrm",
    "xfs",
    "zfs",
    "zoneinfo",
];

/// Flags of those that we have not, that take no value.
const SWITCHES: &[&str] = &[
    "collector.arp.netlink",
    "collector.bcache.priorityStats",
    "collector.interrupts.include-zeros",
    "collector.netclass.ignore-invalid-speed",
    "collector.netclass.netlink",
    "collector.netclass_rtnl.with-stats",
    "collector.ntp.server-is-local",
    "collector.pcidevice.names",
    "collector.perf.disable-cache-profilers",
    "collector.perf.disable-hardware-profilers",
    "collector.perf.disable-software-profilers",
    "collector.rapl.enable-zone-label",
    "collector.systemd.enable-restarts-metrics",
    "collector.systemd.enable-start-time-metrics",
    "collector.systemd.enable-task-metrics",
    "collector.systemd.private",
];

/// Flags of those that we have not, with a value; all may be repeated here, since they have no effect.
const VALUES: &[&str] = &[
    "collector.arp.device-exclude",
    "collector.arp.device-include",
    "collector.ethtool.device-exclude",
    "collector.ethtool.device-include",
    "collector.ethtool.metrics-include",
    "collector.hwmon.chip-exclude",
    "collector.hwmon.chip-include",
    "collector.hwmon.sensor-exclude",
    "collector.hwmon.sensor-include",
    "collector.infiniband.device-exclude",
    "collector.infiniband.device-include",
    "collector.interrupts.name-exclude",
    "collector.interrupts.name-include",
    "collector.ipvs.backend-labels",
    "collector.netclass.ignored-devices",
    "collector.ntp.ip-ttl",
    "collector.ntp.local-offset-tolerance",
    "collector.ntp.max-distance",
    "collector.ntp.protocol-version",
    "collector.ntp.server",
    "collector.ntp.server-port",
    "collector.pcidevice.idsfile",
    "collector.perf.cache-profilers",
    "collector.perf.cpus",
    "collector.perf.hardware-profilers",
    "collector.perf.software-profilers",
    "collector.perf.tracepoint",
    "collector.powersupply.ignored-supplies",
    "collector.qdisc.device-exclude",
    "collector.qdisc.device-include",
    "collector.qdisc.fixtures",
    "collector.qdisk.device-exclude",
    "collector.qdisk.device-include",
    "collector.runit.servicedir",
    "collector.slabinfo.slabs-exclude",
    "collector.slabinfo.slabs-include",
    "collector.supervisord.url",
    "collector.sysctl.include",
    "collector.sysctl.include-info",
    "collector.systemd.unit-blacklist",
    "collector.systemd.unit-exclude",
    "collector.systemd.unit-include",
    "collector.systemd.unit-whitelist",
    "collector.tapestats.ignored-devices",
    "collector.wifi.fixtures",
];

/// Deprecated by node_exporter itself, and left out here for good; with what to use instead.
const LEFT_OUT: &[(&str, &str)] = &[
    (
        "ntp",
        "deprecated by node_exporter and left out here; the collector timex (on by default) tells the offset of the \
         clock and whether it is synchronised",
    ),
    (
        "runit",
        "deprecated by node_exporter and left out here; let a script write the states of services for the collector \
         textfile",
    ),
    (
        "supervisord",
        "deprecated by node_exporter and left out here; let a script write the states of processes for the collector \
         textfile",
    ),
];

pub fn is_upstream(collector: &str) -> bool {
    UPSTREAM.contains(&collector)
}

/// Why a collector that does not exist cannot be switched on.
pub fn reason(collector: &str) -> String {
    match LEFT_OUT.iter().find(|(name, _)| *name == collector) {
        Some((_, reason)) => format!("collector {collector}: {reason}"),
        None => format!("collector {collector} does not exist yet"),
    }
}

/// Collectors that do not exist, for good or yet.
pub fn collectors() -> impl Iterator<Item = &'static str> {
    UPSTREAM.iter().copied().filter(|name| TABLE.iter().all(|spec| spec.name != *name))
}

pub fn switches() -> impl Iterator<Item = &'static str> {
    SWITCHES.iter().copied().filter(|flag| !exists(flag))
}

pub fn values() -> impl Iterator<Item = &'static str> {
    VALUES.iter().copied().filter(|flag| !exists(flag))
}

fn exists(flag: &str) -> bool {
    TABLE.iter().flat_map(|spec| spec.flags).any(|known| known.name == flag || known.aliases.contains(&flag))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_collector_either_exists_or_does_not_yet() {
        assert_eq!(UPSTREAM.len(), 79);
        assert!(UPSTREAM.is_sorted() && SWITCHES.is_sorted() && VALUES.is_sorted());
        let existing = TABLE.iter().filter(|spec| is_upstream(spec.name)).count();
        assert_eq!(collectors().count() + existing, UPSTREAM.len());
    }
}
