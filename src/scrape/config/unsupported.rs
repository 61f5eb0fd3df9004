//! Parts of Prometheus' configuration that do not exist here yet. Each is refused by its name, so that nobody believes
//! in a rule or a copy that is not there; what cannot change any result is let pass. Where it is cheap, values are
//! checked all the same: a mistake is a mistake.

use std::sync::LazyLock;

use regex::Regex;

use super::global::Inherited;
use super::relabelling::read_rules;
use super::section::{Field, Section};
use super::{GlobalConfig, NameValidation};

/// A path with a star only in its last element.
static PATH_PATTERN: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"^[^*]*(\*[^/]*)?$").expect("the pattern is constant"));

/// The top level.
pub(super) fn read_sections(root: &mut Section<'_>, global: &GlobalConfig) {
    let rule_files = root.field("rule_files");
    if rule_files.as_ref().is_some_and(|field| check_paths(field) > 0) {
        root.unsupported("rule_files");
    }
    read_alerting(root, global.metric_name_validation_scheme);
    for key in ["remote_write", "remote_read"] {
        for item in root.items(key).iter().filter(|item| item.is_null()) {
            item.wrong("the entry is empty; remove the dash or fill the entry in");
        }
        root.unsupported(key);
    }
    for key in ["otlp", "tracing"] {
        root.unsupported(key);
    }
    if let Some(mut runtime) = root.section("runtime") {
        // Tunes a garbage collector that is not here.
        runtime.field("gogc").and_then(|field| field.fraction());
        runtime.finish();
    }
    if let Some(storage) = root.section("storage") {
        read_storage(storage);
    }
}

/// Notes paths with a star in the wrong place; how many paths there are.
pub(super) fn check_paths(list: &Field<'_>) -> usize {
    let items = list.items();
    for item in &items {
        let path = item.text_or_empty().unwrap_or_default();
        if !PATH_PATTERN.is_match(path) {
            item.wrong(format!("{path:?} may hold * only in its last element"));
        }
    }
    items.len()
}

/// An `alerting` section without rules and with nobody to send to, as in the file that Prometheus comes with, changes
/// nothing.
fn read_alerting(root: &mut Section<'_>, names: NameValidation) {
    let Some(mut alerting) = root.section("alerting") else { return };
    let rules = read_rules(&mut alerting, "alert_relabel_configs", names);
    let alertmanagers = alerting.items("alertmanagers");
    alerting.finish();
    if !rules.is_empty() || !alertmanagers.iter().all(is_placeholder) {
        root.unsupported("alerting");
    }
}

/// Whether nothing but empty lists of targets is there.
fn is_placeholder(alertmanager: &Field<'_>) -> bool {
    let is_empty = |(key, field): &(&str, Field<'_>)| *key == "targets" && field.items().is_empty();
    let groups_are_empty = |field: &Field<'_>| field.items().iter().all(|group| group.pairs().iter().all(is_empty));
    alertmanager.pairs().iter().all(|(key, field)| *key == "static_configs" && groups_are_empty(field))
}

fn read_storage(mut storage: Section<'_>) {
    if let Some(mut exemplars) = storage.section("exemplars") {
        // Exemplars are not stored, so their number does not matter.
        exemplars.field("max_exemplars").and_then(|field| field.fraction());
        exemplars.finish();
    }
    if let Some(tsdb) = storage.section("tsdb") {
        read_tsdb(tsdb);
    }
    storage.finish();
}

fn read_tsdb(mut tsdb: Section<'_>) {
    if tsdb.duration_ms("out_of_order_time_window").is_some() {
        tsdb.unsupported("out_of_order_time_window");
    }
    // When Prometheus tidies its memory up, not what it stores.
    if let Some(field) = tsdb.field("stale_series_compaction_threshold")
        && field.fraction().is_some_and(|share| !(0.0..=1.0).contains(&share))
    {
        field.wrong("expected a share between 0 and 1");
    }
    if let Some(mut retention) = tsdb.section("retention") {
        let time = retention.duration_ms("time").is_some();
        let size = retention.size_limit("size").is_some();
        let percentage = read_percentage(&mut retention);
        retention.finish();
        if time || size || percentage {
            tsdb.unsupported("retention");
        }
    }
    if let Some(mut encoding) = tsdb.section("chunk_encoding") {
        match encoding.field("floats").and_then(|field| Some((field.text()?, field))) {
            None | Some(("" | "xor", _)) => {}
            Some(("xor2", field)) => field.unsupported("xor2"),
            Some((other, field)) => field.wrong(format!("unknown encoding {other:?}; known is xor")),
        }
        encoding.finish();
    }
    tsdb.finish();
}

fn read_percentage(retention: &mut Section<'_>) -> bool {
    let Some(field) = retention.field("percentage") else { return false };
    let Some(percentage) = field.fraction() else { return false };
    if !(0.0..=100.0).contains(&percentage) {
        field.wrong("expected a percentage between 0 and 100");
    }
    percentage != 0.0
}

/// The keys of a job that ask for native histograms and further series.
pub(super) fn read_job(job: &mut Section<'_>, inherited: &Inherited<'_>) {
    let of_job = [
        ("scrape_native_histograms", &inherited.scrape_native_histograms),
        ("convert_classic_histograms_to_nhcb", &inherited.convert_classic_histograms_to_nhcb),
        ("extra_scrape_metrics", &inherited.extra_scrape_metrics),
    ];
    for (key, of_global) in of_job {
        let field = job.field(key).or_else(|| of_global.clone());
        if let Some(field) = field.filter(|field| field.bool() == Some(true)) {
            field.unsupported(key);
        }
    }
    job.unsupported("scrape_failure_log_file");
    // Without native histograms these have nothing to act on.
    job.bool("always_scrape_classic_histograms");
    job.limit("native_histogram_bucket_limit");
    job.field("native_histogram_min_bucket_factor").and_then(|field| field.fraction());
}
