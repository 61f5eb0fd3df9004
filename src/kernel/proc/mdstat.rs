//! `/proc/mdstat`, any kernel with software RAID: a paragraph per array. The kernel shows it in pieces of a page.
//!
//! ```text
//! md6 : active raid1 sdb2[2](F) sdc[1](S) sda2[0]
//!       195310144 blocks [2/1] [U_]
//!       [=>...................]  recovery =  8.5% (16775552/195310144) finish=17.0min speed=259783K/sec
//!       bitmap: 0/30 pages [0KB], 65536KB chunk
//! ```

use crate::scan::{Fields, ParseError, lines, parse_u64};

/// One array.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Array<'a> {
    /// `md0`.
    pub name: &'a [u8],
    pub state: State,
    /// Disks that the array should have; 0 while it is inactive.
    pub required_disks: u64,
    pub active_disks: u64,
    pub failed_disks: u64,
    pub spare_disks: u64,
    /// Size, in blocks of 1 KiB.
    pub blocks: u64,
    /// Of these in sync; equal to `blocks` while nothing is being synchronised.
    pub synced_blocks: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Active,
    Inactive,
    /// Being filled up onto a spare.
    Recovering,
    Resyncing,
    Checking,
    /// `broken`, being reshaped, or what later kernels say.
    Other,
}

/// What the third line of an array says is going on.
struct Progress {
    state: State,
    synced_blocks: u64,
}

/// Text that does not begin a paragraph with a name and a colon (`Personalities`, `unused devices`) is passed over. An
/// array that cannot be understood is an error of its own.
pub fn arrays(bytes: &[u8]) -> impl Iterator<Item = Result<Array<'_>, ParseError>> {
    let mut lines = lines(bytes).peekable();
    std::iter::from_fn(move || {
        loop {
            let (number, title) = lines.next()?;
            if !is_title(title) {
                continue;
            }
            let mut body = [None; 3];
            for place in &mut body {
                *place = lines.next_if(|(_, line)| is_body(line));
            }
            return Some(Array::parse(number, title, body));
        }
    })
}

fn is_title(line: &[u8]) -> bool {
    let is_about_all = line.starts_with(b"Personalities") || line.starts_with(b"unused");
    !is_about_all && !line.trim_ascii().is_empty() && !is_body(line)
}

fn is_body(line: &[u8]) -> bool {
    line.starts_with(b" ") || line.starts_with(b"\t")
}

impl<'a> Array<'a> {
    fn parse(number: usize, title: &'a [u8], body: [Option<(usize, &'a [u8])>; 3]) -> Result<Self, ParseError> {
        let mut fields = Fields::new(number, title);
        let name = fields.text("an array")?;
        let colon = fields.text("a colon")?;
        if colon != b":" {
            return Err(ParseError::new(number, "a colon", colon));
        }
        let mut state = match fields.text("a state")? {
            b"active" => State::Active,
            b"inactive" => State::Inactive,
            _ => State::Other,
        };
        let [status, second, third] = body;
        let (number, status) = status.ok_or_else(|| ParseError::new(number, "a line with the size", title))?;
        let blocks = Fields::new(number, status).number("the size in blocks")?;
        let (required_disks, active_disks) = disks(title, number, status)?;
        let progress = match second {
            Some((_, line)) if contains(line, b"bitmap") => third,
            other => other,
        };
        let mut synced_blocks = blocks;
        if let Some(progress) = progress.map(|(number, line)| Progress::parse(number, line)).transpose()?.flatten() {
            state = progress.state;
            synced_blocks = progress.synced_blocks;
        }
        let (failed_disks, spare_disks) = (count(title, b"(F)"), count(title, b"(S)"));
        Ok(Array { name, state, required_disks, active_disks, failed_disks, spare_disks, blocks, synced_blocks })
    }
}

impl Progress {
    fn parse(number: usize, line: &[u8]) -> Result<Option<Self>, ParseError> {
        let words: [(&[u8], State); 4] = [
            (b"recovery", State::Recovering),
            (b"check", State::Checking),
            (b"resync", State::Resyncing),
            (b"reshape", State::Other),
        ];
        let Some((_, state)) = words.into_iter().find(|(word, _)| contains(line, word)) else { return Ok(None) };
        let waits: [&[u8]; 3] = [b"PENDING", b"DELAYED", b"REMOTE"];
        if waits.iter().any(|word| contains(line, word)) {
            return Ok(Some(Progress { state, synced_blocks: 0 }));
        }
        let synced = Fields::new(number, line).find_map(|field| {
            let (done, _) = two_numbers(field.strip_prefix(b"(")?.strip_suffix(b")")?)?;
            Some(done)
        });
        let synced_blocks = synced.ok_or_else(|| ParseError::new(number, "(done/all) blocks", line.trim_ascii()))?;
        Ok(Some(Progress { state, synced_blocks }))
    }
}

/// Required and active disks: `[2/1] [U_]` where members can fail, else all that are named.
fn disks(title: &[u8], number: usize, status: &[u8]) -> Result<(u64, u64), ParseError> {
    if contains(title, b"raid0") || contains(title, b"linear") {
        let named = count(title, b"[");
        return Ok((named, named));
    }
    if contains(title, b"inactive") {
        return Ok((0, 0));
    }
    let is_map = |field: &[u8]| {
        let inner = field.strip_prefix(b"[").and_then(|field| field.strip_suffix(b"]"));
        inner.is_some_and(|inner| !inner.is_empty() && inner.iter().all(|byte| matches!(byte, b'U' | b'_')))
    };
    let mut found = None;
    let mut before = None;
    for field in Fields::new(number, status) {
        if is_map(field) {
            found = before.or(found);
        }
        before = field.strip_prefix(b"[").and_then(|field| field.strip_suffix(b"]")).and_then(two_numbers);
    }
    found.ok_or_else(|| ParseError::new(number, "[required/active] [UU_] disks", status.trim_ascii()))
}

/// `2/1`.
fn two_numbers(text: &[u8]) -> Option<(u64, u64)> {
    let slash = memchr::memchr(b'/', text)?;
    Some((parse_u64(&text[..slash])?, parse_u64(&text[slash + 1..])?))
}

fn contains(text: &[u8], word: &[u8]) -> bool {
    memchr::memmem::find(text, word).is_some()
}

fn count(text: &[u8], word: &[u8]) -> u64 {
    memchr::memmem::find_iter(text, word).count() as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TEXT: &[u8] = b"Personalities : [raid1] [raid0] [raid6]\nmd6 : active raid1 sdb2[2](F) sdc[1](S) sda2[0]\n\
        \x20     195310144 blocks [2/1] [U_]\n      [=>......]  recovery =  8.5% (16775552/195310144) finish=17.0min speed=259783K/sec\n\n\
        md1 : active (auto-read-only) raid6 a[0] b[1]\n      800 blocks super 1.2 level 6, 512k chunk, algorithm 2 [4/3] [U_UU]\n\
        \x20     bitmap: 0/30 pages [0KB], 65536KB chunk\n      resync=PENDING\n\n\
        md2 : inactive sdo[0](S)\n      77 blocks super 1.2\n\n\
        md3 : broken raid0 sdm[0] sdn[1]\n      99 blocks super 1.2 512k chunks\n\nunused devices: <none>\n";

    fn of(name: &str) -> Array<'static> {
        arrays(TEXT).flatten().find(|array| array.name == name.as_bytes()).expect(name)
    }

    #[test]
    fn a_recovering_array_says_how_far_it_is() {
        let array = Array {
            name: b"md6",
            state: State::Recovering,
            required_disks: 2,
            active_disks: 1,
            failed_disks: 1,
            spare_disks: 1,
            blocks: 195_310_144,
            synced_blocks: 16_775_552,
        };
        assert_eq!(of("md6"), array);
    }

    #[test]
    fn each_kind_has_its_own_status_line() {
        let waiting = of("md1");
        assert_eq!((waiting.state, waiting.synced_blocks), (State::Resyncing, 0));
        assert_eq!((waiting.required_disks, waiting.active_disks), (4, 3));
        let inactive = of("md2");
        assert_eq!((inactive.state, inactive.required_disks, inactive.blocks), (State::Inactive, 0, 77));
        let broken = of("md3");
        assert_eq!((broken.state, broken.required_disks, broken.active_disks), (State::Other, 2, 2));
        assert_eq!(arrays(TEXT).count(), 4);
    }

    #[test]
    fn an_array_that_cannot_be_understood_costs_only_itself() {
        let text = b"md0 : active raid9 sda[0]\n      many blocks\n\nmd1 : active raid1 a[0]\nmd2\nmd4 : active raid1 a[0]\n\
            \x20 5 blocks [1/1]\nmd5 : active raid1 a[0]\n  5 blocks [1/1] [U]\n  check = 5%\nmd6 : active raid1 a[0]\n  6 blocks [1/1] [U]\n";
        let all: Vec<_> = arrays(text).collect();
        let problems: Vec<_> = all.iter().filter_map(|array| array.as_ref().err()).map(ToString::to_string).collect();
        assert_eq!(
            problems,
            [
                r#"line 2: expected a number for the size in blocks, found "many""#,
                r#"line 4: expected a line with the size, found "md1 : active raid1 a[0]""#,
                r#"line 5: expected a colon, found """#,
                r#"line 7: expected [required/active] [UU_] disks, found "5 blocks [1/1]""#,
                r#"line 10: expected (done/all) blocks, found "check = 5%""#,
            ]
        );
        assert_eq!(all.last().and_then(|array| array.as_ref().ok()).map(|array| array.blocks), Some(6));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in "(md[0-9] : (in)?active (raid[0-9] )?[a-z\\[\\]()FS]{0,9}\n [ 0-9a-z/\\[\\]U_=()]{0,30}\n){0,3}.{0,30}") {
            arrays(bytes.as_bytes()).for_each(drop);
        }
    }
}
