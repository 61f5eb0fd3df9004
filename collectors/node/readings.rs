//! The numbers that a driver shows in a folder of sysfs, one attribute each: columns of families, rows of devices.
//!
//! A driver has some of the attributes only, and may refuse one for a while (a battery that is not in, a sensor that is
//! asleep): both is an absent number. Anything else that is wrong with one costs that number and is reported.

use std::path::{Path, PathBuf};

use exposition::{Family, LabelText, Page};
use kernel::scan::ParseError;
use kernel::sys::integer;
use kernel::{Attribute, Error, Host};
use nix::libc;

use crate::Scrape;

/// One family and the attribute that it shows.
pub struct Column {
    pub family: Family,
    /// Path of the attribute within the device's folder.
    pub file: &'static str,
    /// What the attribute says in the family's unit; `None` where its text says that there is no number.
    pub number: Number,
}

pub type Number = fn(&[u8]) -> Result<Option<f64>, ParseError>;

/// The attributes of one device and, while it is read, their values; in the order of its columns.
pub struct Readings {
    attributes: Vec<Attribute>,
    values: Vec<Option<f64>>,
}

impl Column {
    pub const fn new(family: Family, file: &'static str, number: Number) -> Self {
        Column { family, file, number }
    }
}

impl Readings {
    pub fn new(host: &Host, device: &Path, columns: &[Column]) -> Self {
        Readings::of_attributes(host, columns.iter().map(|column| device.join(column.file)))
    }

    /// Of attributes that have not the columns' names, in the order of the columns.
    pub fn of_attributes(host: &Host, paths: impl IntoIterator<Item = PathBuf>) -> Self {
        let attributes: Vec<Attribute> = paths.into_iter().map(|path| host.attribute(path)).collect();
        Readings { values: vec![None; attributes.len()], attributes }
    }

    pub fn read(&mut self, columns: &[Column], scrape: &mut Scrape<'_>) {
        for ((attribute, value), column) in self.attributes.iter_mut().zip(&mut self.values).zip(columns) {
            let result = attribute.parse(scrape.buffer, column.number);
            *value = reading(result, scrape.problems).flatten();
        }
    }

    /// As `show_missing_as_zero`, with other numbers, and also for attributes that say nothing.
    pub fn show_for_none(&mut self, shown: &[Option<f64>]) {
        for (value, shown) in self.values.iter_mut().zip(shown) {
            *value = value.or(*shown);
        }
    }

    /// Of some devices node_exporter shows a zero for what the driver does not have.
    pub fn show_missing_as_zero(&mut self) {
        for (attribute, value) in self.attributes.iter().zip(&mut self.values) {
            if attribute.is_missing() {
                *value = Some(0.0);
            }
        }
    }
}

/// Families that a collector has besides its columns, and those of the columns: for its `SPEC`.
pub const fn families<const N: usize>(others: &[Family], columns: &[Column]) -> [Family; N] {
    assert!(N == others.len() + columns.len());
    let mut all = [columns[0].family; N];
    let mut place = 0;
    while place < N {
        all[place] = if place < others.len() { others[place] } else { columns[place - others.len()].family };
        place += 1;
    }
    all
}

pub fn write<'a>(
    columns: &[Column],
    devices: impl Iterator<Item = (&'a LabelText, &'a Readings)> + Clone,
    page: &mut Page,
) {
    for (place, column) in columns.iter().enumerate() {
        for (labels, readings) in devices.clone() {
            if let Some(value) = readings.values[place] {
                page.labelled_sample(&column.family, labels, &[], value);
            }
        }
    }
}

/// What was read of one attribute; `None` where there is nothing, with a problem where something is broken.
pub fn reading<T>(result: kernel::Result<Option<T>>, problems: &mut Vec<String>) -> Option<T> {
    result.unwrap_or_else(|error| {
        if !is_refused(&error) {
            problems.push(error.to_string());
        }
        None
    })
}

/// The driver has nothing to say now: drivers use all of these for a device that is off, asleep, or without the sensor.
pub fn is_refused(error: &Error) -> bool {
    const REFUSALS: [i32; 5] = [libc::EAGAIN, libc::EBUSY, libc::EINVAL, libc::ENODATA, libc::ENXIO];
    matches!(error, Error::Io { source, .. } if source.raw_os_error().is_some_and(|errno| REFUSALS.contains(&errno)))
}

pub fn unsigned(bytes: &[u8]) -> Result<Option<f64>, ParseError> {
    integer::unsigned(bytes).map(|value| Some(value as f64))
}

pub fn signed(bytes: &[u8]) -> Result<Option<f64>, ParseError> {
    integer::signed(bytes).map(|value| Some(value as f64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io;

    #[test]
    fn a_refusal_is_an_absence_and_a_fault_a_problem() {
        let mut problems = Vec::new();
        let mut read = |errno| {
            let error = Error::io("/sys/temp1_input", io::Error::from_raw_os_error(errno));
            assert_eq!(reading::<u64>(Err(error), &mut problems), None);
            problems.len()
        };
        assert_eq!(
            [libc::EAGAIN, libc::ENODATA, libc::EINVAL, libc::EIO, libc::EISDIR].map(&mut read),
            [0, 0, 0, 1, 2]
        );
        assert_eq!(problems[0], "/sys/temp1_input: Input/output error (os error 5)");
    }
}
