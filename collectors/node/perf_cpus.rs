//! The CPUs that `--collector.perf.cpus` names: `0`, `0-3`, or every fourth, `0-31:4`, separated by commas.

/// Past what any kernel is built for.
const MAX_CPU: u32 = 65_535;

/// Each once, in the order given; `None` when the text is no such list.
pub fn cpus_of_flag(text: &str) -> Option<Vec<u32>> {
    let mut cpus = Vec::new();
    let mut is_named = vec![false; MAX_CPU as usize + 1];
    for part in text.split(',') {
        let (range, stride) = part.split_once(':').unwrap_or((part, "1"));
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let (first, last, stride) = (number(first)?, number(last)?, number(stride).filter(|stride| *stride > 0)?);
        for cpu in (first..=last).step_by(stride as usize) {
            if !std::mem::replace(&mut is_named[cpu as usize], true) {
                cpus.push(cpu);
            }
        }
    }
    Some(cpus)
}

fn number(text: &str) -> Option<u32> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|number| is_plain && *number <= MAX_CPU)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ranges_may_have_strides_and_no_cpu_counts_twice() {
        assert_eq!(cpus_of_flag("0"), Some(vec![0]));
        assert_eq!(cpus_of_flag("0-3,9"), Some(vec![0, 1, 2, 3, 9]));
        assert_eq!(cpus_of_flag("1-10:5,2"), Some(vec![1, 6, 2]));
        assert_eq!(cpus_of_flag("2,1-3"), Some(vec![2, 1, 3]));
        for odd in ["", "a", "1-", "-1", "1-2-3", "0-3:0", "0-3:", "1 ,2", "+1", "0-99999"] {
            assert_eq!(cpus_of_flag(odd), None, "{odd}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[0-9,:-]{0,9}") {
            let _ = cpus_of_flag(&text);
        }
    }
}
