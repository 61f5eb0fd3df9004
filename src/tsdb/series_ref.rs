//! The numbers of series. A `SeriesRef` is `generation << 32 | shard << 28 | position in the shard`: a place may be used
//! again after its series was removed, but then with a higher generation, so a ref never means two series. The log
//! holds the same two halves; series of one target lie in one shard, so their refs follow each other.

use model::SeriesRef;

/// The head is divided so that scrapes of different targets do not wait for each other.
pub const SHARDS: usize = 16;
const SHARD_BITS: u32 = SHARDS.trailing_zeros();

/// A place in the head: which shard, and where in it. Its number in postings takes turns through the shards, so that
/// numbers lie close together when the shards are filled alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slot {
    pub shard: u8,
    pub position: u32,
}

impl Slot {
    /// Positions are below this.
    pub const MAX_POSITION: u32 = 1 << (32 - SHARD_BITS);

    /// The number that postings hold.
    pub fn posting(self) -> u32 {
        self.position << SHARD_BITS | u32::from(self.shard)
    }

    pub fn from_posting(number: u32) -> Self {
        Slot { shard: (number % SHARDS as u32) as u8, position: number >> SHARD_BITS }
    }

    /// The number that refs and files hold: neighbours in a shard are neighbours here.
    pub fn number(self) -> u32 {
        u32::from(self.shard) << (32 - SHARD_BITS) | self.position
    }

    pub fn from_number(number: u32) -> Self {
        Slot { shard: (number >> (32 - SHARD_BITS)) as u8, position: number % Slot::MAX_POSITION }
    }
}

pub fn join(generation: u32, slot: Slot) -> SeriesRef {
    u64::from(generation) << 32 | u64::from(slot.number())
}

pub fn split(series: SeriesRef) -> (u32, Slot) {
    ((series >> 32) as u32, Slot::from_number(series as u32))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_three_numbers_lead_back_to_the_slot() {
        for shard in 0..SHARDS as u8 {
            for position in [0, 1, 77, Slot::MAX_POSITION - 1] {
                let slot = Slot { shard, position };
                assert_eq!(Slot::from_posting(slot.posting()), slot);
                assert_eq!(Slot::from_number(slot.number()), slot);
                assert_eq!(split(join(u32::MAX, slot)), (u32::MAX, slot));
            }
        }
    }
}
