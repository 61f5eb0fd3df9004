//! The clock, the time zone of this process, and `/sys/devices/system/clocksource`.
//! Kernel: any; clock sources 2.6.18 and later. Privileges: none. Cost: two reads of about 20 bytes per clock device.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use exposition::{Family, gauge};
use kernel::ffi::local_time_zone;
use kernel::{Host, KeptFile, scan};

use crate::{Collector, Failure, Outcome, Scrape, Spec};

const SECONDS: Family = gauge("node_time_seconds", "System time in seconds since epoch (1970).");
const ZONE_OFFSET: Family = gauge("node_time_zone_offset_seconds", "System time zone offset in seconds.");
const AVAILABLE: Family = gauge("node_time_clocksource_available_info", "Clock sources that the kernel could use.");
const CURRENT: Family = gauge("node_time_clocksource_current_info", "Clock source that the kernel uses.");

pub const SPEC: Spec = Spec {
    name: "time",
    is_on_by_default: true,
    help: "the clock, its time zone and its clock source",
    families: &[SECONDS, ZONE_OFFSET, AVAILABLE, CURRENT],
    flags: &[],
    build: |host, _| Ok(Box::new(Time::new(host))),
};

struct Time {
    zone: String,
    clocks: Vec<ClockDevice>,
}

/// `clocksource0`, of which there is one.
struct ClockDevice {
    /// What follows `clocksource` in its name.
    number: String,
    available: KeptFile,
    current: KeptFile,
}

impl Time {
    fn new(host: &Host) -> Self {
        Time { zone: String::new(), clocks: ClockDevice::all(host) }
    }

    fn write_clock(&mut self, scrape: &mut Scrape<'_>) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        scrape.page.sample(&SECONDS, &[], now.as_nanos() as f64 / 1e9);
        let seconds = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
        if let Some(offset_seconds) = local_time_zone(seconds, &mut self.zone) {
            scrape.page.sample(&ZONE_OFFSET, &[("time_zone", &self.zone)], offset_seconds as f64);
        }
    }
}

impl Collector for Time {
    fn collect(&mut self, scrape: &mut Scrape<'_>) -> Result<Outcome, Failure> {
        self.write_clock(scrape);
        for clock in &mut self.clocks {
            if let Err(error) = clock.collect(scrape) {
                scrape.item_failed(error);
            }
        }
        Ok(Outcome::Collected)
    }
}

impl ClockDevice {
    /// Clock devices are there from boot on, so they are looked for once.
    fn all(host: &Host) -> Vec<ClockDevice> {
        let folder = Path::new("devices/system/clocksource");
        let Ok(entries) = std::fs::read_dir(host.roots.sys(folder)) else { return Vec::new() };
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let mut numbers: Vec<String> =
            names.filter_map(|name| name.strip_prefix("clocksource").map(str::to_owned)).collect();
        numbers.sort();
        let device = |number: String| {
            let folder = folder.join(format!("clocksource{number}"));
            ClockDevice {
                available: host.sys_file(folder.join("available_clocksource")),
                current: host.sys_file(folder.join("current_clocksource")),
                number,
            }
        };
        numbers.into_iter().map(device).collect()
    }

    fn collect(&mut self, scrape: &mut Scrape<'_>) -> kernel::Result<()> {
        for (family, file) in [(&AVAILABLE, &mut self.available), (&CURRENT, &mut self.current)] {
            let bytes = file.read_single(scrape.buffer)?;
            for source in scan::Fields::new(1, bytes) {
                let source = String::from_utf8_lossy(source);
                scrape.page.sample(family, &[("clocksource", &source), ("device", &self.number)], 1.0);
            }
        }
        Ok(())
    }
}
