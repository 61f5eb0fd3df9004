//! The pair numbers of every series, one list behind the other in pages: a list costs its numbers and nothing else.
//! Removed lists leave holes; when half of the pages are holes, the owner copies what is alive into new ones.

/// Numbers in a page; a list lies in one page.
const PAGE_NUMBERS: usize = 1 << 14;

#[derive(Default)]
pub struct Lists {
    pages: Vec<Vec<u32>>,
    removed: usize,
}

/// Where a list lies. The longest is as long as a page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct List {
    at: u32,
    count: u16,
}

impl Lists {
    pub const MAX_COUNT: usize = PAGE_NUMBERS;

    /// `numbers` has at most `MAX_COUNT` entries.
    pub fn add(&mut self, numbers: &[u32]) -> List {
        let has_room = |page: &Vec<u32>| page.len() + numbers.len() <= PAGE_NUMBERS;
        if !self.pages.last().is_some_and(has_room) {
            if let Some(full) = self.pages.last_mut() {
                self.removed += PAGE_NUMBERS - full.len();
            }
            self.pages.push(Vec::new());
        }
        let page_number = self.pages.len() - 1;
        let page = &mut self.pages[page_number];
        if page.capacity() < page.len() + numbers.len() {
            // A page of a small database is small.
            page.reserve_exact((page.len() + numbers.len()).max(256).min(PAGE_NUMBERS - page.len()));
        }
        let list = List { at: (page_number * PAGE_NUMBERS + page.len()) as u32, count: numbers.len() as u16 };
        page.extend_from_slice(numbers);
        list
    }

    pub fn get(&self, list: List) -> &[u32] {
        let (page, start) = (list.at as usize / PAGE_NUMBERS, list.at as usize % PAGE_NUMBERS);
        self.pages.get(page).map_or(&[], |page| &page[start..start + usize::from(list.count)])
    }

    pub fn remove(&mut self, list: List) {
        self.removed += usize::from(list.count);
    }

    /// Whether copying the living lists would give memory back that is worth it.
    pub fn is_half_empty(&self) -> bool {
        self.pages.len() > 4 && self.removed > self.pages.len() * PAGE_NUMBERS / 2
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_read_back_across_pages() {
        let mut lists = Lists::default();
        let added: Vec<(List, Vec<u32>)> = (0..10_000u32)
            .map(|n| {
                let numbers: Vec<u32> = (n..n + n % 40).collect();
                (lists.add(&numbers), numbers)
            })
            .collect();
        assert!(added.iter().all(|(list, numbers)| lists.get(*list) == numbers));
        assert!(!lists.is_half_empty());
        added.iter().take(8000).for_each(|(list, _)| lists.remove(*list));
        assert!(lists.is_half_empty());
    }
}
