//! A listening socket of any family: TCP, unix, or vsock (the sockets between a virtual machine and its host, vsock(7)).

use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;

use socket2::{Domain, SockAddr, Socket, Type};
use tokio::io::unix::AsyncFd;
use tokio::net::{TcpListener, UnixListener, UnixStream};

use crate::dial::Stream;

pub(crate) enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener),
    Vsock(AsyncFd<Socket>),
}

/// Connections that wait in the kernel's queue.
const BACKLOG: i32 = 1024;
/// vsock's wildcard: this machine by whatever number it is known.
const ANY_CID: u32 = u32::MAX;

impl Listener {
    pub fn vsock(port: u32) -> io::Result<Listener> {
        let socket = Socket::new(Domain::VSOCK, Type::STREAM, None)?;
        socket.bind(&SockAddr::vsock(ANY_CID, port))?;
        socket.listen(BACKLOG)?;
        Listener::of(socket)
    }

    /// A socket that somebody else has bound, such as systemd.
    pub fn adopt(socket: OwnedFd) -> io::Result<Listener> {
        let socket = Socket::from(socket);
        if socket.r#type()? != Type::STREAM || !socket.is_listener()? {
            return Err(io::Error::other("not a listening stream socket"));
        }
        Listener::of(socket)
    }

    fn of(socket: Socket) -> io::Result<Listener> {
        socket.set_nonblocking(true)?;
        match socket.domain()? {
            Domain::IPV4 | Domain::IPV6 => {
                TcpListener::from_std(std::net::TcpListener::from(OwnedFd::from(socket))).map(Listener::Tcp)
            }
            Domain::UNIX => {
                let listener = std::os::unix::net::UnixListener::from(OwnedFd::from(socket));
                UnixListener::from_std(listener).map(Listener::Unix)
            }
            Domain::VSOCK => {
                #[expect(deprecated, reason = "sound for a socket that owns its descriptor; the successor is unsafe")]
                let registered = AsyncFd::new(socket);
                registered.map(Listener::Vsock)
            }
            _ => Err(io::Error::other("neither TCP nor unix nor vsock")),
        }
    }

    /// The next connection and who it comes from.
    pub async fn accept(&self) -> io::Result<(Box<dyn Stream>, String)> {
        match self {
            Listener::Tcp(listener) => {
                let (stream, peer) = listener.accept().await?;
                // Responses are written whole; waiting for more to fill a packet only adds latency.
                let _ = stream.set_nodelay(true);
                Ok((Box::new(stream), peer.to_string()))
            }
            Listener::Unix(listener) => {
                let (stream, _) = listener.accept().await?;
                Ok((Box::new(stream), "unix".to_owned()))
            }
            Listener::Vsock(listener) => {
                let accepted = listener.async_io(tokio::io::Interest::READABLE, |socket| socket.accept()).await;
                let (socket, peer) = accepted?;
                socket.set_nonblocking(true)?;
                // Reading and writing is the same for every stream socket; only addresses differ.
                let stream = UnixStream::from_std(OwnedFd::from(socket).into())?;
                Ok((Box::new(stream), vsock_name(&peer)))
            }
        }
    }

    /// Of TCP only.
    pub fn address(&self) -> Option<SocketAddr> {
        match self {
            Listener::Tcp(listener) => listener.local_addr().ok(),
            Listener::Unix(_) | Listener::Vsock(_) => None,
        }
    }

    /// For the log.
    pub fn name(&self) -> String {
        match self {
            Listener::Tcp(listener) => listener.local_addr().map(|address| address.to_string()).unwrap_or_default(),
            Listener::Unix(listener) => {
                let address = listener.local_addr().ok();
                let path = address.as_ref().and_then(|address| address.as_pathname());
                format!("unix:{}", path.map(|path| path.display().to_string()).unwrap_or_default())
            }
            Listener::Vsock(listener) => listener.get_ref().local_addr().map(|it| vsock_name(&it)).unwrap_or_default(),
        }
    }
}

fn vsock_name(address: &SockAddr) -> String {
    match address.as_vsock_address() {
        Some((ANY_CID, port)) => format!("vsock:any:{port}"),
        Some((cid, port)) => format!("vsock:{cid}:{port}"),
        None => "vsock".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    async fn says_hello(listener: &Listener, mut client: impl Stream) {
        client.write_all(b"hello").await.expect("written");
        let (mut served, _) = listener.accept().await.expect("a connection");
        let mut heard = [0; 5];
        served.read_exact(&mut heard).await.expect("read");
        assert_eq!(&heard, b"hello");
    }

    #[tokio::test]
    async fn sockets_of_others_are_adopted_when_they_listen() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("socket");
        let unix = std::os::unix::net::UnixListener::bind(&path).expect("bound");
        let listener = Listener::adopt(unix.into()).expect("adopted");
        assert_eq!(listener.name(), format!("unix:{}", path.display()));
        says_hello(&listener, UnixStream::connect(&path).await.expect("connected")).await;

        let tcp = std::net::TcpListener::bind("127.0.0.1:0").expect("bound");
        let address = tcp.local_addr().expect("an address");
        let listener = Listener::adopt(tcp.into()).expect("adopted");
        assert_eq!(listener.address(), Some(address));
        says_hello(&listener, tokio::net::TcpStream::connect(address).await.expect("connected")).await;

        let (one, _other) = std::os::unix::net::UnixStream::pair().expect("a pair");
        assert!(Listener::adopt(one.into()).is_err());
        assert!(Listener::adopt(std::fs::File::open("/").expect("a folder").into()).is_err());
    }

    #[tokio::test]
    async fn vsock_is_served_where_the_kernel_has_it() {
        let Ok(listener) = Listener::vsock(49_217) else { return };
        const THIS_MACHINE: u32 = 1;
        assert_eq!(listener.name(), "vsock:any:49217");
        let client = Socket::new(Domain::VSOCK, Type::STREAM, None).expect("a socket");
        // Without the loopback transport there is nobody to connect to.
        if client.connect(&SockAddr::vsock(THIS_MACHINE, 49_217)).is_err() {
            return;
        }
        client.set_nonblocking(true).expect("set");
        says_hello(&listener, UnixStream::from_std(OwnedFd::from(client).into()).expect("a stream")).await;
    }
}
