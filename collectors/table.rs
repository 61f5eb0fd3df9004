//! The one table of all collectors. A row here is what turns a file into flags, docs and golden tests.

use crate::Spec;
use crate::container::containers;
use crate::node::{
    conntrack, cpu, diskstats, filefd, filesystem, loadavg, meminfo, netdev, netstat, os, pressure, schedstat,
    sockstat, softnet, stat, textfile, time, timex, uname, vmstat,
};

pub const TABLE: &[Spec] = &[
    conntrack::SPEC,
    containers::SPEC,
    cpu::SPEC,
    diskstats::SPEC,
    filefd::SPEC,
    filesystem::SPEC,
    loadavg::SPEC,
    meminfo::SPEC,
    netdev::SPEC,
    netstat::SPEC,
    os::SPEC,
    pressure::SPEC,
    schedstat::SPEC,
    sockstat::SPEC,
    softnet::SPEC,
    stat::SPEC,
    time::SPEC,
    timex::SPEC,
    uname::SPEC,
    vmstat::SPEC,
    // Last: its files may name any family, and the first page that has a series is the one that counts.
    textfile::SPEC,
];
