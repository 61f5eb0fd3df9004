//! What a client types: forms, URLs, escapes. The first byte picks the parser.
#![no_main]

use http::{Form, Url, percent_decode, percent_encode};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Some((first, rest)) = bytes.split_first() else { return };
    let Ok(text) = std::str::from_utf8(rest) else { return };
    match first % 3 {
        0 => {
            let _ = Form::parse(text);
        }
        1 => {
            if let Ok(url) = Url::parse(text) {
                let _ = url.join(text);
            }
        }
        _ => {
            let escaped = percent_encode(text);
            assert_eq!(percent_decode(&escaped).as_deref(), Some(text));
            let _ = percent_decode(text);
        }
    }
});
