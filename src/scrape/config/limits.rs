//! What one scrape may bring at most. A scrape beyond a limit fails as a whole, so that a limit never makes a series
//! silently incomplete. `None` means no limit (a 0 in the file).

use super::section::Section;

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

impl ScrapeLimits {
    pub(super) fn read(section: &mut Section<'_>) -> ScrapeLimits {
        ScrapeLimits {
            body_size_limit_bytes: section.size_limit("body_size_limit"),
            sample_limit: section.limit("sample_limit"),
            target_limit: section.limit("target_limit"),
            label_limit: section.limit("label_limit"),
            label_name_length_limit_bytes: section.limit("label_name_length_limit"),
            label_value_length_limit_bytes: section.limit("label_value_length_limit"),
            keep_dropped_targets: section.limit("keep_dropped_targets"),
        }
    }

    /// These limits, and where they say nothing those of `global`.
    pub(super) fn or(self, global: &ScrapeLimits) -> ScrapeLimits {
        ScrapeLimits {
            body_size_limit_bytes: self.body_size_limit_bytes.or(global.body_size_limit_bytes),
            sample_limit: self.sample_limit.or(global.sample_limit),
            target_limit: self.target_limit.or(global.target_limit),
            label_limit: self.label_limit.or(global.label_limit),
            label_name_length_limit_bytes: self.label_name_length_limit_bytes.or(global.label_name_length_limit_bytes),
            label_value_length_limit_bytes: self
                .label_value_length_limit_bytes
                .or(global.label_value_length_limit_bytes),
            keep_dropped_targets: self.keep_dropped_targets.or(global.keep_dropped_targets),
        }
    }
}
