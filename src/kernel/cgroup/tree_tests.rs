//! The tree over ordinary folders, on which inotify works as it does on cgroupfs.

use std::fs;
use std::path::Path;

use super::Tree;

fn make(root: &Path, paths: &[&str]) {
    for path in paths {
        fs::create_dir_all(root.join(path)).expect("made");
        fs::write(root.join(path).join("cgroup.procs"), "").expect("written");
    }
}

fn listed(tree: &Tree) -> Vec<&str> {
    tree.paths().iter().map(String::as_str).collect()
}

#[test]
fn directories_are_cgroups_and_mount_units_are_not() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    make(dir.path(), &["docker/abc", "system.slice/ssh.service", "system.slice/home.mount/inner"]);
    let mut tree = Tree::new(dir.path());
    tree.refresh().expect("readable");
    assert_eq!(listed(&tree), ["/", "/docker", "/docker/abc", "/system.slice", "/system.slice/ssh.service"]);
    assert!(tree.is_watched());
}

#[test]
fn what_comes_and_goes_is_seen_without_a_walk() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    make(dir.path(), &["docker"]);
    let mut tree = Tree::new(dir.path());
    tree.refresh().expect("readable");
    let first = tree.generation();
    tree.refresh().expect("readable");
    assert_eq!(tree.generation(), first);
    assert!(!tree.time_to_walk().is_zero(), "a walk would prove nothing");

    make(dir.path(), &["docker/abc/nested", "kubepods.slice"]);
    tree.refresh().expect("readable");
    assert_eq!(listed(&tree), ["/", "/docker", "/docker/abc", "/docker/abc/nested", "/kubepods.slice"]);
    assert!(tree.generation() > first);

    make(dir.path(), &["docker/abc/nested/late"]);
    fs::remove_dir_all(dir.path().join("kubepods.slice")).expect("removed");
    tree.refresh().expect("readable");
    assert_eq!(listed(&tree), ["/", "/docker", "/docker/abc", "/docker/abc/nested", "/docker/abc/nested/late"]);

    fs::remove_dir_all(dir.path().join("docker")).expect("removed");
    tree.refresh().expect("readable");
    assert_eq!(listed(&tree), ["/"]);
}

#[test]
fn without_watches_to_spare_the_tree_says_so() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    make(dir.path(), &["a", "b", "c"]);
    let mut tree = Tree::with_watches(dir.path(), 2);
    tree.refresh().expect("readable");
    assert_eq!(listed(&tree), ["/", "/a", "/b", "/c"]);
    assert!(!tree.is_watched());
    assert!(tree.time_to_walk() < std::time::Duration::from_secs(3), "the timer is faster");
}

#[test]
fn forgetting_takes_what_is_below_but_not_namesakes() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    make(dir.path(), &["foo/a", "foobar", "foo-x"]);
    let mut tree = Tree::new(dir.path());
    tree.refresh().expect("readable");
    tree.forget("/foo");
    assert_eq!(listed(&tree), ["/", "/foo-x", "/foobar"]);
}

#[test]
fn a_missing_root_is_an_error_with_its_path() {
    let error = Tree::new(Path::new("/nonexistent/cgroup")).refresh().expect_err("missing");
    assert!(error.is_absent() && error.to_string().starts_with("/nonexistent/cgroup: "), "{error}");
}
