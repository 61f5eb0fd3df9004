//! The machine that is read: its roots, and the budget of files that may stay open.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::{Attribute, FileBudget, KeptFile, Roots};

/// Cheap to clone; every collector gets one.
#[derive(Clone, Debug, Default)]
pub struct Host {
    pub roots: Arc<Roots>,
    pub files: FileBudget,
}

impl Host {
    pub fn new(roots: Roots, max_kept_files: usize) -> Self {
        Host { roots: Arc::new(roots), files: FileBudget::new(max_kept_files) }
    }

    /// A file below `/proc` that is read on every scrape.
    pub fn proc_file(&self, relative: impl AsRef<Path>) -> KeptFile {
        KeptFile::new(self.roots.proc(relative), &self.files)
    }

    /// A file below `/sys` that is read on every scrape.
    pub fn sys_file(&self, relative: impl AsRef<Path>) -> KeptFile {
        KeptFile::new(self.roots.sys(relative), &self.files)
    }

    /// An attribute of a device, by its full path.
    pub fn attribute(&self, path: impl Into<PathBuf>) -> Attribute {
        Attribute::new(path.into(), &self.files)
    }
}
