//! Files of `/proc`, one parser each, named after the file that it reads.

pub mod loadavg;
