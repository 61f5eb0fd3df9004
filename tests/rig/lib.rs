//! What black-box tests and benches stand on. Nothing here is part of the programs.

mod bus;
mod certificates;
mod contender;
mod cost;
mod curl;
mod hung_mount;
mod page;
mod peers;
mod program;
mod web;

pub use bus::{Asked, Body, FakeBus, Says};
pub use certificates::Authority;
pub use contender::{Bill, Contender};
pub use cost::{Cost, Group, cost_of, median};
pub use curl::{Curled, curl, has_curl};
pub use hung_mount::HungMounts;
pub use page::{Page, find, series};
pub use peers::{Peer, peer};
pub use program::{Program, free_port, wait_until};
pub use web::{Answer, get, get_with, post};

use std::io::Write;

/// Says on the terminal that a part was left out and why. Written past the test runner's capture, so it is always seen.
pub fn skip(what: &str, why: &str) {
    // Nothing can be done about a closed stderr.
    let _ = writeln!(std::io::stderr(), "skipped: {what}: {why}");
}

pub fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}
