//! Where a bus listens: `unix:path=/run/dbus/system_bus_socket,guid=0123;unix:abstract=name`. Of a list the first unix
//! socket counts; other transports are not for a system bus.

use std::ffi::OsString;
use std::fmt;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    Path(PathBuf),
    /// A name that is in no file system.
    Abstract(Vec<u8>),
}

impl Address {
    pub fn parse(text: &str) -> Option<Address> {
        text.split(';').find_map(|one| {
            let keys = one.trim().strip_prefix("unix:")?;
            keys.split(',').find_map(|pair| match pair.split_once('=')? {
                ("path", value) => Some(Address::Path(OsString::from_vec(unescape(value)?).into())),
                ("abstract", value) => unescape(value).map(Address::Abstract),
                _ => None,
            })
        })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Address::Path(path) => write!(f, "{}", path.display()),
            Address::Abstract(name) => write!(f, "@{}", String::from_utf8_lossy(name)),
        }
    }
}

/// `%2f` is a slash.
fn unescape(value: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let digits = std::str::from_utf8(rest.get(..2)?).ok()?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        rest = &rest[2..];
    }
    if bytes.is_empty() { None } else { Some(bytes) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_first_unix_socket_counts() {
        let path = |text: &str| Some(Address::Path(text.into()));
        assert_eq!(Address::parse("unix:path=/run/bus"), path("/run/bus"));
        assert_eq!(Address::parse("tcp:host=::1,port=1;unix:guid=00,path=/a%20b%2fc"), path("/a b/c"));
        assert_eq!(Address::parse("unix:abstract=/tmp/x"), Some(Address::Abstract(b"/tmp/x".to_vec())));
        for none in ["", "unix:", "tcp:host=x", "unix:path=", "unix:path=%2", "/run/bus", "unix:dir=/tmp"] {
            assert_eq!(Address::parse(none), None, "{none}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "(unix:)?(path=|abstract=)?[%0-9a-gö;,=]{0,12}") {
            let _ = Address::parse(&text);
        }
    }
}
