//! Collectors of the machine itself, one file each, with node_exporter's names, labels, types and values.

// What several of them share.
mod named;
mod parsed;
mod remembered;
mod several;
// Parts of the collector `cpu`.
mod cpu_info;
mod cpu_sysfs;
mod steady_times;

pub mod conntrack;
pub mod cpu;
pub mod filefd;
pub mod loadavg;
pub mod meminfo;
pub mod netstat;
pub mod os;
pub mod pressure;
pub mod schedstat;
pub mod sockstat;
pub mod softnet;
pub mod stat;
pub mod time;
pub mod timex;
pub mod uname;
pub mod vmstat;
