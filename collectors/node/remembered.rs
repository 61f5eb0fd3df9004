//! What was worked out for the names in a file (is it wanted, what is it called), so that it is worked out once.
//!
//! A kernel writes the same names in the same order each time. So the place finds what is remembered and a comparison
//! of bytes confirms it: no hashing, and nothing is allocated while the file keeps its shape. It never holds more than
//! the file has names.

#[derive(Debug)]
pub struct Remembered<T> {
    entries: Vec<(Box<[u8]>, T)>,
}

impl<T> Default for Remembered<T> {
    fn default() -> Self {
        Remembered { entries: Vec::new() }
    }
}

impl<T> Remembered<T> {
    /// What belongs to the name at this place, counted from 0 without gaps. When another name was there before, it and
    /// all after it are forgotten.
    pub fn at(&mut self, place: usize, name: &[u8], work_out: impl FnOnce() -> T) -> &mut T {
        self.at_unless_twice(place, name, |_| work_out())
    }

    /// As `at`; what is worked out may depend on whether the name was there before in the same file, since a series must
    /// not be written twice.
    pub fn at_unless_twice(&mut self, place: usize, name: &[u8], work_out: impl FnOnce(bool) -> T) -> &mut T {
        let place = place.min(self.entries.len());
        if self.entries.get(place).is_none_or(|(known, _)| **known != *name) {
            self.entries.truncate(place);
            let is_twice = self.entries.iter().any(|(known, _)| **known == *name);
            self.entries.push((name.into(), work_out(is_twice)));
        }
        &mut self.entries[place].1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_worked_out_again_only_when_the_file_changed_its_shape() {
        let mut remembered = Remembered::default();
        let mut worked_out = 0;
        for names in [["a", "b", "c"], ["a", "b", "c"], ["a", "x", "c"]] {
            for (place, name) in names.into_iter().enumerate() {
                let value = remembered.at(place, name.as_bytes(), || {
                    worked_out += 1;
                    name.to_owned()
                });
                assert_eq!(value, name);
            }
        }
        assert_eq!(worked_out, 5, "three at first, then x and what follows it");
        assert_eq!(remembered.entries.len(), 3);
    }

    #[test]
    fn the_second_of_two_equal_names_is_told_so() {
        let mut remembered = Remembered::default();
        let told: Vec<bool> = [b"a", b"b", b"a"]
            .iter()
            .enumerate()
            .map(|(place, name)| *remembered.at_unless_twice(place, &name[..], |is_twice| is_twice))
            .collect();
        assert_eq!(told, [false, false, true]);
    }
}
