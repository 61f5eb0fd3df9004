//! `pci.ids`: what vendors call their PCI devices, and the names of device classes. A list that distributions ship; the
//! machine's own devices have numbers only.
//!
//! The list has some 40,000 lines, of which a machine needs a few dozen: so it is gone through for one device at a time.

/// What identifies a device, as its attributes have it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PciId {
    /// Base class, subclass and programming interface, a byte each.
    pub class: u32,
    pub vendor: u32,
    pub device: u32,
    pub subsystem_vendor: u32,
    pub subsystem_device: u32,
}

/// `None` for what is not in the list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PciNames<'a> {
    pub vendor: Option<&'a [u8]>,
    pub device: Option<&'a [u8]>,
    pub subsystem_vendor: Option<&'a [u8]>,
    pub subsystem_device: Option<&'a [u8]>,
    pub base_class: Option<&'a [u8]>,
    pub subclass: Option<&'a [u8]>,
    pub interface: Option<&'a [u8]>,
}

/// Where in the list a line is.
#[derive(Clone, Copy, Default)]
struct Place {
    is_among_classes: bool,
    /// The vendor, or the base class.
    first: Option<u32>,
    /// The device, or the subclass.
    second: Option<u32>,
}

impl<'a> PciNames<'a> {
    pub fn find(list: &'a [u8], id: PciId) -> Self {
        let (mut names, mut place) = (PciNames::default(), Place::default());
        for (_, line) in crate::scan::lines(list) {
            if !line.is_empty() && line[0] != b'#' {
                names.read_line(line, id, &mut place);
            }
        }
        names
    }

    /// Lines of classes begin with `C `; what belongs to the line above is indented by a tab.
    fn read_line(&mut self, line: &'a [u8], id: PciId, place: &mut Place) {
        let indent = line.iter().take_while(|byte| **byte == b'\t').count();
        let text = &line[indent..];
        let class_text = if indent == 0 { text.strip_prefix(b"C ") } else { None };
        let Some((number, name)) = number_and_name(class_text.unwrap_or(text)) else { return };
        let first_number = || hexadecimal(number);
        match indent {
            0 => {
                *place = Place { is_among_classes: class_text.is_some(), first: first_number(), second: None };
                if place.is_among_classes {
                    set(&mut self.base_class, place.first == Some(id.class >> 16), name);
                } else {
                    set(&mut self.vendor, place.first == Some(id.vendor), name);
                    set(&mut self.subsystem_vendor, place.first == Some(id.subsystem_vendor), name);
                }
            }
            1 => {
                place.second = first_number();
                if place.is_among_classes {
                    let is_class = place.first == Some(id.class >> 16) && place.second == Some(id.class >> 8 & 0xff);
                    set(&mut self.subclass, is_class, name);
                } else {
                    let is_device = place.first == Some(id.vendor) && place.second == Some(id.device);
                    set(&mut self.device, is_device, name);
                }
            }
            2 if place.is_among_classes => {
                let is_class = place.first == Some(id.class >> 16) && place.second == Some(id.class >> 8 & 0xff);
                set(&mut self.interface, is_class && first_number() == Some(id.class & 0xff), name);
            }
            2 => {
                let is_device = place.first == Some(id.vendor) && place.second == Some(id.device);
                let mut parts = number.split(|byte| *byte == b' ').filter(|part| !part.is_empty()).map(hexadecimal);
                let is_subsystem = parts.next().flatten() == Some(id.subsystem_vendor)
                    && parts.next().flatten() == Some(id.subsystem_device)
                    && parts.next().is_none();
                set(&mut self.subsystem_device, is_device && is_subsystem, name);
            }
            _ => {}
        }
    }

    /// The narrowest name of the device's class.
    pub fn class(&self) -> Option<&'a [u8]> {
        self.interface.or(self.subclass).or(self.base_class)
    }
}

fn set<'a>(place: &mut Option<&'a [u8]>, is_meant: bool, name: &'a [u8]) {
    if is_meant {
        *place = Some(name);
    }
}

/// Two blanks are between.
fn number_and_name(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let gap = text.windows(2).position(|pair| pair == b"  ")?;
    Some((&text[..gap], text[gap..].trim_ascii()))
}

fn hexadecimal(text: &[u8]) -> Option<u32> {
    let number = crate::scan::parse_hex_u64(text.trim_ascii())?;
    u32::try_from(number).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{Strategy, any, proptest};

    const LIST: &[u8] =
        b"# list\n15b3  Mellanox\n\t101b  ConnectX-6\n\t\t15b3 0006  Card\nodd line\n144d  Samsung\n\ta80a  \
        PM9A3\nC 01  Mass storage\n\t08  NVM\n\t\t02  NVM Express\nC 02  Network\n\t07  InfiniBand\n";

    fn find(class: u32, vendor: u32, device: u32, subsystem_vendor: u32, subsystem_device: u32) -> PciNames<'static> {
        PciNames::find(LIST, PciId { class, vendor, device, subsystem_vendor, subsystem_device })
    }

    #[test]
    fn a_device_has_the_names_of_its_own_lines() {
        let card = find(0x02_07_00, 0x15b3, 0x101b, 0x15b3, 6);
        assert_eq!(card.vendor, Some(&b"Mellanox"[..]));
        assert_eq!(card.device, Some(&b"ConnectX-6"[..]));
        assert_eq!(card.subsystem_device, Some(&b"Card"[..]));
        assert_eq!(card.class(), Some(&b"InfiniBand"[..]));
        let disk = find(0x01_08_02, 0x144d, 0xa80a, 0x15b3, 6);
        assert_eq!((disk.class(), disk.subsystem_device), (Some(&b"NVM Express"[..]), None));
        assert_eq!(disk.subsystem_vendor, Some(&b"Mellanox"[..]));
    }

    #[test]
    fn what_is_not_listed_has_no_name() {
        let other = find(0x01_09_00, 0x144d, 1, 2, 3);
        assert_eq!((other.device, other.class()), (None, Some(&b"Mass storage"[..])));
        assert_eq!(find(0xff_00_00, 1, 2, 3, 4), PciNames::default());
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>().prop_map(|byte| byte % 64), 0..400)) {
            let id = PciId { class: 1, vendor: 2, device: 3, subsystem_vendor: 4, subsystem_device: 5 };
            PciNames::find(&bytes, id);
        }
    }
}
