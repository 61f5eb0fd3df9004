//! What pages say about their metrics: type, help and unit. Targets of one job mostly say the same, so every text is
//! held once for all of them.

use std::sync::Arc;

use exposition::{Dialect, Entry, MetricType, Parser, unescape};
use hashbrown::HashSet;
use parking_lot::Mutex;

/// Metrics that are remembered for one target.
const MAX_METRICS: usize = 20_000;

/// Bytes of a help text that are kept.
const MAX_HELP_BYTES: usize = 1024;

/// One metric as a page describes it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct MetricMetadata {
    /// The family's name: in OpenMetrics without `_total`.
    pub name: String,
    pub kind: MetricType,
    pub help: String,
    /// Empty when the page names none.
    pub unit: String,
}

/// All texts in use.
#[derive(Debug, Default)]
pub(crate) struct MetadataTexts(Mutex<HashSet<Arc<MetricMetadata>>>);

impl MetadataTexts {
    /// What a page describes, in its order, instead of what it described before.
    pub fn replace(&self, page: &[u8], dialect: Dialect, described: &mut Vec<Arc<MetricMetadata>>) {
        let new = read_metadata(page, dialect);
        let mut texts = self.0.lock();
        let new: Vec<_> =
            new.into_iter().map(|metadata| texts.get_or_insert_with(&metadata, Clone::clone).clone()).collect();
        release(&mut texts, described);
        *described = new;
    }

    /// Forgets what a target described.
    pub fn remove(&self, described: &mut Vec<Arc<MetricMetadata>>) {
        release(&mut self.0.lock(), described);
    }

    pub fn all(&self) -> Vec<Arc<MetricMetadata>> {
        self.0.lock().iter().cloned().collect()
    }

    pub fn len(&self) -> usize {
        self.0.lock().len()
    }
}

fn release(texts: &mut HashSet<Arc<MetricMetadata>>, described: &mut Vec<Arc<MetricMetadata>>) {
    for metadata in described.drain(..) {
        // The set's own and this one.
        if Arc::strong_count(&metadata) == 2 {
            texts.remove(&metadata);
        }
    }
    described.shrink_to_fit();
}

fn read_metadata(page: &[u8], dialect: Dialect) -> Vec<Arc<MetricMetadata>> {
    let mut all: Vec<MetricMetadata> = Vec::new();
    for entry in Parser::new(page, dialect).map_while(Result::ok) {
        let name = match entry {
            Entry::Help { name, .. } | Entry::Type { name, .. } | Entry::Unit { name, .. } => text_of(name),
            Entry::Sample(_) => continue,
        };
        if all.last().is_none_or(|last| last.name != name) {
            if all.len() == MAX_METRICS {
                break;
            }
            all.push(MetricMetadata { name, kind: MetricType::Unknown, help: String::new(), unit: String::new() });
        }
        let Some(metadata) = all.last_mut() else { break };
        match entry {
            Entry::Help { help, .. } => metadata.help = cut(text_of(help)),
            Entry::Type { kind, .. } => metadata.kind = kind,
            Entry::Unit { unit, .. } => metadata.unit = text_of(unit),
            Entry::Sample(_) => {}
        }
    }
    all.into_iter().map(Arc::new).collect()
}

fn text_of(raw: &[u8]) -> String {
    unescape(raw).map_or_else(|_| String::from_utf8_lossy(raw).into_owned(), |text| text.into_owned())
}

fn cut(mut help: String) -> String {
    if help.len() > MAX_HELP_BYTES {
        help.truncate(help.floor_char_boundary(MAX_HELP_BYTES));
    }
    help
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &[u8] = b"# HELP a Some \\\\ help\n# TYPE a counter\na 1\n# TYPE b gauge\nb 1\n";

    #[test]
    fn a_page_is_described_once_for_all_targets() {
        let texts = MetadataTexts::default();
        let (mut one, mut two) = (Vec::new(), Vec::new());
        texts.replace(PAGE, Dialect::Text, &mut one);
        texts.replace(PAGE, Dialect::Text, &mut two);
        assert!(Arc::ptr_eq(&one[0], &two[0]));
        assert_eq!(one[0].help, "Some \\ help");
        assert_eq!((one[0].kind, one[1].kind), (MetricType::Counter, MetricType::Gauge));
        texts.replace(b"# TYPE b gauge\n", Dialect::Text, &mut one);
        assert_eq!((one.len(), texts.len()), (1, 2));
        texts.remove(&mut two);
        assert_eq!(texts.len(), 1);
    }
}
