//! Any page in either dialect: no panic, and every series that is yielded can be read or is refused with a reason.
#![no_main]

use exposition::{Dialect, Entry, Parser};
use libfuzzer_sys::fuzz_target;
use model::LabelsBuilder;

fuzz_target!(|page: &[u8]| {
    for dialect in [Dialect::Text, Dialect::OpenMetrics] {
        for entry in Parser::new(page, dialect) {
            match entry {
                Ok(Entry::Sample(line)) => {
                    let _ = line.series.read(&mut LabelsBuilder::default());
                }
                Ok(_) => {}
                Err(_) => break,
            }
        }
    }
});
