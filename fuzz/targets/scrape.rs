//! Any text as prometheus.yml: taken or refused, no panic.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let _ = scrape::Config::parse(text, Path::new("prometheus.yml"));
});
