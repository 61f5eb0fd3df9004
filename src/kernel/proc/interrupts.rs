//! `/proc/interrupts`, any kernel: a line of column titles, one per CPU that is online, then one line per interrupt:
//! `  9:     398553       2320  IR-IO-APIC-fasteoi   acpi`. The architecture's own have names (`NMI:`) and a description;
//! arm64 leaves no blank between name and count. The kernel shows it in pieces of a page.

use crate::scan::{Fields, ParseError, lines, parse_u64};

/// One line.
#[derive(Clone, Debug)]
pub struct Interrupt<'a> {
    /// A number, or what the architecture calls it: `NMI`, `IPI0`.
    pub name: &'a [u8],
    /// How often it occurred, by column.
    pub counts: Counts<'a>,
    /// What follows the counts: controller and devices of a numbered one, the description of others.
    pub tail: &'a [u8],
}

/// The counts of one line, all of which are numbers.
#[derive(Clone, Debug)]
pub struct Counts<'a> {
    fields: Fields<'a>,
    left: usize,
}

/// Lines with fewer counts than there are columns, or without a text after them (`ERR`, `MIS`), are passed over.
pub fn interrupts(bytes: &[u8]) -> impl Iterator<Item = Result<Interrupt<'_>, ParseError>> {
    let mut lines = lines(bytes);
    let columns = lines.next().map_or(0, |(number, titles)| Fields::new(number, titles).count());
    lines.filter_map(move |(number, line)| Interrupt::parse(number, line, columns).transpose())
}

impl<'a> Interrupt<'a> {
    fn parse(number: usize, line: &'a [u8], columns: usize) -> Result<Option<Self>, ParseError> {
        let Some(colon) = memchr::memchr(b':', line) else { return Ok(None) };
        let (name, text) = (line[..colon].trim_ascii_start(), &line[colon + 1..]);
        let mut fields = Fields::new(number, text);
        let counts = Counts { fields: fields.clone(), left: columns };
        let mut odd = None;
        for _ in 0..columns {
            let Some(count) = fields.next() else { return Ok(None) };
            if odd.is_none() && parse_u64(count).is_none() {
                odd = Some(count);
            }
        }
        let tail = fields.rest();
        match odd {
            _ if tail.is_empty() => Ok(None),
            Some(odd) => Err(ParseError::new(number, "a number of interrupts", odd)),
            None => Ok(Some(Interrupt { name, counts, tail })),
        }
    }

    /// The controller, and the rest: trigger and devices. For one that has no number all of the text is its description.
    pub fn info_and_devices(&self) -> (&'a [u8], &'a [u8]) {
        if parse_u64(self.name).is_none() {
            return (self.tail, b"");
        }
        let end = self.tail.iter().position(u8::is_ascii_whitespace).unwrap_or(self.tail.len());
        (&self.tail[..end], self.tail[end..].trim_ascii())
    }
}

impl Iterator for Counts<'_> {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        self.left = self.left.checked_sub(1)?;
        parse_u64(self.fields.next()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn table(bytes: &[u8]) -> Vec<String> {
        let words = |text| String::from_utf8_lossy(text).into_owned();
        interrupts(bytes)
            .map(|interrupt| match interrupt {
                Ok(interrupt) => {
                    let (info, devices) = interrupt.info_and_devices();
                    let counts: Vec<u64> = interrupt.counts.clone().collect();
                    format!("{} {counts:?} {}|{}", words(interrupt.name), words(info), words(devices))
                }
                Err(error) => error.to_string(),
            })
            .collect()
    }

    #[test]
    fn numbered_ones_have_devices_and_named_ones_a_description() {
        let text =
            b"           CPU0       CPU2\n  9:  12  7  IO-APIC  9-fasteoi   acpi, sci\nNMI:  1 2   Non-maskable  \n\
            IPI0:27 28    Rescheduling interrupts\nERR:  0\nMIS:          4\n 10: 1 2\nCAL: 1\n";
        assert_eq!(
            table(text),
            [
                "9 [12, 7] IO-APIC|9-fasteoi   acpi, sci",
                "NMI [1, 2] Non-maskable|",
                "IPI0 [27, 28] Rescheduling interrupts|",
            ]
        );
    }

    #[test]
    fn an_odd_line_loses_only_itself() {
        let rows = table(b" CPU0 CPU1\n 1: 5 many edge\n 2: 1 1 edge\n");
        assert_eq!(rows, [r#"line 2: expected a number of interrupts, found "many""#, "2 [1, 1] edge|"]);
        assert!(table(b"").is_empty());
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            table(&bytes);
        }

        #[test]
        fn lines_of_the_kind_make_it_no_trouble(text in "( *CPU[0-9]){0,3}\n( {0,2}[0-9A-Z]{0,3}:?[ 0-9]{0,9}[a-z ]{0,9}\n){0,4}") {
            table(text.as_bytes());
        }
    }
}
