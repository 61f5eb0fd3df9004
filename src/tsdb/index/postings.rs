//! The series that have one label pair. Most pairs of a churning cluster (pod names, container ids) have few series, so
//! a single one needs no bitmap.

use std::borrow::Cow;

use roaring::RoaringBitmap;

#[derive(Default)]
pub enum Postings {
    #[default]
    None,
    One(u32),
    Many(Box<RoaringBitmap>),
}

impl Postings {
    pub fn len(&self) -> usize {
        match self {
            Postings::None => 0,
            Postings::One(_) => 1,
            Postings::Many(bitmap) => bitmap.len() as usize,
        }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub fn insert(&mut self, number: u32) {
        match self {
            Postings::None => *self = Postings::One(number),
            Postings::One(first) => *self = Postings::Many(Box::new(RoaringBitmap::from_iter([*first, number]))),
            Postings::Many(bitmap) => {
                bitmap.insert(number);
            }
        }
    }

    pub fn remove_all(&mut self, dead: &RoaringBitmap) {
        match self {
            Postings::None => {}
            Postings::One(number) if dead.contains(*number) => *self = Postings::None,
            Postings::One(_) => {}
            Postings::Many(bitmap) => {
                **bitmap -= dead;
                match (bitmap.len(), bitmap.min()) {
                    (0, _) | (_, None) => *self = Postings::None,
                    (1, Some(number)) => *self = Postings::One(number),
                    _ => {}
                }
            }
        }
    }

    pub fn bitmap(&self) -> Cow<'_, RoaringBitmap> {
        match self {
            Postings::None => Cow::Owned(RoaringBitmap::new()),
            Postings::One(number) => Cow::Owned(RoaringBitmap::from_iter([*number])),
            Postings::Many(bitmap) => Cow::Borrowed(bitmap),
        }
    }

    pub fn add_to(&self, union: &mut RoaringBitmap) {
        match self {
            Postings::None => {}
            Postings::One(number) => {
                union.insert(*number);
            }
            Postings::Many(bitmap) => *union |= &**bitmap,
        }
    }

    pub fn meets(&self, wanted: &RoaringBitmap) -> bool {
        match self {
            Postings::None => false,
            Postings::One(number) => wanted.contains(*number),
            Postings::Many(bitmap) => !bitmap.is_disjoint(wanted),
        }
    }

    /// Whether any series meets a condition; asks in order and stops at the first.
    pub fn any(&self, mut wanted: impl FnMut(u32) -> bool) -> bool {
        match self {
            Postings::None => false,
            Postings::One(number) => wanted(*number),
            Postings::Many(bitmap) => bitmap.iter().any(wanted),
        }
    }
}
