//! Which of the enabled collectors a scrape asks for: `collect[]` and `exclude[]`, with node_exporter's error texts.

use crate::Runner;

/// Positions of collectors, ascending. Equal filters share a collection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    pub(super) slots: Vec<usize>,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FilterError {
    #[error("Combined collect and exclude queries are not allowed.")]
    Combined,
    #[error("Couldn't create filtered metrics handler: couldn't create collector: missing collector: {0}")]
    Missing(String),
    #[error("Couldn't create filtered metrics handler: couldn't create collector: disabled collector: {0}")]
    Disabled(String),
}

impl Runner {
    /// All enabled collectors.
    pub fn everything(&self) -> Filter {
        Filter { slots: self.shared.lock().enabled().map(|(place, _)| place).collect() }
    }

    /// Only those in `collect`, or all but those in `exclude`. `is_known` tells a collector that is switched off from
    /// a name that means nothing; unknown names in `exclude` are passed over.
    pub fn filter(
        &self,
        collect: &[&str],
        exclude: &[&str],
        is_known: impl Fn(&str) -> bool,
    ) -> Result<Filter, FilterError> {
        let enabled: Vec<(usize, &str)> =
            self.shared.lock().enabled().map(|(place, slot)| (place, slot.spec.name)).collect();
        if !collect.is_empty() && !exclude.is_empty() {
            return Err(FilterError::Combined);
        }
        if let Some(unknown) = collect.iter().find(|wanted| enabled.iter().all(|(_, name)| name != *wanted)) {
            let unknown = (*unknown).to_owned();
            return Err(if is_known(&unknown) {
                FilterError::Disabled(unknown)
            } else {
                FilterError::Missing(unknown)
            });
        }
        let is_wanted = |name: &str| {
            if collect.is_empty() { !exclude.contains(&name) } else { collect.contains(&name) }
        };
        Ok(Filter { slots: enabled.into_iter().filter(|(_, name)| is_wanted(name)).map(|(place, _)| place).collect() })
    }
}
