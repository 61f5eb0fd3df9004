//! Lists of CPUs as sysfs writes them (`/sys/devices/system/cpu/{isolated,online}`): `0-3,5`. An empty file is an empty
//! list.

use std::ops::RangeInclusive;

use crate::scan::{ParseError, parse_u64, trim};

/// Past what any kernel is built for; keeps an odd range from becoming a million CPUs.
const MAX_CPU: u64 = 65_535;

/// The ranges of the list; a single CPU is a range of one.
pub fn ranges(bytes: &[u8]) -> Result<Vec<RangeInclusive<u32>>, ParseError> {
    let text = trim(bytes);
    if text.is_empty() {
        return Ok(Vec::new());
    }
    text.split(|byte| *byte == b',')
        .map(|part| range(part).ok_or_else(|| ParseError::new(1, "a CPU or a range", part)))
        .collect()
}

fn range(part: &[u8]) -> Option<RangeInclusive<u32>> {
    let number = |text: &[u8]| parse_u64(text).filter(|cpu| *cpu <= MAX_CPU).map(|cpu| cpu as u32);
    match memchr::memchr(b'-', part) {
        Some(dash) => {
            let (first, last) = (number(&part[..dash])?, number(&part[dash + 1..])?);
            (first <= last).then_some(first..=last)
        }
        None => number(part).map(|cpu| cpu..=cpu),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn single_cpus_and_ranges_may_be_mixed() {
        assert_eq!(ranges(b"1,3-5,9\n"), Ok(vec![1..=1, 3..=5, 9..=9]));
        assert_eq!(ranges(b"\n"), Ok(vec![]));
        for odd in ["1,,2", "a", "5-3", "1-", "-1", "1-2-3", "65536"] {
            assert!(ranges(odd.as_bytes()).is_err(), "{odd}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
            let _ = ranges(&bytes);
        }
    }
}
