//! Refusals, limits, retention, opening and closing.

use model::{AppendError, Appender, Batch, BatchReport, Labels, Rejected, Sample};

use super::rig::{Rig, labels};
use crate::{OpenError, Options, Tsdb};

#[test]
fn samples_that_do_not_fit_are_refused_with_the_reason() {
    let rig = Rig::new();
    let (series, now_ms) = (labels(1), rig.now_ms());
    rig.commit(&[(&series, now_ms, 1.0)]);
    let refused = |timestamp_ms, value| {
        let report = rig.try_commit(&[(&series, timestamp_ms, value)]).unwrap();
        report.rejected.first().map(|(_, reason)| *reason)
    };
    assert_eq!(refused(now_ms, 1.0), None);
    assert_eq!(refused(now_ms, 2.0), Some(Rejected::DuplicateTimestamp));
    assert_eq!(refused(now_ms - 1, 1.0), Some(Rejected::OutOfOrder));
    assert_eq!(refused(now_ms + 600_001, 1.0), Some(Rejected::TooFarAhead));
    assert_eq!(refused(now_ms - 24 * 3_600_000 - 1, 1.0), Some(Rejected::TooOld));
    assert_eq!(rig.contents()[&series.to_string()].len(), 1);
    let totals = rig.db().stats().rejected;
    let counts = [totals.duplicate_timestamp, totals.out_of_order, totals.too_far_ahead, totals.too_old];
    assert_eq!(counts, [1, 1, 1, 1]);
    assert_eq!(refused(now_ms + 600_000, 1.0), None);
}

#[test]
fn the_rest_of_a_batch_is_taken() {
    let mut rig = Rig::new();
    let (a, b, now_ms) = (labels(1), labels(2), rig.now_ms());
    rig.commit(&[(&a, now_ms, 1.0)]);
    // A series may be in a batch more than once.
    let batch = [(&a, now_ms - 1, 0.0), (&b, now_ms, 1.0), (&b, now_ms + 1, 2.0), (&b, now_ms, 3.0), (&a, now_ms, 1.0)];
    let report = rig.try_commit(&batch).unwrap();
    let rejected = vec![(0, Rejected::OutOfOrder), (3, Rejected::OutOfOrder)];
    assert_eq!(report, BatchReport { accepted: 3, rejected, unknown: vec![] });
    let before = rig.contents();
    assert_eq!(before[&b.to_string()].len(), 2);
    rig.restart_after_crash();
    assert_eq!(rig.contents(), before);
}

#[test]
fn a_batch_may_bring_many_samples_of_one_series() {
    let mut rig = Rig::new();
    let series = rig.db().resolve(&labels(1)).unwrap();
    let now_ms = rig.now_ms();
    let mut batch = Batch::default();
    for round in 0..3 {
        batch.clear();
        for n in 0..40_000 {
            let timestamp_ms = now_ms - 3_600_000 + round * 40_000 + n;
            batch.push(series, Sample { timestamp_ms, value: n as f64 });
        }
        assert_eq!(rig.db().commit(&batch).unwrap().accepted, 40_000);
    }
    let before = rig.contents();
    assert_eq!(before[&labels(1).to_string()].len(), 120_000);
    rig.restart_after_crash();
    assert_eq!(rig.contents(), before);
    // More than a chunk can ever hold.
    batch.clear();
    (0..70_000).for_each(|n| batch.push(series, Sample { timestamp_ms: now_ms + n, value: 0.0 }));
    assert!(matches!(rig.db().commit(&batch), Err(AppendError::Unavailable { .. })));
    assert_eq!(rig.contents(), before);
}

#[test]
fn an_unknown_ref_is_reported() {
    let rig = Rig::new();
    let known = rig.db().resolve(&labels(1)).unwrap();
    let mut batch = Batch::default();
    for series in [0, known, known + 1, known + (1 << 32), u64::MAX] {
        batch.push(series, Sample { timestamp_ms: rig.now_ms(), value: 1.0 });
    }
    let report = rig.db().commit(&batch).unwrap();
    assert_eq!((report.accepted, report.unknown), (1, vec![0, 2, 3, 4]));
    assert_eq!(rig.db().stats().unknown_refs_total, 4);
}

#[test]
fn the_series_limit_refuses_new_series_only() {
    let rig = Rig::with(|options| options.max_series = Some(2));
    rig.scrape(&[labels(1), labels(2)], 1);
    assert_eq!(rig.db().resolve(&labels(3)), Err(AppendError::SeriesLimit { limit: 2 }));
    rig.scrape(&[labels(1), labels(2)], 1);
    assert_eq!((rig.db().stats().series, rig.db().stats().series_refused_total), (2, 1));
    assert!(rig.db().resolve_past_limit(&labels(3)).is_ok(), "what tells of a target itself is taken");
    assert_eq!(rig.db().stats().series, 3);
}

#[test]
fn series_without_recent_samples_go_and_their_refs_with_them() {
    let mut rig = Rig::with(|options| options.retention_ms = 3_600_000);
    let (old, new) = (labels(1), labels(2));
    rig.scrape(&[old.clone(), new.clone()], 20);
    let old_ref = rig.db().resolve(&old).unwrap();
    rig.advance_ms(3_500_000);
    rig.scrape(std::slice::from_ref(&new), 40);
    rig.db().maintain();
    assert_eq!(rig.contents().keys().cloned().collect::<Vec<_>>(), [new.to_string()]);
    let stats = rig.db().stats();
    assert_eq!((stats.series, stats.series_removed_total, stats.label_pairs), (1, 1, 3));
    // The ref means nothing now, also when the same series or another one comes.
    let new_ref = rig.db().resolve(&old).unwrap();
    assert_ne!(new_ref, old_ref);
    let mut batch = Batch::default();
    for series in [old_ref, new_ref] {
        batch.push(series, Sample { timestamp_ms: rig.now_ms(), value: 9.0 });
    }
    let report = rig.db().commit(&batch).unwrap();
    assert_eq!((report.accepted, report.unknown), (1, vec![0]));
    let before = rig.contents();
    assert_eq!(before[&old.to_string()].len(), 1);
    // The log still has both generations of the series.
    assert_eq!(rig.restart_after_crash().skipped, []);
    assert_eq!(rig.contents(), before);
}

#[test]
fn a_series_that_never_gets_a_sample_goes_after_two_rounds() {
    let rig = Rig::new();
    rig.scrape(&[labels(1)], 1);
    rig.db().resolve(&labels(2)).unwrap();
    rig.db().maintain();
    assert_eq!(rig.db().stats().series, 2);
    rig.db().maintain();
    assert_eq!(rig.db().stats().series, 1);
}

#[test]
fn churn_does_not_fill_the_index() {
    let rig = Rig::with(|options| options.retention_ms = 600_000);
    let mut most = 0;
    for generation in 0..60 {
        let pods: Vec<Labels> = (0..50)
            .map(|n| {
                Labels::from_pairs([("__name__", "x"), ("pod", &format!("pod-{generation}-{n}")), ("instance", "a")])
            })
            .collect();
        rig.scrape(&pods, 4);
        rig.advance_ms(60_000);
        rig.db().maintain();
        most = most.max(rig.db().stats().series);
    }
    let stats = rig.db().stats();
    assert!(most <= 50 * 12, "{most}");
    assert!(stats.label_pairs <= most + 2, "{}", stats.label_pairs);
    assert_eq!(stats.series_created_total, 3000);
}

#[test]
fn retention_by_time_drops_whole_chunk_files() {
    let rig = Rig::with(|options| {
        options.retention_ms = 3_600_000;
        options.chunk_file_bytes = 200;
    });
    let series = [labels(1), labels(2)];
    rig.scrape(&series, 720);
    let files_before = rig.files("chunks").len();
    rig.advance_ms(1_800_000);
    rig.scrape(&series, 1);
    rig.db().maintain();
    assert!(rig.files("chunks").len() < files_before);
    let oldest_ms = rig.now_ms() - 3_600_000;
    for samples in rig.contents().values() {
        let kept = samples.iter().filter(|(time_ms, _)| *time_ms >= oldest_ms).count();
        assert_eq!(kept, 361);
        assert!(samples.len() < kept + 60, "{} samples are kept", samples.len());
    }
}

#[test]
fn retention_by_size_drops_the_oldest_chunk_files() {
    // The log and the chunk files are fitted to it, however large they are by default.
    let mut rig = Rig::with(|options| options.retention_bytes = Some(20_000));
    let series: Vec<Labels> = (0..10).map(labels).collect();
    for _ in 0..10 {
        rig.scrape(&series, 100);
        rig.db().maintain();
        let stats = rig.db().stats();
        assert!(stats.wal.bytes + stats.chunk_files.bytes <= 20_000, "{stats:?}");
    }
    let before = rig.contents();
    let newest = rig.now_ms();
    assert!(before.values().all(|samples| samples.last().unwrap().0 == newest && samples.len() > 50));
    rig.restart_after_crash();
    assert_eq!(rig.contents(), before);
}

#[test]
fn a_clock_that_jumps_ahead_does_not_make_everything_old() {
    let rig = Rig::new();
    rig.scrape(&[labels(1)], 30);
    let before = rig.contents();
    rig.advance_ms(400 * 24 * 3_600_000);
    rig.db().maintain();
    rig.db().maintain();
    assert_eq!(rig.contents(), before);
}

#[test]
fn a_clock_that_jumps_back_refuses_until_it_has_caught_up() {
    let rig = Rig::new();
    rig.scrape(&[labels(1)], 3);
    rig.advance_ms(-60_000);
    let report = rig.try_commit(&[(&labels(1), rig.now_ms(), 1.0)]).unwrap();
    assert_eq!(report.rejected, [(0, Rejected::OutOfOrder)]);
    rig.advance_ms(60_000);
    rig.scrape(&[labels(1)], 1);
}

#[test]
fn chunks_of_silent_series_are_closed() {
    let mut rig = Rig::with(|options| options.idle_close_ms = 60_000);
    rig.scrape(&[labels(1), labels(2)], 3);
    rig.scrape(&[labels(2)], 20);
    rig.db().maintain();
    assert_eq!(rig.db().stats().open_chunks, 1);
    let before = rig.contents();
    assert_eq!(before[&labels(1).to_string()].len(), 3);
    rig.restart_after_crash();
    assert_eq!(rig.contents(), before);
    rig.scrape(&[labels(1)], 1);
}

#[test]
fn a_closed_database_answers_but_takes_nothing() {
    let rig = Rig::new();
    rig.scrape(&[labels(1)], 3);
    let before = rig.contents();
    rig.db().close();
    rig.db().close();
    assert!(matches!(rig.db().resolve(&labels(1)), Err(AppendError::Unavailable { .. })));
    assert!(matches!(rig.db().commit(&Batch::default()), Err(AppendError::Unavailable { .. })));
    assert_eq!(rig.contents(), before);
}

#[test]
fn a_directory_is_used_by_one_database_at_a_time() {
    let rig = Rig::new();
    let error = Tsdb::open(rig.options.clone()).map(|_| ()).unwrap_err();
    assert!(matches!(error, OpenError::Locked { .. }));
    let (text, lock) = (error.to_string(), rig.path().join("lock"));
    assert!(text.contains("in use") && text.contains(&lock.display().to_string()), "{text}");
    // Another handle keeps it as well; closing gives it free.
    let other = rig.db().clone();
    other.close();
    assert!(Tsdb::open(rig.options.clone()).is_ok());
}

#[test]
fn a_directory_that_cannot_be_used_is_one_clear_line() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    std::fs::write(&file, "").unwrap();
    let text = Tsdb::open(Options::new(file.join("data"))).map(|_| ()).unwrap_err().to_string();
    assert!(text.starts_with(&format!("cannot use data directory: {}", file.join("data").display())), "{text}");
    assert!(!text.contains('\n'));
}

#[test]
fn targets_commit_side_by_side_while_maintenance_runs() {
    let mut rig = Rig::with(|options| {
        options.checkpoint_wal_bytes = 3000;
        options.wal_segment_bytes = 2000;
        options.chunk_file_bytes = 2000;
    });
    let start_ms = rig.now_ms();
    let target =
        |target: usize, n: usize| Labels::from_pairs([("instance", format!("target{target}")), ("n", format!("{n}"))]);
    std::thread::scope(|scope| {
        let db = rig.db();
        let writers: Vec<_> = (0..4)
            .map(|number| {
                scope.spawn(move || {
                    let mut batch = Batch::default();
                    for round in 0..300 {
                        let count = 5 + round / 30;
                        // Rounds of maintenance follow each other so fast that a new series may go before its first
                        // sample; then it is resolved once more, as a scrape would do it.
                        let mut accepted = 0;
                        while accepted < count {
                            batch.clear();
                            for n in 0..count {
                                let series = db.resolve(&target(number, n)).unwrap();
                                let sample = Sample { timestamp_ms: start_ms + round as i64, value: round as f64 };
                                batch.push(series, sample);
                            }
                            accepted = db.commit(&batch).unwrap().accepted;
                        }
                    }
                })
            })
            .collect();
        while !writers.iter().all(|writer| writer.is_finished()) {
            db.maintain();
        }
    });
    let before = rig.contents();
    assert_eq!(before.len(), 4 * 14);
    assert!((0..4).all(|number| before[&target(number, 0).to_string()].len() == 300));
    assert!(rig.db().stats().wal.checkpoints_total > 0);
    assert_eq!(rig.restart_after_crash().skipped, []);
    assert_eq!(rig.contents(), before);
}

#[test]
fn the_background_thread_syncs_and_ends() {
    let mut rig = Rig::new();
    rig.scrape(&[labels(1)], 1);
    rig.options.background = true;
    rig.options.wal_sync_interval = std::time::Duration::from_millis(1);
    rig.options.maintenance_interval = std::time::Duration::from_millis(1);
    rig.options.checkpoint_wal_bytes = 0;
    rig.restart();
    rig.scrape(&[labels(1)], 10);
    while rig.db().stats().wal.checkpoints_total == 0 {
        std::thread::yield_now();
    }
    rig.db().close();
    assert!(rig.db().stats().wal.syncs_total > 0);
}

#[test]
fn the_first_sample_may_be_at_the_lowest_time_of_all() {
    let rig = Rig::with(|options| options.retention_ms = i64::MAX);
    rig.advance_ms(i64::MIN / 4 - rig.now_ms());
    rig.commit(&[(&labels(1), i64::MIN / 2, 1.0)]);
    rig.commit(&[(&labels(1), i64::MIN / 4, 1.0)]);
    assert_eq!(rig.contents()[&labels(1).to_string()].len(), 2);
}
