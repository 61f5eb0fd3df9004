//! Files of `/sys`, one parser each.

pub mod cpu_list;
pub mod net_class;
pub mod xfs_stats;
pub mod integer;
pub mod text;
