//! A storage that keeps everything in one sorted map.

use std::collections::BTreeMap;

use model::{Labels, Matcher, Samples, Selection, Storage, StorageError, TimeRange};

#[derive(Clone, Debug, Default)]
pub struct Memory {
    series: BTreeMap<Labels, Stored>,
}

#[derive(Clone, Debug, Default)]
pub struct Stored {
    samples: Samples,
    /// What the series holds besides numbers; reading it fails.
    foreign: Option<&'static str>,
}

impl Memory {
    /// Adds samples; of two at the same time the later one stays.
    pub fn append(&mut self, labels: &Labels, samples: &[(i64, f64)]) {
        let stored = self.series.entry(labels.clone()).or_default();
        let mut all: BTreeMap<i64, f64> = stored.samples.iter().map(|s| (s.timestamp_ms, s.value)).collect();
        all.extend(samples.iter().copied());
        stored.samples = Samples { timestamps_ms: all.keys().copied().collect(), values: all.into_values().collect() };
    }

    pub fn mark_foreign(&mut self, labels: &Labels, what: &'static str) {
        self.series.entry(labels.clone()).or_default().foreign = Some(what);
    }

    pub fn clear(&mut self) {
        self.series.clear();
    }

    fn matching(&self, matchers: &[Matcher], range: TimeRange) -> Vec<(Labels, Stored)> {
        let meets =
            |labels: &Labels| matchers.iter().all(|matcher| matcher.matches(labels.get(&matcher.name).unwrap_or("")));
        let cut = |(labels, stored): (&Labels, &Stored)| {
            let mut samples = Samples::default();
            for sample in stored.samples.iter() {
                if (range.start_ms..=range.end_ms).contains(&sample.timestamp_ms) {
                    samples.push(sample.timestamp_ms, sample.value);
                }
            }
            (labels.clone(), Stored { samples, foreign: stored.foreign })
        };
        self.series.iter().filter(|(labels, _)| meets(labels)).map(cut).collect()
    }
}

struct Selected(Vec<(Labels, Stored)>);

impl Selection for Selected {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn labels(&self, index: usize) -> Labels {
        self.0[index].0.clone()
    }

    fn samples(&self, index: usize, out: &mut Samples) -> Result<(), StorageError> {
        let stored = &self.0[index].1;
        if let Some(what) = stored.foreign {
            return Err(StorageError::Unreadable(what.to_owned()));
        }
        out.clone_from(&stored.samples);
        Ok(())
    }
}

impl Storage for Memory {
    fn select(&self, matchers: &[Matcher], range: TimeRange) -> Result<Box<dyn Selection>, StorageError> {
        Ok(Box::new(Selected(self.matching(matchers, range))))
    }

    fn label_names(&self, matchers: &[Matcher], range: TimeRange) -> Result<Vec<String>, StorageError> {
        let series = self.matching(matchers, range);
        let mut names: Vec<String> =
            series.iter().flat_map(|(labels, _)| labels.iter().map(|(name, _)| name.to_owned())).collect();
        names.sort();
        names.dedup();
        Ok(names)
    }

    fn label_values(&self, name: &str, matchers: &[Matcher], range: TimeRange) -> Result<Vec<String>, StorageError> {
        let series = self.matching(matchers, range);
        let mut values: Vec<String> =
            series.iter().filter_map(|(labels, _)| labels.get(name).map(str::to_owned)).collect();
        values.sort();
        values.dedup();
        Ok(values)
    }
}
