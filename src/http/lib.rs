//! Server, router, compression, limits and client over hyper; knows none of our crates.
