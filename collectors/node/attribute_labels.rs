//! Labels that a device's attributes give: its state, its firmware, who made it.
//!
//! Some of them change while the device is there, so they are read on each scrape; the labels are put together anew only
//! when one of them reads differently.

use exposition::LabelText;
use kernel::sys::text;
use kernel::{Attribute, Host};
use std::path::Path;

use super::readings::reading;
use crate::Scrape;

pub struct AttributeLabels {
    parts: Vec<Part>,
    /// Whether a label without a value is left out, instead of being there with an empty one.
    omits_empty: bool,
    labels: LabelText,
    is_made: bool,
}

struct Part {
    label: &'static str,
    /// `None` for a label that does not change.
    attribute: Option<Attribute>,
    /// Whether the `0x` before its value is left out.
    is_hexadecimal: bool,
    /// The value where the device has no such attribute.
    missing: &'static str,
    /// As it was read last.
    value: Vec<u8>,
}

impl AttributeLabels {
    pub fn new() -> Self {
        AttributeLabels { parts: Vec::new(), omits_empty: false, labels: LabelText::default(), is_made: false }
    }

    pub fn omitting_empty() -> Self {
        AttributeLabels { omits_empty: true, ..AttributeLabels::new() }
    }

    /// A label that stays. Labels are added in the order of their names.
    pub fn fixed(mut self, label: &'static str, value: &str) -> Self {
        self.parts.push(Part { value: value.into(), ..Part::new(label, None) });
        self
    }

    /// A label that an attribute gives.
    pub fn read_from(mut self, label: &'static str, attribute: Attribute) -> Self {
        self.parts.push(Part::new(label, Some(attribute)));
        self
    }

    /// As `read_from`, with a value for devices that have no such attribute.
    pub fn read_or(mut self, missing: &'static str, label: &'static str, attribute: Attribute) -> Self {
        self.parts.push(Part { missing, ..Part::new(label, Some(attribute)) });
        self
    }

    /// As `read_from`, for a number that begins with `0x` and is shown without.
    pub fn read_hexadecimal_from(mut self, label: &'static str, attribute: Attribute) -> Self {
        self.parts.push(Part { is_hexadecimal: true, ..Part::new(label, Some(attribute)) });
        self
    }

    pub fn read(&mut self, scrape: &mut Scrape<'_>) {
        for part in &mut self.parts {
            let Some(attribute) = &mut part.attribute else { continue };
            let result = attribute.parse(scrape.buffer, |bytes| Ok(text::shown(bytes)));
            let value = reading(result, scrape.problems).unwrap_or(part.missing.as_bytes());
            let value = if part.is_hexadecimal { value.strip_prefix(b"0x").unwrap_or(value) } else { value };
            if *part.value != *value {
                part.value.clear();
                part.value.extend_from_slice(value);
                self.is_made = false;
            }
        }
        if !self.is_made {
            self.is_made = true;
            self.labels = LabelText::default();
            for part in self.parts.iter().filter(|part| !self.omits_empty || !part.value.is_empty()) {
                self.labels.push(part.label, &text::to_utf8(&part.value));
            }
        }
    }

    pub fn labels(&self) -> &LabelText {
        &self.labels
    }
}

impl Part {
    fn new(label: &'static str, attribute: Option<Attribute>) -> Self {
        Part { label, attribute, is_hexadecimal: false, missing: "", value: Vec::new() }
    }
}

/// What an attribute says now, for what does not change while its device is there; empty where it says nothing.
pub fn text_of(host: &Host, path: &Path, buffer: &mut Vec<u8>) -> String {
    let result = host.attribute(path).parse(buffer, |bytes| Ok(text::to_utf8(text::shown(bytes))));
    result.ok().flatten().unwrap_or_default()
}
