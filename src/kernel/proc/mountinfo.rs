//! `/proc/<pid>/mountinfo` (2.6.26): the mounts that a process sees, one per line. Fields are separated by single blanks;
//! blanks within them are written `\040`. A variable number of optional fields ends with `-`.
//!
//! ```text
//! 36 35 98:0 /mnt1 /mnt/parent rw,noatime master:1 - ext3 /dev/root rw,errors=continue
//! ```

use crate::scan::{Fields, ParseError, lines, to_text};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mount<'a> {
    /// `major:minor` of the file system.
    pub device: &'a [u8],
    /// Which directory of the file system is mounted.
    pub root: &'a [u8],
    /// Still escaped, like the next fields: see `unescape`.
    pub mount_point: &'a [u8],
    /// Options of this mount.
    pub options: &'a [u8],
    pub filesystem: &'a [u8],
    /// Device, server or any word.
    pub source: &'a [u8],
    /// Options of the file system, the same for all its mounts.
    pub super_options: &'a [u8],
}

/// An odd line costs only itself.
pub fn mounts(bytes: &[u8]) -> impl Iterator<Item = Result<Mount<'_>, ParseError>> {
    lines(bytes).filter(|(_, line)| !line.is_empty()).map(|(number, line)| {
        let mut fields = Fields::new(number, line);
        fields.number("the mount's id")?;
        fields.number("the parent's id")?;
        let device = fields.text("a device number")?;
        let root = fields.text("a root")?;
        let mount_point = fields.text("a mount point")?;
        let options = fields.text("mount options")?;
        while fields.text("a dash")? != b"-" {}
        let filesystem = fields.text("a file system type")?;
        let source = fields.text("a source")?;
        let super_options = fields.next().unwrap_or_default();
        Ok(Mount { device, root, mount_point, options, filesystem, source, super_options })
    })
}

/// A field as it was before the kernel wrote blanks, line feeds and backslashes as `\040`, `\012`, `\134`.
pub fn unescape(field: &[u8]) -> String {
    let mut plain = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((&byte, after)) = rest.split_first() {
        let escaped = (byte == b'\\').then(|| after.get(..3)).flatten().and_then(octal);
        match escaped {
            Some(value) => {
                plain.push(value);
                rest = &after[3..];
            }
            None => {
                plain.push(byte);
                rest = after;
            }
        }
    }
    to_text(&plain)
}

fn octal(digits: &[u8]) -> Option<u8> {
    let value = digits
        .iter()
        .try_fold(0u32, |value, digit| matches!(digit, b'0'..=b'7').then(|| value * 8 + u32::from(digit - b'0')))?;
    u8::try_from(value).ok()
}

impl<'a> Mount<'a> {
    /// The value of an option of the file system: `upperdir` of an overlay.
    pub fn super_option(&self, name: &str) -> Option<&'a [u8]> {
        let options = self.super_options.split(|byte| *byte == b',');
        options.filter_map(|option| option.strip_prefix(name.as_bytes())?.strip_prefix(b"=")).next()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn optional_fields_may_be_none_or_many() {
        let text = b"36 35 98:0 / /mnt\\040a rw,noatime master:1 shared:2 - ext3 /dev/root rw,errors=continue\n\
            41 36 0:44 / / rw - overlay overlay rw,lowerdir=/l,upperdir=/u/diff,workdir=/w\n\
            nonsense\n42 36 0:45 / /x rw shared:1\n";
        let all: Vec<_> = mounts(text).collect();
        let first = all[0].clone().expect("valid");
        assert_eq!((unescape(first.mount_point).as_str(), first.filesystem), ("/mnt a", &b"ext3"[..]));
        assert_eq!((first.device, first.super_option("errors")), (&b"98:0"[..], Some(&b"continue"[..])));
        assert_eq!(all[1].clone().expect("valid").super_option("upperdir"), Some(&b"/u/diff"[..]));
        let problems: Vec<_> = all.iter().filter_map(|mount| mount.as_ref().err()).map(ToString::to_string).collect();
        assert_eq!(
            problems,
            [
                r#"line 3: expected a number for the mount's id, found "nonsense""#,
                r#"line 4: expected a dash, found """#
            ]
        );
    }

    #[test]
    fn only_whole_escapes_are_undone() {
        assert_eq!(unescape(b"a\\134b\\04\\999\\777\\"), "a\\b\\04\\999\\777\\");
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            mounts(&bytes).for_each(drop);
            unescape(&bytes);
        }
    }
}
