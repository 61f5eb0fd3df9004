//! The hot loop: a page's lines become a batch. A known line costs one hash, one comparison and one number; only a new
//! one has its labels parsed, relabelled and resolved.

use std::hash::{BuildHasher, Hasher};

use exposition::{Dialect, Entry, Parser, SampleLine, Series};
use foldhash::fast::FixedState;
use hashbrown::HashSet;
use model::{AppendError, Appender, Batch, Sample, SeriesRef};

use super::ScrapeError;
use super::cache::{Key, Known, ScrapeCache};
use super::series_rules::SeriesRules;

/// What a page had.
#[derive(Clone, Debug, Default)]
pub(crate) struct PageCounts {
    /// Samples on the page.
    pub scraped: usize,
    /// Of those, samples that relabelling left.
    pub kept: usize,
    /// Series that the cache did not know.
    pub added: usize,
    /// Samples of series that were already on the page.
    pub repeated: usize,
    /// The first of them, as sent.
    pub first_repeated: Option<String>,
    /// New series that the storage refused, and why.
    pub refused: usize,
    pub refusal: Option<AppendError>,
    /// The first of them, as sent.
    pub first_refused: Option<String>,
    /// Changes when any metadata on the page does.
    pub metadata_fingerprint: u64,
}

/// A page and what it is read with.
pub(crate) struct PageReader<'a> {
    pub page: &'a [u8],
    pub dialect: Dialect,
    /// Milliseconds since the epoch, for samples without a time of their own.
    pub timestamp_ms: i64,
    pub rules: &'a SeriesRules,
    pub cache: &'a mut ScrapeCache,
    pub appender: &'a dyn Appender,
}

/// Where the entry of a new series is.
enum Resolved {
    At(usize),
    /// It has none: the storage is full, or the page is beyond its limit.
    Unstored,
}

impl PageReader<'_> {
    /// Appends the page's samples to the batch. On an error the counts still say how far it went.
    pub fn read(&mut self, batch: &mut Batch, counts: &mut PageCounts) -> Result<(), ScrapeError> {
        self.cache.begin_page();
        let sample_limit = self.rules.config.limits.sample_limit.unwrap_or(u64::MAX);
        let tracks_timed = self.rules.config.track_timestamps_staleness;
        let mut parser = Parser::new(self.page, self.dialect);
        while let Some(entry) = parser.next() {
            let Entry::Sample(line) = entry? else {
                counts.metadata_fingerprint = mix(counts.metadata_fingerprint, parser.line());
                continue;
            };
            counts.scraped += 1;
            let own_timestamp_ms = self.own_timestamp_ms(&line);
            let key = ScrapeCache::key(line.series.raw);
            let position = match self.cache.find(key) {
                Some(position) => position,
                None => match self.resolve(key, &line.series, &parser, counts, sample_limit)? {
                    Resolved::At(position) => position,
                    Resolved::Unstored => {
                        counts.kept += 1;
                        continue;
                    }
                },
            };
            let series = match self.cache.see(position, own_timestamp_ms.is_none() || tracks_timed) {
                Known::Dropped => continue,
                Known::Series(series) => series,
                Known::Repeated(series) if own_timestamp_ms.is_some() => series,
                Known::Repeated(_) => {
                    counts.kept += 1;
                    counts.repeat(&line.series);
                    continue;
                }
            };
            counts.kept += 1;
            let timestamp_ms = own_timestamp_ms.unwrap_or(self.timestamp_ms);
            batch.push(series, Sample { timestamp_ms, value: line.value });
        }
        if counts.kept as u64 > sample_limit {
            return Err(ScrapeError::SampleLimit { limit: sample_limit });
        }
        Ok(())
    }

    fn own_timestamp_ms(&self, line: &SampleLine<'_>) -> Option<i64> {
        line.timestamp_ms.filter(|_| self.rules.config.honor_timestamps)
    }

    #[cold]
    fn resolve(
        &mut self,
        key: Key,
        series: &Series<'_>,
        parser: &Parser<'_>,
        counts: &mut PageCounts,
        sample_limit: u64,
    ) -> Result<Resolved, ScrapeError> {
        let Some(labels) = self.rules.labels(series, parser)? else {
            return Ok(Resolved::At(self.cache.insert(key, None)));
        };
        if counts.kept as u64 >= sample_limit {
            // The page fails; it is read on only to say how much it had.
            return Ok(Resolved::Unstored);
        }
        match self.appender.resolve(&labels) {
            Ok(series) => {
                counts.added += 1;
                Ok(Resolved::At(self.cache.insert(key, Some(series))))
            }
            Err(refusal @ AppendError::SeriesLimit { .. }) => {
                counts.refused += 1;
                counts.first_refused.get_or_insert_with(|| spelled(series));
                counts.refusal = Some(refusal);
                Ok(Resolved::Unstored)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Resolves series anew that the storage has forgotten since, and appends their samples to the batch.
    pub fn read_forgotten(&mut self, forgotten: &HashSet<SeriesRef>, batch: &mut Batch) -> Result<(), ScrapeError> {
        self.cache.rewind();
        let mut parser = Parser::new(self.page, self.dialect);
        while let Some(entry) = parser.next() {
            let Entry::Sample(line) = entry? else { continue };
            let Some(position) = self.cache.find(ScrapeCache::key(line.series.raw)) else { continue };
            if !self.cache.series(position).is_some_and(|series| forgotten.contains(&series)) {
                continue;
            }
            let Some(labels) = self.rules.labels(&line.series, &parser)? else { continue };
            let series = self.appender.resolve(&labels)?;
            self.cache.replace(position, series);
            let timestamp_ms = self.own_timestamp_ms(&line).unwrap_or(self.timestamp_ms);
            batch.push(series, Sample { timestamp_ms, value: line.value });
        }
        Ok(())
    }

    /// How the page spells a series of the storage.
    pub fn name_of(&mut self, wanted: SeriesRef) -> Option<String> {
        self.cache.rewind();
        Parser::new(self.page, self.dialect).find_map(|entry| {
            let Ok(Entry::Sample(line)) = entry else { return None };
            let position = self.cache.find(ScrapeCache::key(line.series.raw))?;
            (self.cache.series(position) == Some(wanted)).then(|| spelled(&line.series))
        })
    }
}

impl PageCounts {
    #[cold]
    fn repeat(&mut self, series: &Series<'_>) {
        self.repeated += 1;
        self.first_repeated.get_or_insert_with(|| spelled(series));
    }
}

fn spelled(series: &Series<'_>) -> String {
    String::from_utf8_lossy(series.raw).into_owned()
}

fn mix(fingerprint: u64, line: &[u8]) -> u64 {
    let mut hasher = FixedState::with_seed(fingerprint).build_hasher();
    hasher.write(line);
    hasher.finish()
}
