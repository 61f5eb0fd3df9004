//! `/sys/class/infiniband`: InfiniBand and RoCE adapters, the state and the counters of their ports.
//! Kernel: 2.6.14 and later; 64-bit counters since 4.5, hardware counters since 4.6. Privileges: none.
//! Cost: one listing, and for each port as many reads as the driver has counters (20 to 60); the adapter is asked.

use std::fs;
use std::path::Path;

use exposition::{Family, LabelText, gauge};
use kernel::Host;

use super::attribute_labels::text_of;
use super::device_filter::DeviceFilter;
use super::infiniband_columns::COLUMNS;
use super::inventory::Inventory;
use super::readings::{self, Readings};
use crate::{Collector, Failure, Flag, FlagKind, Outcome, Scrape, Settings, SettingsError, Spec};

const INFO: Family =
    gauge("node_infiniband_info", "Non-numeric data from /sys/class/infiniband/<device>, value is always 1.");

const INCLUDE: Flag = Flag {
    name: "collector.infiniband.device-include",
    kind: FlagKind::Text { default: "" },
    help: "regular expression of the adapters to include; not together with device-exclude",
    aliases: &[],
};
const EXCLUDE: Flag = Flag {
    name: "collector.infiniband.device-exclude",
    kind: FlagKind::Text { default: "" },
    help: "regular expression of the adapters to exclude; not together with device-include",
    aliases: &[],
};

pub const SPEC: Spec = Spec {
    name: "infiniband",
    is_on_by_default: true,
    help: "InfiniBand and RoCE adapters and their ports, from /sys/class/infiniband",
    families: &readings::families::<{ 1 + COLUMNS.len() }>(&[INFO], &COLUMNS),
    flags: &[INCLUDE, EXCLUDE],
    build: |host, settings| Ok(Box::new(Infiniband::new(host, settings)?)),
};

struct Infiniband {
    host: Host,
    filter: DeviceFilter,
    adapters: Inventory<Adapter>,
}

struct Adapter {
    info: LabelText,
    ports: Vec<Port>,
}

struct Port {
    labels: LabelText,
    readings: Readings,
}

impl Infiniband {
    fn new(host: &Host, settings: &Settings) -> Result<Self, SettingsError> {
        Ok(Infiniband {
            host: host.clone(),
            filter: DeviceFilter::from_flags(settings, INCLUDE.name, EXCLUDE.name)?,
            adapters: Inventory::new(host.roots.sys("class/infiniband")),
        })
    }
}

impl Collector for Infiniband {
    fn collect(&mut self, scrape: &mut Scrape<'_>) -> Result<Outcome, Failure> {
        let (host, filter) = (&self.host, &self.filter);
        let make = |name: &str, path: &Path, buffer: &mut Vec<u8>| {
            (filter.is_wanted(name) && path.is_dir()).then(|| Adapter::new(host, name, path, buffer))
        };
        if let Err(error) = self.adapters.refresh(scrape.buffer, make) {
            return Outcome::of_error(error);
        }
        if self.adapters.is_empty() {
            return Ok(Outcome::empty(format!("no adapter in {}", self.adapters.folder().display())));
        }
        for (_, adapter) in self.adapters.iter_mut() {
            adapter.ports.iter_mut().for_each(|port| port.readings.read(&COLUMNS, scrape));
        }
        for (_, adapter) in self.adapters.iter() {
            scrape.page.labelled_sample(&INFO, &adapter.info, &[], 1.0);
        }
        let ports = self.adapters.iter().flat_map(|(_, adapter)| &adapter.ports);
        readings::write(&COLUMNS, ports.map(|port| (&port.labels, &port.readings)), scrape.page);
        Ok(Outcome::Collected)
    }
}

impl Adapter {
    fn new(host: &Host, name: &str, path: &Path, buffer: &mut Vec<u8>) -> Self {
        let mut text = |file| text_of(host, &path.join(file), buffer);
        let info = LabelText::new([
            ("board_id", &*text("board_id")),
            ("device", name),
            ("firmware_version", &text("fw_ver")),
            ("hca_type", &text("hca_type")),
        ]);
        let folder = path.join("ports");
        let mut numbers: Vec<u32> = fs::read_dir(&folder)
            .into_iter()
            .flatten()
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
            .collect();
        numbers.sort_unstable();
        let ports = numbers.into_iter().map(|number| {
            let number = number.to_string();
            let readings = Readings::new(host, &folder.join(&number), &COLUMNS);
            Port { labels: LabelText::new([("device", name), ("port", &number)]), readings }
        });
        Adapter { info, ports: ports.collect() }
    }
}
