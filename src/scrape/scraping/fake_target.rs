//! Targets for tests: a listener on the loopback that answers every connection in one way, good or bad.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

#[derive(Clone, Debug)]
pub(crate) enum Behaviour {
    /// Answers with these bytes, keeps the connection.
    Answer(Vec<u8>),
    /// Answers with these bytes, closes the connection.
    AnswerAndClose(Vec<u8>),
    /// Takes the request and says nothing.
    Hang,
    /// A head, then one byte now and then, for ever.
    Drip,
    /// A head, then as many lines as the other side takes.
    Flood,
}

/// A running target; its behaviour can change between requests.
#[derive(Clone)]
pub(crate) struct FakeTarget {
    pub address: SocketAddr,
    behaviour: Arc<Mutex<Behaviour>>,
    requests: Arc<Mutex<Vec<String>>>,
    connections: Arc<Mutex<usize>>,
}

impl FakeTarget {
    pub async fn new(behaviour: Behaviour) -> FakeTarget {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let target = FakeTarget {
            address: listener.local_addr().unwrap(),
            behaviour: Arc::new(Mutex::new(behaviour)),
            requests: Arc::default(),
            connections: Arc::default(),
        };
        let served = target.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                *served.connections.lock() += 1;
                tokio::spawn(served.clone().serve(stream));
            }
        });
        target
    }

    pub async fn page(page: &str) -> FakeTarget {
        FakeTarget::new(Behaviour::Answer(ok(page))).await
    }

    pub fn behave(&self, behaviour: Behaviour) {
        *self.behaviour.lock() = behaviour;
    }

    /// The heads of all requests so far.
    pub fn requests(&self) -> Vec<String> {
        self.requests.lock().clone()
    }

    pub fn connections(&self) -> usize {
        *self.connections.lock()
    }

    async fn serve(self, mut stream: TcpStream) {
        while let Some(head) = read_head(&mut stream).await {
            self.requests.lock().push(head);
            let behaviour = self.behaviour.lock().clone();
            if respond(&mut stream, behaviour).await.is_none() {
                return;
            }
        }
    }
}

async fn read_head(stream: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    Some(String::from_utf8_lossy(&head).into_owned())
}

/// `None` when the connection is done.
async fn respond(stream: &mut TcpStream, behaviour: Behaviour) -> Option<()> {
    const ENDLESS: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n";
    match behaviour {
        Behaviour::Answer(bytes) => stream.write_all(&bytes).await.ok(),
        Behaviour::AnswerAndClose(bytes) => {
            stream.write_all(&bytes).await.ok()?;
            stream.shutdown().await.ok()?;
            None
        }
        Behaviour::Hang => std::future::pending().await,
        Behaviour::Drip => {
            stream.write_all(ENDLESS).await.ok()?;
            loop {
                stream.write_all(b"#").await.ok()?;
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
        Behaviour::Flood => {
            stream.write_all(ENDLESS).await.ok()?;
            let lines = b"# a comment that says nothing\n".repeat(1000);
            loop {
                stream.write_all(&lines).await.ok()?;
            }
        }
    }
}

/// A good answer.
pub(crate) fn ok(page: &str) -> Vec<u8> {
    answer("200 OK", "Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n", page.as_bytes())
}

/// An answer with the right length; `headers` end in a line break.
pub(crate) fn answer(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}
