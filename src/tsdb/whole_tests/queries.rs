//! What queries see.

use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};

use model::{Appender, Batch, Labels, MatchOp, Matcher, Sample, Samples, Storage, TimeRange, stale_marker};

use super::rig::{ALL_TIME, Rig, contents, labels};

fn matcher(name: &str, op: MatchOp, value: &str) -> Matcher {
    Matcher::new(name, op, value).unwrap()
}

fn three() -> [Labels; 3] {
    [
        Labels::from_pairs([("__name__", "up"), ("job", "node"), ("zone", "a")]),
        Labels::from_pairs([("__name__", "up"), ("job", "api"), ("zone", "b")]),
        Labels::from_pairs([("__name__", "down"), ("job", "node")]),
    ]
}

fn found(rig: &Rig, matchers: &[Matcher]) -> Vec<String> {
    let selection = rig.select(matchers, ALL_TIME);
    (0..selection.len()).map(|index| selection.labels(index).to_string()).collect()
}

#[test]
fn matchers_find_what_they_describe() {
    use MatchOp::{Equal, NotEqual, NotRegex, Regex};
    let rig = Rig::new();
    rig.scrape(&three(), 1);
    let [node, api, down] = three().map(|labels| labels.to_string());
    let (node, api, down) = (node.as_str(), api.as_str(), down.as_str());
    for (matchers, expected) in [
        (vec![], vec![down, api, node]),
        (vec![matcher("__name__", Equal, "up")], vec![api, node]),
        (vec![matcher("__name__", Equal, "no")], vec![]),
        (vec![matcher("__name__", NotEqual, "up")], vec![down]),
        (vec![matcher("zone", NotEqual, "a")], vec![down, api]),
        (vec![matcher("zone", NotEqual, "")], vec![api, node]),
        (vec![matcher("zone", Equal, "")], vec![down]),
        (vec![matcher("zone", Regex, "a|b")], vec![api, node]),
        (vec![matcher("zone", Regex, "a|")], vec![down, node]),
        (vec![matcher("zone", Regex, ".*")], vec![down, api, node]),
        (vec![matcher("zone", Regex, ".+")], vec![api, node]),
        (vec![matcher("zone", NotRegex, "a.*")], vec![down, api]),
        (vec![matcher("zone", NotRegex, ".*")], vec![]),
        (vec![matcher("zone", NotRegex, "a|")], vec![api]),
        (vec![matcher("nowhere", Equal, "")], vec![down, api, node]),
        (vec![matcher("nowhere", Regex, "x?")], vec![down, api, node]),
        (vec![matcher("nowhere", NotEqual, "")], vec![]),
        (vec![matcher("job", Equal, "node"), matcher("__name__", NotEqual, "down")], vec![node]),
        (vec![matcher("job", Regex, "n.*"), matcher("zone", Equal, "a")], vec![node]),
        (vec![matcher("job", Equal, "node"), matcher("job", Equal, "api")], vec![]),
    ] {
        assert_eq!(found(&rig, &matchers), expected, "{matchers:?}");
    }
}

#[test]
fn names_and_values_are_those_of_the_selected_series() {
    let rig = Rig::new();
    rig.scrape(&three(), 1);
    let db = rig.db();
    let names = |matchers: &[Matcher]| db.label_names(matchers, ALL_TIME).unwrap();
    let values = |name: &str, matchers: &[Matcher]| db.label_values(name, matchers, ALL_TIME).unwrap();
    assert_eq!(names(&[]), ["__name__", "job", "zone"]);
    assert_eq!(names(&[Matcher::equal("__name__", "down")]), ["__name__", "job"]);
    assert_eq!(values("job", &[]), ["api", "node"]);
    assert_eq!(values("job", &[Matcher::equal("zone", "b")]), ["api"]);
    assert_eq!(values("nowhere", &[]), Vec::<String>::new());
    let later = TimeRange { start_ms: rig.now_ms() + 1, end_ms: i64::MAX };
    let earlier = TimeRange { start_ms: 0, end_ms: rig.now_ms() - 1 };
    for range in [later, earlier] {
        assert_eq!(db.label_names(&[], range).unwrap(), Vec::<String>::new());
        assert_eq!(db.label_values("job", &[], range).unwrap(), Vec::<String>::new());
        assert_eq!(db.select(&[], range).unwrap().len(), 0);
    }
}

#[test]
fn only_samples_of_the_range_are_returned_from_any_number_of_chunks() {
    let rig = Rig::new();
    let series = [labels(1)];
    rig.scrape(&series, 100);
    assert!(rig.db().stats().chunk_files.chunks_written_total > 10);
    let first_ms = super::rig::START_MS + 5000;
    let mut samples = Samples::default();
    for (from, to) in [(0, 99), (0, 0), (99, 99), (17, 23), (8, 15), (92, 98), (50, 50)] {
        // Between two samples on one side, at a sample on the other.
        let range = TimeRange { start_ms: first_ms + from * 5000 - 1, end_ms: first_ms + to * 5000 };
        rig.select(&[], range).samples(0, &mut samples).unwrap();
        let expected: Vec<i64> = (from..=to).map(|n| first_ms + n * 5000).collect();
        assert_eq!(samples.timestamps_ms, expected);
    }
    let between = TimeRange { start_ms: first_ms + 1, end_ms: first_ms + 4999 };
    rig.select(&[], between).samples(0, &mut samples).unwrap();
    assert!(samples.is_empty());
}

#[test]
fn staleness_markers_and_other_nans_come_back_as_they_were() {
    let mut rig = Rig::new();
    let payload = f64::from_bits(0x7ff8_dead_beef_0001);
    let values = [1.5, stale_marker(), -0.0, payload, f64::NEG_INFINITY, f64::MIN_POSITIVE / 2.0, stale_marker()];
    for value in values {
        rig.advance_ms(5000);
        rig.commit(&[(&labels(1), rig.now_ms(), value)]);
    }
    let bits = |rig: &Rig| -> Vec<u64> { rig.contents()[&labels(1).to_string()].iter().map(|s| s.1).collect() };
    assert_eq!(bits(&rig), values.map(f64::to_bits));
    rig.restart_after_crash();
    assert_eq!(bits(&rig), values.map(f64::to_bits));
}

#[test]
fn a_selection_stays_as_it_was() {
    let rig = Rig::with(|options| {
        options.retention_ms = 600_000;
        options.chunk_file_bytes = 300;
        options.checkpoint_wal_bytes = 0;
    });
    let series: Vec<Labels> = (0..10).map(labels).collect();
    rig.scrape(&series, 30);
    let selection = rig.select(&[], ALL_TIME);
    let before = contents(&*selection);
    assert_eq!(before.len(), 10);
    // New samples, new series, then everything old is dropped and its series are removed.
    rig.scrape(&series, 10);
    rig.advance_ms(3_600_000);
    rig.scrape(&[labels(50)], 30);
    rig.db().maintain();
    assert_eq!(rig.contents().len(), 1);
    assert!(rig.db().stats().chunk_files.files_dropped_total > 0);
    assert_eq!(contents(&*selection), before);
}

#[test]
fn a_query_never_sees_half_a_batch() {
    let rig = Rig::with(|options| options.chunk_samples = 4);
    // Series of several targets: they lie in several shards.
    let series: Vec<Labels> = (0..40)
        .map(|n| {
            Labels::from_pairs([("__name__", "x"), ("instance", &format!("target{}", n % 10)), ("n", &n.to_string())])
        })
        .collect();
    let (done, started) = (AtomicBool::new(false), Barrier::new(4));
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                started.wait();
                let mut samples = Samples::default();
                while !done.load(Ordering::Relaxed) {
                    let selection = rig.select(&[], ALL_TIME);
                    let last: Vec<f64> = (0..selection.len())
                        .map(|index| {
                            selection.samples(index, &mut samples).unwrap();
                            assert!(samples.timestamps_ms.windows(2).all(|two| two[0] < two[1]));
                            *samples.values.last().unwrap()
                        })
                        .collect();
                    // Either all 40 series with the same newest value, or none yet; the second half comes later.
                    assert!([0, 20, 40].contains(&last.len()), "{} series", last.len());
                    assert!(last.windows(2).all(|two| two[0] == two[1]), "{last:?}");
                }
            });
        }
        started.wait();
        let mut batch = Batch::default();
        for round in 0..2000 {
            let now_ms = rig.now_ms() + round;
            let wanted = if round < 1000 { &series[..20] } else { &series[..] };
            batch.clear();
            for labels in wanted {
                batch.push(rig.db().resolve(labels).unwrap(), Sample { timestamp_ms: now_ms, value: round as f64 });
            }
            assert_eq!(rig.db().commit(&batch).unwrap().accepted, wanted.len());
            if round % 100 == 0 {
                rig.db().maintain();
            }
        }
        done.store(true, Ordering::Relaxed);
    });
}

#[test]
fn a_chunk_that_cannot_be_read_is_an_error_with_its_place() {
    let rig = Rig::new();
    rig.scrape(&[labels(1), labels(2)], 30);
    let file = rig.files("chunks").remove(0);
    rig.damage(&file, |bytes| bytes[30] ^= 1);
    let selection = rig.select(&[], ALL_TIME);
    let mut samples = Samples::default();
    let errors: Vec<String> = (0..2)
        .filter_map(|index| selection.samples(index, &mut samples).err())
        .map(|error| error.to_string())
        .collect();
    assert_eq!(errors.len(), 1);
    assert!(errors[0].contains("00000001.chunks:8: checksum mismatch"), "{errors:?}");
    // What does not need it is answered.
    let newest = TimeRange { start_ms: rig.now_ms(), end_ms: rig.now_ms() };
    let selection = rig.select(&[], newest);
    for index in 0..2 {
        selection.samples(index, &mut samples).unwrap();
        assert_eq!(samples.len(), 1);
    }
    assert_eq!(rig.db().stats().chunk_files.unreadable_total, 1);
}

#[test]
fn cardinality_counts_where_series_come_from() {
    let rig = Rig::new();
    rig.scrape(&three(), 1);
    let tables = rig.db().cardinality(2);
    let pairs = |table: &[crate::Count]| table.iter().map(|c| (c.name.clone(), c.value)).collect::<Vec<_>>();
    assert_eq!(pairs(&tables.series_count_by_metric_name), [("up".to_owned(), 2), ("down".to_owned(), 1)]);
    assert_eq!(pairs(&tables.label_value_count_by_label_name), [("__name__".to_owned(), 2), ("job".to_owned(), 2)]);
    assert_eq!(pairs(&tables.memory_in_bytes_by_label_name), [("job".to_owned(), 11), ("__name__".to_owned(), 8)]);
    let by_pair = [("__name__=up".to_owned(), 2), ("job=node".to_owned(), 2)];
    assert_eq!(pairs(&tables.series_count_by_label_value_pair), by_pair);
    assert_eq!((tables.series, tables.label_pairs, tables.chunks), (3, 6, 3));
}
