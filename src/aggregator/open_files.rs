//! The number of files that this process may have open: each target and each client takes a socket, so the soft limit
//! (1,024 in many places) is raised to the hard one, as Go's programs do.

use nix::sys::resource::{Resource, getrlimit, setrlimit};

pub fn raise_open_files() {
    let raised = getrlimit(Resource::RLIMIT_NOFILE)
        .and_then(|(soft, hard)| if soft < hard { setrlimit(Resource::RLIMIT_NOFILE, hard, hard) } else { Ok(()) });
    if let Err(error) = raised {
        tracing::warn!(%error, "cannot raise the limit of open files");
    }
}
