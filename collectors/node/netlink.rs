//! Asking the kernel by netlink, with its troubles in a collector's words.

use std::io;

use kernel::netlink::{Completeness, KeptSocket, Question, Step};

use crate::{Failure, Scrape};

/// Why there was no answer.
#[derive(Debug)]
pub struct Unanswered(pub io::Error);

/// What could not be told in full is a problem of the item; no answer at all is an error.
pub fn dump(
    socket: &mut KeptSocket,
    question: &Question<'_>,
    scrape: &mut Scrape<'_>,
    step: impl FnMut(Step<'_>),
) -> Result<(), Unanswered> {
    match socket.dump(question, scrape.buffer, scrape.deadline, step).map_err(Unanswered)? {
        Completeness::Whole => {}
        Completeness::Changing => scrape.item_failed("netlink: what was asked for changed all the time"),
        Completeness::Lossy => scrape.item_failed("netlink: the kernel had no room for some answers"),
    }
    Ok(())
}

impl From<Unanswered> for Failure {
    fn from(Unanswered(error): Unanswered) -> Self {
        Failure(format!("netlink: {error}"))
    }
}
