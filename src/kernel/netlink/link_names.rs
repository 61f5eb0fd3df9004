//! Names of network devices by their numbers, for answers that name a device by its number only. Kept from scrape to
//! scrape, so nothing is allocated while no device comes, goes or changes its name.

use nix::libc;

use super::link::Link;
use super::message::Message;
use super::socket::{Question, Step};

/// `RTM_GETLINK` without counters (`RTEXT_FILTER_SKIP_STATS`, since Linux 4.4; passed over before that), which halves
/// the answer.
pub const EVERY_LINK_NAME: Question<'static> = Question { kind: libc::RTM_GETLINK, body: &LINK_BODY };

/// struct ifinfomsg of zeros, then the attribute `IFLA_EXT_MASK`.
const LINK_BODY: [u8; 16 + 8] = {
    let mut body = [0; 24];
    let (length, kind) = (8u16.to_ne_bytes(), libc::IFLA_EXT_MASK.to_ne_bytes());
    let mask = SKIP_STATS.to_ne_bytes();
    body.split_at_mut(16)
        .1
        .copy_from_slice(&[length[0], length[1], kind[0], kind[1], mask[0], mask[1], mask[2], mask[3]]);
    body
};
const SKIP_STATS: u32 = 1 << 3;

#[derive(Debug, Default)]
pub struct LinkNames {
    /// In the order of their numbers.
    links: Vec<LinkName>,
    /// Counts dumps, to tell what is gone.
    dump: u32,
}

#[derive(Debug)]
struct LinkName {
    index: u32,
    name: Box<[u8]>,
    /// The dump in which it was seen last.
    seen: u32,
}

impl LinkNames {
    /// Takes in one step of a dump of `EVERY_LINK_NAME` or `EVERY_LINK`.
    pub fn note(&mut self, step: Step<'_>) {
        match step {
            Step::Begin => self.dump = self.dump.wrapping_add(1),
            Step::Answer(message) => self.note_link(&message),
        }
    }

    /// `None` for a device that is gone.
    pub fn name(&self, index: u32) -> Option<&[u8]> {
        let place = self.place(index).ok()?;
        self.links.get(place).filter(|link| link.seen == self.dump).map(|link| &*link.name)
    }

    /// Forgets what the last dump did not tell of.
    pub fn forget_gone(&mut self) {
        self.links.retain(|link| link.seen == self.dump);
    }

    fn note_link(&mut self, message: &Message<'_>) {
        let Some(Link { index, name, .. }) = Link::parse(message) else { return };
        let seen = self.dump;
        match self.place(index) {
            Ok(place) => {
                let known = &mut self.links[place];
                known.seen = seen;
                if *known.name != *name {
                    known.name = name.into();
                }
            }
            Err(place) => self.links.insert(place, LinkName { index, name: name.into(), seen }),
        }
    }

    fn place(&self, index: u32) -> Result<usize, usize> {
        self.links.binary_search_by_key(&index, |link| link.index)
    }
}

#[cfg(test)]
mod tests {
    use super::super::message::tests::attribute;
    use super::*;

    fn note(names: &mut LinkNames, index: u32, name: &[u8]) {
        let payload = [&[0; 4][..], &index.to_ne_bytes(), &[0; 8], &attribute(libc::IFLA_IFNAME, name)].concat();
        names.note(Step::Answer(Message { kind: libc::RTM_NEWLINK, flags: 0, sequence: 0, payload: &payload }));
    }

    #[test]
    fn a_device_is_known_while_it_is_there_and_by_its_present_name() {
        let mut names = LinkNames::default();
        names.note(Step::Begin);
        note(&mut names, 7, b"eth0\0");
        note(&mut names, 1, b"lo\0");
        assert_eq!((names.name(7), names.name(1), names.name(2)), (Some(&b"eth0"[..]), Some(&b"lo"[..]), None));
        names.note(Step::Begin);
        note(&mut names, 7, b"wan\0");
        names.forget_gone();
        assert_eq!((names.name(7), names.name(1), names.links.len()), (Some(&b"wan"[..]), None, 1));
    }

    #[test]
    fn the_question_asks_for_no_counters() {
        let mask = super::super::message::attributes(&EVERY_LINK_NAME.body[16..]).next().expect("an attribute");
        assert_eq!((mask.kind, mask.payload), (libc::IFLA_EXT_MASK, &8u32.to_ne_bytes()[..]));
    }
}
