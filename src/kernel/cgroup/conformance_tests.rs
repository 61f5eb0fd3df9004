//! The parsers against recorded files and the values that other readers take from them.

use std::fs;
use std::path::PathBuf;

use super::blkio::{self, Operation};
use super::cpuacct::{CpuacctStat, read_usage_percpu};
use super::io_stat::read_devices;
use super::memory_stat::MemoryStat;
use super::memory_stat_v1::MemoryStatV1;
use super::parse_value;
use crate::proc::pressure::Pressure;
use crate::scan::ParseError;

/// One controller's recorded files; `None` (and a line that says so) when the data is not there.
fn recorded(case: &str) -> Option<PathBuf> {
    let default = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/conformance");
    let root = std::env::var("VITALS_CONFORMANCE").unwrap_or_else(|_| default.to_owned());
    let case = PathBuf::from(root).join("cadvisor/cgroups_unit").join(case).join("files");
    if !case.is_dir() {
        println!("skipped: {} is not there", case.display());
        return None;
    }
    Some(case)
}

fn no_problems() -> impl FnMut(ParseError) {
    |problem| panic!("{problem}")
}

#[test]
fn v1_cpuacct() {
    let Some(files) = recorded("v1_cpuacct") else { return };
    let read = |name: &str| fs::read(files.join(name)).expect("recorded");
    assert_eq!(parse_value(&read("cpuacct.usage")), Ok(12_262_454_190_222_160));
    let stat = CpuacctStat::parse(&read("cpuacct.stat"), &mut no_problems());
    assert_eq!((stat.user_ticks, stat.system_ticks), (Some(452_278_264), Some(291_429_664)));
    let mut nanoseconds = Vec::new();
    read_usage_percpu(&read("cpuacct.usage_percpu"), &mut nanoseconds).expect("valid");
    assert_eq!((nanoseconds.len(), nanoseconds[0], nanoseconds[7]), (8, 1_564_936_537_989_058, 1_476_362_015_778_086));
}

#[test]
fn v1_memory() {
    let Some(files) = recorded("v1_memory") else { return };
    let read = |name: &str| fs::read(files.join(name)).expect("recorded");
    for (name, value) in [
        ("memory.usage_in_bytes", 2048),
        ("memory.max_usage_in_bytes", 4096),
        ("memory.failcnt", 100),
        ("memory.kmem.usage_in_bytes", 2048),
        ("memory.memsw.limit_in_bytes", 8192),
    ] {
        assert_eq!(parse_value(&read(name)), Ok(value), "{name}");
    }
    let stat = MemoryStatV1::parse(&read("memory.stat"), &mut no_problems());
    let hierarchical = (stat.hierarchical(|own| own.cache_bytes), stat.hierarchical(|own| own.rss_bytes));
    assert_eq!(hierarchical, (Some(512), Some(1024)));
}

#[test]
fn v1_blkio() {
    for (case, file, expected) in [
        ("v1_blkio_throttle", "blkio.throttle.io_service_bytes", &[("8:0", 11_030_528), ("252:0", 11_030_528)][..]),
        ("v1_blkio_cfq", "blkio.io_merged_recursive", &[("8:0", 15)]),
        ("v1_blkio_cfq", "blkio.io_service_time_recursive", &[("8:0", 17_395)]),
    ] {
        let Some(files) = recorded(case) else { return };
        let mut totals = Vec::new();
        blkio::read_table(&fs::read(files.join(file)).expect("recorded"), &mut no_problems(), |entry| {
            if entry.operation == Some(Operation::Total) {
                totals.push((entry.device.to_string(), entry.value));
            }
        });
        let totals: Vec<_> = totals.iter().map(|(device, value)| (device.as_str(), *value)).collect();
        assert_eq!(totals, expected, "{file}");
    }
    let Some(files) = recorded("v1_blkio_cfq") else { return };
    let mut sectors = Vec::new();
    let text = fs::read(files.join("blkio.sectors_recursive")).expect("recorded");
    blkio::read_table(&text, &mut no_problems(), |entry| sectors.push((entry.operation, entry.value)));
    assert_eq!(sectors, [(None, 1024)]);
}

#[test]
fn v2_io_stat() {
    let Some(files) = recorded("v2_io_stat") else { return };
    let mut devices = Vec::new();
    let text = fs::read(files.join("io.stat")).expect("recorded");
    read_devices(&text, &mut no_problems(), |io| {
        devices.push((io.device.to_string(), io.read_bytes, io.writes, io.discarded_bytes));
    });
    let expected = [
        ("254:1".to_owned(), Some(6_901_432_320), Some(248_603), Some(0)),
        ("254:0".to_owned(), Some(2_702_336), Some(0), Some(0)),
        ("259:0".to_owned(), Some(6_911_345_664), Some(244_914), Some(530_485_248)),
    ];
    assert_eq!(devices, expected);
}

#[test]
fn v2_memory_and_pressure() {
    let Some(files) = recorded("v2_memory_pod") else { return };
    let stat = MemoryStat::parse(&fs::read(files.join("memory.stat")).expect("recorded"), &mut no_problems());
    assert_eq!((stat.file_bytes, stat.anon_bytes), (Some(6_502_666_240), Some(790_425_600)));
    assert_eq!(stat.file_mapped_bytes, Some(656_187_392));
    assert_eq!((stat.page_faults, stat.major_page_faults), (Some(103_216_687), Some(6879)));
    let Some(files) = recorded("v2_psi") else { return };
    let pressure = Pressure::parse(&fs::read(files.join("cpu.pressure")).expect("recorded")).expect("valid");
    assert_eq!(pressure.some.map(|some| some.total_usec), Some(230_548_833));
    assert_eq!(pressure.full.map(|full| full.total_usec), Some(157_622_356));
}
