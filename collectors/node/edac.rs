//! `/sys/devices/system/edac/mc`: memory errors that were corrected or not, by memory controller, row and channel.
//! Kernel: 2.6.16 and later, machines with ECC memory and a driver for their controller. Privileges: none.
//! Cost: one listing, and two reads for each controller, row and channel.

use std::fs;
use std::path::Path;

use exposition::{Family, LabelText, counter};
use kernel::{Host, read_file};

use super::inventory::Inventory;
use super::readings::{self, Column, Readings, unsigned};
use crate::{Collector, Failure, Outcome, Scrape, Spec};

const ROW_CORRECTABLE: Family =
    counter("node_edac_csrow_correctable_errors_total", "Total correctable memory errors for this csrow.");
const ROW_UNCORRECTABLE: Family =
    counter("node_edac_csrow_uncorrectable_errors_total", "Total uncorrectable memory errors for this csrow.");
const CHANNEL_CORRECTABLE: Family =
    counter("node_edac_channel_correctable_errors_total", "Total correctable memory errors for this channel.");
const CHANNEL_UNCORRECTABLE: Family =
    counter("node_edac_channel_uncorrectable_errors_total", "Total uncorrectable memory errors for this channel.");

const CONTROLLER: [Column; 2] = [
    Column::new(
        counter("node_edac_correctable_errors_total", "Total correctable memory errors."),
        "ce_count",
        unsigned,
    ),
    Column::new(
        counter("node_edac_uncorrectable_errors_total", "Total uncorrectable memory errors."),
        "ue_count",
        unsigned,
    ),
];
/// Errors of a controller of which it does not know the row.
const UNKNOWN_ROW: [Column; 2] = [
    Column::new(ROW_CORRECTABLE, "ce_noinfo_count", unsigned),
    Column::new(ROW_UNCORRECTABLE, "ue_noinfo_count", unsigned),
];
const ROW: [Column; 2] =
    [Column::new(ROW_CORRECTABLE, "ce_count", unsigned), Column::new(ROW_UNCORRECTABLE, "ue_count", unsigned)];
/// Attributes of a channel lie in its row's folder, with the channel's name before these.
const CHANNEL: [Column; 2] =
    [Column::new(CHANNEL_CORRECTABLE, "ce_count", unsigned), Column::new(CHANNEL_UNCORRECTABLE, "ue_count", unsigned)];

pub const SPEC: Spec = Spec {
    name: "edac",
    is_on_by_default: true,
    help: "errors of ECC memory, from /sys/devices/system/edac",
    families: &[
        CONTROLLER[0].family,
        CONTROLLER[1].family,
        ROW_CORRECTABLE,
        ROW_UNCORRECTABLE,
        CHANNEL_CORRECTABLE,
        CHANNEL_UNCORRECTABLE,
    ],
    flags: &[],
    build: |host, _| Ok(Box::new(Edac::new(host))),
};

struct Edac {
    host: Host,
    controllers: Inventory<Controller>,
}

struct Controller {
    counts: Counted,
    unknown_row: Counted,
    rows: Vec<Counted>,
    channels: Vec<Counted>,
}

struct Counted {
    labels: LabelText,
    readings: Readings,
}

impl Edac {
    fn new(host: &Host) -> Self {
        Edac { host: host.clone(), controllers: Inventory::new(host.roots.sys("devices/system/edac/mc")) }
    }
}

impl Collector for Edac {
    fn collect(&mut self, scrape: &mut Scrape<'_>) -> Result<Outcome, Failure> {
        let host = &self.host;
        let make =
            |name: &str, path: &Path, buffer: &mut Vec<u8>| Controller::new(host, number(name, "mc")?, path, buffer);
        if let Err(error) = self.controllers.refresh(scrape.buffer, make) {
            return if error.is_absent() { Ok(Outcome::empty(error.to_string())) } else { Err(error.into()) };
        }
        if self.controllers.is_empty() {
            return Ok(Outcome::empty(format!("no memory controller in {}", self.controllers.folder().display())));
        }
        for (_, controller) in self.controllers.iter_mut() {
            controller.read(scrape);
        }
        let controllers = || self.controllers.iter().map(|(_, controller)| controller);
        let page = &mut *scrape.page;
        readings::write(&CONTROLLER, controllers().map(|one| one.counts.as_row()), page);
        readings::write(&UNKNOWN_ROW, controllers().map(|one| one.unknown_row.as_row()), page);
        readings::write(&ROW, controllers().flat_map(|one| one.rows.iter().map(Counted::as_row)), page);
        readings::write(&CHANNEL, controllers().flat_map(|one| one.channels.iter().map(Counted::as_row)), page);
        Ok(Outcome::Collected)
    }
}

impl Controller {
    fn new(host: &Host, controller: &str, path: &Path, buffer: &mut Vec<u8>) -> Option<Self> {
        let counts = Counted {
            labels: LabelText::new([("controller", controller)]),
            readings: Readings::new(host, path, &CONTROLLER),
        };
        let unknown_row = Counted {
            labels: LabelText::new([("controller", controller), ("csrow", "unknown")]),
            readings: Readings::new(host, path, &UNKNOWN_ROW),
        };
        let (mut rows, mut channels) = (Vec::new(), Vec::new());
        for name in names_in(path) {
            let Some(row) = number(&name, "csrow") else { continue };
            let path = path.join(&name);
            let labels = LabelText::new([("controller", controller), ("csrow", row)]);
            rows.push(Counted { labels, readings: Readings::new(host, &path, &ROW) });
            for name in names_in(&path) {
                let channel = name.strip_suffix("_ce_count").filter(|name| number(name, "ch").is_some());
                let Some(channel) = channel else { continue };
                let dimm_label = dimm_label(&path.join(format!("{channel}_dimm_label")), buffer);
                let labels = LabelText::new([
                    ("channel", channel.trim_start_matches("ch")),
                    ("controller", controller),
                    ("csrow", row),
                    ("dimm_label", &dimm_label),
                ]);
                let attributes = CHANNEL.map(|column| path.join(format!("{channel}_{}", column.file)));
                channels.push(Counted { labels, readings: Readings::of_attributes(host, attributes) });
            }
        }
        path.is_dir().then_some(Controller { counts, unknown_row, rows, channels })
    }

    fn read(&mut self, scrape: &mut Scrape<'_>) {
        self.counts.readings.read(&CONTROLLER, scrape);
        self.unknown_row.readings.read(&UNKNOWN_ROW, scrape);
        self.rows.iter_mut().for_each(|row| row.readings.read(&ROW, scrape));
        self.channels.iter_mut().for_each(|channel| channel.readings.read(&CHANNEL, scrape));
    }
}

impl Counted {
    fn as_row(&self) -> (&LabelText, &Readings) {
        (&self.labels, &self.readings)
    }
}

/// The digits after the prefix; `None` for other names.
fn number<'a>(name: &'a str, prefix: &str) -> Option<&'a str> {
    let digits = name.strip_prefix(prefix)?;
    (!digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())).then_some(digits)
}

fn names_in(folder: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut names: Vec<String> = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort();
    names
}

/// What the firmware or an administrator called the slot, in node_exporter's spelling; `unknown` where nobody did.
fn dimm_label(path: &Path, buffer: &mut Vec<u8>) -> String {
    let Ok(bytes) = read_file(path, buffer) else { return "unknown".to_owned() };
    let label = kernel::sys::text::to_utf8(kernel::scan::trim(bytes));
    label.replace('#', "").replace("csrow", "_csrow").replace("channel", "_channel")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_numbered_folders_are_meant() {
        assert_eq!(number("mc0", "mc"), Some("0"));
        assert_eq!([number("mc", "mc"), number("mc0x", "mc"), number("power", "mc")], [None; 3]);
    }

    #[test]
    fn labels_of_slots_are_spelt_as_upstream_does() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let path = dir.path().join("ch0_dimm_label");
        assert_eq!(dimm_label(&path, &mut Vec::new()), "unknown");
        fs::write(&path, "  mc#0csrow#1channel#2\n").expect("written");
        assert_eq!(dimm_label(&path, &mut Vec::new()), "mc0_csrow1_channel2");
    }
}
