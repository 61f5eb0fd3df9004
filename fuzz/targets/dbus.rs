//! What a bus may send: values of any type in either byte order, and addresses. The first byte picks what is read.
#![no_main]

use dbus::{Address, Reader};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Some((first, rest)) = bytes.split_first() else { return };
    let mut reader = Reader::new(rest, first & 1 == 1);
    match first >> 1 & 3 {
        0 => while reader.variant().is_ok() {},
        1 => while reader.text().is_ok() {},
        2 => {
            let Ok(mut items) = reader.array(8) else { return };
            while !items.is_at_end() && items.structure().is_ok() && items.variant().is_ok() {}
        }
        _ => {
            let _ = std::str::from_utf8(rest).map(Address::parse);
        }
    }
});
