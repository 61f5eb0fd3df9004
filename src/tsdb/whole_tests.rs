//! Tests of the whole database over real files, through its public surface only.

mod crash;
mod disk_full;
mod faulty_disk;
mod lifecycle;
mod model_based;
mod queries;
mod rig;
