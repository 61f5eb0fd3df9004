//! Where targets come from: lists in the configuration and lists in files.

mod target;

use model::Labels;

pub use target::{Dropped, Target, build_targets};

/// Targets that belong together and share labels.
#[derive(Clone, Debug, PartialEq)]
pub struct TargetGroup {
    /// Where the group came from, unique within its job: `static/0`, or a file and the position in it.
    pub source: String,
    /// Labels of every target of the group; a target's own label wins.
    pub labels: Labels,
    /// One set for each target; each has `__address__`.
    pub targets: Vec<Labels>,
}
