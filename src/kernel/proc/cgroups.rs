//! `/proc/cgroups`, since 2.6.24: `memory  7  234  1`, one controller per line. On v2 the counts are of the one tree, and
//! controllers that exist there alone are missing. The kernel shows it in one piece.

use crate::scan::{Fields, ParseError, lines};

/// One controller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Controller<'a> {
    pub name: &'a [u8],
    /// Number of the v1 hierarchy that it belongs to, 0 for v2.
    pub hierarchy: u64,
    /// Groups in that hierarchy.
    pub cgroups: u64,
    /// 1 unless it is switched off on the kernel's command line.
    pub enabled: u64,
}

pub fn controllers(bytes: &[u8]) -> impl Iterator<Item = Result<Controller<'_>, ParseError>> {
    let is_row = |line: &[u8]| !line.trim_ascii().is_empty() && !line.starts_with(b"#");
    lines(bytes).filter(move |(_, line)| is_row(line)).map(|(number, line)| {
        let mut fields = Fields::new(number, line);
        Ok(Controller {
            name: fields.text("a controller")?,
            hierarchy: fields.number("the hierarchy")?,
            cgroups: fields.number("the cgroups")?,
            enabled: fields.number("enabled")?,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_odd_line_loses_only_itself() {
        let text = b"#subsys_name\thierarchy\tnum_cgroups\tenabled\ncpuset\t5\t47\t1\nmemory 0 many 1\nrdma\t4\t1\t0\n";
        let all: Vec<_> = controllers(text).collect();
        assert_eq!(all[0], Ok(Controller { name: b"cpuset", hierarchy: 5, cgroups: 47, enabled: 1 }));
        assert!(all[1].as_ref().is_err_and(|error| error.line == 3));
        assert_eq!(all[2].as_ref().map(|controller| controller.enabled), Ok(0));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            controllers(&bytes).for_each(drop);
        }
    }
}
