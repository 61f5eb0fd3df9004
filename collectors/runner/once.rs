//! Says each distinct text once. What was said is remembered by its hash, up to a limit; past it texts are counted and
//! no longer said, so a problem whose text changes each time can fill neither memory nor the log.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};

/// Distinct texts that one collector may log in the life of the program.
pub(super) const LIMIT: usize = 200;

#[derive(Debug, Default)]
pub(super) struct Once {
    said: HashSet<u64>,
}

impl Once {
    /// Whether the text is new and there is room to remember it.
    pub fn is_first(&mut self, text: &str) -> bool {
        if self.said.len() >= LIMIT {
            return false;
        }
        let mut hasher = DefaultHasher::new();
        text.hash(&mut hasher);
        self.said.insert(hasher.finish())
    }

    pub fn known(&self) -> usize {
        self.said.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_said_once_and_the_memory_is_bounded() {
        let mut once = Once::default();
        assert!(once.is_first("a") && !once.is_first("a") && once.is_first("b"));
        for number in 0..10 * LIMIT {
            once.is_first(&number.to_string());
        }
        assert_eq!(once.known(), LIMIT);
        assert!(!once.is_first("new"));
    }
}
