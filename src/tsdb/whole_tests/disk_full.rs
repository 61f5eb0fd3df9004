//! A full or failing disk: samples are refused, queries go on, and it heals without a restart.

use model::{AppendError, Appender, Batch, Labels, Sample};

use super::faulty_disk::FaultyDisk;
use super::rig::{Rig, labels};
use crate::Options;

fn rig_with(change: impl FnOnce(&mut Options)) -> (Rig, FaultyDisk) {
    let disk = FaultyDisk::default();
    let rig = Rig::with(|options| {
        options.disk = std::sync::Arc::new(disk.clone());
        change(options);
    });
    (rig, disk)
}

fn series() -> Vec<Labels> {
    (0..10).map(labels).collect()
}

#[test]
fn a_full_disk_refuses_samples_but_answers_queries_and_heals() {
    let (mut rig, disk) = rig_with(|_| {});
    rig.scrape(&series(), 20);
    let before = rig.contents();
    disk.fill_after(0);
    for _ in 0..3 {
        let error = rig.try_commit(&[(&labels(0), rig.now_ms() + 1, 1.0)]).unwrap_err();
        assert!(matches!(error, AppendError::Unavailable { .. }), "{error}");
        assert!(rig.db().stats().unavailable.is_some());
        assert_eq!(rig.contents(), before);
        rig.db().maintain();
    }
    disk.heal();
    rig.scrape(&series(), 1);
    assert_eq!(rig.db().stats().unavailable, None);
    let after = rig.contents();
    assert_eq!(rig.restart_after_crash().skipped, []);
    assert_eq!(rig.contents(), after);
}

#[test]
fn a_record_that_was_written_in_part_is_taken_away_before_the_next_one() {
    // Wherever the write ends: in the series, in the header, in the samples, in a new segment.
    for room_bytes in 0..300 {
        let (mut rig, disk) = rig_with(|options| options.wal_segment_bytes = 200);
        rig.scrape(&series()[..2], 1);
        disk.fill_after(room_bytes);
        let samples: Vec<_> = series().into_iter().collect();
        let samples: Vec<_> = samples.iter().map(|labels| (labels, rig.now_ms() + 1, 2.0)).collect();
        let is_committed = rig.try_commit(&samples).is_ok();
        disk.heal();
        rig.scrape(&series(), 2);
        let before = rig.contents();
        assert_eq!(before.values().filter(|samples| samples.len() >= 3).count(), if is_committed { 10 } else { 2 });
        let report = rig.restart_after_crash();
        assert_eq!(report.skipped, [], "with room for {room_bytes} bytes");
        assert_eq!(rig.contents(), before, "with room for {room_bytes} bytes");
    }
}

#[test]
fn a_crash_while_the_disk_is_full_loses_nothing_that_was_committed() {
    for room_bytes in [1, 10, 50, 90, 120] {
        let (mut rig, disk) = rig_with(|_| {});
        rig.scrape(&series(), 9);
        let mut before = rig.contents();
        disk.fill_after(room_bytes);
        for _ in 0..5 {
            rig.advance_ms(1);
            if rig.try_commit(&[(&labels(0), rig.now_ms(), 7.0)]).is_ok() {
                before = rig.contents();
            }
        }
        disk.heal();
        rig.restart_after_crash();
        assert_eq!(rig.contents(), before, "with room for {room_bytes} bytes");
    }
}

#[test]
fn a_tail_that_cannot_be_taken_away_keeps_samples_out_until_it_can() {
    let (mut rig, disk) = rig_with(|_| {});
    rig.scrape(&series(), 2);
    disk.fill_after(30);
    disk.fail_to_truncate(true);
    rig.try_commit(&[(&labels(0), rig.now_ms() + 1, 1.0)]).unwrap_err();
    disk.fill_after(i64::MAX);
    rig.try_commit(&[(&labels(0), rig.now_ms() + 1, 1.0)]).unwrap_err();
    disk.heal();
    rig.commit(&[(&labels(0), rig.now_ms() + 1, 1.0)]);
    let before = rig.contents();
    assert_eq!(rig.restart_after_crash().skipped, []);
    assert_eq!(rig.contents(), before);
}

#[test]
fn chunks_that_cannot_be_written_stay_open_and_are_written_later() {
    let (mut rig, disk) = rig_with(|_| {});
    rig.scrape(&series(), 1);
    // The log has its segment already; chunk files cannot be made.
    std::fs::remove_dir_all(rig.path().join("chunks")).unwrap();
    rig.scrape(&series(), 20);
    assert!(rig.db().stats().chunk_files.write_failures_total > 0);
    let before = rig.contents();
    assert!(before.values().all(|samples| samples.len() == 21));
    std::fs::create_dir(rig.path().join("chunks")).unwrap();
    disk.heal();
    rig.scrape(&series(), 2);
    assert!(rig.db().stats().chunk_files.chunks_written_total >= 10);
    let before = rig.contents();
    rig.restart_after_crash();
    assert_eq!(rig.contents(), before);
}

#[test]
fn a_checkpoint_that_cannot_be_written_leaves_the_log_as_it_is() {
    let (mut rig, disk) = rig_with(|options| options.checkpoint_wal_bytes = 0);
    rig.scrape(&series(), 20);
    for room_bytes in [0, 5, 100, 500] {
        disk.fill_after(room_bytes);
        rig.db().maintain();
    }
    assert_eq!(rig.db().stats().wal.checkpoint_failures_total, 4);
    assert_eq!((rig.files("checkpoint").len(), rig.files("tmp").len()), (0, 0));
    let before = rig.contents();
    disk.heal();
    assert_eq!(rig.restart_after_crash().skipped, []);
    assert_eq!(rig.contents(), before);
    rig.db().maintain();
    assert_eq!(rig.files("checkpoint").len(), 1);
}

#[test]
fn a_chunk_file_that_was_empty_at_the_checkpoint_is_read_later() {
    let (mut rig, disk) = rig_with(|options| options.checkpoint_wal_bytes = 0);
    rig.scrape(&series(), 2);
    // Room to make the file, but not to write to it.
    disk.fill_after(3);
    let samples: Vec<_> = series();
    let samples: Vec<_> = samples.iter().map(|labels| (labels, rig.now_ms() + 1, 1.0)).collect();
    rig.try_commit(&samples).unwrap_err();
    disk.heal();
    rig.db().maintain();
    assert_eq!((rig.files("chunks").len(), rig.db().stats().chunk_files.bytes), (1, 0));
    rig.scrape(&series(), 20);
    let before = rig.contents();
    assert_eq!(rig.restart_after_crash().skipped, []);
    assert_eq!(rig.contents(), before);
}

#[test]
fn a_failed_sync_is_followed_by_a_checkpoint() {
    let (mut rig, disk) = rig_with(|_| {});
    rig.scrape(&series(), 3);
    disk.fail_to_sync(true);
    rig.db().maintain();
    let stats = rig.db().stats().wal;
    assert!(stats.sync_failures_total > 0 && stats.checkpoints_total == 0);
    disk.heal();
    rig.db().maintain();
    assert_eq!(rig.db().stats().wal.checkpoints_total, 1);
    let before = rig.contents();
    rig.restart_after_crash();
    assert_eq!(rig.contents(), before);
}

#[test]
fn series_that_cannot_be_logged_do_not_pile_up() {
    let (rig, disk) = rig_with(|_| {});
    disk.fill_after(0);
    let text = "x".repeat(10_000);
    let refused = (0..1000)
        .map(|n| Labels::from_pairs([("n", format!("{n}{text}"))]))
        .find_map(|labels| rig.db().resolve(&labels).err());
    assert!(matches!(refused, Some(AppendError::Unavailable { .. })), "{refused:?}");
    disk.heal();
    let series = rig.db().resolve(&labels(5)).unwrap();
    let mut batch = Batch::default();
    batch.push(series, Sample { timestamp_ms: rig.now_ms(), value: 1.0 });
    assert_eq!(rig.db().commit(&batch).unwrap().accepted, 1);
}
