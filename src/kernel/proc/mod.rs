//! Files of `/proc`, one parser each, named after the file that it reads.

pub mod buddyinfo;
pub mod cgroups;
pub mod cpuinfo;
pub mod diskstats;
pub mod file_nr;
pub mod interrupts;
pub mod kstat;
pub mod loadavg;
pub mod meminfo;
pub mod mountinfo;
pub mod net_arp;
pub mod net_dev;
pub mod net_snmp;
pub mod net_snmp6;
pub mod net_sockstat;
pub mod net_udp;
pub mod nf_conntrack;
pub mod pid_stat;
pub mod pressure;
pub mod schedstat;
pub mod slabinfo;
pub mod softirqs;
pub mod softnet_stat;
pub mod stat;
pub mod swaps;
pub mod vmstat;
