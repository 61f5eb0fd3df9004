//! `/proc/net/sockstat` and `/proc/net/sockstat6`, any kernel: `TCP: inuse 1 orphan 0 tw 0 alloc 1 mem 65`, one
//! protocol per line. The kernel shows each file in one piece.

use crate::scan::{Fields, ParseError, lines};

/// One line.
#[derive(Clone, Debug)]
pub struct Sockets<'a> {
    /// `TCP`, `UDP6`; `sockets` for the line about all of them.
    pub protocol: &'a [u8],
    fields: Fields<'a>,
}

pub fn protocols(bytes: &[u8]) -> impl Iterator<Item = Result<Sockets<'_>, ParseError>> {
    lines(bytes).filter(|(_, line)| !line.is_empty()).map(|(number, line)| {
        let mut fields = Fields::new(number, line);
        let title = fields.text("a protocol")?;
        let protocol = title.strip_suffix(b":").filter(|name| !name.is_empty());
        let protocol = protocol.ok_or_else(|| ParseError::new(number, "a protocol that ends in a colon", title))?;
        Ok(Sockets { protocol, fields })
    })
}

impl<'a> Sockets<'a> {
    /// Name and number: `inuse`, `orphan`, `tw`, `alloc` count sockets, `mem` pages, `memory` bytes. After an error the
    /// rest of the line is lost, since names and numbers may have changed places.
    pub fn fields(&self) -> impl Iterator<Item = Result<(&'a [u8], u64), ParseError>> {
        let mut fields = self.fields.clone();
        let mut is_lost = false;
        std::iter::from_fn(move || {
            if is_lost {
                return None;
            }
            let name = fields.next()?;
            let value = fields.number("the field");
            is_lost = value.is_err();
            Some(value.map(|value| (name, value)))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn table(bytes: &[u8]) -> Vec<String> {
        let mut rows = Vec::new();
        for sockets in protocols(bytes) {
            match sockets {
                Ok(sockets) => rows.extend(sockets.fields().map(|field| match field {
                    Ok((name, value)) => format!(
                        "{} {} {value}",
                        String::from_utf8_lossy(sockets.protocol),
                        String::from_utf8_lossy(name)
                    ),
                    Err(error) => error.to_string(),
                })),
                Err(error) => rows.push(error.to_string()),
            }
        }
        rows
    }

    #[test]
    fn each_field_has_its_protocol() {
        let rows = table(b"sockets: used 17\nTCP: inuse 1 orphan 0\nFRAG6: inuse 0 memory 9\n");
        assert_eq!(rows, ["sockets used 17", "TCP inuse 1", "TCP orphan 0", "FRAG6 inuse 0", "FRAG6 memory 9"]);
    }

    #[test]
    fn an_odd_field_loses_the_rest_of_its_line() {
        let rows = table(b"TCP: inuse 1 orphan tw 5\nUDP inuse 5\nRAW: inuse 2\n");
        assert_eq!(
            rows,
            [
                "TCP inuse 1",
                r#"line 1: expected a number for the field, found "tw""#,
                r#"line 2: expected a protocol that ends in a colon, found "UDP""#,
                "RAW inuse 2"
            ]
        );
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            table(&bytes);
        }
    }
}
