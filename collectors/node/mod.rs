//! Collectors of the machine itself, one file each, with node_exporter's names, labels, types and values.

pub mod loadavg;
