//! Families that are named after what the kernel calls a field.

use exposition::{Kind, Label, LabelText, Page};

/// Name and help of such a family, worked out once per field.
#[derive(Debug)]
pub struct Named {
    name: String,
    help: String,
    kind: Kind,
}

impl Named {
    /// Characters that a metric's name cannot have become `_`.
    pub fn new(kind: Kind, name: impl Into<String>, help: impl Into<String>) -> Self {
        let is_allowed = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let name = name.into().replace(|c| !is_allowed(c), "_");
        Named { name, help: help.into(), kind }
    }

    pub fn write(&self, page: &mut Page, value: f64) {
        self.write_with(page, &[], value);
    }

    pub fn write_with(&self, page: &mut Page, labels: &[Label<'_>], value: f64) {
        page.named_sample(&self.name, self.kind, &self.help, labels, value);
    }

    pub fn write_labelled(&self, page: &mut Page, labels: &LabelText, value: f64) {
        page.named_labelled_sample(&self.name, self.kind, &self.help, labels, value);
    }

    /// Whether both are one family.
    pub fn is_same(&self, other: &Named) -> bool {
        self.name == other.name
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use exposition::{Dialect, assemble};

    #[test]
    fn what_a_metric_cannot_be_called_becomes_an_underscore() {
        let mut page = Page::new();
        Named::new(Kind::Gauge, "node_memory_Ünder{x}", "Help.").write(&mut page, 1.0);
        let mut out = Vec::new();
        assemble([&page], Dialect::Text, &mut out);
        assert!(out.ends_with(b"\nnode_memory__nder_x_ 1\n"), "{}", String::from_utf8_lossy(&out));
    }
}
