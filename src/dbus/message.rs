//! A message from the other side: its header, and what of it is of interest.

use crate::error::{Error, Result};
use crate::reader::{Reader, Value};

/// Before the fields of the header: byte order, kind, flags, version, length of the body, serial, length of the fields.
pub const FIXED_BYTES: usize = 16;
/// `ListUnits` of ten thousand units is about 3 MB.
const LONGEST_BYTES: usize = 16 << 20;

const METHOD_RETURN: u8 = 2;
const ERROR: u8 = 3;

const ERROR_NAME: u8 = 4;
const REPLY_SERIAL: u8 = 5;
const SIGNATURE: u8 = 8;

/// What a method returned.
#[derive(Clone, Copy, Debug)]
pub struct Reply<'a> {
    signature: &'a str,
    body: Reader<'a>,
}

/// What a method, or the bus in its place, said against a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault<'a> {
    /// Such as `org.freedesktop.DBus.Error.UnknownProperty`.
    pub name: &'a str,
    /// For people; may be empty.
    pub text: &'a str,
}

/// A message as a whole. Signals and calls to us have no outcome and are of no interest.
#[derive(Debug)]
pub(crate) struct Message<'a> {
    pub reply_to: u32,
    pub outcome: Option<std::result::Result<Reply<'a>, Fault<'a>>>,
}

/// How long a message is, from its first `FIXED_BYTES`.
pub(crate) fn length(fixed: &[u8]) -> Result<usize> {
    let is_big_endian = is_big_endian(fixed)?;
    let number = |at: usize| {
        let mut bytes = Reader::new(fixed.get(at..).unwrap_or_default(), is_big_endian);
        bytes.u32().map(|number| number as usize)
    };
    let (body, fields) = (number(4)?, number(12)?);
    let length = FIXED_BYTES.saturating_add(fields).next_multiple_of(8).saturating_add(body);
    if length > LONGEST_BYTES { Err(Error::TooLong(length)) } else { Ok(length) }
}

impl<'a> Message<'a> {
    /// Of all bytes of one message.
    pub fn parse(bytes: &'a [u8]) -> Result<Message<'a>> {
        let is_big_endian = is_big_endian(bytes)?;
        let mut header = Reader::new(bytes, is_big_endian);
        header.byte()?;
        let kind = header.byte()?;
        header.byte()?;
        header.byte()?;
        let body_length = header.u32()? as usize;
        header.u32()?;
        let mut fields = header.array(8)?;
        let (mut reply_to, mut error_name, mut signature) = (0, "", "");
        while !fields.is_at_end() {
            fields.structure()?;
            let code = fields.byte()?;
            match (code, fields.variant()?) {
                (REPLY_SERIAL, Value::Number(serial)) => reply_to = u32::try_from(serial).unwrap_or(0),
                (ERROR_NAME, Value::Text(name)) => error_name = name,
                (SIGNATURE, Value::Text(types)) => signature = types,
                _ => {}
            }
        }
        let body = bytes.len().checked_sub(body_length).map(|start| &bytes[start..]);
        let body = Reader::new(body.ok_or(Error::Malformed("a body that ends with the message"))?, is_big_endian);
        let outcome = match kind {
            METHOD_RETURN => Some(Ok(Reply { signature, body })),
            ERROR => {
                let text = if signature.starts_with('s') { body.clone().text()? } else { "" };
                Some(Err(Fault { name: error_name, text }))
            }
            _ => None,
        };
        Ok(Message { reply_to, outcome })
    }
}

impl<'a> Reply<'a> {
    /// The body, when its types are these.
    pub fn body(&self, signature: &'static str) -> Result<Reader<'a>> {
        if self.signature == signature { Ok(self.body) } else { Err(Error::Malformed(signature)) }
    }

    /// The one value of a property.
    pub fn value(&self) -> Result<Value<'a>> {
        self.body("v")?.variant()
    }
}

impl Fault<'_> {
    /// Nobody has the name that the call was for.
    pub fn is_nobody(&self) -> bool {
        let nobody = ["org.freedesktop.DBus.Error.ServiceUnknown", "org.freedesktop.DBus.Error.NameHasNoOwner"];
        nobody.contains(&self.name)
    }
}

fn is_big_endian(bytes: &[u8]) -> Result<bool> {
    match bytes.first() {
        Some(b'l') => Ok(false),
        Some(b'B') => Ok(true),
        _ => Err(Error::Malformed("a byte order")),
    }
}
