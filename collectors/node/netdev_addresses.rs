//! Addresses of network devices, for the flag `collector.netdev.address-info`. Off by default, so it may allocate.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use exposition::{Family, gauge};
use kernel::netlink::{Address, EVERY_ADDRESS, EVERY_LINK_NAME, KeptSocket, LinkNames, Step};
use kernel::scan::to_text;

use super::device_filter::DeviceFilter;
use super::netlink::dump;
use crate::{Failure, Scrape};

pub const ADDRESS: Family = gauge("node_network_address_info", "node network address by device");

/// One series per address of the wanted devices.
pub fn write(socket: &mut KeptSocket, filter: &DeviceFilter, scrape: &mut Scrape<'_>) -> Result<(), Failure> {
    let mut names = LinkNames::default();
    dump(socket, &EVERY_LINK_NAME, scrape, |step| names.note(step))?;
    let mut addresses: Vec<Address> = Vec::new();
    dump(socket, &EVERY_ADDRESS, scrape, |step| match step {
        Step::Begin => addresses.clear(),
        Step::Answer(message) => addresses.extend(Address::parse(&message)),
    })?;
    for Address { link_index, ip, prefix_bits } in addresses {
        let device = names.name(link_index).map(to_text).filter(|name| filter.is_wanted(name));
        let Some(device) = device else { continue };
        let (address, netmask) = (ip.to_string(), prefix_bits.to_string());
        let labels = [("address", &*address), ("device", &device), ("netmask", &netmask), ("scope", scope(ip))];
        scrape.page.sample(&ADDRESS, &labels, 1.0);
    }
    Ok(())
}

/// In node_exporter's words, which count loopback as link-local.
fn scope(ip: IpAddr) -> &'static str {
    let (is_link_local, is_global) = match ip {
        IpAddr::V4(ip) => v4_scope(ip),
        IpAddr::V6(ip) => match ip.to_ipv4_mapped() {
            Some(ip) => v4_scope(ip),
            None => v6_scope(ip),
        },
    };
    match (ip.is_loopback() || is_link_local, is_global) {
        (true, _) => "link-local",
        (false, true) => "global",
        (false, false) => "",
    }
}

fn v4_scope(ip: Ipv4Addr) -> (bool, bool) {
    let is_link_local_multicast = ip.octets()[..3] == [224, 0, 0];
    let is_special = ip.is_unspecified() || ip.is_broadcast() || ip.is_multicast();
    (ip.is_link_local() || is_link_local_multicast, !is_special)
}

fn v6_scope(ip: Ipv6Addr) -> (bool, bool) {
    let is_link_local_multicast = ip.segments()[0] & 0xff0f == 0xff02;
    (ip.is_unicast_link_local() || is_link_local_multicast, !ip.is_unspecified() && !ip.is_multicast())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Settings;
    use exposition::Page;
    use kernel::netlink::Protocol;
    use std::time::{Duration, Instant};

    #[test]
    fn scopes_are_those_of_node_exporter() {
        for (ip, expected) in [
            ("127.0.0.1", "link-local"),
            ("::1", "link-local"),
            ("169.254.1.2", "link-local"),
            ("fe80::1", "link-local"),
            ("10.1.2.3", "global"),
            ("2001:db8::1", "global"),
            ("fd00::1", "global"),
            ("0.0.0.0", ""),
            ("224.0.0.1", "link-local"),
            ("239.1.1.1", ""),
        ] {
            assert_eq!(scope(ip.parse().expect("an address")), expected, "{ip}");
        }
    }

    #[test]
    fn the_loopback_address_of_this_machine_is_found() {
        let everything = DeviceFilter::from_flags(&Settings::default(), "include", "exclude").expect("valid");
        let (mut page, mut buffer, mut problems) = (Page::new(), Vec::new(), Vec::new());
        let deadline = Instant::now() + Duration::from_secs(10);
        let mut scrape = Scrape { page: &mut page, buffer: &mut buffer, deadline, problems: &mut problems };
        write(&mut KeptSocket::new(Protocol::Route), &everything, &mut scrape).expect("an answer");
        let mut text = Vec::new();
        exposition::assemble([&page], exposition::Dialect::Text, &mut text);
        let text = String::from_utf8(text).expect("UTF-8");
        let wanted = r#"node_network_address_info{address="127.0.0.1",device="lo",netmask="8",scope="link-local"} 1"#;
        assert!(text.is_empty() || text.contains(wanted), "{text}");
    }
}
