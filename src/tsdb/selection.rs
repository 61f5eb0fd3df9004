//! What a query sees: taken in one moment between two batches, and unchanged by what is appended or dropped later. Open
//! chunks are copied (some hundred bytes each); closed ones are read from their files when they are asked for.

use std::sync::Arc;

use foldhash::fast::RandomState;
use hashbrown::HashMap;
use model::{Labels, Matcher, Samples, Selection, StorageError, TimeRange};
use roaring::RoaringBitmap;

use crate::chunks::{ChunkPosition, FileSet};
use crate::head::Head;
use crate::index::Index;
use crate::series_ref::Slot;
use crate::xor::{decode_into, first_timestamp_ms};

pub struct HeadSelection {
    head: Arc<Head>,
    files: FileSet,
    range: TimeRange,
    /// Sorted by labels.
    series: Vec<Selected>,
    labels: LabelTable,
    /// The bits of all open chunks, one behind the other.
    open_bytes: Vec<u8>,
}

struct Selected {
    labels_at: usize,
    label_count: usize,
    closed: ChunkPosition,
    open_at: usize,
    open_len: usize,
    open_count: u16,
}

/// The labels of the selected series: each pair once, and for each series the ranks of its pairs. Ranks are in the
/// order of name and value, so series compare by their ranks.
#[derive(Default)]
struct LabelTable {
    text: String,
    /// For each rank, where its name begins, its value begins, and its value ends.
    pairs: Vec<[usize; 3]>,
    ranks: Vec<u32>,
    /// While the table is filled: index number → place in `pairs`.
    places: HashMap<u32, u32, RandomState>,
}

impl HeadSelection {
    pub fn new(head: &Arc<Head>, matchers: &[Matcher], range: TimeRange) -> Self {
        let index = head.index.read();
        let found = index.find(matchers);
        let wanted = found.iter().fold(0u16, |wanted, number| wanted | 1 << Slot::from_posting(number).shard);
        let shards = head.read_shards(wanted);
        let mut selection = HeadSelection {
            head: Arc::clone(head),
            // Not before the shards are locked: the files of their chunks must be in it.
            files: head.chunks.set(),
            range,
            series: Vec::new(),
            labels: LabelTable::default(),
            open_bytes: Vec::new(),
        };
        let mut kept = RoaringBitmap::new();
        for number in found {
            let slot = Slot::from_posting(number);
            let series = shards[usize::from(slot.shard)].as_ref().and_then(|shard| shard.get(slot.position));
            let Some(series) = series.filter(|series| series.may_have_samples_in(range)) else { continue };
            let open_at = selection.open_bytes.len();
            selection.open_bytes.extend_from_slice(series.open.bytes());
            selection.series.push(Selected {
                labels_at: 0,
                label_count: 0,
                closed: series.closed,
                open_at,
                open_len: series.open.bytes().len(),
                open_count: series.open.count(),
            });
            kept.insert(number);
        }
        // Commits may go on; the index is still needed.
        drop(shards);
        for (number, series) in kept.iter().zip(&mut selection.series) {
            let list = index.list_at(Slot::from_posting(number));
            series.labels_at = selection.labels.add(&index, list);
            series.label_count = list.len();
        }
        drop(index);
        selection.labels.rank();
        let HeadSelection { series, labels, .. } = &mut selection;
        series.sort_by_cached_key(|one| labels.first_ranks(one));
        // The first ranks usually say it all.
        for ties in series.chunk_by_mut(|a, b| labels.first_ranks(a) == labels.first_ranks(b)) {
            if ties.len() > 1 {
                ties.sort_unstable_by(|a, b| labels.ranks_of(a).cmp(labels.ranks_of(b)));
            }
        }
        selection
    }

    /// Appends the samples of closed chunks that lie in the range.
    fn closed_samples(&self, series: &Selected, out: &mut Samples) -> Result<(), StorageError> {
        let (mut bytes, mut chunks) = (Vec::new(), Vec::new());
        let mut buffer = Vec::new();
        let mut at = series.closed;
        while let Some(record) = self.head.chunks.read(&self.files, at, &mut buffer)? {
            if record.max_time_ms < self.range.start_ms {
                break;
            }
            if record.min_time_ms <= self.range.end_ms {
                chunks.push((at, record.count, bytes.len(), record.bytes.len()));
                bytes.extend_from_slice(record.bytes);
            }
            if record.min_time_ms <= self.range.start_ms {
                break;
            }
            at = record.previous;
        }
        for (at, count, start, len) in chunks.into_iter().rev() {
            self.decode(count, &bytes[start..start + len], out).map_err(|error| self.head.chunks.corrupt(at, error))?;
        }
        Ok(())
    }

    fn decode(&self, count: u16, bytes: &[u8], out: &mut Samples) -> Result<(), crate::xor::CorruptChunk> {
        decode_into(count, bytes, self.range.start_ms, self.range.end_ms, out)
    }
}

impl Selection for HeadSelection {
    fn len(&self) -> usize {
        self.series.len()
    }

    fn labels(&self, index: usize) -> Labels {
        self.labels.labels_of(&self.series[index])
    }

    fn samples(&self, index: usize, out: &mut Samples) -> Result<(), StorageError> {
        out.clear();
        let series = &self.series[index];
        let open = &self.open_bytes[series.open_at..series.open_at + series.open_len];
        let open_reaches_back = first_timestamp_ms(open).is_some_and(|first_ms| first_ms <= self.range.start_ms);
        if !open_reaches_back {
            self.closed_samples(series, out)?;
        }
        let unreadable = |error: crate::xor::CorruptChunk| StorageError::Unreadable(format!("open chunk: {error}"));
        self.decode(series.open_count, open, out).map_err(unreadable)
    }
}

impl LabelTable {
    /// Adds the pairs of a series; returns where they begin.
    fn add(&mut self, index: &Index, list: &[u32]) -> usize {
        let start = self.ranks.len();
        for &pair in list {
            let LabelTable { text, pairs, ranks, places } = self;
            let place = *places.entry(pair).or_insert_with(|| {
                let name_start = text.len();
                text.push_str(index.pairs.name_of(pair));
                let value_start = text.len();
                text.push_str(&index.pairs.pair(pair).value);
                pairs.push([name_start, value_start, text.len()]);
                pairs.len() as u32 - 1
            });
            ranks.push(place);
        }
        start
    }

    /// Sorts the pairs and turns places into ranks.
    fn rank(&mut self) {
        self.places = HashMap::default();
        let mut order: Vec<u32> = (0..self.pairs.len() as u32).collect();
        order.sort_unstable_by_key(|&place| self.pair(place));
        let mut rank_of = vec![0; order.len()];
        for (rank, &place) in order.iter().enumerate() {
            rank_of[place as usize] = rank as u32;
        }
        self.pairs = order.iter().map(|&place| self.pairs[place as usize]).collect();
        for place in &mut self.ranks {
            *place = rank_of[*place as usize];
        }
    }

    fn pair(&self, rank: u32) -> (&str, &str) {
        let [name, value, end] = self.pairs[rank as usize];
        (&self.text[name..value], &self.text[value..end])
    }

    fn ranks_of(&self, series: &Selected) -> &[u32] {
        &self.ranks[series.labels_at..series.labels_at + series.label_count]
    }

    /// The first four ranks as one number, which compares as they do.
    fn first_ranks(&self, series: &Selected) -> u128 {
        let mut ranks = self.ranks_of(series).iter();
        // 0 stands for none, which comes before any.
        (0..4).fold(0, |number, _| number << 32 | ranks.next().map_or(0, |&rank| u128::from(rank) + 1))
    }

    fn labels_of(&self, series: &Selected) -> Labels {
        Labels::from_sorted(self.ranks_of(series).iter().map(|&rank| self.pair(rank)))
    }
}
