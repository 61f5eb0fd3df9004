//! Any cgroup path: it is somebody's or nobody's, no panic; a path without runtimes in it stays the path.
#![no_main]

use containers::Identity;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|path: &str| {
    let _ = Identity::of(path);
});
