//! What a scrape may cost where that can be counted exactly: allocations. After two scrapes, in which buffers grow and
//! names are learned, a collector allocates nothing at all.

// A global allocator cannot be written without it; this one only counts and passes on.
#![allow(unsafe_code)]

mod machine;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::time::{Duration, Instant};

use collectors::{Collector, Outcome, Scrape, TABLE};
use exposition::Page;
use machine::{FLAGS, Machine, hosts};

struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: every call is passed on unchanged to the system's allocator, which keeps the contract.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract of `dealloc`; the pointer came from the system's allocator.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: the caller keeps the contract of `realloc`; the pointer came from the system's allocator.
        unsafe { System.realloc(pointer, layout, new_size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Collectors that may allocate on each scrape, and why.
const MAY_ALLOCATE: &[(&str, &str)] = &[("textfile", "the files are other people's and may change each time")];

/// Mounts of a fake machine are asked of this one, where network mounts go to threads of their own.
const ON_REAL_MACHINES: &str = "filesystem";

/// Reading answers of the kernel from files is for tests, and may cost what it likes.
const NO_FIXTURES: &[(&str, &str)] = &[("collector.qdisc.fixtures", ""), ("collector.wifi.fixtures", "")];

/// What one collector works with, kept from scrape to scrape as the runner keeps it.
#[derive(Default)]
struct Room {
    page: Page,
    buffer: Vec<u8>,
    problems: Vec<String>,
}

impl Room {
    fn collect(&mut self, collector: &mut dyn Collector, deadline: Instant) -> bool {
        self.page.clear();
        let mut scrape =
            Scrape { page: &mut self.page, buffer: &mut self.buffer, deadline, problems: &mut self.problems };
        matches!(collector.collect(&mut scrape), Ok(Outcome::Collected))
    }
}

#[test]
fn a_collector_that_knows_its_files_allocates_nothing() {
    let mut machines: Vec<(String, Machine)> =
        hosts().into_iter().map(|(name, folder)| (name, Machine::below(&folder).with(NO_FIXTURES))).collect();
    machines.push(("this machine".to_owned(), Machine::here()));
    machines.push(("this machine, all flags".to_owned(), Machine::here().with(FLAGS)));
    let mut measured = 0;
    for (name, machine) in &machines {
        for spec in TABLE.iter().filter(|spec| MAY_ALLOCATE.iter().all(|(other, _)| *other != spec.name)) {
            if spec.name == ON_REAL_MACHINES && !name.starts_with("this machine") {
                continue;
            }
            let mut collector = machine.build(spec);
            let mut room = Room::default();
            let deadline = Instant::now() + Duration::from_secs(10);
            let has_collected = (0..3).all(|_| room.collect(&mut *collector, deadline));
            if !has_collected {
                // Nothing of the kind on this machine; saying why may allocate.
                continue;
            }
            let before = ALLOCATIONS.get();
            for _ in 0..5 {
                room.collect(&mut *collector, deadline);
            }
            let allocations = ALLOCATIONS.get() - before;
            assert_eq!(allocations, 0, "{} on {name}: allocations in 5 scrapes", spec.name);
            measured += 1;
        }
    }
    assert!(measured > 50, "only {measured} collectors were measured");
}

#[test]
fn the_allocator_counts() {
    let before = ALLOCATIONS.get();
    let text = std::hint::black_box("x".repeat(100));
    assert_eq!(ALLOCATIONS.get() - before, 1, "{}", text.len());
}
