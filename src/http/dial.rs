//! Opens the stream below a connection: TCP, TLS over TCP, or a unix socket.

use std::path::Path;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream, lookup_host};

use crate::client_error::innermost;
use crate::reason::reason;
use crate::{CallError, Scheme, TlsClient, Url};

pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

pub(crate) async fn dial_url(url: &Url, tls: &TlsClient) -> Result<Box<dyn Stream>, CallError> {
    let tcp = dial_tcp(&url.host, url.port).await?;
    match url.scheme {
        Scheme::Http => Ok(Box::new(tcp)),
        Scheme::Https => {
            let (connector, name) = tls.connector(&url.host)?;
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
    let addresses = lookup_host((host, port)).await.map_err(|_| no_such_host())?;
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
