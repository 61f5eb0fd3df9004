//! The framing of netlink: messages one behind another, attributes one behind another in each, all aligned to four
//! bytes, numbers in the byte order of the machine. What is cut short ends the iteration.

const ALIGNMENT: usize = 4;
pub(super) const MESSAGE_HEADER_BYTES: usize = 16;
const ATTRIBUTE_HEADER_BYTES: usize = 4;
/// Flags in the upper bits of an attribute's type (`NLA_F_NESTED`, `NLA_F_NET_BYTEORDER`).
const TYPE_MASK: u16 = 0x3fff;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    /// `RTM_NEWLINK`, `NLMSG_DONE` and so on.
    pub kind: u16,
    pub flags: u16,
    /// That of the request which it answers.
    pub sequence: u32,
    pub payload: &'a [u8],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attribute<'a> {
    pub kind: u16,
    pub payload: &'a [u8],
}

pub fn messages(bytes: &[u8]) -> impl Iterator<Item = Message<'_>> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let length = usize::try_from(u32_at(rest, 0)?).ok()?;
        let payload = rest.get(MESSAGE_HEADER_BYTES..length)?;
        let message = Message { kind: u16_at(rest, 4)?, flags: u16_at(rest, 6)?, sequence: u32_at(rest, 8)?, payload };
        rest = rest.get(aligned(length)..).unwrap_or(&[]);
        Some(message)
    })
}

pub fn attributes(bytes: &[u8]) -> impl Iterator<Item = Attribute<'_>> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let length = usize::from(u16_at(rest, 0)?);
        let payload = rest.get(ATTRIBUTE_HEADER_BYTES..length)?;
        let attribute = Attribute { kind: u16_at(rest, 2)? & TYPE_MASK, payload };
        rest = rest.get(aligned(length)..).unwrap_or(&[]);
        Some(attribute)
    })
}

impl<'a> Attribute<'a> {
    /// Text ends at its NUL.
    pub fn text(&self) -> &'a [u8] {
        let end = memchr::memchr(0, self.payload).unwrap_or(self.payload.len());
        &self.payload[..end]
    }
}

pub(super) fn u16_at(bytes: &[u8], offset: usize) -> Option<u16> {
    bytes.get(offset..offset + 2)?.try_into().ok().map(u16::from_ne_bytes)
}

pub(super) fn u32_at(bytes: &[u8], offset: usize) -> Option<u32> {
    bytes.get(offset..offset + 4)?.try_into().ok().map(u32::from_ne_bytes)
}

pub(super) fn u64_at(bytes: &[u8], offset: usize) -> Option<u64> {
    bytes.get(offset..offset + 8)?.try_into().ok().map(u64::from_ne_bytes)
}

fn aligned(length: usize) -> usize {
    length.next_multiple_of(ALIGNMENT)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use proptest::prelude::*;

    pub fn attribute(kind: u16, payload: &[u8]) -> Vec<u8> {
        let length = u16::try_from(ATTRIBUTE_HEADER_BYTES + payload.len()).expect("short");
        let mut bytes = [length.to_ne_bytes(), kind.to_ne_bytes()].concat();
        bytes.extend_from_slice(payload);
        bytes.resize(aligned(bytes.len()), 0);
        bytes
    }

    fn message(kind: u16, payload: &[u8]) -> Vec<u8> {
        let length = u32::try_from(MESSAGE_HEADER_BYTES + payload.len()).expect("short");
        let mut bytes = [length.to_ne_bytes().to_vec(), kind.to_ne_bytes().to_vec(), vec![0; 10]].concat();
        bytes.extend_from_slice(payload);
        bytes.resize(aligned(bytes.len()), 0);
        bytes
    }

    #[test]
    fn messages_and_attributes_follow_each_other_aligned() {
        let bytes = [message(16, b"abc"), message(3, b"")].concat();
        let found: Vec<_> = messages(&bytes).map(|message| (message.kind, message.payload)).collect();
        assert_eq!(found, [(16, &b"abc"[..]), (3, b"")]);
        let bytes = [attribute(3, b"eth0\0"), attribute(0x8001, b"x")].concat();
        let found: Vec<_> = attributes(&bytes).map(|one| (one.kind, one.text())).collect();
        assert_eq!(found, [(3, &b"eth0"[..]), (1, b"x")]);
    }

    #[test]
    fn what_is_cut_short_or_lies_about_its_length_ends_the_iteration() {
        let bytes = message(16, b"abcdefgh");
        assert_eq!(messages(&bytes[..bytes.len() - 1]).count(), 0);
        assert_eq!(messages(&[0; 16]).count(), 0, "a length of zero must not be read for ever");
        assert_eq!(attributes(&[3, 0, 1, 0]).count(), 0);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic_or_go_on_for_ever(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            prop_assert!(messages(&bytes).count() <= bytes.len());
            prop_assert!(attributes(&bytes).count() <= bytes.len());
        }
    }
}
