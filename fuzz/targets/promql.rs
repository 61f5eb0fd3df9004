//! Any text: no panic, and what parses prints as something that parses to the same.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(expr) = promql::parse(text) {
        let printed = expr.to_string();
        let again = promql::parse(&printed).unwrap_or_else(|error| panic!("{printed:?} does not parse: {error}"));
        assert_eq!(again.to_string(), printed);
    }
});
