//! Disks: `/proc/diskstats`, `/sys/block` and udev's data.

use std::io;

use super::Machine;

impl Machine {
    pub(super) fn write_disks(&mut self, count: usize) -> io::Result<()> {
        let mut diskstats = String::new();
        for disk in 0..count {
            let (name, major, minor) = (format!("sd{}", letters(disk)), 8 + disk / 16, disk % 16 * 16);
            diskstats += &format!("{major:4} {minor:7} {name} {}\n", self.row(17, 1 << 40));
            self.file(&format!("sys/block/{name}/queue/rotational"), "0\n")?;
            self.file(&format!("sys/block/{name}/dev"), format!("{major}:{minor}\n"))?;
            let udev =
                format!("E:ID_MODEL=BENCH\nE:ID_PATH=pci-0000:3b:00.0-scsi-0:0:{disk}:0\nE:ID_SERIAL_SHORT=S{disk}\n");
            self.file(&format!("run/udev/data/b{major}:{minor}"), udev)?;
        }
        self.file("proc/diskstats", diskstats)
    }
}

/// `a` to `z`, then `aa` and on, as the kernel names disks.
fn letters(mut number: usize) -> String {
    let mut name = Vec::new();
    loop {
        name.push(b'a' + (number % 26) as u8);
        if number < 26 {
            break;
        }
        number = number / 26 - 1;
    }
    name.into_iter().rev().map(char::from).collect()
}
