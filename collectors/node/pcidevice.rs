//! `/sys/bus/pci/devices`: PCI devices, their links, power states and virtual functions.
//! Kernel: 2.6 and later; links since 4.13, power states since 5.11. Privileges: none. Cost: one listing, and five to
//! ten reads per device; a server has hundreds.
//!
//! What a device cannot have more of later (the speed that its link may have at most) is read when it appears.

use std::path::Path;

use exposition::{Family, LabelText, gauge};
use kernel::scan::{ParseError, trim};
use kernel::sys::pci::{Address, is_unknown, link_speed};
use kernel::sys::pci_ids::PciId;
use kernel::sys::{integer, text};
use kernel::{Attribute, Host};

use super::inventory::Inventory;
use super::pci_names::Names;
use super::readings::{self, Column, Readings, reading, signed};
use crate::{Collector, Failure, Flag, FlagKind, Outcome, Scrape, Settings, SettingsError, Spec};

const INFO: Family =
    gauge("node_pcidevice_info", "Non-numeric data from /sys/bus/pci/devices/<location>, value is always 1.");
const POWER_STATE: Family = gauge(
    "node_pcidevice_power_state",
    "PCIe device power state, one of: D0, D1, D2, D3hot, D3cold, unknown or error.",
);
const POWER_STATES: [&str; 7] = ["D0", "D1", "D2", "D3cold", "D3hot", "error", "unknown"];

const COLUMNS: [Column; 10] = [
    Column::new(
        gauge("node_pcidevice_current_link_transfers_per_second", "Value of current link's transfers per second (T/s)"),
        "current_link_speed",
        link_speed,
    ),
    Column::new(
        gauge("node_pcidevice_current_link_width", "Value of current link's width (number of lanes)"),
        "current_link_width",
        lanes,
    ),
    Column::new(
        gauge("node_pcidevice_d3cold_allowed", "Whether the PCIe device supports D3cold power state (0/1)."),
        "d3cold_allowed",
        switch,
    ),
    Column::new(
        gauge("node_pcidevice_max_link_transfers_per_second", "Value of maximum link's transfers per second (T/s)"),
        "max_link_speed",
        link_speed,
    ),
    Column::new(
        gauge("node_pcidevice_max_link_width", "Value of maximum link's width (number of lanes)"),
        "max_link_width",
        lanes,
    ),
    Column::new(
        gauge("node_pcidevice_numa_node", "NUMA node of the PCI device, where there is one."),
        "numa_node",
        node,
    ),
    Column::new(
        gauge(
            "node_pcidevice_sriov_drivers_autoprobe",
            "Whether SR-IOV drivers autoprobe is enabled for the device (0/1).",
        ),
        "sriov_drivers_autoprobe",
        switch,
    ),
    Column::new(
        gauge("node_pcidevice_sriov_numvfs", "Number of Virtual Functions (VFs) currently enabled for SR-IOV."),
        "sriov_numvfs",
        readings::unsigned,
    ),
    Column::new(
        gauge("node_pcidevice_sriov_totalvfs", "Total number of Virtual Functions (VFs) supported by the device."),
        "sriov_totalvfs",
        readings::unsigned,
    ),
    Column::new(
        gauge("node_pcidevice_sriov_vf_total_msix", "Total number of MSI-X vectors for Virtual Functions."),
        "sriov_vf_total_msix",
        readings::unsigned,
    ),
];
/// What node_exporter shows for a device that has no such attribute; in the order of the columns.
const SHOWN_FOR_NONE: [Option<f64>; COLUMNS.len()] =
    [Some(-1.0), Some(-1.0), Some(0.0), Some(-1.0), Some(-1.0), None, Some(0.0), Some(0.0), Some(0.0), Some(0.0)];

const IDS_FILE: Flag = Flag {
    name: "collector.pcidevice.idsfile",
    kind: FlagKind::Text { default: "" },
    help: "path of the list pci.ids, which names PCI devices",
    aliases: &[],
};
const NAMES: Flag = Flag {
    name: "collector.pcidevice.names",
    kind: FlagKind::Switch { default: false },
    help: "names of PCI devices as labels, from the list pci.ids",
    aliases: &[],
};

pub const SPEC: Spec = Spec {
    name: "pcidevice",
    is_on_by_default: false,
    help: "PCI devices and their links, from /sys/bus/pci/devices",
    families: &readings::families::<{ 2 + COLUMNS.len() }>(&[INFO, POWER_STATE], &COLUMNS),
    flags: &[IDS_FILE, NAMES],
    build: |host, settings| Ok(Box::new(PciDevices::new(host, settings)?)),
};

struct PciDevices {
    host: Host,
    names: Option<Names>,
    devices: Inventory<Device>,
}

struct Device {
    labels: LabelText,
    info: LabelText,
    readings: Readings,
    power_state: Attribute,
    /// Whether the device has a power state, and its place in `POWER_STATES` if that is one of them.
    now: Option<Option<usize>>,
    /// One for each power state.
    power_labels: [LabelText; POWER_STATES.len()],
}

/// A device's address as labels have it.
struct Location([String; 4]);

impl PciDevices {
    fn new(host: &Host, settings: &Settings) -> Result<Self, SettingsError> {
        let names = settings.is_on(NAMES.name).then(|| Names::new(host, settings.text(IDS_FILE.name)));
        // A machine has more of these devices than of all others: half of the files are for the others.
        let mut host = host.clone();
        host.files = host.files.leaving(host.files.limit() / 2);
        let devices = Inventory::new(host.roots.sys("bus/pci/devices"));
        Ok(PciDevices { host, names, devices })
    }
}

impl Collector for PciDevices {
    fn collect(&mut self, scrape: &mut Scrape<'_>) -> Result<Outcome, Failure> {
        let (host, names) = (&self.host, &mut self.names);
        let mut odd = Vec::new();
        let refreshed = self.devices.refresh(scrape.buffer, |name, path, buffer| {
            let device = Device::new(host, names.as_mut(), name, path, buffer);
            device.inspect_err(|problem| odd.push(format!("{}: {problem}", path.display()))).ok()
        });
        scrape.problems.append(&mut odd);
        if let Err(error) = refreshed {
            return Outcome::of_error(error);
        }
        if self.devices.is_empty() {
            return Ok(Outcome::empty(format!("no device in {}", self.devices.folder().display())));
        }
        for (_, device) in self.devices.iter_mut() {
            device.read(scrape);
        }
        for (_, device) in self.devices.iter() {
            scrape.page.labelled_sample(&INFO, &device.info, &[], 1.0);
        }
        for (_, device) in self.devices.iter() {
            let Some(now) = device.now else { continue };
            for (place, labels) in device.power_labels.iter().enumerate() {
                scrape.page.labelled_sample(&POWER_STATE, labels, &[], f64::from(u8::from(now == Some(place))));
            }
        }
        let devices = self.devices.iter().map(|(_, device)| (&device.labels, &device.readings));
        readings::write(&COLUMNS, devices, scrape.page);
        Ok(Outcome::Collected)
    }
}

impl Device {
    fn new(
        host: &Host,
        names: Option<&mut Names>,
        name: &str,
        path: &Path,
        buffer: &mut Vec<u8>,
    ) -> Result<Self, String> {
        let location = Address::parse(name).map(Location::new).ok_or("not the address of a PCI device")?;
        let mut number = |file: &str| {
            let value = host.attribute(path.join(file)).parse(buffer, integer::unsigned);
            let value = value.map_err(|error| error.to_string())?.and_then(|value| u32::try_from(value).ok());
            value.ok_or_else(|| format!("no number in {file}"))
        };
        let id = PciId {
            class: number("class")?,
            vendor: number("vendor")?,
            device: number("device")?,
            subsystem_vendor: number("subsystem_vendor")?,
            subsystem_device: number("subsystem_device")?,
        };
        let revision = number("revision")?;
        let power_labels = POWER_STATES.map(|state| {
            let mut labels = location.labels();
            labels.push("state", state);
            labels
        });
        Ok(Device {
            labels: location.labels(),
            info: info(&location, &Location::of_parent(path), id, revision, names, buffer),
            readings: Readings::new(host, path, &COLUMNS),
            power_state: host.attribute(path.join("power_state")),
            now: None,
            power_labels,
        })
    }

    fn read(&mut self, scrape: &mut Scrape<'_>) {
        self.readings.read(&COLUMNS, scrape);
        self.readings.show_for_none(&SHOWN_FOR_NONE);
        let state = reading(self.power_state.text(scrape.buffer), scrape.problems).filter(|state| !state.is_empty());
        self.now = state.map(|now| POWER_STATES.iter().position(|state| state.as_bytes() == now));
    }
}

fn info(
    location: &Location,
    parent: &Location,
    id: PciId,
    revision: u32,
    names: Option<&mut Names>,
    buffer: &mut Vec<u8>,
) -> LabelText {
    let named = names.map(|names| names.of(id, buffer));
    let [segment, bus, device, function] = &location.0;
    let [parent_segment, parent_bus, parent_device, parent_function] = &parent.0;
    let hexadecimal = |number: u32| format!("{number:#06x}");
    let (class_id, revision) = (format!("{:#08x}", id.class), format!("{revision:#04x}"));
    let ids = [id.device, id.subsystem_device, id.subsystem_vendor, id.vendor].map(hexadecimal);
    let name = |of: fn(&super::pci_names::Named) -> &str| named.as_ref().map(of);
    let all = [
        ("bus", Some(&**bus)),
        ("class_id", Some(&class_id)),
        ("class_name", name(|named| &named.class)),
        ("device", Some(device)),
        ("device_id", Some(&ids[0])),
        ("device_name", name(|named| &named.device)),
        ("function", Some(function)),
        ("parent_bus", Some(parent_bus)),
        ("parent_device", Some(parent_device)),
        ("parent_function", Some(parent_function)),
        ("parent_segment", Some(parent_segment)),
        ("revision", Some(&revision)),
        ("segment", Some(segment)),
        ("subsystem_device_id", Some(&ids[1])),
        ("subsystem_device_name", name(|named| &named.subsystem_device)),
        ("subsystem_vendor_id", Some(&ids[2])),
        ("subsystem_vendor_name", name(|named| &named.subsystem_vendor)),
        ("vendor_id", Some(&ids[3])),
        ("vendor_name", name(|named| &named.vendor)),
    ];
    LabelText::new(all.into_iter().filter_map(|(label, value)| Some((label, value?))))
}

impl Location {
    fn new(address: Address) -> Self {
        let Address { segment, bus, device, function } = address;
        Location([format!("{segment:04x}"), format!("{bus:02x}"), format!("{device:02x}"), format!("{function:x}")])
    }

    /// The bridge that the device is behind, as its link tells; stars for one that is at the root.
    fn of_parent(path: &Path) -> Self {
        let target = path.read_link().unwrap_or_default();
        let parent = target.parent().and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned());
        let address = parent.as_deref().and_then(Address::parse);
        address.map_or_else(|| Location(["*"; 4].map(str::to_owned)), Location::new)
    }

    fn labels(&self) -> LabelText {
        let [segment, bus, device, function] = &self.0;
        LabelText::new([("bus", &**bus), ("device", device), ("function", function), ("segment", segment)])
    }
}

/// -1 where the link is not up.
fn lanes(bytes: &[u8]) -> Result<Option<f64>, ParseError> {
    if is_unknown(trim(bytes)) { Ok(None) } else { signed(bytes) }
}

/// The kernel says -1 for a device that belongs to no node.
fn node(bytes: &[u8]) -> Result<Option<f64>, ParseError> {
    Ok(signed(bytes)?.filter(|node| *node != -1.0))
}

fn switch(bytes: &[u8]) -> Result<Option<f64>, ParseError> {
    if text::shown(bytes).is_empty() {
        return Ok(None);
    }
    Ok(signed(bytes)?.map(|value| f64::from(u8::from(value != 0.0))))
}
