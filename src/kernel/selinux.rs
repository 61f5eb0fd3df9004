//! SELinux: `/etc/selinux/config`, which says what holds after the next boot, and the label of a process
//! (`/proc/<pid>/attr/current`).

use crate::scan::{lines, trim};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    Enforcing,
    Permissive,
    Disabled,
}

/// The first line `SELINUX=<mode>` counts, with or without quotes. Anything else means that SELinux is disabled.
pub fn configured_mode(config: &[u8]) -> Mode {
    let mode = lines(config).find_map(|(_, line)| trim(line).strip_prefix(b"SELINUX="));
    match mode.map(without_quotes) {
        Some(b"enforcing") => Mode::Enforcing,
        Some(b"permissive") => Mode::Permissive,
        _ => Mode::Disabled,
    }
}

/// Whether the label is the one that all processes have until a policy is loaded. It may end in NUL or a line feed.
pub fn is_without_policy(label: &[u8]) -> bool {
    let end = label.iter().position(|byte| matches!(byte, 0 | b'\n')).unwrap_or(label.len());
    &label[..end] == b"kernel"
}

fn without_quotes(mut text: &[u8]) -> &[u8] {
    while let Some(inner) = text.strip_prefix(b"\"") {
        text = inner;
    }
    while let Some(inner) = text.strip_suffix(b"\"") {
        text = inner;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_first_line_with_a_mode_counts() {
        let config = b"# SELINUX=permissive\n;SELINUX=permissive\nSELINUXTYPE=targeted\n  SELINUX=\"enforcing\"\n\
            SELINUX=disabled\n";
        assert_eq!(configured_mode(config), Mode::Enforcing);
        assert_eq!(configured_mode(b"SELINUX=permissive"), Mode::Permissive);
        for disabled in [&b""[..], b"SELINUX=disabled\n", b"SELINUX=Enforcing\n", b"SELINUX =enforcing\n"] {
            assert_eq!(configured_mode(disabled), Mode::Disabled);
        }
    }

    #[test]
    fn a_label_ends_where_the_kernel_ends_it() {
        assert!(is_without_policy(b"kernel\0") && is_without_policy(b"kernel"));
        assert!(!is_without_policy(b"system_u:system_r:kernel_t:s0\0") && !is_without_policy(b"kernel_t\n"));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            configured_mode(&bytes);
            is_without_policy(&bytes);
        }
    }
}
