//! Pools, file systems and disks that change while the collectors run: what goes takes its own series along, what is odd
//! costs itself.

mod machine;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use collectors::{Collector, Outcome};
use machine::{Machine, collect, hosts, row};

/// A copy of what one collector reads of the fake server, links and all, and that collector.
struct Server {
    folder: tempfile::TempDir,
    collector: Box<dyn Collector>,
}

impl Server {
    fn with(collector: &str) -> Self {
        let parts: &[&str] = match collector {
            "zfs" => &["proc/spl"],
            "dmmultipath" => &["sys/block"],
            _ => &["sys/fs", "sys/devices/pci0000:5d"],
        };
        let (_, source) = hosts().into_iter().find(|(name, _)| name == "server").expect("the fake server");
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut copy = Command::new("cp");
        copy.args(["-a", "--parents"]).args(parts).arg(folder.path()).current_dir(source);
        assert!(copy.status().expect("cp runs").success());
        let collector = Machine::below(folder.path()).build(row(collector));
        Server { folder, collector }
    }

    fn path(&self, file: &str) -> PathBuf {
        self.folder.path().join(file)
    }

    /// What the collector says, line by line, and its problems without the path of the copy.
    fn collect(&mut self) -> (Vec<String>, Vec<String>) {
        let collected = collect(&mut *self.collector);
        assert_eq!(collected.outcome, Ok(Outcome::Collected));
        let root = self.folder.path().display().to_string();
        let samples = collected.text.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect();
        (samples, collected.problems.iter().map(|problem| problem.replace(&root, "")).collect())
    }

    /// What went after `change`, and the problems.
    fn lost_after(&mut self, change: impl FnOnce(&Path)) -> (Vec<String>, Vec<String>) {
        let (before, problems) = self.collect();
        assert_eq!(problems, Vec::<String>::new());
        change(self.folder.path());
        let (after, problems) = self.collect();
        (before.into_iter().filter(|line| !after.contains(line)).collect(), problems)
    }
}

fn replace(path: &Path, from: &str, to: &str) {
    let text = fs::read_to_string(path).expect("a readable file");
    assert!(text.contains(from), "{} has no {from}", path.display());
    fs::write(path, text.replacen(from, to, 1)).expect("written");
}

#[test]
fn an_exported_pool_takes_only_its_own_series() {
    let mut server = Server::with("zfs");
    let (lost, problems) = server.lost_after(|root| {
        fs::remove_dir_all(root.join("proc/spl/kstat/zfs/tank")).expect("removed");
    });
    assert_eq!(problems, Vec::<String>::new());
    assert!(lost.len() > 20 && lost.iter().all(|line| line.contains("zpool=\"tank\"")), "{lost:?}");
}

#[test]
fn an_odd_line_of_zfs_costs_itself() {
    let mut server = Server::with("zfs");
    let (lost, problems) = server.lost_after(|root| {
        replace(&root.join("proc/spl/kstat/zfs/zil"), "zil_itx_count                   4    ", "zil_itx_count 4 many");
        replace(&root.join("proc/spl/kstat/zfs/old-pool/io"), "88160256", "x");
    });
    assert_eq!(lost.len(), 2, "{lost:?}");
    assert!(lost[0].starts_with("node_zfs_zil_zil_itx_count ") && lost[1].starts_with("node_zfs_zpool_nread{"));
    assert_eq!(problems[0], "/proc/spl/kstat/zfs/old-pool/io:3: expected a number, found \"x\"");
    assert!(problems[1].starts_with("/proc/spl/kstat/zfs/zil:6: expected a number, found \"many"), "{}", problems[1]);
}

#[test]
fn of_two_data_sets_of_one_name_the_first_counts_until_it_has_another() {
    let mut server = Server::with("zfs");
    let objset = server.path("proc/spl/kstat/zfs/tank/objset-0x288");
    let of_home = |lines: &[String]| lines.iter().filter(|line| line.contains("dataset=\"tank/home dirs\"")).count();
    let (before, _) = server.collect();
    replace(&objset, "tank/vm/db-1", "tank/home dirs");
    let (both, problems) = server.collect();
    assert_eq!(problems, Vec::<String>::new());
    assert_eq!((of_home(&both), both.len() < before.len()), (of_home(&before), true));
    replace(&objset, "tank/home dirs", "tank/vm/db-1");
    assert_eq!(server.collect().0, before);
}

#[test]
fn a_data_set_without_a_name_has_no_series() {
    let mut server = Server::with("zfs");
    let (lost, _) = server.lost_after(|root| {
        replace(&root.join("proc/spl/kstat/zfs/old-pool/objset-0x20"), "dataset_name", "another_name");
    });
    assert!(!lost.is_empty() && lost.iter().all(|line| line.contains("dataset=\"old-pool\"")), "{lost:?}");
}

#[test]
fn an_unmounted_file_system_takes_only_its_own_series() {
    for (collector, folder, label) in [
        ("xfs", "sys/fs/xfs/dm-3", "device=\"dm-3\""),
        ("btrfs", "sys/fs/btrfs/c8a1f3de-2b60-4d15-9b1e-5e0a7c11d2aa", "uuid=\"c8a1f3de-"),
        ("bcache", "sys/fs/bcache/6f1c2d90-7b1e-4a55-9a0e-0c4d1f6e7788/bdev1", "backing_device=\"bdev1\""),
    ] {
        let mut server = Server::with(collector);
        let (lost, problems) = server.lost_after(|root| {
            let folder = root.join(folder);
            let removed = if folder.is_symlink() { fs::remove_file(folder) } else { fs::remove_dir_all(folder) };
            removed.expect("removed");
        });
        assert_eq!(problems, Vec::<String>::new());
        assert!(!lost.is_empty() && lost.iter().all(|line| line.contains(label)), "{collector}: {lost:?}");
    }
}

#[test]
fn a_path_that_vanished_is_no_path_of_its_disk_any_more() {
    let mut server = Server::with("dmmultipath");
    let (lost, problems) = server.lost_after(|root| {
        fs::remove_file(root.join("sys/block/dm-10/slaves/sdt")).expect("removed");
        fs::remove_dir_all(root.join("sys/block/sdt")).expect("removed");
    });
    assert_eq!(problems, Vec::<String>::new());
    assert_eq!(
        lost,
        [
            r#"node_dmmultipath_device_paths{device="orders",sysfs_name="dm-10"} 4"#,
            r#"node_dmmultipath_device_paths_active{device="orders",sysfs_name="dm-10"} 2"#,
            r#"node_dmmultipath_path_state{device="orders",path="sdt",state="running"} 1"#,
        ]
    );
}

#[test]
fn a_state_that_changes_is_seen_at_once() {
    let mut server = Server::with("dmmultipath");
    let (lost, _) = server.lost_after(|root| {
        fs::write(root.join("sys/block/sds/device/state"), "blocked\n").expect("written");
    });
    assert_eq!(lost.len(), 3, "{lost:?}");
    let (now, _) = server.collect();
    assert!(now.contains(&r#"node_dmmultipath_path_state{device="orders",path="sds",state="blocked"} 1"#.to_owned()));
    assert!(now.contains(&r#"node_dmmultipath_device_paths_failed{device="orders",sysfs_name="dm-10"} 3"#.to_owned()));
}

#[test]
fn of_two_disks_of_one_name_the_first_counts() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::create_dir_all(folder.path().join("proc")).expect("a folder");
    let line = |number: u32, name: &str| format!("8 {number} {name} 1 2 3 4 5 6 7 8 9 10 11\n");
    let write = |names: &[&str]| {
        let text: String = names.iter().zip(0..).map(|(name, number)| line(number, name)).collect();
        fs::write(folder.path().join("proc/diskstats"), text).expect("written");
    };
    let mut collector = Machine::below(folder.path()).build(row("diskstats"));
    let mut reads = |names: &[&str]| {
        write(names);
        let text = collect(&mut *collector).text;
        text.lines().filter(|line| line.starts_with("node_disk_reads_completed_total{")).count()
    };
    assert_eq!(reads(&["sda", "sdb", "sda"]), 2);
    assert_eq!(reads(&["sdb", "sda", "sda"]), 2);
    assert_eq!(reads(&["sdb", "sdc", "sda"]), 3);
}
