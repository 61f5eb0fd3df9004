//! How many bytes all connections together make the server hold: bodies that have arrived, answers that nobody has
//! taken yet. Each alone is limited too, but a limit for one is none for five hundred.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

#[derive(Debug, Default)]
pub(crate) struct Account {
    bytes: AtomicUsize,
    refused_total: AtomicU64,
}

/// Bytes that are on the account as long as this lives.
#[derive(Debug)]
pub(crate) struct Charge {
    account: Arc<Account>,
    bytes: usize,
}

impl Account {
    pub(crate) fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    pub(crate) fn refused_total(&self) -> u64 {
        self.refused_total.load(Ordering::Relaxed)
    }

    /// Something that holds nothing yet.
    pub(crate) fn open(self: &Arc<Self>) -> Charge {
        Charge { account: self.clone(), bytes: 0 }
    }
}

impl Charge {
    /// Takes so many bytes more, unless that is above the limit for all. Who is alone gets what it asks for: its own
    /// limit is another matter.
    #[must_use]
    pub(crate) fn grow(&mut self, bytes: usize, limit_bytes: usize) -> bool {
        let own = self.bytes;
        let grown = self.account.bytes.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |held| {
            let total = held.saturating_add(bytes);
            (total <= limit_bytes || held == own).then_some(total)
        });
        match grown {
            Ok(_) => self.bytes += bytes,
            Err(_) => {
                self.account.refused_total.fetch_add(1, Ordering::Relaxed);
            }
        }
        grown.is_ok()
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.account.bytes.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn together_they_stay_below_the_limit_and_one_alone_may_pass_it() {
        let account = Arc::new(Account::default());
        let mut one = account.open();
        assert!(one.grow(90, 100) && one.grow(90, 100), "alone");
        let mut other = account.open();
        assert!(!other.grow(1, 100));
        drop(one);
        assert!(other.grow(60, 100));
        let mut third = account.open();
        assert!(third.grow(40, 100) && !third.grow(1, 100) && !other.grow(1, 100));
        drop((other, third));
        assert_eq!((account.bytes(), account.refused_total()), (0, 3));
    }
}
