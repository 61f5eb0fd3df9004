//! The record that names series: ref and labels. Each label pair is spelled out once in a record and then has a number,
//! so series of one target cost about a byte for each label.

use foldhash::fast::RandomState;
use hashbrown::HashMap;
use model::SeriesRef;

use super::series_number::Neighbour;
use crate::index::Index;
use crate::varint::{Reader, put_unsigned};

/// A record being written. The numbers are those of the index, which may give them to other pairs once series were
/// removed; a writer must be finished before that.
#[derive(Default)]
pub struct SeriesWriter {
    body: Vec<u8>,
    count: u64,
    neighbour: Neighbour,
    /// Index number → number in the record, from 1.
    pairs: HashMap<u32, u32, RandomState>,
    names: HashMap<u32, u32, RandomState>,
}

impl SeriesWriter {
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    pub fn len_bytes(&self) -> usize {
        self.body.len()
    }

    /// Adds the series whose pair numbers are in `list`, in order of their names.
    pub fn add(&mut self, index: &Index, series: SeriesRef, list: &[u32]) {
        self.neighbour.put_run(&mut self.body, series, 1);
        put_unsigned(&mut self.body, list.len() as u64);
        for &pair in list {
            let next = self.pairs.len() as u32 + 1;
            match self.pairs.get(&pair) {
                Some(&known) => put_unsigned(&mut self.body, u64::from(known)),
                None => {
                    self.pairs.insert(pair, next);
                    self.body.push(0);
                    self.add_pair(index, pair);
                }
            }
        }
        self.count += 1;
    }

    fn add_pair(&mut self, index: &Index, pair: u32) {
        let text = index.pairs.pair(pair);
        let next = self.names.len() as u32 + 1;
        match self.names.get(&text.name) {
            Some(&known) => put_unsigned(&mut self.body, u64::from(known)),
            None => {
                self.names.insert(text.name, next);
                self.body.push(0);
                put_text(&mut self.body, index.pairs.name_of(pair));
            }
        }
        put_text(&mut self.body, &text.value);
    }

    /// Appends the payload to `out` and begins anew.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        put_unsigned(out, self.count);
        out.extend_from_slice(&self.body);
        *self = SeriesWriter::default();
    }
}

fn put_text(out: &mut Vec<u8>, text: &str) {
    put_unsigned(out, text.len() as u64);
    out.extend_from_slice(text.as_bytes());
}

/// Hands every series of a payload to `found`; `None` when the payload is malformed, after those before that place.
pub fn decode(payload: &[u8], mut found: impl FnMut(SeriesRef, &[(&str, &str)])) -> Option<()> {
    let mut reader = Reader::new(payload);
    let count = reader.count()?;
    let mut neighbour = Neighbour::default();
    let mut pairs: Vec<(&str, &str)> = Vec::new();
    let mut names: Vec<&str> = Vec::new();
    let mut labels = Vec::new();
    for _ in 0..count {
        let (series, _) = neighbour.take_run(&mut reader)?;
        let label_count = reader.count()?;
        labels.clear();
        for _ in 0..label_count {
            let pair = match reader.unsigned()? {
                0 => {
                    let pair = (take_name(&mut reader, &mut names)?, take_text(&mut reader)?);
                    pairs.push(pair);
                    pair
                }
                known => *pairs.get(usize::try_from(known).ok()? - 1)?,
            };
            labels.push(pair);
        }
        let is_sorted = labels.windows(2).all(|two| two[0].0 < two[1].0);
        if !is_sorted || labels.iter().any(|(name, value)| name.is_empty() || value.is_empty()) {
            return None;
        }
        found(series, &labels);
    }
    reader.is_empty().then_some(())
}

fn take_name<'a>(reader: &mut Reader<'a>, names: &mut Vec<&'a str>) -> Option<&'a str> {
    match reader.unsigned()? {
        0 => {
            let name = take_text(reader)?;
            names.push(name);
            Some(name)
        }
        known => names.get(usize::try_from(known).ok()? - 1).copied(),
    }
}

fn take_text<'a>(reader: &mut Reader<'a>) -> Option<&'a str> {
    let length = reader.count()?;
    std::str::from_utf8(reader.bytes(length)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::Labels;
    use proptest::prelude::*;

    fn label_sets() -> impl Strategy<Value = Vec<Labels>> {
        let labels = prop::collection::vec(("[a-e]{1,2}", "[x-z]{1,3}"), 0..6);
        prop::collection::vec(labels.prop_map(Labels::from_pairs), 0..40)
    }

    proptest! {
        #[test]
        fn label_sets_read_back(sets in label_sets()) {
            let mut index = Index::new();
            let mut writer = SeriesWriter::default();
            let mut added = Vec::new();
            for labels in sets {
                if index.lookup(labels.iter()).is_some() {
                    continue;
                }
                let slot = index.choose_slot(&labels).unwrap();
                index.insert(slot, 1, labels.iter()).unwrap();
                let series = index.series_at(slot).unwrap();
                writer.add(&index, series, index.list_at(slot));
                added.push((series, labels));
            }
            let mut payload = Vec::new();
            writer.finish(&mut payload);
            let mut read = Vec::new();
            let decoded = decode(&payload, |series, labels| {
                read.push((series, Labels::from_sorted(labels.iter().copied())));
            });
            prop_assert_eq!(decoded, Some(()));
            prop_assert_eq!(read, added);
        }

        #[test]
        fn any_bytes_are_decoded_without_panic(payload: Vec<u8>) {
            let _ = decode(&payload, |_, _| {});
        }
    }
}
