//! The one table of all collectors. A row here is what turns a file into flags, docs and golden tests.

use crate::Spec;
use crate::container::containers;
use crate::node;

pub const TABLE: &[Spec] = &[
    node::arp::SPEC,
    node::bonding::SPEC,
    node::buddyinfo::SPEC,
    node::cgroups::SPEC,
    node::conntrack::SPEC,
    containers::SPEC,
    node::cpu::SPEC,
    node::diskstats::SPEC,
    node::entropy::SPEC,
    node::filefd::SPEC,
    node::filesystem::SPEC,
    node::interrupts::SPEC,
    node::kernel_hung::SPEC,
    node::ksmd::SPEC,
    node::loadavg::SPEC,
    node::meminfo::SPEC,
    node::netclass::SPEC,
    node::netdev::SPEC,
    node::netstat::SPEC,
    node::os::SPEC,
    node::pressure::SPEC,
    node::processes::SPEC,
    node::schedstat::SPEC,
    node::selinux::SPEC,
    node::slabinfo::SPEC,
    node::sockstat::SPEC,
    node::softirqs::SPEC,
    node::softnet::SPEC,
    node::stat::SPEC,
    node::tcpstat::SPEC,
    node::swap::SPEC,
    node::time::SPEC,
    node::timex::SPEC,
    node::udp_queues::SPEC,
    node::uname::SPEC,
    node::vmstat::SPEC,
    node::xfs::SPEC,
    node::zfs::SPEC,
    // Last: its files may name any family, and the first page that has a series is the one that counts.
    node::textfile::SPEC,
];
