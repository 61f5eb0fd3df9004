//! Asking the kernel by netlink, with its troubles in a collector's words.

use kernel::netlink::{Completeness, KeptSocket, Question, Step};

use crate::{Failure, Scrape};

/// What could not be told in full is a problem of the item; no answer at all is a failure.
pub fn dump(
    socket: &mut KeptSocket,
    question: &Question<'_>,
    scrape: &mut Scrape<'_>,
    step: impl FnMut(Step<'_>),
) -> Result<(), Failure> {
    let answered = socket.dump(question, scrape.buffer, scrape.deadline, step);
    match answered.map_err(|error| Failure(format!("netlink: {error}")))? {
        Completeness::Whole => {}
        Completeness::Changing => scrape.item_failed("netlink: what was asked for changed all the time"),
        Completeness::Lossy => scrape.item_failed("netlink: the kernel had no room for some answers"),
    }
    Ok(())
}
