//! Any sequence of operations and accidents, beside an oracle that is a sorted map: after each of them, the database
//! holds what the oracle does.

use std::collections::{BTreeMap, BTreeSet};

use model::{AppendError, Rejected};
use proptest::prelude::*;

use super::faulty_disk::FaultyDisk;
use super::rig::{ALL_TIME, Contents, Rig, contents, labels};

const RETENTION_MS: i64 = 600_000;
const MAX_FUTURE_MS: i64 = 60_000;

#[derive(Clone, Debug)]
enum Operation {
    /// Samples of series, with their distance from now.
    Commit(Vec<(usize, i64, f64)>),
    /// As many scrapes of the first series.
    Scrape {
        series: usize,
        rounds: usize,
    },
    Advance(i64),
    Maintain,
    Restart,
    Crash,
    /// A crash, and the last segment loses bytes at its end.
    CrashAndTear(usize),
    /// A crash, and one byte of the last segment, or of the last checkpoint, changes.
    CrashAndCorrupt(&'static str, prop::sample::Index),
    /// A crash, and the newest chunk file loses bytes at its end.
    CrashAndTearChunks(usize),
    FillDisk(i64),
    HealDisk,
}

#[derive(Clone, Default)]
struct Oracle {
    /// What should be there.
    contents: BTreeMap<usize, Vec<(i64, f64)>>,
    /// What was ever committed. A restart may bring back what is past the retention, when the log still has it.
    committed: BTreeSet<(String, i64, u64)>,
}

fn operations() -> impl Strategy<Value = Vec<Operation>> {
    let sample =
        (0..12usize, prop_oneof![8 => -3000i64..3000, 1 => Just(-RETENTION_MS - 1), 1 => Just(MAX_FUTURE_MS + 1)]);
    let value = prop_oneof![Just(1.0), any::<f64>(), Just(model::stale_marker())];
    let sample = (sample, value).prop_map(|((series, distance_ms), value)| (series, distance_ms, value));
    let operation = prop_oneof![
        4 => prop::collection::vec(sample, 1..8).prop_map(Operation::Commit),
        4 => (1..12usize, 1..25usize).prop_map(|(series, rounds)| Operation::Scrape { series, rounds }),
        2 => (1i64..20_000).prop_map(Operation::Advance),
        1 => (1i64..2 * RETENTION_MS).prop_map(Operation::Advance),
        4 => Just(Operation::Maintain),
        1 => Just(Operation::Restart),
        2 => Just(Operation::Crash),
        1 => (0..40usize).prop_map(Operation::CrashAndTear),
        1 => any::<prop::sample::Index>().prop_map(|position| Operation::CrashAndCorrupt("wal", position)),
        1 => any::<prop::sample::Index>().prop_map(|position| Operation::CrashAndCorrupt("checkpoint", position)),
        1 => (0..200usize).prop_map(Operation::CrashAndTearChunks),
        1 => (0..400i64).prop_map(Operation::FillDisk),
        2 => Just(Operation::HealDisk),
    ];
    prop::collection::vec(operation, 1..60)
}

impl Oracle {
    /// What the database must answer to each sample of a batch.
    fn expect(&self, samples: &[(usize, i64, f64)], now_ms: i64) -> (Self, Vec<(usize, Rejected)>) {
        let (mut after, mut rejected) = (self.clone(), Vec::new());
        for (position, &(series, timestamp_ms, value)) in samples.iter().enumerate() {
            let column = after.contents.entry(series).or_default();
            // A sample is compared with what its series had before the batch, then with what the batch brought.
            let before = self.contents.get(&series).and_then(|column| column.last().copied());
            let running = column.last().copied();
            let is_not_newer = |last: Option<(i64, f64)>| last.filter(|(last_ms, _)| timestamp_ms <= *last_ms);
            let reason = match is_not_newer(before).or(is_not_newer(running)) {
                _ if timestamp_ms < now_ms - RETENTION_MS => Rejected::TooOld,
                _ if timestamp_ms > now_ms + MAX_FUTURE_MS => Rejected::TooFarAhead,
                None => {
                    column.push((timestamp_ms, value));
                    after.committed.insert((labels(series).to_string(), timestamp_ms, value.to_bits()));
                    continue;
                }
                Some((last_ms, _)) if timestamp_ms < last_ms => Rejected::OutOfOrder,
                Some((_, last)) if value.to_bits() != last.to_bits() => Rejected::DuplicateTimestamp,
                Some(_) => continue,
            };
            rejected.push((position, reason));
        }
        rejected.sort_unstable_by_key(|(position, _)| *position);
        (after, rejected)
    }

    /// Of all that was ever committed: a damaged log may have lost whose a sample was and still say when it was.
    fn newest_ms(&self) -> Option<i64> {
        self.committed.iter().map(|(_, time_ms, _)| *time_ms).max()
    }

    /// Every sample that the database has was committed; of those that are not past the retention, it has exactly the
    /// oracle's.
    fn check(&self, found: &Contents, now_ms: i64) -> Result<(), TestCaseError> {
        let oldest_ms = self.newest_ms().unwrap_or(now_ms).min(now_ms) - RETENTION_MS;
        let expected: BTreeMap<String, Vec<(i64, u64)>> = self
            .contents
            .iter()
            .map(|(&series, column)| {
                (
                    labels(series).to_string(),
                    column.iter().map(|(time_ms, value)| (*time_ms, value.to_bits())).collect(),
                )
            })
            .collect();
        for (series, samples) in found {
            prop_assert!(samples.windows(2).all(|two| two[0].0 < two[1].0), "{} has {:?}", series, samples);
            for &(time_ms, bits) in samples {
                let is_known = self.committed.contains(&(series.clone(), time_ms, bits));
                prop_assert!(is_known, "{} has {} at {}", series, f64::from_bits(bits), time_ms);
            }
        }
        for (series, samples) in &expected {
            let recent: Vec<_> = samples.iter().filter(|(time_ms, _)| *time_ms >= oldest_ms).collect();
            let found: Vec<_> =
                found.get(series).into_iter().flatten().filter(|(time_ms, _)| *time_ms >= oldest_ms).collect();
            prop_assert_eq!(recent, found, "{}", series);
        }
        Ok(())
    }

    /// After damage to files: the oracle holds what is there.
    fn accept_loss(&mut self, found: &Contents) {
        for (&series, column) in &mut self.contents {
            let found = found.get(&labels(series).to_string()).cloned().unwrap_or_default();
            *column = found.into_iter().map(|(time_ms, bits)| (time_ms, f64::from_bits(bits))).collect();
        }
    }
}

fn run(operations: &[Operation]) -> Result<(), TestCaseError> {
    let disk = FaultyDisk::default();
    let mut rig = Rig::with(|options| {
        options.disk = std::sync::Arc::new(disk.clone());
        options.retention_ms = RETENTION_MS;
        options.max_future_ms = MAX_FUTURE_MS;
        options.idle_close_ms = 100_000;
        options.chunk_samples = 4;
        options.chunk_file_bytes = 500;
        options.wal_segment_bytes = 600;
        options.checkpoint_wal_bytes = 1500;
        options.cache_bytes = 100_000;
    });
    let mut oracle = Oracle::default();
    // What the log lost may be in a chunk file; then that must not be damaged as well.
    let mut log_is_whole = true;
    for operation in operations {
        match operation {
            Operation::Commit(samples) => {
                let now_ms = rig.now_ms();
                let samples: Vec<_> = samples.iter().map(|&(n, distance_ms, v)| (n, now_ms + distance_ms, v)).collect();
                commit(&rig, &mut oracle, &samples)?;
            }
            Operation::Scrape { series, rounds } => {
                for round in 0..*rounds {
                    rig.advance_ms(5000);
                    let samples: Vec<_> = (0..*series).map(|n| (n, rig.now_ms(), (round * n) as f64)).collect();
                    commit(&rig, &mut oracle, &samples)?;
                }
            }
            Operation::Advance(ms) => rig.advance_ms(*ms),
            Operation::Maintain => rig.db().maintain(),
            Operation::Restart => {
                disk.heal();
                rig.restart();
            }
            Operation::Crash => {
                disk.heal();
                rig.restart_after_crash();
            }
            Operation::CrashAndTear(bytes) => {
                tear(&mut rig, &disk, "wal", *bytes);
                log_is_whole = false;
                oracle.accept_loss(&rig.contents());
            }
            Operation::CrashAndCorrupt(extension, position) => {
                rig.crash();
                disk.heal();
                if let Some(file) = rig.files(extension).last() {
                    rig.damage(file, |bytes| {
                        if !bytes.is_empty() {
                            let position = position.index(bytes.len());
                            bytes[position] ^= 0x5a;
                        }
                    });
                }
                rig.open();
                log_is_whole = false;
                oracle.accept_loss(&rig.contents());
            }
            // The log has what a chunk file loses, as long as no checkpoint relied on it.
            Operation::CrashAndTearChunks(bytes) => {
                let is_covered = log_is_whole && rig.files("checkpoint").is_empty();
                tear(&mut rig, &disk, "chunks", if is_covered { *bytes } else { 0 });
            }
            Operation::FillDisk(bytes) => disk.fill_after(*bytes),
            Operation::HealDisk => disk.heal(),
        }
        oracle.check(&rig.contents(), rig.now_ms())?;
    }
    // A view that was taken before does not change.
    let selection = rig.select(&[], ALL_TIME);
    let before = contents(&*selection);
    disk.heal();
    commit(&rig, &mut oracle, &[(0, rig.now_ms() + 10_000, 1.0)])?;
    rig.db().maintain();
    prop_assert_eq!(contents(&*selection), before);
    oracle.check(&rig.contents(), rig.now_ms())
}

fn commit(rig: &Rig, oracle: &mut Oracle, samples: &[(usize, i64, f64)]) -> Result<(), TestCaseError> {
    let (after, rejected) = oracle.expect(samples, rig.now_ms());
    let all_labels: Vec<_> = samples.iter().map(|(series, _, _)| labels(*series)).collect();
    let with_labels = samples.iter().zip(&all_labels).map(|(&(_, time_ms, value), labels)| (labels, time_ms, value));
    match rig.try_commit(&with_labels.collect::<Vec<_>>()) {
        Ok(mut report) => {
            report.rejected.sort_unstable_by_key(|(position, _)| *position);
            prop_assert_eq!(report.rejected, rejected);
            prop_assert_eq!(report.unknown, Vec::<usize>::new());
            *oracle = after;
        }
        // Then nothing of it is there.
        Err(AppendError::Unavailable { .. }) => {}
        Err(other) => return Err(TestCaseError::fail(other.to_string())),
    }
    Ok(())
}

fn tear(rig: &mut Rig, disk: &FaultyDisk, extension: &str, bytes: usize) {
    rig.crash();
    disk.heal();
    if let Some(file) = rig.files(extension).last() {
        rig.damage(file, |content| content.truncate(content.len().saturating_sub(bytes)));
    }
    rig.open();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_database_holds_what_the_oracle_holds(operations in operations()) {
        run(&operations)?;
    }
}
