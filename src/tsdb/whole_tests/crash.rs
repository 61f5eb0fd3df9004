//! What survives which accident.

use model::{Appender, Batch, Labels, Sample};

use super::rig::{Contents, Rig, labels};

fn series(count: usize) -> Vec<Labels> {
    (0..count).map(labels).collect()
}

fn sample_count(contents: &Contents) -> usize {
    contents.values().map(Vec::len).sum()
}

#[test]
fn a_crash_loses_nothing_that_was_committed() {
    let mut rig = Rig::new();
    rig.scrape(&series(20), 50);
    let before = rig.contents();
    assert_eq!(sample_count(&before), 1000);
    let report = rig.restart_after_crash();
    assert_eq!((report.series, report.skipped), (20, vec![]));
    assert_eq!(rig.contents(), before);
    // And goes on where it was.
    rig.scrape(&series(20), 10);
    assert_eq!(sample_count(&rig.contents()), 1200);
}

#[test]
fn five_crashes_in_a_row_lose_nothing() {
    let mut rig = Rig::with(|options| options.checkpoint_wal_bytes = 1000);
    for round in 1..=5 {
        rig.scrape(&series(10), 7);
        rig.db().maintain();
        rig.scrape(&series(10 + round), 4);
        let before = rig.contents();
        assert_eq!(rig.restart_after_crash().skipped, []);
        assert_eq!(rig.contents(), before, "round {round}");
    }
}

#[test]
fn a_torn_last_record_loses_only_itself() {
    let mut rig = Rig::new();
    rig.scrape(&series(3), 2);
    let before = rig.contents();
    rig.scrape(&series(3), 1);
    rig.crash();
    rig.damage(&rig.files("wal")[0], |bytes| bytes.truncate(bytes.len() - 1));
    let report = rig.open();
    assert_eq!(report.skipped_total, 1);
    assert!(report.skipped[0].reason.contains("torn"), "{:?}", report.skipped);
    assert_eq!(rig.contents(), before);
    // A checkpoint takes the place of a damaged log, so that it is reported once.
    rig.db().maintain();
    assert_eq!(rig.restart_after_crash().skipped, []);
    assert_eq!(rig.contents(), before);
}

#[test]
fn a_tail_of_zeros_after_a_power_loss_is_passed_over() {
    let mut rig = Rig::new();
    rig.scrape(&series(3), 3);
    let before = rig.contents();
    rig.crash();
    rig.damage(&rig.files("wal")[0], |bytes| bytes.resize(bytes.len() + 10_000, 0));
    let report = rig.open();
    assert!(report.skipped[0].reason.contains("zeros"), "{:?}", report.skipped);
    assert_eq!(rig.contents(), before);
}

#[test]
fn corruption_in_the_middle_loses_one_record_and_none_of_later_segments() {
    let mut rig = Rig::with(|options| {
        options.wal_segment_bytes = 400;
        options.chunk_samples = 1000;
    });
    rig.scrape(&series(5), 40);
    let before = rig.contents();
    rig.crash();
    let segments = rig.files("wal");
    assert!(segments.len() > 3, "{segments:?}");
    let middle = &segments[1];
    rig.damage(middle, |bytes| {
        let position = bytes.len() / 2;
        bytes[position] ^= 0xff;
    });
    let report = rig.open();
    assert_eq!((report.skipped_total, &report.skipped[0].file), (1, middle));
    let after = rig.contents();
    assert_eq!(sample_count(&after), sample_count(&before) - 5);
    for (series, samples) in after {
        assert!(samples.iter().all(|sample| before[&series].contains(sample)));
    }
}

#[test]
fn a_record_of_unknown_kind_is_passed_over() {
    let mut rig = Rig::new();
    rig.scrape(&series(3), 3);
    let before = rig.contents();
    rig.crash();
    rig.damage(&rig.files("wal")[0], |bytes| {
        let offset = bytes.len() as u64;
        crate::wal::frame::write(bytes, 77, 1, offset, b"from the future");
    });
    let report = rig.open();
    assert!(report.skipped[0].reason.contains("unknown kind 77"), "{:?}", report.skipped);
    assert_eq!(rig.contents(), before);
}

#[test]
fn duplicate_series_records_are_one_series() {
    let mut rig = Rig::new();
    rig.scrape(&series(3), 3);
    let before = rig.contents();
    rig.crash();
    rig.damage(&rig.files("wal")[0], |bytes| {
        // The first record once more, where it is valid.
        let length = u32::from_le_bytes(bytes[12..16].try_into().unwrap()) as usize;
        let payload = bytes[20..20 + length].to_vec();
        let offset = bytes.len() as u64;
        crate::wal::frame::write(bytes, crate::wal::frame::kind::SERIES, 1, offset, &payload);
    });
    assert_eq!(rig.open().skipped, []);
    assert_eq!(rig.contents(), before);
}

#[test]
fn samples_of_a_series_whose_record_is_lost_are_reported() {
    let mut rig = Rig::new();
    rig.scrape(&series(3), 3);
    rig.crash();
    rig.damage(&rig.files("wal")[0], |bytes| bytes[25] ^= 1);
    let report = rig.open();
    assert_eq!((report.series, report.skipped_total), (0, 4));
    assert!(report.skipped[1].reason.contains("3 samples of series that the log does not name"), "{report:?}");
    // The numbers are not given to other series, whose samples they would become at the next start.
    rig.scrape(&series(2), 2);
    let before = rig.contents();
    rig.restart_after_crash();
    assert_eq!(rig.contents(), before);
}

#[test]
fn a_torn_chunk_file_is_made_good_by_the_log() {
    let mut rig = Rig::new();
    rig.scrape(&series(10), 40);
    let before = rig.contents();
    rig.crash();
    let files = rig.files("chunks");
    rig.damage(files.last().unwrap(), |bytes| bytes.truncate(bytes.len() / 2));
    let report = rig.open();
    assert_eq!(report.skipped_total, 1);
    assert_eq!(rig.contents(), before);
    rig.restart_after_crash();
    assert_eq!(rig.contents(), before);
}

#[test]
fn a_lost_chunk_file_is_made_good_by_the_log() {
    let mut rig = Rig::new();
    rig.scrape(&series(10), 40);
    let before = rig.contents();
    rig.crash();
    for file in rig.files("chunks") {
        std::fs::remove_file(file).unwrap();
    }
    assert_eq!(rig.open().skipped, []);
    assert_eq!(rig.contents(), before);
}

#[test]
fn a_damaged_chunk_with_later_ones_behind_it_is_made_good_by_the_log() {
    for damaged in 0..3 {
        let mut rig = Rig::with(|options| options.chunk_file_bytes = 500);
        rig.scrape(&series(3), 100);
        let before = rig.contents();
        rig.crash();
        let files = rig.files("chunks");
        assert!(files.len() > 3, "{files:?}");
        rig.damage(&files[damaged], |bytes| bytes[30] ^= 1);
        let report = rig.open();
        assert_eq!((report.skipped_total, &report.skipped[0].file), (1, &files[damaged]));
        assert_eq!(rig.contents(), before, "file {damaged}");
        // The chunks that take its place are found again.
        let after = rig.files("chunks");
        rig.scrape(&series(3), 10);
        let before = rig.contents();
        rig.restart_after_crash();
        assert_eq!(rig.contents(), before, "file {damaged}");
        assert!(rig.files("chunks").len() <= after.len() + 1);
        rig.restart();
        assert_eq!(rig.contents(), before, "file {damaged}");
    }
}

#[test]
fn after_a_checkpoint_the_log_is_short_and_nothing_is_lost() {
    let mut rig = Rig::with(|options| options.checkpoint_wal_bytes = 0);
    rig.scrape(&series(10), 30);
    rig.db().maintain();
    assert_eq!((rig.files("wal").len(), rig.files("checkpoint").len()), (0, 1));
    rig.scrape(&series(12), 3);
    let before = rig.contents();
    let report = rig.restart_after_crash();
    assert_eq!((report.series, report.skipped), (12, vec![]));
    assert_eq!(rig.contents(), before);
}

#[test]
fn a_leftover_of_an_unfinished_checkpoint_is_removed() {
    let mut rig = Rig::new();
    rig.scrape(&series(3), 3);
    let before = rig.contents();
    rig.crash();
    std::fs::write(rig.path().join("wal/00000002.tmp"), b"half a checkpoint").unwrap();
    assert_eq!(rig.open().skipped, []);
    assert_eq!(rig.files("tmp").len(), 0);
    assert_eq!(rig.contents(), before);
}

#[test]
fn segments_left_by_a_crash_between_checkpoint_and_truncation_do_no_harm() {
    let mut rig = Rig::with(|options| options.checkpoint_wal_bytes = 0);
    rig.scrape(&series(5), 20);
    let segment = rig.files("wal").remove(0);
    let bytes = std::fs::read(&segment).unwrap();
    rig.db().maintain();
    rig.scrape(&series(5), 3);
    let before = rig.contents();
    rig.crash();
    std::fs::write(&segment, bytes).unwrap();
    assert_eq!(rig.open().skipped, []);
    assert_eq!(rig.contents(), before);
    rig.db().maintain();
    assert!(!segment.exists());
}

#[test]
fn a_damaged_checkpoint_falls_back_on_the_one_before() {
    let mut rig = Rig::with(|options| options.checkpoint_wal_bytes = 0);
    rig.scrape(&series(10), 20);
    rig.db().maintain();
    rig.scrape(&series(10), 20);
    rig.db().maintain();
    rig.scrape(&series(10), 2);
    let before = rig.contents();
    rig.crash();
    let checkpoints = rig.files("checkpoint");
    assert_eq!(checkpoints.len(), 2);
    rig.damage(&checkpoints[1], |bytes| {
        for byte in &mut bytes[100..300] {
            *byte ^= 0x55;
        }
    });
    let report = rig.open();
    assert_eq!(report.series, 10, "{report:?}");
    assert!(report.skipped_total > 0);
    let after = rig.contents();
    for (series, samples) in &before {
        // Only what was in open chunks at the second checkpoint can be missing.
        let missing = samples.iter().filter(|sample| !after[series].contains(sample)).count();
        assert!(missing <= 9, "{missing} samples of {series} are missing");
        assert!(after[series].iter().all(|sample| samples.contains(sample)));
    }
}

#[test]
fn a_series_that_was_only_resolved_is_not_kept() {
    let mut rig = Rig::new();
    rig.db().resolve(&labels(1)).unwrap();
    assert_eq!(rig.restart_after_crash().series, 0);
}

#[test]
fn a_ref_from_before_a_restart_is_unknown_or_still_the_same_series() {
    let mut rig = Rig::new();
    let old = rig.db().resolve(&labels(1)).unwrap();
    rig.restart_after_crash();
    let new = rig.db().resolve(&labels(2)).unwrap();
    assert_eq!(old >> 32, 1);
    let mut batch = Batch::default();
    batch.push(new, Sample { timestamp_ms: rig.now_ms(), value: 1.0 });
    assert_eq!(rig.db().commit(&batch).unwrap().accepted, 1);
}

#[test]
fn a_file_that_is_not_ours_is_left_alone() {
    let mut rig = Rig::new();
    rig.scrape(&series(2), 2);
    let before = rig.contents();
    rig.crash();
    std::fs::write(rig.path().join("wal/00000000"), b"of another program").unwrap();
    std::fs::write(rig.path().join("chunks/00000099.chunks"), b"of a later version").unwrap();
    let report = rig.open();
    assert_eq!(report.skipped_total, 1);
    assert_eq!(rig.contents(), before);
    rig.advance_ms(48 * 3_600_000);
    rig.scrape(&series(2), 20);
    rig.db().maintain();
    assert!(rig.path().join("wal/00000000").exists());
    assert!(rig.path().join("chunks/00000099.chunks").exists());
}
