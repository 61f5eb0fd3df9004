//! Binds listening sockets from Go-style addresses: `:9100`, `127.0.0.1:0`, `[::1]:9100`, `localhost:9100`,
//! `vsock://:9100`.
//! A wildcard address of either family listens on both, as Go's programs do.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use tokio::net::{TcpListener, lookup_host};

use crate::listener::Listener;
use crate::reason::reason;

/// Prints as `cannot listen on :9100: address already in use`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot listen on {address}: {reason}")]
pub struct ListenError {
    pub address: String,
    pub reason: String,
}

pub(crate) async fn listen(address: &str) -> Result<Listener, ListenError> {
    let refused = |reason: String| ListenError { address: address.to_owned(), reason };
    if let Some(port) = address.strip_prefix("vsock://") {
        // As upstream, whatever stands before the colon is passed over.
        let port = port.trim_end_matches('/').rsplit_once(':').map_or("", |(_, port)| port);
        let port: u32 = port.parse().map_err(|_| refused(format!("invalid port {port:?}")))?;
        return Listener::vsock(port).map_err(|error| refused(reason(&error)));
    }
    let (host, port) = address.rsplit_once(':').ok_or_else(|| refused("missing port in address".to_owned()))?;
    let port: u16 = port.parse().map_err(|_| refused(format!("invalid port {port:?}")))?;
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    let bound = match host {
        "" | "0.0.0.0" | "::" => listen_on_both_families(port).await,
        _ => listen_on_host(host, port).await,
    };
    bound.map(Listener::Tcp).map_err(|error| refused(reason(&error)))
}

/// An IPv6 wildcard socket takes IPv4 as well on Linux; a kernel without IPv6 gets the IPv4 wildcard.
async fn listen_on_both_families(port: u16) -> io::Result<TcpListener> {
    match TcpListener::bind(SocketAddr::from((Ipv6Addr::UNSPECIFIED, port))).await {
        Err(error) if error.kind() != io::ErrorKind::AddrInUse && error.kind() != io::ErrorKind::PermissionDenied => {
            TcpListener::bind(SocketAddr::from((Ipv4Addr::UNSPECIFIED, port))).await
        }
        bound => bound,
    }
}

async fn listen_on_host(host: &str, port: u16) -> io::Result<TcpListener> {
    let mut addresses: Vec<SocketAddr> = match lookup_host((host, port)).await {
        Ok(addresses) => addresses.collect(),
        Err(_) => return Err(io::Error::other("no such host")),
    };
    addresses.sort_by_key(SocketAddr::is_ipv6);
    match addresses.first() {
        Some(address) => TcpListener::bind(address).await,
        None => Err(io::Error::other("no such host")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_taken_port_is_one_clear_line() {
        let first = listen("127.0.0.1:0").await.expect("a free port");
        let address = first.address().expect("an address").to_string();
        let error = listen(&address).await.err().expect("the port is taken");
        assert_eq!(error.to_string(), format!("cannot listen on {address}: address already in use"));
    }

    #[tokio::test]
    async fn a_bare_port_takes_both_families() {
        let listener = listen(":0").await.expect("a free port");
        let port = listener.address().expect("an address").port();
        tokio::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.expect("IPv4 reaches the wildcard");
    }

    #[tokio::test]
    async fn addresses_that_make_no_sense_are_refused_with_the_reason() {
        for (address, reason) in [
            ("9100", "cannot listen on 9100: missing port in address"),
            ("x:nine", "cannot listen on x:nine: invalid port \"nine\""),
            ("127.0.0.1:70000", "cannot listen on 127.0.0.1:70000: invalid port \"70000\""),
            ("unix:///run/x.sock", "cannot listen on unix:///run/x.sock: invalid port \"///run/x.sock\""),
            ("vsock://9100", "cannot listen on vsock://9100: invalid port \"\""),
            ("vsock://:x", "cannot listen on vsock://:x: invalid port \"x\""),
            ("192.0.2.1:0", "cannot listen on 192.0.2.1:0: address not available on this machine"),
        ] {
            assert_eq!(listen(address).await.err().expect(address).to_string(), reason);
        }
    }
}
