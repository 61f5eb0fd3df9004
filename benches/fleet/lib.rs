//! A fleet of scrape targets behind one loopback port: target N answers `/target/N/metrics`.
//!
//! Pages look like a node's with its containers: some twenty families, up to eight labels, ids of 64 hex digits.
//! Values move as real ones do: 40 % never change, 25 % are integer counters, 10 % counters of hundredths of seconds,
//! 15 % byte gauges in whole pages, 5 % small gauges, 5 % full-precision floats. Everything follows from target,
//! series and time, so two scrapers that ask at the same moment get the same page.

mod motion;
mod page;
mod server;

pub use motion::Motion;
pub use page::TargetPage;
pub use server::Fleet;
