//! Whole machines of which many files are spoilt at once: torn, with flipped bits, garbage, empty, a folder or a FIFO in
//! their place. No collector panics, hangs or takes memory without bound, what it says is a page in which every series is
//! there once, and what does not come from the spoilt files stays: a series that survives their absence survives their
//! being spoilt.
//!
//! The choice of files and faults is the same in each run; `SPOILT_SEED` makes another.

// A global allocator cannot be written without it; this one only counts and passes on.
#![allow(unsafe_code)]

mod machine;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::Duration;

use collectors::Spec;
use exposition::{Dialect, Entry, Parser};
use kernel::Roots;
use machine::{FLAGS, Machine, conformance, hosts, rows_from_files};
use nix::sys::stat::Mode;

/// What one collection may hold at most: a spoilt file is never longer than a few kilobytes.
const MAX_BYTES: usize = 32 << 20;
/// How long the test waits for one collector before it says that it hangs.
const PATIENCE: Duration = Duration::from_secs(60);
/// How many choices of files each machine goes through.
const ROUNDS: u64 = 6;
/// One file in so many is spoilt at a time.
const ONE_IN: usize = 12;

/// Collectors, parts of the paths of files, and why their series may go when such a file is spoilt, but stay when it is not
/// there.
const WHY_NOT: &[(&str, &str, &str)] = &[
    // One in a line.
    ("btrfs", "/commit_stats", "missing times are zeros"),
    ("btrfs", "/label", "a missing label is an empty one"),
    ("drm", "/gpu_busy_percent", "a missing number is a zero"),
    ("drm", "/mem_info_", "a missing number is a zero"),
    ("fibrechannel", "/statistics/", "a missing number is a zero"),
    ("hwmon", "/name", "what a chip is called"),
    ("netclass", "/ifalias", "a missing alias is an empty one"),
    ("tapestats", "/stats/", "a missing number is a zero"),
];

struct Counting;

thread_local! {
    static LIVE: Cell<usize> = const { Cell::new(0) };
    static PEAK: Cell<usize> = const { Cell::new(0) };
}

fn took(bytes: usize) {
    LIVE.set(LIVE.get().saturating_add(bytes));
    PEAK.set(PEAK.get().max(LIVE.get()));
}

// SAFETY: every call is passed on unchanged to the system's allocator, which keeps the contract.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        took(layout.size());
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        LIVE.set(LIVE.get().saturating_sub(layout.size()));
        // SAFETY: the caller keeps the contract of `dealloc`; the pointer came from the system's allocator.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Numbers that are the same in each run (SplitMix64).
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % limit.max(1) as u64) as usize
    }

    fn bytes(&mut self, length: usize) -> Vec<u8> {
        (0..length).map(|_| self.below(256) as u8).collect()
    }
}

#[derive(Clone, Copy, Debug)]
enum Fault {
    Torn,
    FlippedBits,
    Garbage,
    HugeNumber,
    Empty,
    Folder,
    Fifo,
    Gone,
}

const FAULTS: [Fault; 7] =
    [Fault::Torn, Fault::FlippedBits, Fault::Garbage, Fault::HugeNumber, Fault::Empty, Fault::Folder, Fault::Fifo];

/// Puts a fault in the place of a file whose whole content is given.
fn spoil(path: &Path, whole: &[u8], fault: Fault, dice: &mut Dice) {
    fs::remove_file(path).expect("removed");
    let text = match fault {
        Fault::Torn => whole[..dice.below(whole.len() + 1)].to_vec(),
        Fault::FlippedBits => {
            let mut text = whole.to_vec();
            for _ in 0..1 + dice.below(8) {
                let place = dice.below(text.len());
                if let Some(byte) = text.get_mut(place) {
                    *byte ^= 1 << dice.below(8);
                }
            }
            text
        }
        Fault::Garbage => {
            let length = dice.below(4000);
            dice.bytes(length)
        }
        Fault::HugeNumber => b"99999999999999999999999999\n".to_vec(),
        Fault::Empty => Vec::new(),
        Fault::Folder => return fs::create_dir(path).expect("a folder in its place"),
        Fault::Fifo => return nix::unistd::mkfifo(path, Mode::S_IRUSR | Mode::S_IWUSR).expect("a FIFO in its place"),
        Fault::Gone => return,
    };
    fs::write(path, text).expect("written");
}

fn restore(path: &Path, whole: &[u8]) {
    if path.is_dir() {
        fs::remove_dir(path).expect("removed");
    } else if path.symlink_metadata().is_ok() {
        fs::remove_file(path).expect("removed");
    }
    fs::write(path, whole).expect("written");
}

/// A copy of a machine, links and all, without what is expected of it.
fn copy_tree(from: &Path, to: &Path, files: &mut Vec<(PathBuf, Vec<u8>)>) {
    fs::create_dir_all(to).expect("a folder");
    let mut entries: Vec<_> =
        fs::read_dir(from).expect("a readable folder").map(|entry| entry.expect("an entry")).collect();
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        let kind = entry.file_type().expect("a file type");
        if kind.is_symlink() {
            symlink(fs::read_link(&source).expect("a link"), &target).expect("a link");
        } else if kind.is_dir() && entry.file_name() != "expected" {
            copy_tree(&source, &target, files);
        } else if kind.is_file() {
            let whole = fs::read(&source).expect("a readable file");
            fs::write(&target, &whole).expect("a file");
            files.push((target, whole));
        }
    }
}

/// The series of one collection, without their values.
fn series_of(machine: &Machine, spec: &Spec) -> Result<BTreeSet<String>, String> {
    let before = LIVE.get();
    PEAK.set(before);
    let collected = catch_unwind(AssertUnwindSafe(|| machine.collect(spec))).map_err(|_| "it panics".to_owned())?;
    let taken = PEAK.get() - before;
    if taken > MAX_BYTES {
        return Err(format!("it takes {taken} bytes"));
    }
    let mut series = BTreeSet::new();
    for entry in Parser::new(collected.text.as_bytes(), Dialect::Text) {
        let entry = entry.map_err(|error| format!("its page cannot be read: {error}"))?;
        if let Entry::Sample(line) = entry {
            let key = String::from_utf8_lossy(line.series.raw).into_owned();
            if !series.insert(key.clone()) {
                return Err(format!("{key} is there twice"));
            }
        }
    }
    Ok(series)
}

type Answer = Result<BTreeSet<String>, String>;

/// A machine made of files that can be spoilt.
struct Victim<'a> {
    name: String,
    make: &'a (dyn Fn() -> Machine + Sync),
    files: Vec<(PathBuf, Vec<u8>)>,
    seed: u64,
}

/// A file, by its place in `Victim::files`, and what becomes of it.
type Choice = (usize, Fault);

impl Victim<'_> {
    /// What the collectors say, one after another on a thread of their own.
    fn collect(&self, specs: &[&'static Spec]) -> Vec<Answer> {
        let (sender, receiver) = mpsc::channel();
        std::thread::scope(|scope| {
            scope.spawn(move || {
                let machine = (self.make)();
                for spec in specs {
                    let _ = sender.send(series_of(&machine, spec));
                }
            });
            let answers = specs.iter().map(|spec| match receiver.recv_timeout(PATIENCE) {
                Ok(answer) => answer,
                Err(_) => {
                    // The thread cannot be ended, so the test is.
                    eprintln!("{}: {} hangs", self.name, spec.name);
                    std::process::exit(1);
                }
            });
            answers.collect()
        })
    }

    fn collect_spoilt(&self, choices: &[Choice], specs: &[&'static Spec]) -> Vec<Answer> {
        for (place, fault) in choices {
            let (path, whole) = &self.files[*place];
            spoil(path, whole, *fault, &mut Dice(self.seed ^ *place as u64));
        }
        let answers = self.collect(specs);
        choices.iter().for_each(|(place, _)| restore(&self.files[*place].0, &self.files[*place].1));
        answers
    }

    /// What is wrong with each collector when the chosen files are spoilt.
    fn complaints(&self, choices: &[Choice], specs: &[&'static Spec], whole: &[Answer]) -> Vec<Option<String>> {
        let without: Vec<Choice> = choices.iter().map(|(place, _)| (*place, Fault::Gone)).collect();
        let (spoilt, gone) = (self.collect_spoilt(choices, specs), self.collect_spoilt(&without, specs));
        let answers = whole.iter().zip(spoilt.into_iter().zip(gone));
        let complaint = |(whole, (spoilt, gone)): (&Answer, (Answer, Answer))| {
            let (whole, spoilt, gone) = match (whole, spoilt, gone) {
                (Ok(whole), Ok(spoilt), Ok(gone)) => (whole, spoilt, gone),
                (Err(problem), _, _) => return Some(problem.clone()),
                (_, Err(problem), _) | (_, _, Err(problem)) => return Some(problem),
            };
            let lost: Vec<_> = whole.intersection(&gone).filter(|series| !spoilt.contains(*series)).collect();
            let first = lost.first()?;
            Some(format!("loses {} series that do not come from the spoilt files, such as {first}", lost.len()))
        };
        answers.map(complaint).collect()
    }

    /// Goes through all rounds; says what went wrong, and with which files.
    fn suffer(&mut self) -> Vec<String> {
        let specs: Vec<&'static Spec> = rows_from_files().collect();
        let whole = self.collect(&specs);
        let mut wrong = Vec::new();
        for _ in 0..ROUNDS {
            let mut dice = Dice(self.seed);
            let chosen = (0..self.files.len()).filter(|_| dice.below(ONE_IN) == 0).collect::<Vec<_>>();
            let choices: Vec<Choice> = chosen.iter().map(|place| (*place, FAULTS[dice.below(FAULTS.len())])).collect();
            for (place, complaint) in self.complaints(&choices, &specs, &whole).into_iter().enumerate() {
                let Some(complaint) = complaint else { continue };
                let (spec, whole) = (&specs[place..=place], &whole[place..=place]);
                let is_culprit = |choice: &&Choice| self.complaints(&[**choice], spec, whole)[0].is_some();
                let culprits: Vec<_> = choices.iter().filter(is_culprit).map(|choice| self.in_words(choice)).collect();
                let is_known = |culprit: &String| {
                    WHY_NOT.iter().any(|(name, part, _)| *name == spec[0].name && culprit.contains(part))
                };
                if !culprits.is_empty() && culprits.iter().all(is_known) {
                    continue;
                }
                wrong.push(format!("{}, {}: {complaint}; {}", self.name, spec[0].name, culprits.join(", ")));
            }
            self.seed = self.seed.wrapping_add(0x0123_4567_89ab_cdef);
        }
        wrong
    }

    fn in_words(&self, (place, fault): &Choice) -> String {
        format!("{fault:?} {}", self.files[*place].0.display())
    }
}

fn seed() -> u64 {
    std::env::var("SPOILT_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(42)
}

#[test]
fn spoilt_files_cost_only_what_comes_from_them() {
    let mut wrong = Vec::new();
    for (name, folder) in hosts() {
        let copy = tempfile::tempdir().expect("a temporary folder");
        let mut files = Vec::new();
        copy_tree(&folder, copy.path(), &mut files);
        let make = || Machine::below(copy.path()).with(FLAGS);
        wrong.extend(Victim { name, make: &make, files, seed: seed() }.suffer());
    }
    assert!(wrong.is_empty(), "{} complaints:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn the_fake_machine_of_node_exporter_may_be_spoilt_too() {
    let Some(data) = conformance("node_exporter") else {
        return rig::skip(
            "node_exporter's fake machine, spoilt",
            "no conformance data; VITALS_CONFORMANCE names their folder",
        );
    };
    let copy = tempfile::tempdir().expect("a temporary folder");
    let mut files = Vec::new();
    for part in ["proc", "sys", "udev", "usr"] {
        copy_tree(&data.join("collector/fixtures").join(part), &copy.path().join(part), &mut files);
    }
    let below = |part: &str| copy.path().join(part);
    let make = || {
        let roots =
            Roots { procfs: below("proc"), sysfs: below("sys"), rootfs: below(""), udev_data: below("udev/data") };
        Machine::new(roots)
            .with(FLAGS)
            .with(&[("collector.arp.netlink", "false"), ("collector.netdev.netlink", "false")])
    };
    let name = "node_exporter's".to_owned();
    let wrong = Victim { name, make: &make, files, seed: seed() }.suffer();
    assert!(wrong.is_empty(), "{} complaints:\n{}", wrong.len(), wrong.join("\n"));
}
