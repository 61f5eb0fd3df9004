//! Where a chunk lies. Positions grow with time; files are numbered from 1 and a number is never used again.

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct ChunkPosition(u64);

impl ChunkPosition {
    pub const NONE: ChunkPosition = ChunkPosition(0);

    pub fn new(file: u32, offset: u32) -> Self {
        ChunkPosition(u64::from(file) << 32 | u64::from(offset))
    }

    pub fn is_none(self) -> bool {
        self == ChunkPosition::NONE
    }

    pub fn file(self) -> u32 {
        (self.0 >> 32) as u32
    }

    pub fn offset(self) -> u32 {
        self.0 as u32
    }
}
