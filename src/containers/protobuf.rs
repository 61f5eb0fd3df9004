//! Just enough of the protobuf wire format for containerd: fields of a message one after the other, and requests that
//! hold strings.

/// The fields of a message. Ends early at bytes that are no field.
pub(crate) struct Fields<'a> {
    rest: &'a [u8],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Value<'a> {
    Number(u64),
    /// A string, bytes, or a message within.
    Bytes(&'a [u8]),
}

impl<'a> Fields<'a> {
    pub fn new(message: &'a [u8]) -> Self {
        Fields { rest: message }
    }

    fn varint(&mut self) -> Option<u64> {
        let mut value = 0u64;
        for (index, byte) in self.rest.iter().enumerate().take(10) {
            value |= u64::from(byte & 0x7f) << (7 * index);
            if byte & 0x80 == 0 {
                self.rest = &self.rest[index + 1..];
                return Some(value);
            }
        }
        None
    }

    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(count)?;
        self.rest = rest;
        Some(taken)
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = (u64, Value<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let key = self.varint()?;
        let value = match key & 7 {
            0 => Value::Number(self.varint()?),
            1 => Value::Number(u64::from_le_bytes(self.take(8)?.try_into().ok()?)),
            2 => {
                let length = usize::try_from(self.varint()?).ok()?;
                Value::Bytes(self.take(length)?)
            }
            5 => Value::Number(u64::from(u32::from_le_bytes(self.take(4)?.try_into().ok()?))),
            _ => return None,
        };
        Some((key >> 3, value))
    }
}

impl<'a> Value<'a> {
    pub fn text(self) -> String {
        String::from_utf8_lossy(self.bytes()).into_owned()
    }

    pub fn bytes(self) -> &'a [u8] {
        match self {
            Value::Bytes(bytes) => bytes,
            Value::Number(_) => &[],
        }
    }

    pub fn number(self) -> u64 {
        match self {
            Value::Number(number) => number,
            Value::Bytes(_) => 0,
        }
    }
}

/// The last value of a field, as the format has it for fields that are not repeated.
pub(crate) fn field(message: &[u8], number: u64) -> Option<Value<'_>> {
    Fields::new(message).filter(|(found, _)| *found == number).last().map(|(_, value)| value)
}

/// Appends a string field; its number must be below 16.
pub(crate) fn push_text(message: &mut Vec<u8>, number: u8, text: &str) {
    message.push(number << 3 | 2);
    let mut length = text.len();
    while length >= 0x80 {
        message.push(length as u8 | 0x80);
        length >>= 7;
    }
    message.push(length as u8);
    message.extend_from_slice(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers_and_texts_are_told_apart() {
        // Field 1 = 300, field 2 = "ab", field 3 fixed32 = 1, field 4 fixed64 = 2.
        let message = [0x08, 0xac, 0x02, 0x12, 2, b'a', b'b', 0x1d, 1, 0, 0, 0, 0x21, 2, 0, 0, 0, 0, 0, 0, 0];
        let fields: Vec<_> = Fields::new(&message).collect();
        assert_eq!(
            fields,
            [(1, Value::Number(300)), (2, Value::Bytes(b"ab")), (3, Value::Number(1)), (4, Value::Number(2))]
        );
        assert_eq!(field(&message, 2).map(Value::text), Some("ab".to_owned()));
        assert_eq!(field(&message, 9), None);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            Fields::new(&bytes).for_each(drop);
        }

        #[test]
        fn what_is_written_is_read(text in ".{0,300}", number in 1u8..16) {
            let mut message = Vec::new();
            push_text(&mut message, number, &text);
            prop_assert_eq!(field(&message, u64::from(number)).map(Value::text), Some(text));
        }
    }
}
