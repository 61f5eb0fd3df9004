//! What is remembered of systemd's units, and which properties of each are asked for.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use dbus::{Reply, Value};

use super::systemd_filter::UnitFilter;

/// The type of a unit changes only when its file does, so it is asked for again as seldom as this: it is what most
/// questions would be about.
const ASK_TYPE_AGAIN: Duration = Duration::from_secs(60);
/// systemd's way to say that a number is not known, or that there is no limit.
const NO_NUMBER: u64 = u64::MAX;

/// Units by name.
#[derive(Default)]
pub struct Units {
    units: BTreeMap<Box<str>, Unit>,
    /// Units by state of activity, the five that are always told first.
    pub summary: Vec<(Box<str>, u64)>,
}

pub struct Unit {
    /// The object on the bus.
    path: Box<str>,
    is_wanted: bool,
    /// In the last list, as loaded.
    is_listed: bool,
    /// `active`, `failed` and so on.
    pub active_state: Box<str>,
    /// Of a service (`simple`, `forking`) or a mount (`ext4`); "" for others. `None` before it was asked for.
    pub kind: Option<Box<str>>,
    kind_asked: Option<Instant>,
    numbers: [Option<u64>; PROPERTIES.len()],
}

/// A property with the interface that has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Property {
    ServiceType,
    MountType,
    /// Since systemd 235.
    Restarts,
    TasksCurrent,
    TasksMax,
    ActiveEnter,
    LastTrigger,
    Accepted,
    Connections,
    /// Since systemd 239.
    Refused,
}

/// By their place in `Property`.
const PROPERTIES: [[&str; 2]; 10] = [
    ["org.freedesktop.systemd1.Service", "Type"],
    ["org.freedesktop.systemd1.Mount", "Type"],
    ["org.freedesktop.systemd1.Service", "NRestarts"],
    ["org.freedesktop.systemd1.Service", "TasksCurrent"],
    ["org.freedesktop.systemd1.Service", "TasksMax"],
    ["org.freedesktop.systemd1.Unit", "ActiveEnterTimestamp"],
    ["org.freedesktop.systemd1.Timer", "LastTriggerUSec"],
    ["org.freedesktop.systemd1.Socket", "NAccepted"],
    ["org.freedesktop.systemd1.Socket", "NConnections"],
    ["org.freedesktop.systemd1.Socket", "NRefused"],
];

/// What is asked for besides types, timers and sockets.
#[derive(Clone, Copy, Debug, Default)]
pub struct Extras {
    pub tasks: bool,
    pub restarts: bool,
    pub start_times: bool,
}

impl Property {
    /// Interface and name, as `Get` wants them.
    pub fn arguments(self) -> &'static [&'static str; 2] {
        &PROPERTIES[self as usize]
    }
}

impl Units {
    pub const STATES: [&str; 5] = ["activating", "active", "deactivating", "failed", "inactive"];

    /// Takes in what `ListUnits` returned. Names are matched once, when they are new.
    pub fn read(&mut self, list: &Reply<'_>, filter: &UnitFilter) -> dbus::Result<()> {
        self.summary = Units::STATES.iter().map(|state| ((*state).into(), 0)).collect();
        self.units.values_mut().for_each(|unit| unit.is_listed = false);
        let mut rows = list.body("a(ssssssouso)")?.array(8)?;
        while !rows.is_at_end() {
            rows.structure()?;
            let (name, _description, load_state) = (rows.text()?, rows.text()?, rows.text()?);
            let (active_state, _sub_state, _followed) = (rows.text()?, rows.text()?, rows.text()?);
            let path = rows.text()?;
            let (_job, _job_type, _job_path) = (rows.u32()?, rows.text()?, rows.text()?);
            self.count(active_state);
            if load_state != "loaded" {
                continue;
            }
            if !self.units.contains_key(name) {
                self.units.insert(name.into(), Unit::new(name, path, filter));
            }
            let Some(unit) = self.units.get_mut(name) else { continue };
            unit.is_listed = true;
            if *unit.active_state != *active_state {
                unit.active_state = active_state.into();
            }
            unit.numbers = [None; PROPERTIES.len()];
        }
        self.units.retain(|_, unit| unit.is_listed);
        Ok(())
    }

    fn count(&mut self, active_state: &str) {
        match self.summary.iter_mut().find(|(state, _)| **state == *active_state) {
            Some((_, count)) => *count += 1,
            None => self.summary.push((active_state.into(), 1)),
        }
    }

    /// Those that the filter wants, by name.
    pub fn wanted(&self) -> impl Iterator<Item = (&str, &Unit)> {
        self.units.iter().filter(|(_, unit)| unit.is_wanted).map(|(name, unit)| (&**name, unit))
    }

    /// What is to be asked now: for each question the place of its unit among those that are wanted, and the property.
    pub fn questions(&self, extras: Extras, now: Instant) -> Vec<(usize, Property)> {
        let mut questions = Vec::new();
        for (place, (name, unit)) in self.wanted().enumerate() {
            let mut ask = |property| questions.push((place, property));
            let is_type_old = unit.kind_asked.is_none_or(|asked| now.duration_since(asked) >= ASK_TYPE_AGAIN);
            match name.rsplit_once('.').map_or("", |(_, suffix)| suffix) {
                "service" => {
                    if is_type_old {
                        ask(Property::ServiceType);
                    }
                    if extras.restarts {
                        ask(Property::Restarts);
                    }
                    if extras.tasks {
                        [Property::TasksCurrent, Property::TasksMax].into_iter().for_each(&mut ask);
                    }
                }
                "mount" if is_type_old => ask(Property::MountType),
                "timer" => ask(Property::LastTrigger),
                "socket" => {
                    [Property::Accepted, Property::Connections, Property::Refused].into_iter().for_each(&mut ask);
                }
                _ => {}
            }
            if extras.start_times && *unit.active_state == *"active" {
                ask(Property::ActiveEnter);
            }
        }
        questions
    }

    /// The objects of those that are wanted, in the order of `wanted`.
    pub fn paths(&self) -> Vec<Box<str>> {
        self.wanted().map(|(_, unit)| unit.path.clone()).collect()
    }

    /// Takes in answers: place of the unit, property, and what was said, `None` when it was an error. A unit that has
    /// gone since it was listed, or a systemd that does not know the property, costs that property.
    pub fn answer(&mut self, answers: Vec<(usize, Property, Option<Answer>)>, now: Instant) {
        let mut units: Vec<&mut Unit> = self.units.values_mut().filter(|unit| unit.is_wanted).collect();
        for (place, property, answer) in answers {
            let unit = &mut units[place];
            match (property, answer) {
                (Property::ServiceType | Property::MountType, answer) => {
                    let kind = if let Some(Answer::Text(kind)) = answer { kind } else { "".into() };
                    (unit.kind, unit.kind_asked) = (Some(kind), Some(now));
                }
                (property, Some(Answer::Number(number))) => unit.numbers[property as usize] = Some(number),
                _ => {}
            }
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    Text(Box<str>),
    Number(u64),
}

impl Answer {
    pub fn of(value: Value<'_>) -> Option<Answer> {
        match value {
            Value::Text(text) => Some(Answer::Text(text.into())),
            Value::Number(NO_NUMBER) => None,
            Value::Number(number) => Some(Answer::Number(number)),
            Value::Bool(_) => None,
        }
    }
}

impl Unit {
    fn new(name: &str, path: &str, filter: &UnitFilter) -> Self {
        let has_type = name.ends_with(".service") || name.ends_with(".mount");
        Unit {
            path: path.into(),
            is_wanted: filter.is_wanted(name),
            is_listed: true,
            active_state: "".into(),
            kind: if has_type { None } else { Some("".into()) },
            kind_asked: None,
            numbers: [None; PROPERTIES.len()],
        }
    }

    pub fn number(&self, property: Property) -> Option<f64> {
        self.numbers[property as usize].map(|number| number as f64)
    }
}
