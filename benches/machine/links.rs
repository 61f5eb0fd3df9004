//! Network devices: `/proc/net/dev` and `/sys/class/net`.

use std::io;

use super::Machine;

const HEAD: &str = "Inter-|   Receive                                                |  Transmit\n face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed\n";

impl Machine {
    pub(super) fn write_links(&mut self, count: usize) -> io::Result<()> {
        let mut dev = HEAD.to_owned();
        for link in 0..count {
            let name = format!("eth{link}");
            dev += &format!("{name:>8}: {}\n", self.row(16, 1 << 42));
            let address = format!("02:00:00:00:{:02x}:{:02x}", link / 256, link % 256);
            for (attribute, value) in [
                ("addr_assign_type", "0"),
                ("addr_len", "6"),
                ("address", &address),
                ("broadcast", "ff:ff:ff:ff:ff:ff"),
                ("carrier", "1"),
                ("carrier_changes", "2"),
                ("carrier_down_count", "1"),
                ("carrier_up_count", "1"),
                ("dev_id", "0x0"),
                ("dormant", "0"),
                ("duplex", "full"),
                ("flags", "0x1003"),
                ("ifalias", ""),
                ("ifindex", &(link + 2).to_string()),
                ("iflink", &(link + 2).to_string()),
                ("link_mode", "0"),
                ("mtu", "1500"),
                ("name_assign_type", "4"),
                ("netdev_group", "0"),
                ("operstate", "up"),
                ("phys_port_id", ""),
                ("phys_port_name", ""),
                ("phys_switch_id", ""),
                ("speed", "25000"),
                ("tx_queue_len", "1000"),
                ("type", "1"),
            ] {
                self.file(&format!("sys/class/net/{name}/{attribute}"), format!("{value}\n"))?;
            }
        }
        self.file("proc/1/net/dev", &dev)?;
        self.file("proc/net/dev", dev)
    }
}
