//! What one collector writes in one scrape.
//!
//! Samples are appended as text at once; families may come in any order and may be interleaved (`assemble` brings the
//! parts of a family together). A page is reused from scrape to scrape, so in steady state nothing is allocated.

use std::collections::HashSet;
use std::hash::{BuildHasher, Hasher};
use std::ops::Range;

use foldhash::fast::FixedState;
use model::write_float;

use crate::label_text::write_label;
use crate::{Family, Kind, LabelText};

/// A label of a sample: name and unescaped value.
pub type Label<'a> = (&'a str, &'a str);

#[derive(Debug, Default)]
pub struct Page {
    text: Vec<u8>,
    blocks: Vec<Block>,
    samples: usize,
    /// Made of the names and labels of all samples, in their order.
    fingerprint: u64,
    /// The fingerprint of a page that had no series twice; it outlives `clear`.
    known_single: Option<u64>,
}

/// Consecutive samples of one family. Name and help lie in the page's text, before the lines.
#[derive(Clone, Debug)]
struct Block {
    name: Range<usize>,
    help: Range<usize>,
    kind: Kind,
    lines: Range<usize>,
    samples: usize,
}

/// One block as `assemble` sees it.
#[derive(Clone, Copy)]
pub(crate) struct BlockView<'a> {
    pub name: &'a [u8],
    pub help: &'a [u8],
    pub kind: Kind,
    pub lines: &'a [u8],
}

impl Page {
    pub fn new() -> Self {
        Page::default()
    }

    pub fn clear(&mut self) {
        self.text.clear();
        self.blocks.clear();
        self.samples = 0;
        self.fingerprint = 0;
    }

    /// Number of samples on the page.
    pub fn samples(&self) -> usize {
        self.samples
    }

    pub fn is_empty(&self) -> bool {
        self.samples == 0
    }

    /// Appends one sample of a declared family. Labels are written in the order given; give them sorted by name.
    pub fn sample(&mut self, family: &Family, labels: &[Label<'_>], value: f64) {
        self.begin(family.name, family.kind, family.help);
        self.line(family.name, b"", labels, value, None);
    }

    /// Appends one sample of a family whose name is only known at run time (a field of a kernel file).
    pub fn named_sample(&mut self, name: &str, kind: Kind, help: &str, labels: &[Label<'_>], value: f64) {
        self.begin(name, kind, help);
        self.line(name, b"", labels, value, None);
    }

    /// As `named_sample`, with labels that are already escaped.
    pub fn named_labelled_sample(&mut self, name: &str, kind: Kind, help: &str, text: &LabelText, value: f64) {
        self.begin(name, kind, help);
        self.line(name, text.as_bytes(), &[], value, None);
    }

    /// Appends a sample whose first labels are already escaped; `labels` follow them.
    pub fn labelled_sample(&mut self, family: &Family, text: &LabelText, labels: &[Label<'_>], value: f64) {
        self.begin(family.name, family.kind, family.help);
        self.line(family.name, text.as_bytes(), labels, value, None);
    }

    /// As `labelled_sample`, with an explicit time in milliseconds since the epoch.
    pub fn timed_sample(
        &mut self,
        family: &Family,
        text: &LabelText,
        labels: &[Label<'_>],
        value: f64,
        timestamp_ms: i64,
    ) {
        self.begin(family.name, family.kind, family.help);
        self.line(family.name, text.as_bytes(), labels, value, Some(timestamp_ms));
    }

    /// Appends a sample whose name is not its family's: `_bucket`, `_sum`, `_count` of a histogram or summary.
    pub fn member_sample(
        &mut self,
        family_name: &str,
        kind: Kind,
        help: &str,
        member: &str,
        labels: &[Label<'_>],
        value: f64,
    ) {
        self.begin(family_name, kind, help);
        self.line(member, b"", labels, value, None);
    }

    fn begin(&mut self, name: &str, kind: Kind, help: &str) {
        if let Some(open) = self.blocks.last()
            && open.kind == kind
            && &self.text[open.name.clone()] == name.as_bytes()
        {
            return;
        }
        let name_start = self.text.len();
        self.text.extend_from_slice(name.as_bytes());
        let help_start = self.text.len();
        self.text.extend_from_slice(help.as_bytes());
        let lines_start = self.text.len();
        self.blocks.push(Block {
            name: name_start..help_start,
            help: help_start..lines_start,
            kind,
            lines: lines_start..lines_start,
            samples: 0,
        });
    }

    fn line(&mut self, name: &str, text: &[u8], labels: &[Label<'_>], value: f64, timestamp_ms: Option<i64>) {
        let out = &mut self.text;
        let start = out.len();
        out.extend_from_slice(name.as_bytes());
        if !text.is_empty() || !labels.is_empty() {
            out.push(b'{');
            out.extend_from_slice(text);
            let mut needs_comma = !text.is_empty();
            for (label, value) in labels {
                if needs_comma {
                    out.push(b',');
                }
                write_label(out, label, value);
                needs_comma = true;
            }
            out.push(b'}');
        }
        self.fingerprint = followed_by(self.fingerprint, &out[start..]);
        out.push(b' ');
        write_float(out, value);
        if let Some(timestamp_ms) = timestamp_ms {
            out.push(b' ');
            out.extend_from_slice(itoa::Buffer::new().format(timestamp_ms).as_bytes());
        }
        out.push(b'\n');
        let end = out.len();
        if let Some(open) = self.blocks.last_mut() {
            open.lines.end = end;
            open.samples += 1;
        }
        self.samples += 1;
    }

    /// Drops every sample whose name and labels an earlier one has already; scrapers refuse a page with such a pair.
    /// `tell` gets what was dropped, as on the page. A page with the same series as last time, in the same order, costs
    /// one comparison.
    pub fn drop_repeats(&mut self, mut tell: impl FnMut(&[u8])) {
        if self.known_single == Some(self.fingerprint) {
            return;
        }
        let mut seen = HashSet::with_capacity_and_hasher(self.samples, FixedState::default());
        let mut repeats: Vec<(usize, Range<usize>)> = Vec::new();
        for (place, block) in self.blocks.iter().enumerate() {
            let mut start = block.lines.start;
            for line in self.text[block.lines.clone()].split_inclusive(|b| *b == b'\n') {
                let end = start + line.len();
                let key = series_of(line);
                if !seen.insert(key) {
                    tell(key);
                    repeats.push((place, start..end));
                }
                start = end;
            }
        }
        if repeats.is_empty() {
            self.known_single = Some(self.fingerprint);
        }
        for (place, line) in repeats.into_iter().rev() {
            let block = &mut self.blocks[place];
            self.text.copy_within(line.end..block.lines.end, line.start);
            block.lines.end -= line.len();
            block.samples -= 1;
            self.samples -= 1;
        }
        self.blocks.retain(|block| block.samples > 0);
    }

    /// Forgets samples after the first `limit`; returns how many were dropped. A budget on a collector's series. `tell`
    /// gets the families that lost samples, as often as the page has them, and how many.
    pub fn truncate(&mut self, limit: usize, mut tell: impl FnMut(&str, usize)) -> usize {
        let dropped = self.samples.saturating_sub(limit);
        if dropped == 0 {
            return 0;
        }
        let mut left = limit;
        for block in &mut self.blocks {
            if block.samples > left {
                tell(std::str::from_utf8(&self.text[block.name.clone()]).unwrap_or_default(), block.samples - left);
                let lines = &self.text[block.lines.clone()];
                let kept: usize = lines.split_inclusive(|b| *b == b'\n').take(left).map(<[u8]>::len).sum();
                block.lines.end = block.lines.start + kept;
                block.samples = left;
            }
            left -= block.samples;
        }
        self.blocks.retain(|block| block.samples > 0);
        self.samples = limit;
        dropped
    }

    pub(crate) fn blocks(&self) -> impl Iterator<Item = BlockView<'_>> {
        self.blocks.iter().map(|block| BlockView {
            name: &self.text[block.name.clone()],
            help: &self.text[block.help.clone()],
            kind: block.kind,
            lines: &self.text[block.lines.clone()],
        })
    }
}

/// Name and labels of a sample line.
pub(crate) fn series_of(line: &[u8]) -> &[u8] {
    let end = match memchr::memrchr(b'}', line) {
        Some(brace) => brace + 1,
        None => memchr::memchr(b' ', line).unwrap_or(line.len()),
    };
    &line[..end]
}

/// The fingerprint of a sequence that goes on with one more series.
fn followed_by(fingerprint: u64, series: &[u8]) -> u64 {
    let mut hasher = FixedState::with_seed(fingerprint).build_hasher();
    hasher.write(series);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn of_any_samples_the_first_of_each_series_stays(series in proptest::collection::vec((0..3usize, 0..4usize), 0..30)) {
            const NAMES: [&str; 3] = ["a", "b_total", "c"];
            let mut page = Page::new();
            let mut expected = Vec::new();
            let mut repeats = 0;
            for (value, (name, label)) in series.into_iter().enumerate() {
                let text = format!("}}{label}\"\n");
                page.named_sample(NAMES[name], Kind::Gauge, "", &[("l", &text)], value as f64);
                if expected.iter().any(|(known, _)| *known == (name, label)) {
                    repeats += 1;
                } else {
                    expected.push(((name, label), value));
                }
            }
            let mut told = 0;
            page.drop_repeats(|_| told += 1);
            prop_assert_eq!((told, page.samples()), (repeats, expected.len()));
            let lines: Vec<String> = page
                .blocks()
                .flat_map(|block| String::from_utf8_lossy(block.lines).lines().map(str::to_owned).collect::<Vec<_>>())
                .collect();
            let written = |((name, label), value): ((usize, usize), usize)| {
                format!("{}{{l=\"}}{label}\\\"\\n\"}} {value}", NAMES[name])
            };
            prop_assert_eq!(lines, expected.into_iter().map(written).collect::<Vec<_>>());
        }
    }
}
