//! Scraping: what became of scrapes and samples.

use exposition::{Family, Page, counter, gauge};
use scrape::{ScrapeStats, Scraping};

const POOL_TARGETS: Family =
    gauge("prometheus_target_scrape_pool_targets", "Current number of targets in this scrape pool.");
const METADATA_ENTRIES: Family =
    gauge("prometheus_target_metadata_cache_entries", "Metric descriptions that are held for all targets.");
const OUT_OF_ORDER: Family = counter(
    "prometheus_target_scrapes_sample_out_of_order_total",
    "Total number of samples rejected due to not being out of the expected order.",
);
const DUPLICATE: Family = counter(
    "prometheus_target_scrapes_sample_duplicate_timestamp_total",
    "Total number of samples rejected due to duplicate timestamps but different values.",
);
const OUT_OF_BOUNDS: Family = counter(
    "prometheus_target_scrapes_sample_out_of_bounds_total",
    "Total number of samples rejected due to timestamp falling outside of the time bounds.",
);
const SAMPLE_LIMIT: Family = counter(
    "prometheus_target_scrapes_exceeded_sample_limit_total",
    "Total number of scrapes that hit the sample limit and were rejected.",
);
const BODY_LIMIT: Family = counter(
    "prometheus_target_scrapes_exceeded_body_size_limit_total",
    "Total number of scrapes that hit the body size limit.",
);
const SCRAPES: Family = counter("vitals_scrapes_total", "Scrapes, failed ones included.");
const FAILURES: Family = counter("vitals_scrape_failures_total", "Scrapes that failed, by reason.");
const ACCEPTED: Family = counter("vitals_scrape_samples_accepted_total", "Samples that went into the storage.");
const REFUSED: Family = counter("vitals_scrape_samples_refused_total", "Samples that did not, by reason.");
const RECEIVED: Family = counter("vitals_scrape_received_bytes_total", "Bytes of pages as they came.");
const FORGOTTEN: Family =
    counter("vitals_scrape_series_resolved_again_total", "Series that the storage had dropped meanwhile.");
const TARGETS: Family = gauge("vitals_scrape_targets", "Targets that are scraped.");
const CACHE_ENTRIES: Family = gauge("vitals_scrape_cache_entries", "Series that the scrape caches hold.");
const CACHE_BYTES: Family = gauge("vitals_scrape_cache_bytes", "Memory of the scrape caches.");

pub fn write(page: &mut Page, scraping: &Scraping) {
    let active = scraping.active_targets();
    for pool in scraping.scrape_pools() {
        let targets = active.iter().filter(|target| target.scrape_pool == pool).count();
        page.sample(&POOL_TARGETS, &[("scrape_job", &pool)], targets as f64);
    }
    write_stats(page, &scraping.stats());
}

fn write_stats(page: &mut Page, stats: &ScrapeStats) {
    let refused = |reason: &str| stats.samples_refused_total.get(reason).copied().unwrap_or(0) as f64;
    let failed = |reason: &str| stats.failures_total.get(reason).copied().unwrap_or(0) as f64;
    page.sample(&OUT_OF_ORDER, &[], refused("out_of_order"));
    page.sample(&DUPLICATE, &[], refused("duplicate_timestamp"));
    page.sample(&OUT_OF_BOUNDS, &[], refused("too_old") + refused("too_far_ahead"));
    page.sample(&SAMPLE_LIMIT, &[], failed("sample_limit"));
    page.sample(&BODY_LIMIT, &[], failed("body_size_limit"));
    page.sample(&SCRAPES, &[], stats.scrapes_total as f64);
    for (reason, count) in &stats.failures_total {
        page.sample(&FAILURES, &[("reason", reason)], *count as f64);
    }
    page.sample(&ACCEPTED, &[], stats.samples_accepted_total as f64);
    for (reason, count) in &stats.samples_refused_total {
        page.sample(&REFUSED, &[("reason", reason)], *count as f64);
    }
    page.sample(&RECEIVED, &[], stats.received_bytes_total as f64);
    page.sample(&FORGOTTEN, &[], stats.forgotten_series_total as f64);
    page.sample(&METADATA_ENTRIES, &[], stats.metadata_entries as f64);
    page.sample(&TARGETS, &[], stats.targets as f64);
    page.sample(&CACHE_ENTRIES, &[], stats.cache_entries as f64);
    page.sample(&CACHE_BYTES, &[], stats.cache_bytes as f64);
}
