//! A list in pages: it grows without being copied, so a large one leaves no holes behind in the memory of the process.

/// Things in a page.
const PAGE_LEN: usize = 256;

pub struct Pages<T> {
    pages: Vec<Box<[T]>>,
}

impl<T> Default for Pages<T> {
    fn default() -> Self {
        Pages { pages: Vec::new() }
    }
}

impl<T: Default + Clone> Pages<T> {
    /// Places, also those that nothing was put at yet.
    pub fn len(&self) -> usize {
        self.pages.len() * PAGE_LEN
    }

    pub fn get(&self, position: usize) -> Option<&T> {
        self.pages.get(position / PAGE_LEN).map(|page| &page[position % PAGE_LEN])
    }

    pub fn get_mut(&mut self, position: usize) -> Option<&mut T> {
        self.pages.get_mut(position / PAGE_LEN).map(|page| &mut page[position % PAGE_LEN])
    }

    /// Puts a thing at a position, which may be far behind the last.
    pub fn put(&mut self, position: usize, thing: T) {
        while position >= self.len() {
            self.pages.push(vec![T::default(); PAGE_LEN].into_boxed_slice());
        }
        self.pages[position / PAGE_LEN][position % PAGE_LEN] = thing;
    }

    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.pages.iter().flatten()
    }

    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.pages.iter_mut().flatten()
    }

    /// Gives the last pages back while nothing on them is in use.
    pub fn shrink(&mut self, is_free: impl Fn(&T) -> bool) {
        while self.pages.pop_if(|page| page.iter().all(&is_free)).is_some() {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_put_stays_while_the_list_grows_and_shrinks() {
        let mut pages = Pages::default();
        pages.put(1000, 7);
        pages.put(3, 5);
        assert_eq!((pages.get(1000), pages.get(3), pages.get(4), pages.len()), (Some(&7), Some(&5), Some(&0), 1024));
        pages.put(1000, 0);
        pages.shrink(|number| *number == 0);
        assert_eq!((pages.get(3), pages.len()), (Some(&5), 256));
    }
}
