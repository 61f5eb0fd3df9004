//! The cause of an I/O error in a few lower-case words, without Rust's "(os error 98)".

use std::io::{Error, ErrorKind};

pub(crate) fn reason(error: &Error) -> String {
    let words = match error.kind() {
        ErrorKind::AddrInUse => "address already in use",
        ErrorKind::AddrNotAvailable => "address not available on this machine",
        ErrorKind::PermissionDenied => "permission denied",
        ErrorKind::ConnectionRefused => "connection refused",
        ErrorKind::ConnectionReset => "connection reset by peer",
        ErrorKind::BrokenPipe => "broken pipe",
        ErrorKind::NotFound => "no such file or directory",
        ErrorKind::HostUnreachable => "no route to host",
        ErrorKind::NetworkUnreachable => "network is unreachable",
        ErrorKind::TimedOut => "timed out",
        ErrorKind::UnexpectedEof => "unexpected end of the stream",
        _ => return other(error),
    };
    words.to_owned()
}

fn other(error: &Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    let mut chars = text.chars();
    match chars.next() {
        Some(first) => first.to_lowercase().chain(chars).collect(),
        None => "unknown error".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_have_no_error_numbers_and_begin_in_lower_case() {
        assert_eq!(reason(&Error::from_raw_os_error(98)), "address already in use");
        assert_eq!(reason(&Error::from_raw_os_error(24)), "too many open files");
    }
}
