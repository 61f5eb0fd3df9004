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

/// Of `arcstats` what is an amount, a size or a setting now, besides what ends in `_size`, `_data` and `_metadata`.
const ARC_GAUGES: &[&str] = &[
    "arc_dnode_limit",
    "arc_loaned_bytes",
    "arc_meta_limit",
    "arc_meta_max",
    "arc_meta_min",
    "arc_meta_used",
    "arc_need_free",
    "arc_no_grow",
    "arc_sys_free",
    "arc_tempreserve",
    "c",
    "c_max",
    "c_min",
    "cached_only_in_progress",
    "duplicate_buffers",
    "hash_chain_max",
    "hash_chains",
    "hash_elements",
    "hash_elements_max",
    "l2_asize",
    "l2_data_to_meta_ratio",
    "l2_log_blk_asize",
    "l2_log_blk_avg_asize",
    "l2_log_blk_count",
    "l2_mfu_asize",
    "l2_mru_asize",
    "l2_prefetch_asize",
    "memory_all_bytes",
    "memory_available_bytes",
    "memory_free_bytes",
    "meta",
    "p",
    "pd",
    "pm",
    "size",
];

/// Of `dbufstats` what counts, by its end; the rest says how much is cached now.
const DBUF_COUNTERS: &[&str] = &["_collisions", "_evicts", "_hits", "_misses", "_overflow", "_race"];

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

/// Of a field of a file below `/proc/spl/kstat/zfs`; `io` is that of a pool. Follows the comments of OpenZFS'
/// `sys/arc_impl.h`, `abd.c`, `dbuf.c` and `dmu_zfetch.c`; what is not named here counts.
pub fn is_zfs_gauge(file: &str, field: &str) -> bool {
    match file {
        "abdstats" => !field.ends_with("_retry"),
        "arcstats" => {
            let is_amount = ["_size", "_data", "_metadata"].iter().any(|end| field.ends_with(end));
            (is_amount && !field.starts_with("l2_rebuild_")) || ARC_GAUGES.contains(&field)
        }
        "dbufstats" => DBUF_COUNTERS.iter().all(|end| !field.ends_with(end)),
        "io" => ["rcnt", "rupdate", "wcnt", "wupdate"].contains(&field),
        "xuio_stats" => field.starts_with("onloan_"),
        "zfetchstats" => field == "io_active",
        _ => false,
    }
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
    fn fields_of_zfs_are_told_by_file() {
        for (file, field) in [
            ("arcstats", "c_max"),
            ("arcstats", "mru_evictable_data"),
            ("arcstats", "hdr_size"),
            ("abdstats", "scatter_order_3"),
            ("dbufstats", "cache_level_0_bytes"),
            ("io", "wcnt"),
            ("zfetchstats", "io_active"),
        ] {
            assert!(is_zfs_gauge(file, field), "{file} {field}");
        }
        for (file, field) in [
            ("arcstats", "demand_metadata_hits"),
            ("arcstats", "evict_l2_eligible"),
            ("arcstats", "l2_write_bytes"),
            ("abdstats", "scatter_page_alloc_retry"),
            ("dbufstats", "cache_total_evicts"),
            ("io", "nread"),
            ("objset", "writes"),
            ("zil", "zil_commit_count"),
        ] {
            assert!(!is_zfs_gauge(file, field), "{file} {field}");
        }
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
