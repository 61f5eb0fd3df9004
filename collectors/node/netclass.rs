//! What the kernel knows of each network device besides its traffic: state, carrier, flags, speed, addresses.
//! Files: about twenty below `/sys/class/net/<device>`. Kernel: any; `carrier_changes` since 3.15, its parts since 4.16.
//! Privileges: none. By netlink instead with `--collector.netclass.netlink`.
//! Cost: reading them all for hundreds of devices would be most of a scrape. So three files that change with nearly
//! everything else are read on each scrape, three more for as many devices as files may stay open, and all others when
//! one of those three has changed, when the kernel announces a change of the device, and once a minute.

use std::path::Path;
use std::sync::Arc;

use exposition::{LabelText, Page};
use kernel::netlink::LinkEvents;
use kernel::sys::net_class::number;
use kernel::{Attribute, DeviceFolder, FileBudget, Host, scan};
use regex::Regex;

use super::inventory::Inventory;
use super::netclass_columns::{INFO, NUMBERS, Numbers, UP, place, value};
use super::netclass_netlink::{ALTNAMES, NetclassOfNetlink};
use super::true_types::Types;
use crate::{Collector, Failure, Flag, FlagKind, Outcome, Scrape, Settings, SettingsError, Spec};

const IGNORED: Flag = Flag {
    name: "collector.netclass.ignored-devices",
    kind: FlagKind::Text { default: "^$" },
    help: "regular expression of the devices to leave out",
    aliases: &[],
};
const IGNORE_INVALID_SPEED: Flag = Flag {
    name: "collector.netclass.ignore-invalid-speed",
    kind: FlagKind::Switch { default: false },
    help: "leave out the speed of devices that do not know it (-1)",
    aliases: &[],
};

const NETLINK: Flag = Flag {
    name: "collector.netclass.netlink",
    kind: FlagKind::Switch { default: false },
    help: "ask by netlink rather than read /sys/class/net",
    aliases: &[],
};
const WITH_STATS: Flag = Flag {
    name: "collector.netclass_rtnl.with-stats",
    kind: FlagKind::Switch { default: false },
    help: "with collector.netclass.netlink, also export the counters of each device, instead of the collector netdev",
    aliases: &[],
};

pub const SPEC: Spec = Spec {
    name: "netclass",
    is_on_by_default: true,
    help: "state, carrier, flags, speed and addresses of network devices, from /sys/class/net",
    families: &FAMILIES,
    flags: &[IGNORED, IGNORE_INVALID_SPEED, NETLINK, WITH_STATS],
    build: |host, settings| {
        Ok(match settings.is_on(NETLINK.name) {
            false => Box::new(Netclass::new(host, settings)?),
            true => {
                let ignored = settings.pattern(IGNORED.name)?;
                let counters = settings.is_on(WITH_STATS.name).then(|| Types::of(settings));
                Box::new(NetclassOfNetlink::new(host, ignored, counters))
            }
        })
    },
};

/// Without those that `netclass_rtnl.with-stats` shares with the collector `netdev`.
const FAMILIES: [exposition::Family; NUMBERS.len() + 3] = {
    let mut all = [UP; NUMBERS.len() + 3];
    (all[1], all[2]) = (INFO, ALTNAMES);
    let mut column = 0;
    while column < NUMBERS.len() {
        all[column + 3] = NUMBERS[column].0;
        column += 1;
    }
    all
};

/// The numbers that are read on each scrape. A link that comes or goes, a device that is set up or down: each changes
/// the first two or `operstate`, which is read as well.
const WATCHED: [usize; 5] = [place::FLAGS, place::CARRIER_CHANGES, place::CARRIER, place::SPEED, place::MTU];
/// How many of those are read whether or not their files may stay open.
const ALWAYS_WATCHED: usize = 2;

struct Netclass {
    interfaces: Inventory<Interface>,
    /// `None` where there are no announcements to be had.
    events: Option<LinkEvents>,
    rules: Rules,
}

struct Rules {
    ignored: Option<Regex>,
    ignores_invalid_speed: bool,
    budget: FileBudget,
}

struct Interface {
    folder: Arc<Path>,
    labels: LabelText,
    info: LabelText,
    operstate: Vec<u8>,
    numbers: Numbers,
    operstate_file: Attribute,
    watched: [Attribute; WATCHED.len()],
    /// What was looked at anew may have files by now that can be kept.
    is_looked_at: bool,
    has_changed: bool,
    /// False for one that went while it was read; the next listing drops it.
    is_there: bool,
}

impl Netclass {
    fn new(host: &Host, settings: &Settings) -> Result<Self, SettingsError> {
        let rules = Rules {
            ignored: settings.pattern(IGNORED.name)?,
            ignores_invalid_speed: settings.is_on(IGNORE_INVALID_SPEED.name),
            // The other half is for others: there are machines with hundreds of devices.
            budget: host.files.leaving(host.files.limit() / 2),
        };
        let events = if host.is_in_host_network() { LinkEvents::subscribe().ok() } else { None };
        Ok(Netclass { interfaces: Inventory::new(host.roots.sys("class/net")), events, rules })
    }

    fn read(&mut self, scrape: &mut Scrape<'_>) -> kernel::Result<()> {
        let (rules, problems) = (&self.rules, &mut *scrape.problems);
        self.interfaces
            .refresh(scrape.buffer, |name, path, buffer| Interface::new(name, path, rules, buffer, problems))?;
        for (name, interface) in self.interfaces.iter_mut().filter(|(_, interface)| !interface.is_there) {
            // It was about to go, or is there again under the same name.
            if let Some(anew) = Interface::new(name, &interface.folder, rules, scrape.buffer, scrape.problems) {
                *interface = anew;
            }
        }
        if let Some(events) = &mut self.events {
            let interfaces = &mut self.interfaces;
            events.take(scrape.buffer, |name| {
                let announced = interfaces.iter_mut().find(|(known, _)| known.as_bytes() == name);
                announced.into_iter().for_each(|(_, interface)| interface.has_changed = true);
            });
        }
        // File by file, so that the more telling ones are kept open of all devices before others of any.
        for (_, interface) in self.interfaces.iter_mut() {
            interface.watch_operstate(scrape);
        }
        for watched in 0..WATCHED.len() {
            for (_, interface) in self.interfaces.iter_mut() {
                interface.watch(watched, scrape);
            }
        }
        for (name, interface) in self.interfaces.iter_mut() {
            interface.is_looked_at = false;
            if interface.has_changed {
                interface.look(name, scrape.buffer, scrape.problems);
            }
        }
        Ok(())
    }

    fn write(&self, page: &mut Page) {
        let interfaces = || self.interfaces.iter().map(|(_, interface)| interface).filter(|one| one.is_there);
        for interface in interfaces() {
            let is_up = interface.operstate == b"up";
            page.labelled_sample(&UP, &interface.labels, &[], f64::from(u8::from(is_up)));
        }
        for interface in interfaces() {
            page.labelled_sample(&INFO, &interface.info, &[], 1.0);
        }
        for (column, (family, _)) in NUMBERS.iter().enumerate() {
            for interface in interfaces() {
                if let Some(number) = interface.numbers[column].filter(|number| self.rules.is_shown(column, *number)) {
                    page.labelled_sample(family, &interface.labels, &[], value(column, number));
                }
            }
        }
    }
}

impl Collector for Netclass {
    fn collect(&mut self, scrape: &mut Scrape<'_>) -> Result<Outcome, Failure> {
        if let Err(error) = self.read(scrape) {
            return Outcome::of_error(error);
        }
        self.write(scrape.page);
        Ok(Outcome::Collected)
    }
}

impl Rules {
    fn is_shown(&self, column: usize, number: i64) -> bool {
        !(self.ignores_invalid_speed && column == place::SPEED && number < 0)
    }
}

impl Interface {
    /// `None` for a device that is not wanted, and for files in the folder that are no devices (`bonding_masters`).
    fn new(name: &str, path: &Path, rules: &Rules, buffer: &mut Vec<u8>, problems: &mut Vec<String>) -> Option<Self> {
        if rules.ignored.as_ref().is_some_and(|pattern| pattern.is_match(name)) {
            return None;
        }
        let attribute = |file: &str| Attribute::new(path.join(file), &rules.budget);
        let mut interface = Interface {
            folder: path.into(),
            labels: LabelText::new([("device", name)]),
            info: LabelText::default(),
            operstate: Vec::new(),
            numbers: [None; NUMBERS.len()],
            operstate_file: attribute("operstate"),
            watched: WATCHED.map(|column| attribute(NUMBERS[column].1)),
            is_looked_at: false,
            has_changed: false,
            is_there: true,
        };
        interface.look(name, buffer, problems);
        interface.is_there.then_some(interface)
    }

    fn watch_operstate(&mut self, scrape: &mut Scrape<'_>) {
        let text = told(self.operstate_file.text(scrape.buffer), scrape.problems).unwrap_or_default();
        self.has_changed |= self.is_there && self.operstate != text;
    }

    fn watch(&mut self, watched: usize, scrape: &mut Scrape<'_>) {
        let file = &mut self.watched[watched];
        let is_always_read = watched < ALWAYS_WATCHED;
        if !self.is_there || !(is_always_read || self.is_looked_at || file.is_kept()) {
            return;
        }
        let number = told(file.parse(scrape.buffer, number), scrape.problems);
        let known = &mut self.numbers[WATCHED[watched]];
        self.has_changed |= is_always_read && *known != number;
        *known = number;
    }

    /// Reads everything.
    fn look(&mut self, name: &str, buffer: &mut Vec<u8>, problems: &mut Vec<String>) {
        self.has_changed = false;
        self.is_looked_at = true;
        let folder = match DeviceFolder::open(&self.folder) {
            Ok(folder) => folder,
            Err(error) => {
                self.is_there = false;
                told::<()>(Err(error), problems);
                return;
            }
        };
        for (known, (_, file)) in self.numbers.iter_mut().zip(&NUMBERS) {
            *known = told(folder.parse(file, buffer, number).map(Some), problems);
        }
        let mut text = |file| {
            let bytes = told(folder.read(file, buffer).map(Some), problems).unwrap_or_default();
            scan::trim(bytes).to_vec()
        };
        self.operstate = text("operstate");
        let [address, broadcast, duplex, ifalias] =
            ["address", "broadcast", "duplex", "ifalias"].map(|file| scan::to_text(&text(file)));
        self.info = LabelText::new([
            ("address", &*address),
            ("adminstate", admin_state(self.numbers[place::FLAGS])),
            ("broadcast", &broadcast),
            ("device", name),
            ("duplex", &duplex),
            ("ifalias", &ifalias),
            ("operstate", &scan::to_text(&self.operstate)),
        ]);
    }
}

/// What a device tells, `None` for what it does not have: some drivers refuse some attributes, most refuse some of a
/// link that is down. Anything else is a problem of this attribute alone.
fn told<T>(read: kernel::Result<Option<T>>, problems: &mut Vec<String>) -> Option<T> {
    match read {
        Ok(value) => value,
        Err(error) => {
            if !(error.is_absent() || error.is_without_value() || error.is_denied()) {
                problems.push(error.to_string());
            }
            None
        }
    }
}

fn admin_state(flags: Option<i64>) -> &'static str {
    const IFF_UP: i64 = nix::libc::IFF_UP as i64;
    match flags {
        None => "unknown",
        Some(flags) if flags & IFF_UP != 0 => "up",
        Some(_) => "down",
    }
}
