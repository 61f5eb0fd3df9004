//! What PCI devices are called, from the list `pci.ids`. Part of the collector `pcidevice`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use kernel::sys::pci_ids::{PciId, PciNames};
use kernel::sys::text::to_utf8;
use kernel::{Host, read_file};

/// Where distributions put the list.
const USUAL_PLACES: [&str; 2] = ["/usr/share/misc/pci.ids", "/usr/share/hwdata/pci.ids"];

pub struct Names {
    places: Vec<PathBuf>,
    /// A machine has few kinds of devices, so those seen are remembered for good.
    known: BTreeMap<PciId, Named>,
}

/// Names, or numbers where the list has none.
#[derive(Clone, Debug)]
pub struct Named {
    pub vendor: String,
    pub device: String,
    pub subsystem_vendor: String,
    pub subsystem_device: String,
    pub class: String,
}

impl Names {
    /// The list at this path; where it is empty, at one of the usual places of the host.
    pub fn new(host: &Host, path: &str) -> Self {
        let places = match path {
            "" => USUAL_PLACES.map(|place| host.roots.host_path(place)).to_vec(),
            path => vec![path.into()],
        };
        Names { places, known: BTreeMap::new() }
    }

    pub fn of(&mut self, id: PciId, buffer: &mut Vec<u8>) -> Named {
        if let Some(named) = self.known.get(&id) {
            return named.clone();
        }
        let place = self.places.iter().find(|place| place.is_file());
        let list = place.and_then(|place| read_file(place, buffer).ok()).unwrap_or_default();
        let names = PciNames::find(list, id);
        let or_number = |name: Option<&[u8]>, number: u32| name.map_or_else(|| format!("{number:04x}"), to_utf8);
        let named = Named {
            vendor: or_number(names.vendor, id.vendor),
            device: or_number(names.device, id.device),
            subsystem_vendor: or_number(names.subsystem_vendor, id.subsystem_vendor),
            subsystem_device: or_number(names.subsystem_device, id.subsystem_device),
            class: names.class().map_or_else(|| format!("Unknown class ({:06x})", id.class), to_utf8),
        };
        self.known.insert(id, named.clone());
        named
    }
}
