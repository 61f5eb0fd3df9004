//! Matchers → series. Every matcher that demands a label narrows the result, the cheapest first; every matcher that a
//! series without the label would meet as well takes away the series whose value it refuses.

use std::borrow::Cow;

use model::{MatchOp, Matcher};
use roaring::RoaringBitmap;

use super::Index;
use super::pairs::Name;

impl Index {
    /// The postings numbers of all series that meet every matcher.
    pub fn find(&self, matchers: &[Matcher]) -> RoaringBitmap {
        let (refusing, demanding): (Vec<&Matcher>, Vec<&Matcher>) =
            matchers.iter().partition(|matcher| matcher.matches_empty());
        let Some(mut found) = self.intersection(&demanding) else { return RoaringBitmap::new() };
        for matcher in refusing {
            if found.is_empty() {
                break;
            }
            self.take_refused(matcher, &mut found);
        }
        found
    }

    /// `None` when nothing can meet them all. Plain values are looked up first: when one is not there, the patterns are
    /// never tried.
    fn intersection(&self, demanding: &[&Matcher]) -> Option<RoaringBitmap> {
        let mut sets: Vec<Cow<'_, RoaringBitmap>> = Vec::with_capacity(demanding.len());
        let (plain, patterns): (Vec<&Matcher>, Vec<&Matcher>) =
            demanding.iter().copied().partition(|matcher| matcher.accepted_values().is_some());
        for matcher in plain.into_iter().chain(patterns) {
            let accepted = self.accepted(matcher);
            if accepted.is_empty() {
                return None;
            }
            sets.push(accepted);
        }
        sets.sort_by_key(|set| set.len());
        let mut sets = sets.into_iter();
        let Some(smallest) = sets.next() else { return Some(self.all().clone()) };
        let mut found = smallest.into_owned();
        for set in sets {
            found &= &*set;
        }
        Some(found)
    }

    /// The series that have the label with a value that the matcher accepts.
    fn accepted(&self, matcher: &Matcher) -> Cow<'_, RoaringBitmap> {
        if let Some(values) = matcher.accepted_values() {
            if let [value] = values[..] {
                return self.pairs.find(&matcher.name, value).map_or_else(Cow::default, |pair| pair.postings.bitmap());
            }
            let mut union = RoaringBitmap::new();
            for value in values {
                if let Some(pair) = self.pairs.find(&matcher.name, value) {
                    pair.postings.add_to(&mut union);
                }
            }
            return Cow::Owned(union);
        }
        let Some(name) = self.pairs.name(&matcher.name) else { return Cow::default() };
        Cow::Owned(self.union_where(name, |value| matcher.matches(value)))
    }

    fn take_refused(&self, matcher: &Matcher, found: &mut RoaringBitmap) {
        if matcher.op == MatchOp::NotEqual {
            if let Some(pair) = self.pairs.find(&matcher.name, &matcher.value) {
                *found -= &*pair.postings.bitmap();
            }
            return;
        }
        if let Some(name) = self.pairs.name(&matcher.name) {
            *found -= self.union_where(name, |value| !matcher.matches(value));
        }
    }

    fn union_where(&self, name: &Name, wanted: impl Fn(&str) -> bool) -> RoaringBitmap {
        let mut union = RoaringBitmap::new();
        for number in &name.pairs {
            let pair = self.pairs.pair(number);
            if wanted(&pair.value) {
                pair.postings.add_to(&mut union);
            }
        }
        union
    }
}
