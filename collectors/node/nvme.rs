//! `/sys/class/nvme`: NVMe controllers and their namespaces, as far as those are not reached by several paths.
//! Kernel: 4.1 and later, `nuse` since 6.8. Privileges: none.
//! Cost: one listing, one read per controller, four per namespace.

use std::fs;
use std::path::Path;

use exposition::{Family, LabelText, Page, gauge};
use kernel::{Attribute, Host};

use super::attribute_labels::{AttributeLabels, text_of};
use super::inventory::Inventory;
use super::readings::reading;
use crate::{Collector, Failure, Outcome, Scrape, Spec};

const INFO: Family = gauge("node_nvme_info", "Non-numeric data from /sys/class/nvme/<device>, value is always 1.");
const NAMESPACE_INFO: Family =
    gauge("node_nvme_namespace_info", "Information about NVMe namespaces. Value is always 1");

const CAPACITY: Family = gauge(
    "node_nvme_namespace_capacity_bytes",
    "Capacity of the NVMe namespace in bytes: its size in blocks times theirs",
);
const SIZE: Family =
    gauge("node_nvme_namespace_size_bytes", "Size of the NVMe namespace in bytes, from its size in blocks");
const USED: Family = gauge("node_nvme_namespace_used_bytes", "Used space of the NVMe namespace in bytes, from nuse");
const BLOCK: Family = gauge(
    "node_nvme_namespace_logical_block_size_bytes",
    "Logical block size of the NVMe namespace in bytes, from queue/logical_block_size",
);

pub const SPEC: Spec = Spec {
    name: "nvme",
    is_on_by_default: true,
    help: "NVMe controllers and their namespaces, from /sys/class/nvme",
    families: &[INFO, NAMESPACE_INFO, CAPACITY, SIZE, USED, BLOCK],
    flags: &[],
    build: |host, _| Ok(Box::new(Nvme::new(host))),
};

/// A family and what it shows of a namespace, in bytes.
type Column = (Family, fn(Blocks) -> Option<u64>);

const COLUMNS: [Column; 4] = [
    (CAPACITY, |blocks| Some(blocks.size?.wrapping_mul(blocks.bytes?))),
    (BLOCK, |blocks| blocks.bytes),
    (SIZE, |blocks| Some(blocks.size?.wrapping_mul(blocks.bytes?))),
    (USED, |blocks| Some(blocks.used?.wrapping_mul(blocks.bytes?))),
];

struct Nvme {
    host: Host,
    controllers: Inventory<Controller>,
}

struct Controller {
    info: AttributeLabels,
    namespaces: Vec<Namespace>,
}

struct Namespace {
    labels: LabelText,
    info: AttributeLabels,
    /// In blocks.
    size: Attribute,
    used: Attribute,
    block_bytes: Attribute,
    read: Blocks,
}

/// What was read of a namespace.
#[derive(Clone, Copy, Default)]
struct Blocks {
    size: Option<u64>,
    used: Option<u64>,
    /// Bytes of one.
    bytes: Option<u64>,
}

impl Nvme {
    fn new(host: &Host) -> Self {
        Nvme { host: host.clone(), controllers: Inventory::new(host.roots.sys("class/nvme")) }
    }

    fn write(&self, page: &mut Page) {
        let namespaces = || self.controllers.iter().flat_map(|(_, controller)| &controller.namespaces);
        for (_, controller) in self.controllers.iter() {
            page.labelled_sample(&INFO, controller.info.labels(), &[], 1.0);
        }
        for namespace in namespaces() {
            page.labelled_sample(&NAMESPACE_INFO, namespace.info.labels(), &[], 1.0);
        }
        for (family, bytes) in COLUMNS {
            for namespace in namespaces() {
                if let Some(bytes) = bytes(namespace.read) {
                    page.labelled_sample(&family, &namespace.labels, &[], bytes as f64);
                }
            }
        }
    }
}

impl Collector for Nvme {
    fn collect(&mut self, scrape: &mut Scrape<'_>) -> Result<Outcome, Failure> {
        let host = &self.host;
        let make = |name: &str, path: &Path, buffer: &mut Vec<u8>| {
            path.is_dir().then(|| Controller::new(host, name, path, buffer))
        };
        if let Err(error) = self.controllers.refresh(scrape.buffer, make) {
            return Outcome::of_error(error);
        }
        if self.controllers.is_empty() {
            return Ok(Outcome::empty(format!("no controller in {}", self.controllers.folder().display())));
        }
        for (_, controller) in self.controllers.iter_mut() {
            controller.info.read(scrape);
            controller.namespaces.iter_mut().for_each(|namespace| namespace.read(scrape));
        }
        self.write(scrape.page);
        Ok(Outcome::Collected)
    }
}

impl Controller {
    fn new(host: &Host, name: &str, path: &Path, buffer: &mut Vec<u8>) -> Self {
        let mut text = |file| text_of(host, &path.join(file), buffer);
        let info = AttributeLabels::new()
            .fixed("cntlid", &text("cntlid"))
            .fixed("device", name)
            .fixed("firmware_revision", &text("firmware_rev"))
            .fixed("model", &text("model"))
            .fixed("serial", &text("serial"))
            .read_from("state", host.attribute(path.join("state")));
        let mut ids: Vec<(String, String)> = Vec::new();
        for entry in fs::read_dir(path).into_iter().flatten().flatten() {
            if let Ok(file) = entry.file_name().into_string()
                && let Some(id) = namespace_id(&file)
            {
                ids.push((id.to_owned(), file));
            }
        }
        ids.sort();
        // Several entries with one id are one namespace.
        ids.dedup_by(|later, first| later.0 == first.0);
        let namespaces = ids.iter().map(|(id, file)| Namespace::new(host, name, id, &path.join(file))).collect();
        Controller { info, namespaces }
    }
}

impl Namespace {
    fn new(host: &Host, controller: &str, id: &str, path: &Path) -> Self {
        let attribute = |file| host.attribute(path.join(file));
        Namespace {
            labels: LabelText::new([("device", controller), ("nsid", id)]),
            info: AttributeLabels::new()
                .read_or("unknown", "ana_state", attribute("ana_state"))
                .fixed("device", controller)
                .fixed("nsid", id),
            size: attribute("size"),
            used: attribute("nuse"),
            block_bytes: attribute("queue/logical_block_size"),
            read: Blocks::default(),
        }
    }

    fn read(&mut self, scrape: &mut Scrape<'_>) {
        self.info.read(scrape);
        let mut number = |attribute: &mut Attribute| reading(attribute.number(scrape.buffer), scrape.problems);
        self.read =
            Blocks { size: number(&mut self.size), used: number(&mut self.used), bytes: number(&mut self.block_bytes) };
    }
}

/// `nvme0n1` is namespace 1. One of several paths to a namespace (`nvme0c1n1`) is none: the collector `nvmesubsystem`
/// tells of those.
fn namespace_id(name: &str) -> Option<&str> {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let (controller, id) = name.strip_prefix("nvme")?.split_once('n')?;
    (is_number(controller) && is_number(id)).then_some(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_namespaces_have_an_id() {
        assert_eq!(namespace_id("nvme0n12"), Some("12"));
        for name in ["nvme0c1n1", "nvme0", "ng0n1", "hwmon3", "nvme0n1p1", "nvmen1"] {
            assert_eq!(namespace_id(name), None, "{name}");
        }
    }
}
