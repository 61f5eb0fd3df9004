//! What one scrape may bring at most. A scrape beyond a limit fails as a whole, so that a limit never makes a series
//! silently incomplete. `None` means no limit (a 0 in the file).

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScrapeLimits {
    /// Uncompressed size of an answer.
    pub body_size_limit_bytes: Option<u64>,
    /// Samples after metric relabelling.
    pub sample_limit: Option<u64>,
    /// Targets of one job after relabelling; beyond it none of the job's targets is scraped.
    pub target_limit: Option<u64>,
    /// Labels of a sample.
    pub label_limit: Option<u64>,
    pub label_name_length_limit_bytes: Option<u64>,
    pub label_value_length_limit_bytes: Option<u64>,
    /// Targets dropped by relabelling that are remembered for the targets page.
    pub keep_dropped_targets: Option<u64>,
}
