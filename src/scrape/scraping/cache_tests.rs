use std::collections::BTreeSet;

use proptest::prelude::*;

use super::cache::{Known, ScrapeCache};

/// Reads a page on which staleness is tracked for every line, and commits it. The series' refs are the lines' numbers.
fn page(cache: &mut ScrapeCache, lines: &[u64]) -> Vec<u64> {
    let ended = uncommitted_page(cache, lines);
    cache.commit_page();
    ended
}

fn uncommitted_page(cache: &mut ScrapeCache, lines: &[u64]) -> Vec<u64> {
    cache.begin_page();
    for line in lines {
        see(cache, *line, true);
    }
    let mut ended = Vec::new();
    cache.collect_ended(&mut ended);
    ended.sort_unstable();
    ended
}

fn see(cache: &mut ScrapeCache, line: u64, is_tracked: bool) -> Known {
    let key = ScrapeCache::key(format!("series{{line=\"{line}\"}}").as_bytes());
    let position = cache.find(key).unwrap_or_else(|| cache.insert(key, Some(line)));
    cache.see(position, is_tracked)
}

fn live(cache: &ScrapeCache) -> Vec<u64> {
    let mut live = Vec::new();
    cache.collect_live(&mut live);
    live.sort_unstable();
    live
}

#[test]
fn an_entry_is_small() {
    let mut cache = ScrapeCache::default();
    let lines: Vec<u64> = (0..1500).collect();
    page(&mut cache, &lines);
    let bytes = cache.heap_bytes() as f64 / 1500.0;
    assert!(bytes <= 33.0, "{bytes} bytes an entry");
}

#[test]
fn a_series_is_found_in_any_order() {
    let mut cache = ScrapeCache::default();
    page(&mut cache, &[1, 2, 3, 4]);
    cache.begin_page();
    for line in [4, 1, 2, 3] {
        assert_eq!(see(&mut cache, line, true), Known::Series(line));
    }
    assert_eq!(see(&mut cache, 2, true), Known::Repeated(2));
    assert_eq!(cache.len(), 4);
}

#[test]
fn a_series_that_is_gone_ends_once() {
    let mut cache = ScrapeCache::default();
    assert_eq!(page(&mut cache, &[1, 2, 3]), []);
    assert_eq!(page(&mut cache, &[1, 3, 4]), [2]);
    assert_eq!(page(&mut cache, &[1, 3, 4]), []);
    assert_eq!(page(&mut cache, &[2]), [1, 3, 4]);
    assert_eq!(live(&cache), [2]);
}

#[test]
fn a_page_that_is_not_committed_changes_nothing_that_is_live() {
    let mut cache = ScrapeCache::default();
    page(&mut cache, &[1, 2]);
    uncommitted_page(&mut cache, &[2, 3]);
    assert_eq!(live(&cache), [1, 2]);
    assert_eq!(page(&mut cache, &[2, 3]), [1]);
    assert_eq!(live(&cache), [2, 3]);
}

#[test]
fn after_all_have_ended_they_come_back() {
    let mut cache = ScrapeCache::default();
    page(&mut cache, &[1, 2]);
    cache.end_all();
    assert_eq!(live(&cache), []);
    assert_eq!(page(&mut cache, &[1]), []);
    assert_eq!(live(&cache), [1]);
}

#[test]
fn what_has_its_own_time_does_not_end() {
    let mut cache = ScrapeCache::default();
    cache.begin_page();
    see(&mut cache, 1, false);
    see(&mut cache, 2, true);
    cache.commit_page();
    assert_eq!(live(&cache), [2]);
    assert_eq!(page(&mut cache, &[]), [2]);
}

#[test]
fn another_spelling_of_a_series_is_the_same_series() {
    let mut cache = ScrapeCache::default();
    page(&mut cache, &[1, 2]);
    cache.begin_page();
    see(&mut cache, 2, true);
    let key = ScrapeCache::key(b"series{ line=\"1\"}");
    let position = cache.insert(key, Some(1));
    cache.see(position, true);
    let mut ended = Vec::new();
    cache.collect_ended(&mut ended);
    assert_eq!(ended, []);
}

#[test]
fn dropped_series_are_remembered_and_never_end() {
    let mut cache = ScrapeCache::default();
    cache.begin_page();
    let key = ScrapeCache::key(b"unwanted");
    let position = cache.insert(key, None);
    assert_eq!(cache.see(position, true), Known::Dropped);
    cache.commit_page();
    assert_eq!(page(&mut cache, &[1]), []);
    assert_eq!(cache.find(key), Some(position));
}

#[test]
fn churn_does_not_grow_the_cache_without_bound() {
    let mut cache = ScrapeCache::default();
    for round in 0..50 {
        let lines: Vec<u64> = (round * 1000..(round + 1) * 1000).collect();
        page(&mut cache, &lines);
        assert!(cache.len() <= 1000 * 5 / 4 + 1000, "{}", cache.len());
    }
    assert!(cache.heap_bytes() < 120_000, "{}", cache.heap_bytes());
}

/// What can happen to a cache.
#[derive(Clone, Debug)]
enum Step {
    /// Lines, and whether staleness is tracked for each.
    Page(Vec<(u64, bool)>),
    /// A page that is not committed, as after a parse error; what was live ends.
    Failed(Vec<(u64, bool)>),
    /// A page that could not be committed; nothing has changed.
    Uncommitted(Vec<(u64, bool)>),
}

fn any_step() -> impl Strategy<Value = Step> {
    let lines = || prop::collection::vec((0..300u64, prop::bool::weighted(0.9)), 0..300);
    prop_oneof![
        5 => lines().prop_map(Step::Page),
        1 => lines().prop_map(Step::Failed),
        1 => lines().prop_map(Step::Uncommitted),
    ]
}

proptest! {
    #[test]
    fn what_is_live_is_what_a_plain_set_says(steps in prop::collection::vec(any_step(), 1..12)) {
        let mut cache = ScrapeCache::default();
        let mut expected = BTreeSet::new();
        for step in steps {
            let (Step::Page(lines) | Step::Failed(lines) | Step::Uncommitted(lines)) = &step;
            cache.begin_page();
            for (line, is_tracked) in lines {
                see(&mut cache, *line, *is_tracked);
            }
            let tracked: BTreeSet<u64> = lines.iter().filter(|line| line.1).map(|line| line.0).collect();
            match step {
                Step::Page(_) => {
                    let mut ended = Vec::new();
                    cache.collect_ended(&mut ended);
                    ended.sort_unstable();
                    let gone: Vec<u64> = expected.difference(&tracked).copied().collect();
                    prop_assert_eq!(ended, gone);
                    cache.commit_page();
                    expected = tracked;
                }
                Step::Failed(_) => {
                    cache.end_all();
                    expected.clear();
                }
                Step::Uncommitted(_) => {}
            }
            prop_assert_eq!(live(&cache), expected.iter().copied().collect::<Vec<_>>());
        }
    }
}
