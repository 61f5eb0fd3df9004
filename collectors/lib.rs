//! All collectors and the one table of them.
