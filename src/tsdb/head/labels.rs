//! Names and values of labels, of all series or of those that some matchers select.

use model::{Matcher, TimeRange};
use roaring::RoaringBitmap;

use super::{Head, ReadShards};
use crate::index::Index;
use crate::series_ref::Slot;

const ALL_SHARDS: u16 = u16::MAX;

impl Head {
    /// Sorted.
    pub fn label_names(&self, matchers: &[Matcher], range: TimeRange) -> Vec<String> {
        let index = self.index.read();
        let shards = self.read_shards(ALL_SHARDS);
        let selected = self.selected(&index, &shards, matchers, range);
        let is_wanted = |number| pair_is_selected(&index, &shards, number, selected.as_ref(), range);
        let mut names: Vec<String> = index
            .pairs
            .names()
            .filter(|name| name.pairs.iter().any(is_wanted))
            .map(|name| name.text.to_string())
            .collect();
        names.sort_unstable();
        names
    }

    /// Sorted.
    pub fn label_values(&self, name: &str, matchers: &[Matcher], range: TimeRange) -> Vec<String> {
        let index = self.index.read();
        let Some(name) = index.pairs.name(name) else { return Vec::new() };
        let shards = self.read_shards(ALL_SHARDS);
        let selected = self.selected(&index, &shards, matchers, range);
        let is_wanted = |number: &u32| pair_is_selected(&index, &shards, *number, selected.as_ref(), range);
        let pairs = name.pairs.iter().filter(is_wanted);
        let mut values: Vec<String> = pairs.map(|number| index.pairs.pair(number).value.to_string()).collect();
        values.sort_unstable();
        values
    }

    /// `None`: no matcher restricts the series.
    fn selected(
        &self,
        index: &Index,
        shards: &ReadShards<'_>,
        matchers: &[Matcher],
        range: TimeRange,
    ) -> Option<RoaringBitmap> {
        if matchers.is_empty() {
            return None;
        }
        let mut found = index.find(matchers);
        found.retain(|number| series_is_in_range(shards, number, range));
        Some(found)
    }
}

fn pair_is_selected(
    index: &Index,
    shards: &ReadShards<'_>,
    pair: u32,
    selected: Option<&RoaringBitmap>,
    range: TimeRange,
) -> bool {
    let postings = &index.pairs.pair(pair).postings;
    match selected {
        Some(selected) => postings.meets(selected),
        None => postings.any(|number| series_is_in_range(shards, number, range)),
    }
}

fn series_is_in_range(shards: &ReadShards<'_>, number: u32, range: TimeRange) -> bool {
    let slot = Slot::from_posting(number);
    let shard = shards[usize::from(slot.shard)].as_ref();
    shard.and_then(|shard| shard.get(slot.position)).is_some_and(|series| series.may_have_samples_in(range))
}
