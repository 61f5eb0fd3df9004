//! `/sys/class/nvme-subsystem`: NVMe subsystems and the controllers by which each can be reached (multipath).
//! Kernel: 4.15 and later. Privileges: none. Cost: one listing, one more and a read for each subsystem, and a read for
//! each of its controllers.

use std::path::Path;

use exposition::{Family, LabelText, gauge};
use kernel::{Attribute, Host};

use super::attribute_labels::{AttributeLabels, text_of};
use super::inventory::Inventory;
use super::readings::reading;
use crate::{Collector, Failure, Outcome, Scrape, Spec};

const INFO: Family = gauge("node_nvmesubsystem_info", "Non-numeric information about an NVMe subsystem.");
const NAMESPACE_INFO: Family =
    gauge("node_nvmesubsystem_namespace_info", "Maps an NVMe namespace block device to its subsystem.");
const PATH_STATE: Family = gauge(
    "node_nvmesubsystem_path_state",
    "Current NVMe controller path state (1 for the current state, 0 for all others).",
);
const PATHS: Family = gauge("node_nvmesubsystem_paths", "Number of controller paths for an NVMe subsystem.");
const PATHS_LIVE: Family =
    gauge("node_nvmesubsystem_paths_live", "Number of controller paths in live state for an NVMe subsystem.");

/// The states that have a series. The kernel has more: a controller that is new or goes away is in none of these.
const STATES: [&str; 5] = ["connecting", "dead", "live", "resetting", "unknown"];
const STATES_WITHOUT_SERIES: [&[u8]; 3] = [b"deleting", b"deleting (no IO)", b"new"];

pub const SPEC: Spec = Spec {
    name: "nvmesubsystem",
    is_on_by_default: false,
    help: "NVMe subsystems and the paths to them, from /sys/class/nvme-subsystem",
    families: &[INFO, NAMESPACE_INFO, PATH_STATE, PATHS, PATHS_LIVE],
    flags: &[],
    build: |host, _| Ok(Box::new(NvmeSubsystems::new(host))),
};

struct NvmeSubsystems {
    host: Host,
    subsystems: Inventory<Subsystem>,
}

struct Subsystem {
    name: String,
    labels: LabelText,
    info: AttributeLabels,
    parts: Inventory<Part>,
}

/// What a subsystem's folder has in it, of which only these count.
enum Part {
    Controller(Controller),
    Namespace(LabelText),
}

struct Controller {
    state: Attribute,
    /// The place in `STATES`; `None` while it is in none of them.
    now: Option<usize>,
    /// One for each state.
    labels: [LabelText; STATES.len()],
}

impl NvmeSubsystems {
    fn new(host: &Host) -> Self {
        NvmeSubsystems { host: host.clone(), subsystems: Inventory::new(host.roots.sys("class/nvme-subsystem")) }
    }
}

impl Collector for NvmeSubsystems {
    fn collect(&mut self, scrape: &mut Scrape<'_>) -> Result<Outcome, Failure> {
        let host = &self.host;
        let make = |name: &str, path: &Path, buffer: &mut Vec<u8>| {
            let is_subsystem = name.starts_with("nvme-subsys") && path.is_dir();
            is_subsystem.then(|| Subsystem::new(host, name, path, buffer))
        };
        if let Err(error) = self.subsystems.refresh(scrape.buffer, make) {
            return Outcome::of_error(error);
        }
        if self.subsystems.is_empty() {
            return Ok(Outcome::empty(format!("no subsystem in {}", self.subsystems.folder().display())));
        }
        for (_, subsystem) in self.subsystems.iter_mut() {
            subsystem.read(host, scrape);
        }
        let subsystems = || self.subsystems.iter().map(|(_, subsystem)| subsystem);
        let page = &mut *scrape.page;
        for subsystem in subsystems() {
            page.labelled_sample(&INFO, subsystem.info.labels(), &[], 1.0);
        }
        for labels in subsystems().flat_map(Subsystem::namespaces) {
            page.labelled_sample(&NAMESPACE_INFO, labels, &[], 1.0);
        }
        for controller in subsystems().flat_map(Subsystem::controllers) {
            for (place, labels) in controller.labels.iter().enumerate() {
                let is_now = controller.now == Some(place);
                page.labelled_sample(&PATH_STATE, labels, &[], f64::from(u8::from(is_now)));
            }
        }
        for subsystem in subsystems() {
            page.labelled_sample(&PATHS, &subsystem.labels, &[], subsystem.controllers().count() as f64);
        }
        for subsystem in subsystems() {
            let live = subsystem.controllers().filter(|controller| controller.is_live()).count();
            page.labelled_sample(&PATHS_LIVE, &subsystem.labels, &[], live as f64);
        }
        Ok(Outcome::Collected)
    }
}

impl Subsystem {
    fn new(host: &Host, name: &str, path: &Path, buffer: &mut Vec<u8>) -> Self {
        let mut text = |file| text_of(host, &path.join(file), buffer);
        let info = AttributeLabels::new()
            .read_from("iopolicy", host.attribute(path.join("iopolicy")))
            .fixed("model", &text("model"))
            .fixed("nqn", &text("subsysnqn"))
            .fixed("serial", &text("serial"))
            .fixed("subsystem", name);
        let labels = LabelText::new([("subsystem", name)]);
        Subsystem { name: name.to_owned(), labels, info, parts: Inventory::new(path.to_owned()) }
    }

    fn read(&mut self, host: &Host, scrape: &mut Scrape<'_>) {
        self.info.read(scrape);
        let subsystem = &self.name;
        let make = |name: &str, path: &Path, buffer: &mut Vec<u8>| Part::new(host, subsystem, name, path, buffer);
        if let Err(error) = self.parts.refresh(scrape.buffer, make) {
            scrape.item_failed(error);
        }
        for (_, part) in self.parts.iter_mut() {
            if let Part::Controller(controller) = part {
                controller.read(scrape);
            }
        }
    }

    fn controllers(&self) -> impl Iterator<Item = &Controller> {
        self.parts.iter().filter_map(|(_, part)| match part {
            Part::Controller(controller) => Some(controller),
            Part::Namespace(_) => None,
        })
    }

    fn namespaces(&self) -> impl Iterator<Item = &LabelText> {
        self.parts.iter().filter_map(|(_, part)| match part {
            Part::Controller(_) => None,
            Part::Namespace(labels) => Some(labels),
        })
    }
}

impl Part {
    /// `nvme0` is a controller, `nvme0n1` a namespace.
    fn new(host: &Host, subsystem: &str, name: &str, path: &Path, buffer: &mut Vec<u8>) -> Option<Self> {
        let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let rest = name.strip_prefix("nvme")?;
        if is_number(rest) {
            return path.is_dir().then(|| Part::Controller(Controller::new(host, subsystem, name, path, buffer)));
        }
        let (controller, namespace) = rest.split_once('n')?;
        let labels = || LabelText::new([("device", name), ("subsystem", subsystem)]);
        (is_number(controller) && is_number(namespace)).then(|| Part::Namespace(labels()))
    }
}

impl Controller {
    fn new(host: &Host, subsystem: &str, name: &str, path: &Path, buffer: &mut Vec<u8>) -> Self {
        let transport = text_of(host, &path.join("transport"), buffer);
        let labels = STATES.map(|state| {
            LabelText::new([
                ("controller", name),
                ("state", state),
                ("subsystem", subsystem),
                ("transport", &transport),
            ])
        });
        Controller { state: host.attribute(path.join("state")), now: None, labels }
    }

    fn read(&mut self, scrape: &mut Scrape<'_>) {
        let state = reading(self.state.text(scrape.buffer), scrape.problems).unwrap_or_default();
        self.now = if STATES_WITHOUT_SERIES.contains(&state) {
            None
        } else {
            let place = |wanted: &[u8]| STATES.iter().position(|state| state.as_bytes() == wanted);
            place(state).or_else(|| place(b"unknown"))
        };
    }

    fn is_live(&self) -> bool {
        self.now.is_some_and(|place| STATES[place] == "live")
    }
}
