//! `/proc/<pid>/auxv`, any kernel: what the kernel told the program when it started it, pairs of machine words. The
//! kernel shows it in one piece.

const WORD_BYTES: usize = size_of::<usize>();
/// AT_PAGESZ.
const PAGE_SIZE: usize = 6;

/// Bytes of a page of memory. `None` when the file does not say, or says what no page can be.
pub fn page_bytes(bytes: &[u8]) -> Option<u64> {
    let word = |chunk: &[u8]| Some(usize::from_ne_bytes(chunk.try_into().ok()?));
    let pairs = bytes.chunks_exact(2 * WORD_BYTES).map(|pair| pair.split_at(WORD_BYTES));
    let value = pairs.filter_map(|(key, value)| Some((word(key)?, word(value)?))).find(|(key, _)| *key == PAGE_SIZE)?.1;
    value.is_power_of_two().then_some(value as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_page_size_is_one_of_the_pairs() {
        let auxv = |words: &[usize]| words.iter().flat_map(|word| word.to_ne_bytes()).collect::<Vec<u8>>();
        assert_eq!(page_bytes(&auxv(&[33, 6, 6, 65536, 0, 0])), Some(65536));
        assert_eq!(page_bytes(&auxv(&[6, 5000])), None);
        assert_eq!(page_bytes(&auxv(&[6])), None);
    }

    #[test]
    fn this_machine_has_the_page_size_that_it_says() {
        let bytes = std::fs::read("/proc/self/auxv").expect("readable");
        assert_eq!(page_bytes(&bytes), Some(crate::limits::page_bytes()));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            page_bytes(&bytes);
        }
    }
}
