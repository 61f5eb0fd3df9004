//! Memory that the queries of a program share. A limit for each query alone is none for twenty at once: here all of
//! them together stay below one.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// So much is taken at a time: accounting happens once per series, and the pool is shared by all threads.
const PIECE_BYTES: usize = 256 << 10;

/// Cheap to clone: all clones are the same pool.
#[derive(Clone, Debug)]
pub struct MemoryPool(Arc<Pool>);

#[derive(Debug)]
struct Pool {
    limit_bytes: usize,
    leased_bytes: AtomicUsize,
    refused_total: AtomicU64,
}

/// What one query holds of a pool, until this is dropped.
#[derive(Debug)]
pub struct Lease {
    pool: MemoryPool,
    bytes: AtomicUsize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the {limit_bytes} bytes of memory for all queries are taken")]
pub struct MemoryTaken {
    pub limit_bytes: usize,
}

impl MemoryPool {
    /// The limit is rounded up to whole pieces.
    pub fn new(limit_bytes: usize) -> MemoryPool {
        let limit_bytes = limit_bytes.checked_next_multiple_of(PIECE_BYTES).unwrap_or(limit_bytes);
        MemoryPool(Arc::new(Pool { limit_bytes, leased_bytes: AtomicUsize::new(0), refused_total: AtomicU64::new(0) }))
    }

    /// For one query; holds nothing yet.
    pub fn lease(&self) -> Lease {
        Lease { pool: self.clone(), bytes: AtomicUsize::new(0) }
    }

    pub fn limit_bytes(&self) -> usize {
        self.0.limit_bytes
    }

    /// Held by queries now, in whole pieces.
    pub fn leased_bytes(&self) -> usize {
        self.0.leased_bytes.load(Ordering::Relaxed)
    }

    /// How often a query did not get what it asked for.
    pub fn refused_total(&self) -> u64 {
        self.0.refused_total.load(Ordering::Relaxed)
    }
}

impl Lease {
    pub fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Makes the lease at least so large. It never shrinks: queries are short.
    pub fn cover(&self, bytes: usize) -> Result<(), MemoryTaken> {
        let held = self.bytes();
        if bytes <= held {
            return Ok(());
        }
        let pool = &self.pool.0;
        let taken = MemoryTaken { limit_bytes: pool.limit_bytes };
        let wanted = bytes.checked_next_multiple_of(PIECE_BYTES).ok_or(taken)?;
        let added = wanted - held;
        let grow = |leased: usize| leased.checked_add(added).filter(|total| *total <= pool.limit_bytes);
        match pool.leased_bytes.fetch_update(Ordering::Relaxed, Ordering::Relaxed, grow) {
            Ok(_) => {
                self.bytes.fetch_add(added, Ordering::Relaxed);
                Ok(())
            }
            Err(_) => {
                pool.refused_total.fetch_add(1, Ordering::Relaxed);
                Err(taken)
            }
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.pool.0.leased_bytes.fetch_sub(self.bytes(), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_leases_together_stay_below_the_limit() {
        let pool = MemoryPool::new(3 * PIECE_BYTES - 1);
        let (one, other) = (pool.lease(), pool.lease());
        assert_eq!(one.cover(PIECE_BYTES + 1), Ok(()));
        assert_eq!((one.bytes(), pool.leased_bytes()), (2 * PIECE_BYTES, 2 * PIECE_BYTES));
        assert_eq!(other.cover(PIECE_BYTES), Ok(()));
        assert_eq!(other.cover(PIECE_BYTES + 1), Err(MemoryTaken { limit_bytes: 3 * PIECE_BYTES }));
        assert_eq!(other.cover(usize::MAX), Err(MemoryTaken { limit_bytes: 3 * PIECE_BYTES }));
        drop(one);
        assert_eq!(other.cover(2 * PIECE_BYTES), Ok(()));
        drop(other);
        assert_eq!((pool.leased_bytes(), pool.refused_total()), (0, 1));
    }
}
