//! Which collectors run, and with which settings; a running runner can be given another plan.

use std::sync::Arc;

use super::Runner;
use crate::{Collector, Settings, SettingsError};

/// Collectors whose series depend on whether another one is on.
const DEPENDENT: &[(&str, &str)] = &[("cpu", "cpufreq")];

#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// Names of collectors.
    pub enabled: Vec<&'static str>,
    pub settings: Settings,
    /// Series that one collector may give in one scrape; 0 for no limit.
    pub series_limit: usize,
}

impl Plan {
    pub fn enables(&self, collector: &str) -> bool {
        self.enabled.contains(&collector)
    }
}

impl Runner {
    /// Goes on with another plan. Collectors that it changes are built anew; the others keep their state, and all keep
    /// their counters. Bad settings change nothing at all. A collector that is busy changes when it is back.
    pub fn change(&self, plan: Plan) -> Result<(), SettingsError> {
        let (before, rows) = {
            let schedule = self.shared.lock();
            (schedule.plan.clone(), schedule.slots.iter().map(|slot| slot.spec).collect::<Vec<_>>())
        };
        // Outside of the lock: building may read files.
        let mut built: Vec<Option<Box<dyn Collector>>> = Vec::with_capacity(rows.len());
        for spec in rows {
            let mut others = DEPENDENT.iter().filter(|(dependent, _)| *dependent == spec.name);
            let is_kept = before.enables(spec.name)
                && plan.settings.is_same_for(spec, &before.settings)
                && others.all(|(_, other)| before.enables(other) == plan.enables(other));
            let is_needed = plan.enables(spec.name) && !is_kept;
            built.push(if is_needed { Some((spec.build)(&self.shared.host, &plan.settings)?) } else { None });
        }
        let mut given_up = Vec::new();
        let mut schedule = self.shared.lock();
        for (slot, collector) in schedule.slots.iter_mut().zip(built) {
            let is_enabled = plan.enables(slot.spec.name);
            if collector.is_some() || (slot.is_enabled && !is_enabled) {
                given_up.push(slot.exchange(collector));
            }
            slot.is_enabled = is_enabled;
        }
        schedule.plan = Arc::new(plan);
        drop(schedule);
        drop(given_up);
        Ok(())
    }
}
