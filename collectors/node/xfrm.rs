//! `/proc/net/xfrm_stat`: packets that IPsec could not handle, by reason. Reasons that the kernel adds appear by
//! themselves.
//! Kernel: 2.6.25 and later with XFRM statistics. Privileges: none. Cost: one read of about 1 KB.

use exposition::{Family, Kind, counter};
use kernel::{KeptFile, scan};

use super::named::Named;
use super::parsed::parsed;
use super::remembered::Remembered;
use crate::{Collector, Failure, Outcome, Scrape, Spec};

const PACKETS: Family = counter("node_xfrm_<reason>_packets_total", "Counter <Reason> of /proc/net/xfrm_stat.");

pub const SPEC: Spec = Spec {
    name: "xfrm",
    is_on_by_default: false,
    help: "packets that IPsec could not handle, from /proc/net/xfrm_stat",
    families: &[PACKETS],
    flags: &[],
    build: |host, _| Ok(Box::new(Xfrm { file: host.net_file("xfrm_stat"), names: Remembered::default() })),
};

struct Xfrm {
    file: KeptFile,
    /// `None` for a name that was there before.
    names: Remembered<Option<Named>>,
}

impl Collector for Xfrm {
    fn collect(&mut self, scrape: &mut Scrape<'_>) -> Result<Outcome, Failure> {
        let bytes = match self.file.read_single(scrape.buffer) {
            Ok(bytes) => bytes,
            Err(error) => return Outcome::of_error(error),
        };
        let counters = parsed(scan::named_numbers(bytes), self.file.path(), scrape.problems);
        for (place, (name, packets)) in counters.enumerate() {
            let named = self.names.at_unless_twice(place, name, |is_twice| (!is_twice).then(|| family_of(name)));
            if let Some(named) = named {
                named.write(scrape.page, packets as f64);
            }
        }
        Ok(Outcome::Collected)
    }
}

/// `XfrmInNoPols` becomes `in_no_pols`.
fn family_of(name: &[u8]) -> Named {
    let name = scan::to_text(name);
    let mut reason = String::new();
    for letter in name.strip_prefix("Xfrm").unwrap_or(&name).chars() {
        if letter.is_ascii_uppercase() && !reason.is_empty() {
            reason.push('_');
        }
        reason.push(letter.to_ascii_lowercase());
    }
    let help = format!("Counter {name} of /proc/net/xfrm_stat.");
    Named::new(Kind::Counter, format!("node_xfrm_{reason}_packets_total"), help)
}
