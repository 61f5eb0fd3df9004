//! Series that are named after fields of the kernel and that several owners have (pools, data sets, file systems):
//! added owner by owner, written family by family.

use exposition::{LabelText, Page};

use super::named::Named;

/// Families at most, so that files of garbage cannot make them without end.
const MAX_FAMILIES: usize = 1000;

/// Allocates nothing while the fields stay the same.
pub struct ByField {
    name_of: Box<dyn Fn(&str) -> Named + Send>,
    columns: Vec<Column>,
    /// The place after the column that was found last: fields come in the same order each time.
    next: usize,
}

struct Column {
    field: Box<[u8]>,
    /// `None` where another field has the same name as a metric.
    named: Option<Named>,
    /// Owners, ascending, and what they have.
    values: Vec<(usize, f64)>,
}

impl ByField {
    /// `name_of` makes a family of a field.
    pub fn new(name_of: impl Fn(&str) -> Named + Send + 'static) -> Self {
        ByField { name_of: Box::new(name_of), columns: Vec::new(), next: 0 }
    }

    /// Owners are counted from 0; all of one owner's fields come before those of the next. When an owner has a field
    /// twice, the first counts.
    pub fn add(&mut self, owner: usize, field: &[u8], value: f64) {
        let Some(place) = self.place_of(field) else { return };
        self.next = place + 1;
        let values = &mut self.columns[place].values;
        if values.last().is_none_or(|(last, _)| *last < owner) {
            values.push((owner, value));
        }
    }

    fn place_of(&mut self, field: &[u8]) -> Option<usize> {
        let is_of = |column: &Column| *column.field == *field;
        if self.columns.get(self.next).is_some_and(is_of) {
            return Some(self.next);
        }
        if let Some(place) = self.columns.iter().position(is_of) {
            return Some(place);
        }
        if self.columns.len() >= MAX_FAMILIES {
            return None;
        }
        let named = (self.name_of)(&String::from_utf8_lossy(field));
        let is_taken = self.columns.iter().any(|column| column.named.as_ref().is_some_and(|one| one.is_same(&named)));
        self.columns.push(Column { field: field.into(), named: (!is_taken).then_some(named), values: Vec::new() });
        Some(self.columns.len() - 1)
    }

    /// Writes what was added and forgets it. `owners` has the labels of each owner in order, `None` for one that shall
    /// not be written.
    pub fn write<'a>(&mut self, page: &mut Page, owners: impl Iterator<Item = Option<&'a LabelText>> + Clone) {
        for column in &mut self.columns {
            let mut values = column.values.iter().peekable();
            for (owner, labels) in owners.clone().enumerate() {
                let value = values.next_if(|(other, _)| *other == owner);
                if let (Some((_, value)), Some(labels), Some(named)) = (value, labels, &column.named) {
                    named.write_labelled(page, labels, *value);
                }
            }
        }
        self.columns.retain(|column| !column.values.is_empty());
        self.columns.iter_mut().for_each(|column| column.values.clear());
        self.next = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use exposition::{Dialect, Kind, assemble};

    fn written(table: &mut ByField, owners: &[Option<&LabelText>]) -> Vec<String> {
        let mut page = Page::new();
        table.write(&mut page, owners.iter().copied());
        let mut text = Vec::new();
        assemble([&page], Dialect::Text, &mut text);
        let text = String::from_utf8(text).expect("UTF-8");
        text.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect()
    }

    #[test]
    fn each_series_is_written_once_under_its_owner() {
        let mut table = ByField::new(|field| Named::new(Kind::Untyped, format!("node_{field}"), field));
        let labels = ["a", "b"].map(|pool| LabelText::new([("pool", pool)]));
        let owners = [Some(&labels[0]), None, Some(&labels[1])];
        for (owner, field, value) in
            [(0, "reads", 1.0), (0, "reads", 2.0), (0, "a-b", 3.0), (0, "a_b", 4.0), (1, "reads", 5.0), (2, "a-b", 6.0)]
        {
            table.add(owner, field.as_bytes(), value);
        }
        assert_eq!(
            written(&mut table, &owners),
            [r#"node_a_b{pool="a"} 3"#, r#"node_a_b{pool="b"} 6"#, r#"node_reads{pool="a"} 1"#]
        );
        table.add(2, b"reads", 7.0);
        assert_eq!(written(&mut table, &owners), [r#"node_reads{pool="b"} 7"#]);
        assert_eq!(table.columns.len(), 1, "what is not there any more is forgotten");
    }

    #[test]
    fn garbage_makes_no_families_without_end() {
        let mut table = ByField::new(|field| Named::new(Kind::Untyped, field, ""));
        (0..2000).for_each(|number| table.add(0, format!("f{number}").as_bytes(), 0.0));
        assert_eq!(written(&mut table, &[Some(&LabelText::default())]).len(), MAX_FAMILIES);
    }
}
