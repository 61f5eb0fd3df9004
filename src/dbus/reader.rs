//! Taking a message's bytes apart: values follow each other, each aligned to its own size counted from the beginning of
//! the part (header or body). Nothing is copied, and no length that the other side claims is believed before the bytes
//! are there.

use crate::error::{Error, Result};

#[derive(Clone, Copy, Debug)]
pub struct Reader<'a> {
    /// The part up to where reading must end.
    bytes: &'a [u8],
    at: usize,
    is_big_endian: bool,
}

/// What a variant holds, of the types that properties of interest have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    Text(&'a str),
    Bool(bool),
    /// Of 32 or 64 bits.
    Number(u64),
}

impl<'a> Reader<'a> {
    /// Of the body of a message; the message's header says in which order its bytes are.
    pub fn new(bytes: &'a [u8], is_big_endian: bool) -> Self {
        Reader { bytes, at: 0, is_big_endian }
    }

    pub fn is_at_end(&self) -> bool {
        self.at >= self.bytes.len()
    }

    pub fn byte(&mut self) -> Result<u8> {
        let [byte] = self.take_array("a byte")?;
        Ok(byte)
    }

    pub fn u32(&mut self) -> Result<u32> {
        self.align(4)?;
        let bytes = self.take_array("a number")?;
        Ok(if self.is_big_endian { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) })
    }

    pub fn u64(&mut self) -> Result<u64> {
        self.align(8)?;
        let bytes = self.take_array("a number")?;
        Ok(if self.is_big_endian { u64::from_be_bytes(bytes) } else { u64::from_le_bytes(bytes) })
    }

    /// A text or the path of an object.
    pub fn text(&mut self) -> Result<&'a str> {
        let length = self.u32()? as usize;
        self.take_text(length)
    }

    /// The types of what follows.
    pub fn signature(&mut self) -> Result<&'a str> {
        let length = usize::from(self.byte()?);
        self.take_text(length)
    }

    /// To the beginning of a struct.
    pub fn structure(&mut self) -> Result<()> {
        self.align(8)
    }

    /// A reader of the array's elements; this one goes on behind them. Structs are aligned to 8.
    pub fn array(&mut self, alignment: usize) -> Result<Reader<'a>> {
        let length = self.u32()? as usize;
        self.align(alignment)?;
        let end = self.at.checked_add(length).filter(|end| *end <= self.bytes.len());
        let end = end.ok_or(Error::Malformed("an array that ends within the message"))?;
        let elements = Reader { bytes: &self.bytes[..end], ..*self };
        self.at = end;
        Ok(elements)
    }

    pub fn variant(&mut self) -> Result<Value<'a>> {
        match self.signature()? {
            "s" | "o" => Ok(Value::Text(self.text()?)),
            "g" => Ok(Value::Text(self.signature()?)),
            "b" => Ok(Value::Bool(self.u32()? != 0)),
            "u" => Ok(Value::Number(u64::from(self.u32()?))),
            "t" => Ok(Value::Number(self.u64()?)),
            _ => Err(Error::Malformed("a variant of a text or a number")),
        }
    }

    fn align(&mut self, to: usize) -> Result<()> {
        self.at = self.at.next_multiple_of(to);
        if self.at <= self.bytes.len() { Ok(()) } else { Err(Error::Malformed("more bytes")) }
    }

    fn take_text(&mut self, length: usize) -> Result<&'a str> {
        let bytes = self.take(length.saturating_add(1), "a text that ends within the message")?;
        let (end, text) = bytes.split_last().ok_or(Error::Malformed("a text"))?;
        if *end != 0 {
            return Err(Error::Malformed("a NUL at the end of a text"));
        }
        std::str::from_utf8(text).map_err(|_| Error::Malformed("a text in UTF-8"))
    }

    fn take_array<const LENGTH: usize>(&mut self, what: &'static str) -> Result<[u8; LENGTH]> {
        self.take(LENGTH, what)?.try_into().map_err(|_| Error::Malformed(what))
    }

    fn take(&mut self, length: usize, what: &'static str) -> Result<&'a [u8]> {
        let taken = self.bytes.get(self.at..).and_then(|rest| rest.get(..length)).ok_or(Error::Malformed(what))?;
        self.at += length;
        Ok(taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn values_are_aligned_in_both_byte_orders() {
        let little = [1, 0, 0, 0, 2, 0, 0, 0, b'h', b'i', 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0];
        let mut reader = Reader::new(&little, false);
        assert_eq!((reader.byte().expect("byte"), reader.text().expect("text")), (1, "hi"));
        assert_eq!(reader.u64().expect("number"), 9);
        assert!(reader.is_at_end() && reader.byte().is_err());
        let big = [0, 0, 0, 7, 1, b'u', 0, 0, 0, 0, 0, 8];
        let mut reader = Reader::new(&big, true);
        assert_eq!(reader.u32().expect("number"), 7);
        assert_eq!(reader.variant().expect("variant"), Value::Number(8));
    }

    #[test]
    fn an_array_cannot_reach_beyond_its_end() {
        let bytes = [4, 0, 0, 0, 5, 0, 0, 0, 6, 0, 0, 0];
        let mut reader = Reader::new(&bytes, false);
        let mut elements = reader.array(4).expect("an array");
        assert_eq!(elements.u32().expect("an element"), 5);
        assert!(elements.is_at_end() && elements.u32().is_err());
        assert_eq!(reader.u32().expect("what follows"), 6);
        assert!(Reader::new(&[255, 255, 255, 255, 0], false).array(1).is_err());
    }

    #[test]
    fn a_text_must_end_in_nul_and_be_utf8() {
        assert!(Reader::new(&[1, 0, 0, 0, b'a', b'b'], false).text().is_err());
        assert!(Reader::new(&[1, 0, 0, 0, 0xff, 0], false).text().is_err());
        assert!(Reader::new(&[255, 255, 255, 255, b'a', 0], false).text().is_err());
        assert_eq!(Reader::new(&[0, 0, 0, 0, 0], false).text().expect("empty"), "");
        assert!(Reader::new(&[2, b'a', b'y', 0, 0, 0, 0, 0], false).variant().is_err());
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(
            bytes in proptest::collection::vec(any::<u8>().prop_map(|byte| byte % 130), 0..200),
            steps in proptest::collection::vec(0..8, 0..20),
            is_big_endian: bool,
        ) {
            let mut reader = Reader::new(&bytes, is_big_endian);
            for step in steps {
                let _ = match step {
                    0 => reader.byte().map(drop),
                    1 => reader.u32().map(drop),
                    2 => reader.u64().map(drop),
                    3 => reader.text().map(drop),
                    4 => reader.signature().map(drop),
                    5 => reader.structure(),
                    6 => reader.variant().map(drop),
                    _ => reader.array(8).map(|mut inner| drop(inner.variant())),
                };
            }
        }
    }
}
