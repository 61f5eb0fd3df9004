//! `/sys/class/dmi/id`: what the firmware says of the machine: vendor, model, serial numbers, versions.
//! Kernel: 2.6.25 and later, where there is DMI (not on most ARM boards). Privileges: serial numbers and the UUID are
//! root's. Cost: none; the files are read once, since they do not change until the machine boots again.

use std::path::Path;

use exposition::{Family, LabelText, gauge};
use kernel::sys::text;
use kernel::{Host, read_file_if_there};

use crate::{Collector, Failure, Outcome, Scrape, Spec};

const INFO: Family = gauge(
    "node_dmi_info",
    "What the firmware says of the machine, one label for each thing that it says; the value is always 1.",
);

/// Labels and their files, by label.
const FILES: [(&str, &str); 20] = [
    ("bios_date", "bios_date"),
    ("bios_release", "bios_release"),
    ("bios_vendor", "bios_vendor"),
    ("bios_version", "bios_version"),
    ("board_asset_tag", "board_asset_tag"),
    ("board_name", "board_name"),
    ("board_serial", "board_serial"),
    ("board_vendor", "board_vendor"),
    ("board_version", "board_version"),
    ("chassis_asset_tag", "chassis_asset_tag"),
    ("chassis_serial", "chassis_serial"),
    ("chassis_vendor", "chassis_vendor"),
    ("chassis_version", "chassis_version"),
    ("product_family", "product_family"),
    ("product_name", "product_name"),
    ("product_serial", "product_serial"),
    ("product_sku", "product_sku"),
    ("product_uuid", "product_uuid"),
    ("product_version", "product_version"),
    ("system_vendor", "sys_vendor"),
];

pub const SPEC: Spec = Spec {
    name: "dmi",
    is_on_by_default: true,
    help: "vendor, model and versions of the machine, from /sys/class/dmi/id",
    families: &[INFO],
    flags: &[],
    build: |host, _| Ok(Box::new(Dmi { host: host.clone(), labels: None })),
};

struct Dmi {
    host: Host,
    /// Read in the first scrape that finds any.
    labels: Option<LabelText>,
}

impl Collector for Dmi {
    fn collect(&mut self, scrape: &mut Scrape<'_>) -> Result<Outcome, Failure> {
        if self.labels.is_none() {
            let folder = self.host.roots.sys("class/dmi/id");
            // Looked at first: where there is none, twenty files would be asked for in vain on each scrape.
            self.labels = if folder.is_dir() { read(&folder, scrape) } else { None };
            if self.labels.is_none() {
                return Ok(Outcome::absent(format!("the firmware says nothing in {}", folder.display())));
            }
        }
        if let Some(labels) = &self.labels {
            scrape.page.labelled_sample(&INFO, labels, &[], 1.0);
        }
        Ok(Outcome::Collected)
    }
}

/// One label for each file that can be read; what only root may read is left out.
fn read(folder: &Path, scrape: &mut Scrape<'_>) -> Option<LabelText> {
    let mut labels = None;
    for (label, file) in FILES {
        match read_file_if_there(&folder.join(file), scrape.buffer) {
            Ok(Some(bytes)) => {
                let value = text::to_utf8(text::shown(bytes));
                labels.get_or_insert_with(LabelText::default).push(label, &value);
            }
            Ok(None) => {}
            Err(error) if error.is_denied() => {}
            Err(error) => scrape.problems.push(error.to_string()),
        }
    }
    labels
}
