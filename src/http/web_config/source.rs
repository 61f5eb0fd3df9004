//! Files that may change while we run, noticed by one `stat` each: rewritten in place, replaced by a rename, or a link
//! that leads elsewhere (as Kubernetes swaps the files of a secret).

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// A file that was changed so shortly before it was read may have been changed again within the same tick of its clock.
const SETTLED_AFTER: Duration = Duration::from_secs(2);

/// What some files were when they were read.
#[derive(Debug)]
pub(super) struct Sources {
    files: Vec<(PathBuf, Option<Mark>)>,
    has_settled: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Mark {
    device: u64,
    inode: u64,
    size_bytes: u64,
    /// Seconds and nanoseconds since the epoch.
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Sources {
    /// To be called before the files are read: what changes in between is noticed afterwards.
    pub fn mark(paths: impl IntoIterator<Item = PathBuf>) -> Sources {
        let marked = |path: PathBuf| {
            let mark = Mark::of(&path);
            (path, mark)
        };
        let files: Vec<_> = paths.into_iter().map(marked).collect();
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let oldest_unsettled = now.saturating_sub(SETTLED_AFTER).as_secs() as i64;
        let has_settled = files.iter().flat_map(|(_, mark)| mark).all(|mark| mark.changed.0 < oldest_unsettled);
        Sources { files, has_settled }
    }

    pub fn may_have_changed(&self) -> bool {
        !self.has_settled || self.files.iter().any(|(path, mark)| Mark::of(path) != *mark)
    }
}

impl Mark {
    /// `None` where there is no file to be seen.
    fn of(path: &Path) -> Option<Mark> {
        let metadata = fs::metadata(path).ok()?;
        Some(Mark {
            device: metadata.dev(),
            inode: metadata.ino(),
            size_bytes: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As if the files had been left alone for long.
    fn settled(path: &Path) -> Sources {
        Sources { has_settled: true, ..Sources::mark([path.to_owned()]) }
    }

    #[test]
    fn what_is_rewritten_replaced_removed_or_led_elsewhere_has_changed() {
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name);
        fs::write(at("file"), "one").expect("written");
        std::os::unix::fs::symlink(at("file"), at("link")).expect("a link");
        let (of_file, of_link) = (settled(&at("file")), settled(&at("link")));
        assert!(!of_file.may_have_changed() && !of_link.may_have_changed());
        fs::write(at("other"), "one").expect("written");
        std::os::unix::fs::symlink(at("other"), at("new-link")).expect("a link");
        fs::rename(at("new-link"), at("link")).expect("renamed");
        assert!(!of_file.may_have_changed() && of_link.may_have_changed());
        fs::write(at("file"), "longer").expect("written");
        assert!(of_file.may_have_changed());
        let of_file = settled(&at("file"));
        fs::remove_file(at("file")).expect("removed");
        assert!(of_file.may_have_changed());
        assert!(!settled(&at("file")).may_have_changed(), "what is not there is known, too");
    }

    #[test]
    fn a_file_that_has_only_just_changed_is_looked_at_again() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("file");
        fs::write(&path, "one").expect("written");
        assert!(Sources::mark([path]).may_have_changed());
    }
}
