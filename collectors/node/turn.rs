//! Whose turn it is: work that each of many devices needs now and then, spread over scrapes so that none pays for all.

use std::ops::Range;

/// Few enough to be all at once.
const LEAST: usize = 8;
/// Of more, one in so many.
const PART: usize = 16;

#[derive(Debug, Default)]
pub struct Turn {
    next: usize,
}

impl Turn {
    /// The places, out of `count`, whose turn it is; the next call goes on behind them and begins again at the end.
    pub fn next_places(&mut self, count: usize) -> Range<usize> {
        let start = if self.next < count { self.next } else { 0 };
        let end = count.min(start + LEAST.max(count / PART));
        self.next = end;
        start..end
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_has_a_turn_also_when_some_go() {
        let mut turn = Turn::default();
        assert_eq!(turn.next_places(3), 0..3);
        assert_eq!(turn.next_places(3), 0..3);
        let mut turn = Turn::default();
        let places: Vec<Range<usize>> = (0..18).map(|_| turn.next_places(1000)).collect();
        assert_eq!((&places[0], &places[1], &places[16], &places[17]), (&(0..62), &(62..124), &(992..1000), &(0..62)));
        assert_eq!(turn.next_places(20), 0..8);
        assert_eq!(turn.next_places(0), 0..0);
    }
}
