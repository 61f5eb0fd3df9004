//! Other people's programs, for comparison: `tests/setup` puts them into `.peers`, `VITALS_PEERS` names another folder.

use std::path::{Path, PathBuf};

pub struct Peer {
    pub path: PathBuf,
    /// The environment that the program needs to start.
    pub environment: Vec<(String, String)>,
}

/// A peer's program by its file name; `None` when it is not there (the caller says that it skips).
pub fn peer(name: &str) -> Option<Peer> {
    let root = match std::env::var_os("VITALS_PEERS") {
        Some(folder) => PathBuf::from(folder),
        None => workspace_root().join(".peers"),
    };
    let path = root.join("usr/bin").join(name);
    let libraries = root.join("usr/lib/x86_64-linux-gnu");
    let environment = vec![("LD_LIBRARY_PATH".to_owned(), libraries.display().to_string())];
    path.is_file().then_some(Peer { path, environment })
}

fn workspace_root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}
