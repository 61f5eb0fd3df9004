//! Devices of sysfs that are not as they should be: attributes that cannot be read, links that lead nowhere, devices
//! that go between two scrapes, firmware that writes any bytes. Each costs itself and no other.

mod machine;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

use collectors::{Collector, Outcome};
use machine::{Collected, Machine, collect, row};
use nix::sys::stat::Mode;

/// A machine of which only `/sys` is there.
struct Sysfs(tempfile::TempDir);

impl Sysfs {
    fn new() -> Self {
        Sysfs(tempfile::tempdir().expect("a temporary folder"))
    }

    fn path(&self, relative: &str) -> PathBuf {
        let path = self.0.path().join("sys").join(relative);
        fs::create_dir_all(path.parent().expect("a folder")).expect("folders");
        path
    }

    fn put(&self, folder: &str, files: &[(&str, &str)]) {
        for (name, text) in files {
            fs::write(self.path(&format!("{folder}/{name}")), text).expect("written");
        }
    }

    fn link(&self, path: &str, target: &str) {
        symlink(target, self.path(path)).expect("linked");
    }

    fn machine(&self, flags: &[(&str, &str)]) -> Machine {
        Machine::below(self.0.path()).with(flags)
    }

    fn collector(&self, name: &str) -> Box<dyn Collector> {
        self.machine(&[]).build(row(name))
    }

    fn collect(&self, name: &str, flags: &[(&str, &str)]) -> Collected {
        self.machine(flags).collect(row(name))
    }
}

/// Samples without HELP and TYPE.
fn samples(collected: &Collected) -> Vec<&str> {
    assert_eq!(collected.outcome, Ok(Outcome::Collected), "{:?}", collected.problems);
    collected.text.lines().filter(|line| !line.starts_with('#')).collect()
}

#[test]
fn an_attribute_that_cannot_be_read_costs_only_itself() {
    let sysfs = Sysfs::new();
    let folder = "class/watchdog/watchdog0";
    sysfs.put(folder, &[("bootstatus", "soon\n"), ("nowayout", "1\n"), ("identity", "iTCO_wdt\n"), ("fw_version", "")]);
    fs::create_dir(sysfs.path(&format!("{folder}/timeleft"))).expect("a folder in its place");
    nix::unistd::mkfifo(&sysfs.path(&format!("{folder}/timeout")), Mode::S_IRWXU).expect("a FIFO in its place");
    sysfs.put("class/watchdog/watchdog1", &[("timeout", "60\n")]);
    let collected = sysfs.collect("watchdog", &[]);
    let expected = [
        r#"node_watchdog_info{identity="iTCO_wdt",name="watchdog0",options="",pretimeout_governor="",state="",status=""} 1"#,
        r#"node_watchdog_info{identity="",name="watchdog1",options="",pretimeout_governor="",state="",status=""} 1"#,
        r#"node_watchdog_nowayout{name="watchdog0"} 1"#,
        r#"node_watchdog_timeout_seconds{name="watchdog1"} 60"#,
    ];
    assert_eq!(samples(&collected), expected);
    let problems = collected.problems.join("\n");
    assert_eq!(collected.problems.len(), 4, "{problems}");
    assert!(problems.contains("watchdog0/bootstatus:1: expected a number, found \"soon\""), "{problems}");
    assert!(problems.contains("watchdog0/timeleft: Is a directory"), "{problems}");
    assert!(problems.contains("watchdog0/timeout: "), "{problems}");
}

#[test]
fn a_link_that_leads_nowhere_is_no_device() {
    for (collector, class, name) in [
        ("drm", "class/drm", "card7"),
        ("edac", "devices/system/edac/mc", "mc7"),
        ("fibrechannel", "class/fc_host", "host7"),
        ("hwmon", "class/hwmon", "hwmon7"),
        ("infiniband", "class/infiniband", "mlx5_7"),
        ("nvme", "class/nvme", "nvme7"),
        ("nvmesubsystem", "class/nvme-subsystem", "nvme-subsys7"),
        ("powersupplyclass", "class/power_supply", "BAT7"),
        ("rapl", "class/powercap", "intel-rapl:7"),
        ("tapestats", "class/scsi_tape", "st7"),
        ("thermal_zone", "class/thermal", "thermal_zone7"),
        ("watchdog", "class/watchdog", "watchdog7"),
    ] {
        let sysfs = Sysfs::new();
        sysfs.link(&format!("{class}/{name}"), "../../devices/gone");
        let collected = sysfs.collect(collector, &[]);
        let reason = match collected.outcome {
            Ok(Outcome::Absent(reason) | Outcome::Empty(reason)) => reason,
            other => panic!("{collector}: {other:?}"),
        };
        assert!(reason.contains(class), "{collector}: {reason}");
        assert_eq!((collected.text.as_str(), collected.problems.len()), ("", 0), "{collector}");
    }
}

#[test]
fn without_the_class_the_reason_names_its_folder() {
    let sysfs = Sysfs::new();
    for name in ["dmi", "drm", "edac", "fibrechannel", "hwmon", "infiniband", "nvme", "nvmesubsystem", "pcidevice"]
        .into_iter()
        .chain(["powersupplyclass", "rapl", "tapestats", "thermal_zone", "watchdog"])
    {
        match sysfs.collect(name, &[]).outcome {
            Ok(Outcome::Absent(reason) | Outcome::Empty(reason)) => {
                assert!(reason.contains("/sys/"), "{name}: {reason}")
            }
            other => panic!("{name}: {other:?}"),
        }
    }
}

#[test]
fn a_device_that_vanished_takes_only_its_own_series_along() {
    let sysfs = Sysfs::new();
    sysfs.put("class/power_supply/AC", &[("type", "Mains\n"), ("online", "1\n")]);
    sysfs.put("class/power_supply/BAT0", &[("type", "Battery\n"), ("capacity", "50\n"), ("status", "Full\n")]);
    let mut collector = sysfs.collector("powersupplyclass");
    assert_eq!(samples(&collect(&mut *collector)).len(), 4);
    fs::remove_dir_all(sysfs.path("class/power_supply/BAT0")).expect("removed");
    let collected = collect(&mut *collector);
    let left = [
        r#"node_power_supply_info{power_supply="AC",type="Mains"} 1"#,
        r#"node_power_supply_online{power_supply="AC"} 1"#,
    ];
    assert_eq!(samples(&collected), left);
    assert_eq!(collected.problems, Vec::<String>::new());
}

#[test]
fn an_attribute_that_went_is_an_absent_number() {
    let sysfs = Sysfs::new();
    sysfs.put("class/hwmon/hwmon0", &[("name", "acpitz\n"), ("temp1_input", "40000\n"), ("temp2_input", "41000\n")]);
    let mut collector = sysfs.collector("hwmon");
    assert_eq!(samples(&collect(&mut *collector)).len(), 3);
    fs::remove_file(sysfs.path("class/hwmon/hwmon0/temp1_input")).expect("removed");
    fs::write(sysfs.path("class/hwmon/hwmon0/temp2_input"), "asleep\n").expect("written");
    let collected = collect(&mut *collector);
    // A file that was removed can still be read through a descriptor; one of sysfs says that its device is gone.
    assert!(!collected.text.contains(r#"sensor="temp2""#), "{}", collected.text);
    assert_eq!(collected.problems, Vec::<String>::new());
}

#[test]
fn a_state_that_changed_is_told_in_the_next_scrape() {
    let sysfs = Sysfs::new();
    sysfs.put("class/nvme/nvme0", &[("model", "Fast\n"), ("state", "live\n")]);
    let mut collector = sysfs.collector("nvme");
    assert!(samples(&collect(&mut *collector))[0].contains(r#"state="live""#));
    sysfs.put("class/nvme/nvme0", &[("state", "dead\n")]);
    let said = collect(&mut *collector);
    let expected =
        r#"node_nvme_info{cntlid="",device="nvme0",firmware_revision="",model="Fast",serial="",state="dead"} 1"#;
    assert_eq!(samples(&said), [expected]);
}

#[test]
fn firmware_may_write_any_bytes() {
    let sysfs = Sysfs::new();
    let write = |name: &str, bytes: &[u8]| {
        fs::write(sysfs.path(&format!("class/dmi/id/{name}")), bytes).expect("written");
    };
    write("product_name", b" \x1cBox \xff\xfe\"7\" \\ \n");
    write("product_version", b"\xc3\x28\x80\x80end\n");
    write("sys_vendor", "Ümbra\n".as_bytes());
    write("chassis_serial", b"\n");
    let expected = "node_dmi_info{chassis_serial=\"\",product_name=\"\u{1c}Box \u{fffd}\\\"7\\\" \\\\\",\
                    product_version=\"\u{fffd}(\u{fffd}end\",system_vendor=\"Ümbra\"} 1";
    assert_eq!(samples(&sysfs.collect("dmi", &[])), [expected]);
}

#[test]
fn a_sensor_that_is_there_twice_counts_once() {
    let sysfs = Sysfs::new();
    let clock = [("freq1_input", "100000000"), ("freq1_label", "sclk"), ("freq2_input", "7"), ("freq2_label", "sclk")];
    sysfs.put("class/hwmon/hwmon0", &clock);
    let collected = sysfs.collect("hwmon", &[]);
    let clocks: Vec<_> = samples(&collected).into_iter().filter(|line| line.contains("mhz")).collect();
    assert_eq!(clocks, [r#"node_hwmon_freq_freq_mhz{chip="hwmon0",sensor="sclk"} 100"#]);
    assert_eq!(collected.problems.len(), 1);
    assert!(collected.problems[0].contains("freq2_input: the same series as "), "{:?}", collected.problems);
}

#[test]
fn sensors_are_chosen_by_chip_and_name() {
    let sysfs = Sysfs::new();
    for chip in ["hwmon0", "hwmon1"] {
        sysfs.put(&format!("class/hwmon/{chip}"), &[("temp1_input", "1000"), ("temp2_input", "2000")]);
    }
    let sensors = |flags| {
        let collected = sysfs.collect("hwmon", flags);
        samples(&collected).into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    let one = [r#"node_hwmon_temp_celsius{chip="hwmon1",sensor="temp2"} 2"#];
    assert_eq!(sensors(&[("collector.hwmon.sensor-include", "hwmon1;temp2")]), one);
    assert_eq!(sensors(&[("collector.hwmon.sensor-exclude", "temp1|hwmon0")]), one);
    let both = [("collector.hwmon.sensor-include", "temp2"), ("collector.hwmon.sensor-exclude", "hwmon0")];
    assert_eq!(sensors(&both), one);
    let of_one_chip = sensors(&[("collector.hwmon.chip-exclude", "hwmon1")]);
    assert!(of_one_chip.len() == 2 && of_one_chip.iter().all(|line| line.contains("hwmon0")), "{of_one_chip:?}");
}

#[test]
fn what_is_ignored_is_not_shown() {
    let sysfs = Sysfs::new();
    sysfs.put("class/power_supply/BAT0", &[("present", "1")]);
    sysfs.put("class/power_supply/hidpp_battery_0", &[("present", "1")]);
    let supplies = sysfs.collect("powersupplyclass", &[("collector.powersupply.ignored-supplies", "^hidpp")]);
    assert_eq!(samples(&supplies).len(), 2);
    sysfs.put("class/scsi_tape/st0/stats", &[("in_flight", "0")]);
    sysfs.put("class/scsi_tape/st1/stats", &[("in_flight", "3")]);
    let drives = sysfs.collect("tapestats", &[("collector.tapestats.ignored-devices", "st0")]);
    assert_eq!(samples(&drives)[0], r#"node_tape_io_now{device="st1"} 3"#);
    sysfs.put("class/infiniband/mlx5_0", &[("fw_ver", "1")]);
    sysfs.put("class/infiniband/bnxt_0", &[("fw_ver", "2")]);
    let adapters = sysfs.collect("infiniband", &[("collector.infiniband.device-include", "mlx")]);
    assert!(samples(&adapters).len() == 1 && adapters.text.contains("mlx5_0"));
}

#[test]
fn zones_may_share_a_family() {
    let sysfs = Sysfs::new();
    for (zone, energy) in [("intel-rapl:0:0", "1000000"), ("intel-rapl:1:0", "2500000")] {
        sysfs.put(&format!("class/powercap/{zone}"), &[("name", "dram\n"), ("energy_uj", energy)]);
    }
    let collected = sysfs.collect("rapl", &[("collector.rapl.enable-zone-label", "true")]);
    let path = sysfs.path("class/powercap/intel-rapl:1:0").display().to_string();
    let second = format!(r#"node_rapl_joules_total{{index="1",path="{path}",rapl_zone="dram"}} 2.5"#);
    assert_eq!(samples(&collected)[1], second);
}

#[test]
fn an_odd_device_on_the_bus_costs_only_itself() {
    let sysfs = Sysfs::new();
    let ids =
        ["class", "vendor", "device", "subsystem_vendor", "subsystem_device", "revision"].map(|file| (file, "0x01"));
    sysfs.put("bus/pci/devices/0000:00:01.0", &ids);
    sysfs.put("bus/pci/devices/0000:00:02.0", &ids[1..]);
    sysfs.put("bus/pci/devices/odd", &ids);
    let collected = sysfs.collect("pcidevice", &[]);
    let infos = samples(&collected).into_iter().filter(|line| line.contains("_info{")).count();
    assert_eq!((infos, collected.problems.len()), (1, 2), "{:?}", collected.problems);
    assert!(collected.problems[0].ends_with("0000:00:02.0: no number in class"), "{:?}", collected.problems);
}

/// Nobody can alert on `node_scrape_collector_success` if it differs from node_exporter's.
#[test]
fn a_class_without_devices_is_a_success_as_with_node_exporter() {
    let sysfs = Sysfs::new();
    let is_success = |name: &str| matches!(sysfs.collect(name, &[]).outcome, Ok(Outcome::Empty(_)));
    let without_class = ["drm", "edac", "thermal_zone"];
    let with_class = ["class/hwmon", "class/infiniband", "class/nvme", "class/power_supply", "class/watchdog"];
    let collectors = ["hwmon", "infiniband", "nvme", "powersupplyclass", "watchdog"];
    assert_eq!(without_class.map(is_success), [true; 3]);
    assert_eq!(collectors.map(is_success), [false; 5]);
    with_class.into_iter().for_each(|class| fs::create_dir_all(sysfs.path(class)).expect("a folder"));
    assert_eq!(collectors.map(is_success), [true; 5]);
}
