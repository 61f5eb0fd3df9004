//! Label pairs, each held once: a series is a list of pair numbers. A pair knows its series, a name knows its pairs.

use std::hash::BuildHasher;

use foldhash::fast::RandomState;
use hashbrown::HashTable;
use roaring::RoaringBitmap;

use super::postings::Postings;

#[derive(Default)]
pub struct Pairs {
    pairs: Vec<Pair>,
    free_pairs: Vec<u32>,
    by_text: HashTable<u32>,
    names: Vec<Name>,
    free_names: Vec<u32>,
    names_by_text: HashTable<u32>,
    hasher: RandomState,
}

/// `name="value"`. A free place has an empty value and no postings.
#[derive(Default)]
pub struct Pair {
    pub name: u32,
    pub value: Box<str>,
    pub postings: Postings,
}

/// A label name and its pairs. A free place has an empty text.
#[derive(Default)]
pub struct Name {
    pub text: Box<str>,
    pub pairs: RoaringBitmap,
}

impl Pairs {
    /// Distinct pairs in use.
    pub fn len(&self) -> usize {
        self.by_text.len()
    }

    pub fn pair(&self, number: u32) -> &Pair {
        &self.pairs[number as usize]
    }

    pub fn name_of(&self, pair: u32) -> &str {
        &self.names[self.pair(pair).name as usize].text
    }

    /// All names in use, in no order.
    pub fn names(&self) -> impl Iterator<Item = &Name> {
        self.names.iter().filter(|name| !name.text.is_empty())
    }

    pub fn name(&self, text: &str) -> Option<&Name> {
        self.find_name(text).map(|number| &self.names[number as usize])
    }

    pub fn find(&self, name: &str, value: &str) -> Option<&Pair> {
        let number = self.find_pair(self.find_name(name)?, value)?;
        Some(self.pair(number))
    }

    /// The number of a pair, which is made when it is new.
    pub fn intern(&mut self, name: &str, value: &str) -> u32 {
        let name = self.intern_name(name);
        if let Some(number) = self.find_pair(name, value) {
            return number;
        }
        let pair = Pair { name, value: value.into(), postings: Postings::None };
        let number = place(&mut self.pairs, &mut self.free_pairs, pair);
        self.names[name as usize].pairs.insert(number);
        let Pairs { pairs, by_text, hasher, .. } = self;
        let hash_of = |number: &u32| {
            let pair = &pairs[*number as usize];
            hasher.hash_one((pair.name, &*pair.value))
        };
        by_text.insert_unique(hash_of(&number), number, hash_of);
        number
    }

    pub fn add_series(&mut self, pair: u32, series: u32) {
        self.pairs[pair as usize].postings.insert(series);
    }

    /// Takes series out of a pair, and the pair away when it has none left.
    pub fn remove_series(&mut self, number: u32, dead: &RoaringBitmap) {
        self.pairs[number as usize].postings.remove_all(dead);
        if !self.pairs[number as usize].postings.is_empty() {
            return;
        }
        let Pair { name, value, .. } = std::mem::take(&mut self.pairs[number as usize]);
        let hash = self.hasher.hash_one((name, &*value));
        if let Ok(entry) = self.by_text.find_entry(hash, |candidate| *candidate == number) {
            entry.remove();
        }
        self.free_pairs.push(number);
        let pairs_of_name = &mut self.names[name as usize].pairs;
        pairs_of_name.remove(number);
        if pairs_of_name.is_empty() {
            self.remove_name(name);
        }
    }

    /// Gives memory back that the removed pairs left behind.
    pub fn shrink(&mut self) {
        let Pairs { pairs, by_text, hasher, .. } = self;
        by_text.shrink_to(by_text.len() * 5 / 4, |number| {
            let pair = &pairs[*number as usize];
            hasher.hash_one((pair.name, &*pair.value))
        });
    }

    fn remove_name(&mut self, number: u32) {
        let Name { text, .. } = std::mem::take(&mut self.names[number as usize]);
        if let Ok(entry) = self.names_by_text.find_entry(self.hasher.hash_one(&*text), |other| *other == number) {
            entry.remove();
        }
        self.free_names.push(number);
    }

    fn find_name(&self, text: &str) -> Option<u32> {
        let is_it = |number: &u32| &*self.names[*number as usize].text == text;
        self.names_by_text.find(self.hasher.hash_one(text), is_it).copied()
    }

    fn find_pair(&self, name: u32, value: &str) -> Option<u32> {
        let is_it = |number: &u32| {
            let pair = self.pair(*number);
            pair.name == name && &*pair.value == value
        };
        self.by_text.find(self.hasher.hash_one((name, value)), is_it).copied()
    }

    fn intern_name(&mut self, text: &str) -> u32 {
        if let Some(number) = self.find_name(text) {
            return number;
        }
        let name = Name { text: text.into(), pairs: RoaringBitmap::new() };
        let number = place(&mut self.names, &mut self.free_names, name);
        let Pairs { names, names_by_text, hasher, .. } = self;
        let hash_of = |number: &u32| hasher.hash_one(&*names[*number as usize].text);
        names_by_text.insert_unique(hash_of(&number), number, hash_of);
        number
    }
}

/// Puts a thing on a free place, or behind the last.
fn place<T>(things: &mut Vec<T>, free: &mut Vec<u32>, thing: T) -> u32 {
    if let Some(number) = free.pop() {
        things[number as usize] = thing;
        return number;
    }
    things.push(thing);
    (things.len() - 1) as u32
}
