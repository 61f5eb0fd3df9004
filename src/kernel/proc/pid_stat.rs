//! `/proc/<pid>/stat` and `/proc/<pid>/task/<tid>/stat`: one line about a process or a thread. The name stands between
//! parentheses and may hold anything, parentheses and blanks too; the last closing one counts.

use crate::scan::{Fields, ParseError, parse_i64};

/// A process with all its threads; of a thread only its own times and state are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PidStat<'a> {
    /// At most 15 bytes of a program's choosing; longer for some threads of the kernel.
    pub comm: &'a [u8],
    /// One letter: R running, S sleeping, D waiting for a device, Z a zombie, T stopped, I idle, and rarer ones.
    pub state: u8,
    pub parent: u32,
    /// Time in user mode, in ticks of `USER_HZ`.
    pub user_ticks: u64,
    /// Time in kernel mode, the same.
    pub system_ticks: u64,
    pub threads: u64,
    /// Since boot, in ticks: with the pid it tells two processes apart.
    pub start_ticks: u64,
    /// Memory in use, in pages.
    pub resident_pages: u64,
}

/// The numbers between two that are of interest.
const PARENT: usize = 0;
const USER_TICKS: usize = 10;
const SYSTEM_TICKS: usize = 11;
const THREADS: usize = 16;
const START_TICKS: usize = 18;
const RESIDENT_PAGES: usize = 20;

impl<'a> PidStat<'a> {
    pub fn parse(bytes: &'a [u8]) -> Result<Self, ParseError> {
        let (comm, rest) = split(bytes)?;
        let mut fields = Fields::new(1, rest);
        let state = state_letter(&mut fields)?;
        let mut numbers = [0; RESIDENT_PAGES + 1];
        for number in &mut numbers {
            let field = fields.text("more fields of a process")?;
            *number = parse_i64(field).ok_or_else(|| ParseError::new(1, "a number", field))?;
        }
        let unsigned = |index: usize| u64::try_from(numbers[index]).unwrap_or(0);
        Ok(PidStat {
            comm,
            state,
            parent: u32::try_from(numbers[PARENT]).unwrap_or(0),
            user_ticks: unsigned(USER_TICKS),
            system_ticks: unsigned(SYSTEM_TICKS),
            threads: unsigned(THREADS),
            start_ticks: unsigned(START_TICKS),
            resident_pages: unsigned(RESIDENT_PAGES),
        })
    }
}

/// Only the state, for threads.
pub fn state(bytes: &[u8]) -> Result<u8, ParseError> {
    let (_, rest) = split(bytes)?;
    state_letter(&mut Fields::new(1, rest))
}

/// The name and what follows it.
fn split(bytes: &[u8]) -> Result<(&[u8], &[u8]), ParseError> {
    let odd = || ParseError::new(1, "a pid, a name in parentheses and a state", bytes);
    let open = memchr::memchr(b'(', bytes).ok_or_else(odd)?;
    let close = memchr::memrchr(b')', bytes).filter(|close| *close > open).ok_or_else(odd)?;
    Ok((&bytes[open + 1..close], &bytes[close + 1..]))
}

fn state_letter(fields: &mut Fields<'_>) -> Result<u8, ParseError> {
    match fields.text("a state")? {
        [letter] if letter.is_ascii_alphabetic() => Ok(*letter),
        other => Err(ParseError::new(1, "a state of one letter", other)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use procfs_core::FromRead;
    use procfs_core::process::Stat;
    use proptest::prelude::*;

    const CAPTURED: &[u8] = b"3332 (systemd) S 3329 3332 3332 0 -1 4194560 10563 127361 61 305 24 61 118 94 20 0 1 0 \
        1201553 103137280 3016 18446744073709551615 1 1 0 0 0 0 671173123 4096 1260 0 0 0 17 1 0 0 0 0 0 0 0 0 0 0 0 0 0\n";

    #[test]
    fn a_process_is_read_as_procfs_core_reads_it() {
        let ours = PidStat::parse(CAPTURED).expect("valid");
        let theirs = Stat::from_read(CAPTURED).expect("valid");
        assert_eq!(ours.comm, theirs.comm.as_bytes());
        assert_eq!(char::from(ours.state), theirs.state);
        assert_eq!(i64::from(ours.parent), i64::from(theirs.ppid));
        assert_eq!((ours.user_ticks, ours.system_ticks), (theirs.utime, theirs.stime));
        assert_eq!((ours.threads as i64, ours.start_ticks), (theirs.num_threads, theirs.starttime));
        assert_eq!(ours.resident_pages, theirs.rss);
        assert_eq!(state(CAPTURED), Ok(b'S'));
    }

    #[test]
    fn a_name_may_look_like_the_rest_of_the_line() {
        let line = String::from_utf8_lossy(CAPTURED).replace("(systemd)", "(a) R (b) D\n)");
        let stat = PidStat::parse(line.as_bytes()).expect("valid");
        assert_eq!((stat.comm, stat.state), (&b"a) R (b) D\n"[..], b'S'));
    }

    #[test]
    fn a_torn_line_is_refused() {
        assert!(PidStat::parse(&CAPTURED[..60]).is_err());
        assert!(PidStat::parse(b"").is_err() && PidStat::parse(b"1 )(").is_err());
        let error = state(b"1 (x) Sleeping").expect_err("too long").to_string();
        assert_eq!(error, r#"line 1: expected a state of one letter, found "Sleeping""#);
        let line = String::from_utf8_lossy(CAPTURED).replace(" 3016 ", " many ");
        assert!(PidStat::parse(line.as_bytes()).is_err());
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in "[0-9]{0,3} ?\\(?[a)( ]{0,6}\\)? ?[A-Z]{0,2}( -?[0-9x]{0,21}){0,30}\n?") {
            let _ = PidStat::parse(bytes.as_bytes());
            let _ = state(bytes.as_bytes());
        }
    }
}
