//! `--true-types`: what a series is by nature, where node_exporter leaves it untyped or calls a counter a gauge. Kernel
//! fields count events unless they are listed here; the lists follow `include/uapi/linux/snmp.h`, `mm/vmstat.c` and the
//! MIBs that they stand on (RFC 4293, RFC 4022).
//!
//! In OpenMetrics a counter must be called `_total`. These are not, and no series changes its name with the scraper's
//! Accept header, so there they are `unknown`.

use exposition::{Family, Kind};

use crate::Settings;

/// Fields of `/proc/net/{snmp,netstat,snmp6}` that are states or settings, each as Protocol_Field.
const NETSTAT_GAUGES: &[&str] = &[
    "Ip_DefaultTTL",
    "Ip_Forwarding",
    "MPTcpExt_MPCurrEstab",
    "Tcp_CurrEstab",
    "Tcp_MaxConn",
    "Tcp_RtoAlgorithm",
    "Tcp_RtoMax",
    "Tcp_RtoMin",
];

/// Fields of `/proc/vmstat` that begin with `nr_` and yet only grow. Every other `nr_` is an amount at this moment.
const VMSTAT_NR_COUNTERS: &[&str] = &[
    "nr_dirtied",
    "nr_foll_pin_acquired",
    "nr_foll_pin_released",
    "nr_throttled_written",
    "nr_tlb_local_flush_all",
    "nr_tlb_local_flush_one",
    "nr_tlb_remote_flush",
    "nr_tlb_remote_flush_received",
    "nr_vmscan_immediate_reclaim",
    "nr_vmscan_write",
    "nr_written",
];

/// Which types a collector gives its series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Types {
    NodeExporters,
    True,
}

impl Types {
    pub fn of(settings: &Settings) -> Self {
        if settings.has_true_types() { Types::True } else { Types::NodeExporters }
    }

    /// A family that counts though node_exporter calls it otherwise.
    pub fn counter(self, family: &Family) -> Family {
        match self {
            Types::NodeExporters => *family,
            Types::True => Family { kind: Kind::Counter, ..*family },
        }
    }

    /// Of a field that node_exporter leaves untyped.
    pub fn of_field(self, is_gauge: impl FnOnce() -> bool) -> Kind {
        match self {
            Types::NodeExporters => Kind::Untyped,
            Types::True if is_gauge() => Kind::Gauge,
            Types::True => Kind::Counter,
        }
    }
}

/// Of a field of `/proc/net/{snmp,netstat,snmp6}`, as Protocol_Field.
pub fn is_netstat_gauge(key: &str) -> bool {
    NETSTAT_GAUGES.contains(&key)
}

/// Of a field of `/proc/vmstat`.
pub fn is_vmstat_gauge(field: &str) -> bool {
    let is_amount = field.starts_with("nr_") && !VMSTAT_NR_COUNTERS.contains(&field);
    is_amount || field == "workingset_nodes"
}

#[cfg(test)]
mod tests {
    use super::*;
    use exposition::gauge;

    #[test]
    fn what_only_grows_counts_and_the_rest_is_a_state() {
        for field in ["nr_free_pages", "nr_dirty_threshold", "nr_hugetlb", "workingset_nodes"] {
            assert!(is_vmstat_gauge(field), "{field}");
        }
        for field in ["pgfault", "oom_kill", "numa_hit", "nr_dirtied", "nr_tlb_remote_flush", "workingset_refault_anon"]
        {
            assert!(!is_vmstat_gauge(field), "{field}");
        }
        assert!(is_netstat_gauge("Tcp_CurrEstab") && !is_netstat_gauge("Tcp_InSegs"));
    }

    #[test]
    fn the_types_of_node_exporter_are_the_default() {
        let mut settings = Settings::default();
        const FOUND: Family = gauge("found", "Found.");
        assert_eq!(Types::of(&settings).counter(&FOUND).kind, Kind::Gauge);
        assert_eq!(Types::of(&settings).of_field(|| true), Kind::Untyped);
        settings.set(crate::TRUE_TYPES, vec!["true".to_owned()]);
        assert_eq!(Types::of(&settings).counter(&FOUND).kind, Kind::Counter);
        assert_eq!(Types::of(&settings).of_field(|| true), Kind::Gauge);
        assert_eq!(Types::of(&settings).of_field(|| false), Kind::Counter);
    }
}
