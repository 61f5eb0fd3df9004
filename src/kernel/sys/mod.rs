//! Files of `/sys`, one parser each.

pub mod bcache;
pub mod bcachefs;
pub mod btrfs_commit_stats;
pub mod cpu_list;
pub mod hwmon;
pub mod infiniband;
pub mod integer;
pub mod net_class;
pub mod node_meminfo;
pub mod pci;
pub mod pci_ids;
pub mod text;
pub mod vulnerability;
pub mod xfs_stats;
