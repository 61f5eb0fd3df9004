//! Any bytes as a file of the kernel or an answer of netlink: no panic, and nothing that grows without a bound. The
//! first byte picks the parser.
#![no_main]

use kernel::cgroup::{self, blkio, cpu_max, cpu_stat, cpuacct, io_stat, memory_events, memory_stat, memory_stat_v1};
use kernel::netlink::{
    Address, Bss, Family, Link, Neighbour, Qdisc, Route, Station, TcpSocket, WifiInterface, attributes, messages,
};
use kernel::proc::{
    cpuinfo, diskstats, file_nr, loadavg, meminfo, mountinfo, net_arp, net_dev, net_snmp, net_snmp6, net_sockstat,
    net_udp, nf_conntrack, pressure, schedstat, softnet_stat, stat, vmstat,
};
use kernel::sys::cpu_list;
use libfuzzer_sys::fuzz_target;

type Parser = fn(&[u8]);

const PARSERS: &[Parser] = &[
    |bytes| all(cpuinfo::cpus(bytes)),
    |bytes| all(diskstats::disks(bytes)),
    |bytes| one(file_nr::FileNr::parse(bytes)),
    |bytes| one(loadavg::LoadAverage::parse(bytes)),
    |bytes| all(meminfo::fields(bytes)),
    |bytes| all(mountinfo::mounts(bytes)),
    |bytes| all(net_arp::devices(bytes)),
    |bytes| all(net_dev::interfaces(bytes)),
    |bytes| all(net_snmp::protocols(bytes)),
    |bytes| all(net_snmp6::counters(bytes)),
    |bytes| all(net_sockstat::protocols(bytes)),
    |bytes| all(net_udp::sockets(bytes)),
    |bytes| one(nf_conntrack::ConntrackStat::parse(bytes)),
    |bytes| one(pressure::Pressure::parse(bytes)),
    |bytes| all(schedstat::cpus(bytes)),
    |bytes| all(softnet_stat::cpus(bytes)),
    |bytes| all(stat::cpu_times(bytes)),
    |bytes| all(stat::totals(bytes)),
    |bytes| all(vmstat::fields(bytes)),
    |bytes| one(cpu_list::ranges(bytes)),
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
            one((Qdisc::parse(&message), TcpSocket::parse(&message), Family::parse(&message)));
            one((WifiInterface::parse(&message), Bss::parse(&message), Station::parse(&message)));
            all(Route::parse(&message).iter().flat_map(Route::hops));
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
