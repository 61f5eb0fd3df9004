//! The one table of all collectors. A row here is what turns a file into flags, docs and golden tests.

use crate::Spec;
use crate::node::loadavg;

pub const TABLE: &[Spec] = &[loadavg::SPEC];
