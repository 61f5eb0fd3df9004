//! The collector `filesystem` on this machine and on odd mount lists.

mod machine;

use std::fs;

use collectors::{Outcome, Settings, TABLE};
use kernel::{Host, Roots};
use machine::{Machine, row};
use rig::series;

fn machine_with(mountinfo: &str) -> (tempfile::TempDir, Machine) {
    let folder = tempfile::tempdir().expect("a folder");
    fs::create_dir_all(folder.path().join("self")).expect("a folder");
    fs::write(folder.path().join("self/mountinfo"), mountinfo).expect("written");
    let roots = Roots { procfs: folder.path().to_owned(), ..Roots::default() };
    let machine = Machine { host: Host::new(roots, 64), settings: Settings::defaults(TABLE) };
    (folder, machine)
}

#[test]
fn without_the_first_process_the_own_mounts_are_read() {
    let (_folder, machine) = machine_with(
        "27 1 254:0 / / ro,relatime - ext4 /dev/vda rw\n28 27 254:0 / / rw - ext4 /dev/vda rw\n\
         29 27 0:40 / /nowhere/at\\040all rw - ext4 /dev/vdb rw\n30 27 x / /y rw - ext4 /dev/vdc rw\n",
    );
    let collected = machine.collect(row("filesystem"));
    assert_eq!(collected.outcome, Ok(Outcome::Collected));
    let page = series(&collected.text);
    let good = r#"{device="/dev/vda",device_error="",fstype="ext4",mountpoint="/"}"#;
    assert!(page[&format!("node_filesystem_size_bytes{good}")] > 0.0);
    assert_eq!(page[&format!("node_filesystem_readonly{good}")], 1.0);
    assert_eq!(page[&format!("node_filesystem_device_error{good}")], 0.0);
    assert_eq!(page[r#"node_filesystem_mount_info{device="/dev/vda",major="254",minor="0",mountpoint="/"}"#], 1.0);
    let refused =
        r#"{device="/dev/vdb",device_error="no such file or directory",fstype="ext4",mountpoint="/nowhere/at all"}"#;
    assert_eq!(page[&format!("node_filesystem_device_error{refused}")], 1.0);
    assert!(!page.contains_key(&format!("node_filesystem_size_bytes{refused}")));
    assert!(collected.problems.iter().any(|problem| problem == "/nowhere/at all: no such file or directory"));
}

#[test]
fn bind_mounts_below_the_hosts_root_are_named_as_the_host_names_them() {
    let Some(data) = machine::conformance("node_exporter/collector/fixtures_bindmount") else { return };
    let roots = Roots { procfs: data.join("proc"), rootfs: "/host".into(), ..Roots::default() };
    let machine = Machine { host: Host::new(roots, 64), settings: Settings::defaults(TABLE) };
    let page = series(&machine.collect(row("filesystem")).text);
    let points: Vec<_> = page.keys().filter(|key| key.starts_with("node_filesystem_device_error")).collect();
    assert!(points.iter().any(|key| key.contains(r#"mountpoint="/""#)), "{points:?}");
    assert!(points.iter().all(|key| !key.contains(r#"mountpoint="/host"#)), "{points:?}");
}
