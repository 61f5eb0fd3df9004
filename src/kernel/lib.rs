//! Roots, byte scanners for /proc, /sys and cgroupfs, kept file handles, ffi.
