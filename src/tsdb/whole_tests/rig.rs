//! A database in a directory of its own, with a clock that a test moves.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use model::{
    AppendError, Appender, Batch, BatchReport, Labels, Matcher, Sample, Samples, Selection, Storage, TimeRange,
};

use crate::{Clock, Options, ReplayReport, Tsdb};

pub const START_MS: i64 = 1_700_000_000_000;
pub const ALL_TIME: TimeRange = TimeRange { start_ms: i64::MIN, end_ms: i64::MAX };

/// Samples by the text of their series' labels; values as bits, so that every NaN is itself.
pub type Contents = BTreeMap<String, Vec<(i64, u64)>>;

pub struct Rig {
    pub options: Options,
    now_ms: Arc<AtomicI64>,
    db: Option<Tsdb>,
    dir: tempfile::TempDir,
}

impl Rig {
    pub fn new() -> Self {
        Rig::with(|_| {})
    }

    /// Small chunks, files and segments, so that a test meets their ends; no background thread.
    pub fn with(change: impl FnOnce(&mut Options)) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let now_ms = Arc::new(AtomicI64::new(START_MS));
        let clock = Arc::clone(&now_ms);
        let mut options = Options {
            clock: Clock::new(move || clock.load(Ordering::Relaxed)),
            background: false,
            chunk_samples: 8,
            ..Options::new(dir.path())
        };
        change(&mut options);
        let mut rig = Rig { options, now_ms, db: None, dir };
        let report = rig.open();
        assert_eq!(report.skipped, []);
        rig
    }

    pub fn db(&self) -> &Tsdb {
        self.db.as_ref().unwrap()
    }

    pub fn open(&mut self) -> ReplayReport {
        assert!(self.db.is_none());
        let (db, report) = Tsdb::open(self.options.clone()).unwrap();
        self.db = Some(db);
        report
    }

    /// As `kill -9` does it: nothing more is written.
    pub fn crash(&mut self) {
        self.db = None;
    }

    pub fn restart_after_crash(&mut self) -> ReplayReport {
        self.crash();
        self.open()
    }

    pub fn restart(&mut self) -> ReplayReport {
        self.db().close();
        self.crash();
        self.open()
    }

    pub fn now_ms(&self) -> i64 {
        self.now_ms.load(Ordering::Relaxed)
    }

    pub fn advance_ms(&self, ms: i64) {
        self.now_ms.fetch_add(ms, Ordering::Relaxed);
    }

    /// Commits samples of some series in one batch.
    pub fn try_commit(&self, samples: &[(&Labels, i64, f64)]) -> Result<BatchReport, AppendError> {
        let mut batch = Batch::default();
        for (labels, timestamp_ms, value) in samples {
            let series = self.db().resolve(labels)?;
            batch.push(series, Sample { timestamp_ms: *timestamp_ms, value: *value });
        }
        self.db().commit(&batch)
    }

    /// As `try_commit`; all of them are accepted.
    pub fn commit(&self, samples: &[(&Labels, i64, f64)]) {
        let report = self.try_commit(samples).unwrap();
        assert_eq!(report, BatchReport { accepted: samples.len(), ..BatchReport::default() });
    }

    /// A scrape of some series every five seconds; the values count up.
    pub fn scrape(&self, series: &[Labels], rounds: usize) {
        for round in 0..rounds {
            self.advance_ms(5000);
            let now_ms = self.now_ms();
            let samples: Vec<_> = series.iter().map(|labels| (labels, now_ms, round as f64)).collect();
            self.commit(&samples);
        }
    }

    pub fn select(&self, matchers: &[Matcher], range: TimeRange) -> Box<dyn Selection> {
        self.db().select(matchers, range).unwrap()
    }

    pub fn contents(&self) -> Contents {
        contents(&*self.select(&[], ALL_TIME))
    }

    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Files with an extension, the oldest first.
    pub fn files(&self, extension: &str) -> Vec<PathBuf> {
        let entries = ["wal", "chunks"].into_iter().flat_map(|dir| std::fs::read_dir(self.path().join(dir)).unwrap());
        let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
        files.retain(|file| file.extension().is_some_and(|other| other == extension));
        files.sort();
        files
    }

    /// Changes the bytes of a file.
    pub fn damage(&self, file: &Path, change: impl FnOnce(&mut Vec<u8>)) {
        let mut bytes = std::fs::read(file).unwrap();
        change(&mut bytes);
        std::fs::write(file, bytes).unwrap();
    }
}

pub fn contents(selection: &dyn Selection) -> Contents {
    let mut samples = Samples::default();
    let series = (0..selection.len()).map(|index| {
        selection.samples(index, &mut samples).unwrap();
        let bits = samples.iter().map(|sample| (sample.timestamp_ms, sample.value.to_bits())).collect();
        (selection.labels(index).to_string(), bits)
    });
    series.collect()
}

/// `name{instance="…", n="…"}`: series of two targets and several numbers.
pub fn labels(number: usize) -> Labels {
    Labels::from_pairs([
        ("__name__", ["requests_total", "memory_bytes", "up"][number % 3]),
        ("instance", ["a:9100", "b:9100"][number % 2]),
        ("n", &number.to_string()),
    ])
}
