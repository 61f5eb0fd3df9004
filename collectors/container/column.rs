//! Families with at most one sample for each cgroup, as data: the family, and where its value is.

use exposition::{Family, Page};

use super::cgroup::Cgroup;

pub struct Column {
    pub family: Family,
    /// `None` where the cgroup does not have it.
    pub value: fn(&Cgroup) -> Option<f64>,
}

pub const fn column(family: Family, value: fn(&Cgroup) -> Option<f64>) -> Column {
    Column { family, value }
}

/// Family by family, since a page is cheapest to write and to assemble in long stretches of one family.
pub fn write(page: &mut Page, columns: &[Column], cgroups: &[Cgroup]) {
    for column in columns {
        for cgroup in cgroups {
            if let Some(value) = (column.value)(cgroup) {
                page.labelled_sample(&column.family, &cgroup.labels, &[], value);
            }
        }
    }
}

/// The families of columns, for the collector's list.
pub const fn families<const COUNT: usize>(columns: &[Column; COUNT]) -> [Family; COUNT] {
    let mut families = [columns[0].family; COUNT];
    let mut index = 1;
    while index < COUNT {
        families[index] = columns[index].family;
        index += 1;
    }
    families
}

/// Several lists of families as one.
pub const fn joined<const COUNT: usize>(lists: &[&[Family]]) -> [Family; COUNT] {
    let mut all = [lists[0][0]; COUNT];
    let (mut list, mut filled) = (0, 0);
    while list < lists.len() {
        let mut index = 0;
        while index < lists[list].len() {
            all[filled] = lists[list][index];
            index += 1;
            filled += 1;
        }
        list += 1;
    }
    assert!(filled == COUNT, "the count is that of all lists together");
    all
}

pub const fn count(lists: &[&[Family]]) -> usize {
    let (mut list, mut sum) = (0, 0);
    while list < lists.len() {
        sum += lists[list].len();
        list += 1;
    }
    sum
}
