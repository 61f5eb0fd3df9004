//! Collectors of the machine itself, one file each, with node_exporter's names, labels, types and values.

// What several of them share.
mod device_filter;
mod inventory;
mod named;
mod netlink;
mod other_network;
mod parsed;
mod remembered;
mod several;
// Parts of larger collectors.
mod cpu_info;
mod cpu_sysfs;
mod disk_identity;
mod glob;
mod mount_list;
mod netdev_addresses;
mod netdev_columns;
mod process_groups;
mod stat_pool;
mod steady_times;
mod textfile_families;

pub mod arp;
pub mod buddyinfo;
pub mod cgroups;
pub mod conntrack;
pub mod cpu;
pub mod diskstats;
pub mod entropy;
pub mod filefd;
pub mod filesystem;
pub mod interrupts;
pub mod kernel_hung;
pub mod ksmd;
pub mod loadavg;
pub mod meminfo;
pub mod netdev;
pub mod netstat;
pub mod os;
pub mod pressure;
pub mod processes;
pub mod schedstat;
pub mod selinux;
pub mod slabinfo;
pub mod sockstat;
pub mod softirqs;
pub mod softnet;
pub mod stat;
pub mod tcpstat;
pub mod swap;
pub mod textfile;
pub mod time;
pub mod timex;
pub mod udp_queues;
pub mod uname;
pub mod vmstat;
