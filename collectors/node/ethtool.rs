//! What the drivers of network devices tell of them: who they are, what their links can do, and their own statistics.
//! Devices are those in `/sys/class/net`; they are asked by ioctl (`SIOCETHTOOL`), in the network namespace of the agent.
//! Kernel: any. Privileges: none. Cost: two system calls per device, and what the driver makes of them; names and the
//! driver are asked when a device appears and once a minute.

use std::io;
use std::path::Path;

use exposition::{Family, LabelText, Page, gauge};
use kernel::ethtool::{Ethtool, LinkSettings, names, values};
use kernel::{Host, scan};
use nix::libc;
use regex::Regex;

use super::device_filter::DeviceFilter;
use super::ethtool_link;
use super::ethtool_statistics::{ANY, StatisticFamily, WELL_KNOWN, families};
use super::inventory::Inventory;
use super::other_network;
use super::true_types::Types;
use crate::{Collector, Failure, Flag, FlagKind, Outcome, Scrape, Settings, SettingsError, Spec};

const INFO: Family = gauge(
    "node_ethtool_info",
    "A metric with a constant '1' value labeled by bus_info, device, driver, expansion_rom_version, firmware_version, \
     version.",
);

const INCLUDE: Flag = Flag {
    name: "collector.ethtool.device-include",
    kind: FlagKind::Text { default: "" },
    help: "regular expression of the devices to include",
    aliases: &[],
};
const EXCLUDE: Flag = Flag {
    name: "collector.ethtool.device-exclude",
    kind: FlagKind::Text { default: "" },
    help: "regular expression of the devices to exclude",
    aliases: &[],
};
const METRICS: Flag = Flag {
    name: "collector.ethtool.metrics-include",
    kind: FlagKind::Text { default: ".*" },
    help: "regular expression of the drivers' statistics to include",
    aliases: &[],
};

pub const SPEC: Spec = Spec {
    name: "ethtool",
    is_on_by_default: false,
    help: "drivers of network devices, modes of their links, and the drivers' own statistics, by ioctl",
    families: &FAMILIES,
    flags: &[INCLUDE, EXCLUDE, METRICS],
    build: |host, settings| Ok(Box::new(EthtoolOfDevices::new(host, settings)?)),
};

const FAMILIES: [Family; 19] = {
    use ethtool_link::{ADVERTISED_SPEED, AUTONEGOTIATE, FEATURES, SUPPORTED_PORT, SUPPORTED_SPEED};
    let mut all = [INFO; 19];
    (all[1], all[2], all[3], all[4]) = (SUPPORTED_SPEED, SUPPORTED_PORT, ADVERTISED_SPEED, AUTONEGOTIATE);
    let mut place = 0;
    while place < FEATURES.len() {
        all[5 + place] = FEATURES[place].0;
        place += 1;
    }
    place = 0;
    while place < WELL_KNOWN.len() {
        all[11 + place] = WELL_KNOWN[place].1;
        place += 1;
    }
    all[18] = ANY;
    all
};

struct EthtoolOfDevices {
    types: Types,
    is_in_host_network: bool,
    filter: DeviceFilter,
    metrics: Option<Regex>,
    ethtool: Ethtool,
    devices: Inventory<Device>,
    /// Of all devices, worked out when names of statistics are new.
    families: Vec<StatisticFamily>,
}

#[derive(Default)]
struct Device {
    labels: LabelText,
    /// `None` where the driver does not say who it is.
    info: Option<LabelText>,
    /// False where the driver has said that it knows no settings.
    has_settings: bool,
    settings: Option<LinkSettings>,
    /// In the driver's order; empty where it has none.
    statistics: Vec<Box<str>>,
    /// As many as there are statistics, or none when they could not be read.
    values: Vec<u64>,
    /// The names of its statistics are not in `families` yet.
    is_new: bool,
}

impl EthtoolOfDevices {
    fn new(host: &Host, settings: &Settings) -> Result<Self, SettingsError> {
        Ok(EthtoolOfDevices {
            is_in_host_network: host.is_in_host_network(),
            types: Types::of(settings),
            filter: DeviceFilter::from_both_flags(settings, INCLUDE.name, EXCLUDE.name)?,
            metrics: settings.pattern(METRICS.name)?,
            ethtool: Ethtool::default(),
            devices: Inventory::new(host.roots.sys("class/net")),
            families: Vec::new(),
        })
    }

    fn read(&mut self, scrape: &mut Scrape<'_>) -> kernel::Result<()> {
        let (ethtool, filter, problems) = (&mut self.ethtool, &self.filter, &mut *scrape.problems);
        let count = self.devices.iter().count();
        self.devices.refresh(scrape.buffer, |name, path, _| {
            (filter.is_wanted(name) && is_device(path)).then(|| Device::new(name, ethtool, problems))
        })?;
        let mut is_changed = self.devices.iter().count() != count;
        for (name, device) in self.devices.iter_mut() {
            device.read(name, ethtool, problems);
            is_changed |= std::mem::take(&mut device.is_new);
        }
        if is_changed {
            let metrics = &self.metrics;
            let is_wanted = |name: &str| metrics.as_ref().is_none_or(|pattern| pattern.is_match(name));
            self.families = families(self.devices.iter().map(|(_, device)| &device.statistics), self.types, is_wanted);
        }
        Ok(())
    }

    fn write(&self, page: &mut Page) {
        for info in self.devices.iter().filter_map(|(_, device)| device.info.as_ref()) {
            page.labelled_sample(&INFO, info, &[], 1.0);
        }
        let links = || self.devices.iter().filter_map(|(_, device)| Some((&device.labels, device.settings.as_ref()?)));
        ethtool_link::write(links, page);
    }

    fn write_statistics(&self, page: &mut Page) {
        for family in &self.families {
            let mut devices = self.devices.iter().enumerate();
            for (device, statistic) in &family.places {
                let Some((_, (name, device))) = devices.find(|(place, _)| place == device) else { break };
                if let Some(value) = device.values.get(*statistic) {
                    page.named_sample(&family.name, family.kind, &family.help, &[("device", name)], *value as f64);
                }
            }
        }
    }
}

impl Collector for EthtoolOfDevices {
    fn collect(&mut self, scrape: &mut Scrape<'_>) -> Result<Outcome, Failure> {
        if !self.is_in_host_network {
            return Ok(Outcome::absent(other_network::REASON));
        }
        if let Err(error) = self.read(scrape) {
            return Outcome::of_error(error);
        }
        self.write(scrape.page);
        self.write_statistics(scrape.page);
        Ok(Outcome::Collected)
    }
}

/// Files in the folder are no devices (`bonding_masters`).
fn is_device(path: &Path) -> bool {
    path.is_dir()
}

impl Device {
    fn new(name: &str, ethtool: &mut Ethtool, problems: &mut Vec<String>) -> Self {
        let info = told(name, "driver", ethtool.driver_info(name.as_bytes()), problems).map(|info| {
            let text = |bytes| scan::to_text(bytes);
            LabelText::new([
                ("bus_info", &*text(info.bus_info)),
                ("device", name),
                ("driver", &text(info.driver)),
                ("expansion_rom_version", &text(info.expansion_rom_version)),
                ("firmware_version", &text(info.firmware_version)),
                ("version", &text(info.version)),
            ])
        });
        let mut device = Device {
            labels: LabelText::new([("device", name)]),
            info,
            has_settings: true,
            is_new: true,
            ..Device::default()
        };
        device.learn_names(name, ethtool, problems);
        device
    }

    fn learn_names(&mut self, name: &str, ethtool: &mut Ethtool, problems: &mut Vec<String>) {
        self.statistics.clear();
        self.is_new = true;
        let count = ethtool.driver_info(name.as_bytes()).map_or(0, |info| info.statistics);
        if count > 0 {
            let answer = told(name, "names of statistics", ethtool.statistic_names(name.as_bytes(), count), problems);
            self.statistics.extend(names(answer.unwrap_or_default()).map(|name| scan::to_text(name).into()));
        }
    }

    fn read(&mut self, name: &str, ethtool: &mut Ethtool, problems: &mut Vec<String>) {
        self.settings = None;
        if self.has_settings {
            let answer = ethtool.link_settings(name.as_bytes());
            self.has_settings = !answer.as_ref().is_err_and(is_unknown_to_the_driver);
            self.settings = told(name, "link settings", answer, problems);
        }
        if !self.statistics.is_empty() && !self.read_values(name, ethtool, problems) {
            // Statistics came or went, as with a changed number of queues.
            self.learn_names(name, ethtool, problems);
            self.read_values(name, ethtool, problems);
        }
    }

    /// Whether there are as many values as names.
    fn read_values(&mut self, name: &str, ethtool: &mut Ethtool, problems: &mut Vec<String>) -> bool {
        self.values.clear();
        let count = self.statistics.len();
        match told(name, "statistics", ethtool.statistic_values(name.as_bytes(), count), problems) {
            Some(answer) => self.values.extend(values(answer)),
            None => return true,
        }
        let is_complete = self.values.len() == count;
        if !is_complete {
            self.values.clear();
        }
        is_complete
    }
}

fn is_unknown_to_the_driver(error: &io::Error) -> bool {
    error.raw_os_error() == Some(libc::EOPNOTSUPP)
}

/// What a driver does not know, or of a device that went, is nothing to tell of.
fn told<T>(device: &str, what: &str, answer: io::Result<T>, problems: &mut Vec<String>) -> Option<T> {
    match answer {
        Ok(answer) => Some(answer),
        Err(error) => {
            if !(is_unknown_to_the_driver(&error) || error.raw_os_error() == Some(libc::ENODEV)) {
                problems.push(format!("{device}: {what}: {error}"));
            }
            None
        }
    }
}
