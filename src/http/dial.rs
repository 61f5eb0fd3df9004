//! Opens the stream below a connection: TCP, TLS over TCP, or a unix socket.

use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::path::Path;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::Semaphore;

use crate::client_error::innermost;
use crate::reason::reason;
use crate::{CallError, Scheme, TlsClient, Url};

/// Names that are looked up at the same time.
const LOOK_UPS: usize = 32;

pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

pub(crate) async fn dial_url(url: &Url, tls: &TlsClient) -> Result<Box<dyn Stream>, CallError> {
    let tcp = dial_tcp(&url.host, url.port).await?;
    match url.scheme {
        Scheme::Http => Ok(Box::new(tcp)),
        Scheme::Https => {
            let (connector, name) = tls.connector(&url.host).await?;
            let handshake = connector.connect(name, tcp).await;
            let failed =
                |error: std::io::Error| CallError::Handshake { address: url.authority(), reason: innermost(&error) };
            Ok(Box::new(handshake.map_err(failed)?))
        }
    }
}

pub(crate) async fn dial_unix(path: &Path) -> Result<Box<dyn Stream>, CallError> {
    match UnixStream::connect(path).await {
        Ok(stream) => Ok(Box::new(stream)),
        Err(error) => Err(CallError::Connect { address: path.display().to_string(), reason: reason(&error) }),
    }
}

/// Tries the addresses of a name one after the other; the error is the last one's.
async fn dial_tcp(host: &str, port: u16) -> Result<TcpStream, CallError> {
    let no_such_host = || CallError::Resolve { host: host.to_owned(), reason: "no such host".to_owned() };
    let addresses = look_up(host, port).await.map_err(|_| no_such_host())?;
    let mut last = no_such_host();
    for address in addresses {
        match TcpStream::connect(address).await {
            Ok(stream) => {
                let _ = stream.set_nodelay(true);
                return Ok(stream);
            }
            Err(error) => last = CallError::Connect { address: address.to_string(), reason: reason(&error) },
        }
    }
    Err(last)
}

/// Asks the system's resolver, which blocks a thread until it answers, whether anybody still waits for it or not. With
/// a dead name server and a thousand targets that would soon be all the threads there are for blocking work, and
/// queries need those too.
async fn look_up(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    static PLACES: Semaphore = Semaphore::const_new(LOOK_UPS);
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(address, port)]);
    }
    let place = PLACES.acquire().await.map_err(io::Error::other)?;
    let host = host.to_owned();
    let look_up = move || {
        let addresses = (host.as_str(), port).to_socket_addrs().map(Iterator::collect);
        drop(place);
        addresses
    };
    tokio::task::spawn_blocking(look_up).await.map_err(io::Error::other)?
}
