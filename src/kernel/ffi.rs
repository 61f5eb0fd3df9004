//! The only unsafe code: system calls that nix does not wrap.
#![allow(unsafe_code)]
