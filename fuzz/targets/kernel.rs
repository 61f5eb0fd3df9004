//! Any bytes as a file of the kernel or an answer of netlink: no panic, and nothing that grows without a bound. The
//! first byte picks the parser.
#![no_main]

use kernel::cgroup::{self, blkio, cpu_max, cpu_stat, cpuacct, io_stat, memory_events, memory_stat, memory_stat_v1};
use kernel::netlink::{
    Address, Bss, Family, Link, Neighbour, Qdisc, Route, Station, TcpSocket, WifiInterface, attributes, messages,
};
use kernel::proc::{
    buddyinfo, cgroups, cpuinfo, diskstats, drbd, file_nr, interrupts, kstat, loadavg, mdstat, meminfo, mountinfo,
    mountstats, net_arp, net_dev, net_ip_vs, net_rpc, net_snmp, net_snmp6, net_sockstat, net_stat, net_udp,
    nf_conntrack, pid_stat, pressure, schedstat, slabinfo, softirqs, softnet_stat, stat, swaps, vmstat, zoneinfo,
};
use kernel::sys::{
    bcache, bcachefs, btrfs_commit_stats, cpu_list, hwmon, infiniband, integer, net_class, node_meminfo, pci, pci_ids,
    text, vulnerability, xfs_stats,
};
use kernel::{ethtool, selinux};
use libfuzzer_sys::fuzz_target;

type Parser = fn(&[u8]);

const PARSERS: &[Parser] = &[
    |bytes| all(buddyinfo::zones(bytes)),
    |bytes| all(cgroups::controllers(bytes)),
    |bytes| all(cpuinfo::cpus(bytes)),
    |bytes| all(diskstats::disks(bytes)),
    |bytes| all(drbd::words(bytes)),
    |bytes| one(file_nr::FileNr::parse(bytes)),
    |bytes| {
        for interrupt in interrupts::interrupts(bytes).flatten() {
            one(interrupt.info_and_devices());
        }
    },
    |bytes| all(kstat::entries(bytes)),
    |bytes| all(kstat::io(bytes)),
    |bytes| one(loadavg::LoadAverage::parse(bytes)),
    |bytes| all(mdstat::arrays(bytes)),
    |bytes| all(meminfo::fields(bytes)),
    |bytes| all(mountinfo::mounts(bytes)),
    |bytes| one(mountinfo::unescape(bytes)),
    |bytes| all(mountstats::mounts(bytes)),
    |bytes| all(net_arp::devices(bytes)),
    |bytes| all(net_dev::interfaces(bytes)),
    |bytes| one(net_ip_vs::Totals::parse(bytes)),
    |bytes| all(net_ip_vs::backends(bytes)),
    |bytes| {
        for statistics in net_rpc::statistics(bytes) {
            one(statistics.numbers::<4>());
        }
    },
    |bytes| all(net_snmp::protocols(bytes)),
    |bytes| all(net_snmp6::counters(bytes)),
    |bytes| all(net_sockstat::protocols(bytes)),
    |bytes| {
        one(net_stat::header(bytes).names().count());
        all(net_stat::rows(bytes));
    },
    |bytes| all(net_udp::sockets(bytes)),
    |bytes| one(nf_conntrack::ConntrackStat::parse(bytes)),
    |bytes| one((pid_stat::PidStat::parse(bytes), pid_stat::state(bytes))),
    |bytes| one(pressure::Pressure::parse(bytes)),
    |bytes| all(schedstat::cpus(bytes)),
    |bytes| all(slabinfo::slabs(bytes)),
    |bytes| all(softirqs::softirqs(bytes)),
    |bytes| all(softnet_stat::cpus(bytes)),
    |bytes| all(stat::cpu_times(bytes)),
    |bytes| all(stat::totals(bytes)),
    |bytes| all(swaps::swaps(bytes)),
    |bytes| all(vmstat::fields(bytes)),
    |bytes| all(zoneinfo::entries(bytes)),
    |bytes| one((bcache::amount(bytes), bcache::WritebackRate::parse(bytes), bcache::PriorityStats::parse(bytes))),
    |bytes| one((bcachefs::amount(bytes), bcachefs::counter(bytes))),
    |bytes| all(bcachefs::compression(bytes)),
    |bytes| all(bcachefs::btree_writes(bytes)),
    |bytes| all(bcachefs::errors(bytes)),
    |bytes| all(bcachefs::io_done(bytes)),
    |bytes| all(bcachefs::io_errors(bytes)),
    |bytes| one(btrfs_commit_stats::CommitStats::parse(bytes)),
    |bytes| one(cpu_list::ranges(bytes)),
    |bytes| one((hwmon::text(bytes), hwmon::number(bytes))),
    |bytes| one((infiniband::state_id(bytes), infiniband::rate(bytes), infiniband::count(bytes))),
    |bytes| one((integer::unsigned(bytes), integer::signed(bytes))),
    |bytes| {
        one((net_class::number(bytes), net_class::is_link_up(bytes)));
        all(net_class::names(bytes));
    },
    |bytes| all(node_meminfo::fields(bytes)),
    |bytes| one((pci::link_speed(bytes), std::str::from_utf8(bytes).map(pci::Address::parse))),
    |bytes| {
        let id = pci_ids::PciId { class: 0x10802, vendor: 1, device: 2, subsystem_vendor: 3, subsystem_device: 4 };
        one(pci_ids::PciNames::find(bytes, id).class());
    },
    |bytes| one(text::to_utf8(text::shown(bytes))),
    |bytes| one(vulnerability::Vulnerability::parse(bytes)),
    |bytes| all(xfs_stats::counters(bytes)),
    |bytes| one((ethtool::LinkSettings::parse(bytes), ethtool::DriverInfo::parse(bytes))),
    |bytes| {
        all(ethtool::names(bytes));
        all(ethtool::values(bytes));
    },
    |bytes| one((selinux::configured_mode(bytes), selinux::is_without_policy(bytes))),
    |bytes| one(cpu_max::CpuMax::parse(bytes)),
    |bytes| one(cgroup::parse_value(bytes)),
    |bytes| one(cpuacct::read_usage_percpu(bytes, &mut Vec::new())),
    |bytes| one(cpu_stat::CpuStat::parse(bytes, &mut |_| ())),
    |bytes| one(memory_events::MemoryEvents::parse(bytes, &mut |_| ())),
    |bytes| one(memory_stat::MemoryStat::parse(bytes, &mut |_| ())),
    |bytes| one(memory_stat_v1::MemoryStatV1::parse(bytes, &mut |_| ())),
    |bytes| io_stat::read_devices(bytes, &mut |_| (), |_| ()),
    |bytes| blkio::read_table(bytes, &mut |_| (), |_| ()),
    |bytes| all(kernel::udev::properties(bytes)),
    |bytes| one(kernel::os_release::OsRelease::parse(bytes)),
    |bytes| {
        for message in messages(bytes) {
            one((Link::parse(&message), Address::parse(&message), Neighbour::parse(&message)));
            one((Qdisc::parse(&message), Route::parse(&message), TcpSocket::parse(&message)));
            one((Family::parse(&message), WifiInterface::parse(&message)));
            one((Station::parse(&message), Bss::parse(&message)));
            all(attributes(message.payload));
        }
    },
];

fuzz_target!(|bytes: &[u8]| {
    let Some((first, rest)) = bytes.split_first() else { return };
    PARSERS[usize::from(*first) % PARSERS.len()](rest);
});

fn all<T>(rows: impl Iterator<Item = T>) {
    rows.for_each(one);
}

fn one<T>(value: T) {
    std::hint::black_box(value);
}
