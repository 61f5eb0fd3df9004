//! Generic netlink: families that are found by name, each with commands of its own. Their messages begin with the
//! command.

use super::message::{Message, attributes, u16_at};
use super::socket::Question;

pub const EVERY_FAMILY: Question<'static> = Question { kind: GENL_ID_CTRL, body: &[CTRL_CMD_GETFAMILY, VERSION, 0, 0] };

/// struct genlmsghdr, which precedes the attributes: command, version, nothing.
pub(super) const HEADER_BYTES: usize = 4;
pub(super) const VERSION: u8 = 1;

const GENL_ID_CTRL: u16 = 16;
const CTRL_CMD_NEWFAMILY: u8 = 1;
const CTRL_CMD_GETFAMILY: u8 = 3;
const CTRL_ATTR_FAMILY_ID: u16 = 1;
const CTRL_ATTR_FAMILY_NAME: u16 = 2;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Family<'a> {
    pub name: &'a [u8],
    /// What its messages have in place of a kind. It may differ after each start of the machine.
    pub id: u16,
}

impl<'a> Family<'a> {
    /// `None` for messages of other kinds.
    pub fn parse(message: &Message<'a>) -> Option<Family<'a>> {
        if message.kind != GENL_ID_CTRL || *message.payload.first()? != CTRL_CMD_NEWFAMILY {
            return None;
        }
        let (mut name, mut id) = (None, None);
        for attribute in attributes(message.payload.get(HEADER_BYTES..)?) {
            match attribute.kind {
                CTRL_ATTR_FAMILY_NAME => name = Some(attribute.text()),
                CTRL_ATTR_FAMILY_ID => id = u16_at(attribute.payload, 0),
                _ => {}
            }
        }
        Some(Family { name: name?, id: id? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::netlink::{KeptSocket, Protocol, Step};
    use std::time::{Duration, Instant};

    #[test]
    fn the_family_that_tells_of_families_is_among_them() {
        let mut socket = KeptSocket::new(Protocol::Generic);
        let mut own = None;
        let deadline = Instant::now() + Duration::from_secs(10);
        let note = |step: Step<'_>| {
            let Step::Answer(message) = step else { return };
            own = own.or(Family::parse(&message).filter(|family| family.name == b"nlctrl").map(|family| family.id));
        };
        socket.dump(&EVERY_FAMILY, &mut Vec::new(), deadline, note).expect("an answer");
        assert_eq!(own, Some(GENL_ID_CTRL));
    }
}
