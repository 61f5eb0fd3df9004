//! A D-Bus server for tests: speaks the real wire format and says what the test wants it to say, wrong things too.

use std::io::{self, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

/// A method call that came in.
#[derive(Clone, Debug)]
pub struct Asked {
    pub destination: String,
    pub path: String,
    pub member: String,
    pub arguments: Vec<String>,
}

pub enum Says {
    Return(Body),
    /// An error of this name.
    Fault(&'static str),
    /// Never anything; the connection stays open.
    Nothing,
    /// These bytes, which need not be a message.
    Bytes(Vec<u8>),
    HangsUp,
}

/// The body of a reply: its types and its bytes, in little endian.
#[derive(Clone, Debug, Default)]
pub struct Body {
    pub signature: &'static str,
    bytes: Vec<u8>,
}

pub struct FakeBus {
    pub path: PathBuf,
    connections: Arc<AtomicUsize>,
}

type Answer = dyn FnMut(&Asked) -> Says + Send;

impl FakeBus {
    /// Listens at a path that is free. `Hello` is answered by itself.
    pub fn start(path: &Path, answer: impl FnMut(&Asked) -> Says + Send + 'static) -> FakeBus {
        let listener = UnixListener::bind(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let connections = Arc::new(AtomicUsize::new(0));
        let counter = connections.clone();
        let answer: Arc<Mutex<Box<Answer>>> = Arc::new(Mutex::new(Box::new(answer)));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                counter.fetch_add(1, Ordering::SeqCst);
                let answer = answer.clone();
                thread::spawn(move || serve(stream, &answer));
            }
        });
        FakeBus { path: path.to_owned(), connections }
    }

    /// Connections that were ever made.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

fn serve(mut stream: UnixStream, answer: &Mutex<Box<Answer>>) -> io::Result<()> {
    let line = read_line(&mut stream)?;
    assert!(line.starts_with(b"\0AUTH EXTERNAL "), "{line:?}");
    stream.write_all(b"OK 0123456789abcdef0123456789abcdef\r\n")?;
    assert_eq!(read_line(&mut stream)?, b"BEGIN\r\n");
    let mut serial = 0;
    loop {
        let (called, asked) = read_call(&mut stream)?;
        serial += 1;
        let says = if asked.member == "Hello" {
            // A bus also tells us our name by a signal, which nobody asked for.
            stream.write_all(&signal(serial))?;
            serial += 1;
            Says::Return(Body::of("s").text(":1.7"))
        } else {
            let mut answer = answer.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            answer(&asked)
        };
        match says {
            Says::Return(body) => stream.write_all(&message(2, serial, called, "", &body))?,
            Says::Fault(name) => stream.write_all(&message(3, serial, called, name, &Body::of("s").text("no")))?,
            Says::Nothing => {}
            Says::Bytes(bytes) => stream.write_all(&bytes)?,
            Says::HangsUp => return Ok(()),
        }
    }
}

fn read_line(stream: &mut UnixStream) -> io::Result<Vec<u8>> {
    let mut line = Vec::new();
    while !line.ends_with(b"\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte)?;
        line.push(byte[0]);
    }
    Ok(line)
}

/// The serial of the call and what it is; everything in little endian with texts only.
fn read_call(stream: &mut UnixStream) -> io::Result<(u32, Asked)> {
    let mut fixed = [0; 16];
    stream.read_exact(&mut fixed)?;
    let number = |at: usize| u32::from_le_bytes([fixed[at], fixed[at + 1], fixed[at + 2], fixed[at + 3]]);
    assert_eq!((fixed[0], fixed[1], fixed[3]), (b'l', 1, 1), "a method call in little endian");
    let (body_bytes, serial, fields_bytes) = (number(4) as usize, number(8), number(12) as usize);
    let mut rest = vec![0; fields_bytes.next_multiple_of(8) + body_bytes];
    stream.read_exact(&mut rest)?;
    let text = |at: usize| {
        let length = u32::from_le_bytes([rest[at], rest[at + 1], rest[at + 2], rest[at + 3]]) as usize;
        (String::from_utf8_lossy(&rest[at + 4..at + 4 + length]).into_owned(), at + 5 + length)
    };
    let mut asked =
        Asked { destination: String::new(), path: String::new(), member: String::new(), arguments: Vec::new() };
    let mut at = 0;
    while at < fields_bytes {
        at = at.next_multiple_of(8);
        let (code, kind) = (rest[at], rest[at + 2]);
        if kind == b'g' {
            at += 4 + 1 + usize::from(rest[at + 4]) + 1;
            continue;
        }
        let (value, after) = text(at + 4);
        at = after;
        match code {
            1 => asked.path = value,
            3 => asked.member = value,
            6 => asked.destination = value,
            _ => {}
        }
    }
    at = fields_bytes.next_multiple_of(8);
    while at < rest.len() {
        let (value, after) = text(at.next_multiple_of(4));
        asked.arguments.push(value);
        at = after;
    }
    Ok((serial, asked))
}

/// A return (2) or an error (3).
fn message(kind: u8, serial: u32, reply_to: u32, error_name: &str, body: &Body) -> Vec<u8> {
    let mut fields = Body::default();
    fields.field(5, b'u');
    fields = fields.u32(reply_to);
    if !error_name.is_empty() {
        fields.field(4, b's');
        fields = fields.text(error_name);
    }
    fields.field(8, b'g');
    fields = fields.signature(body.signature);
    framed(kind, serial, &fields, body)
}

fn signal(serial: u32) -> Vec<u8> {
    let mut fields = Body::default();
    for (code, kind, value) in
        [(1, b'o', "/org/freedesktop/DBus"), (2, b's', "org.freedesktop.DBus"), (3, b's', "NameAcquired")]
    {
        fields.field(code, kind);
        fields = fields.text(value);
    }
    fields.field(8, b'g');
    fields = fields.signature("s");
    framed(4, serial, &fields, &Body::of("s").text(":1.7"))
}

fn framed(kind: u8, serial: u32, fields: &Body, body: &Body) -> Vec<u8> {
    let length = |bytes: &[u8]| u32::try_from(bytes.len()).expect("short").to_le_bytes();
    let mut message = vec![b'l', kind, 1, 1];
    message.extend(length(&body.bytes));
    message.extend(serial.to_le_bytes());
    message.extend(length(&fields.bytes));
    message.extend(&fields.bytes);
    message.resize(message.len().next_multiple_of(8), 0);
    message.extend(&body.bytes);
    message
}

impl Body {
    pub fn of(signature: &'static str) -> Body {
        Body { signature, bytes: Vec::new() }
    }

    pub fn u32(mut self, number: u32) -> Body {
        self.align(4);
        self.bytes.extend(number.to_le_bytes());
        self
    }

    pub fn u64(mut self, number: u64) -> Body {
        self.align(8);
        self.bytes.extend(number.to_le_bytes());
        self
    }

    pub fn text(self, text: &str) -> Body {
        let mut body = self.u32(u32::try_from(text.len()).expect("short"));
        body.bytes.extend(text.as_bytes());
        body.bytes.push(0);
        body
    }

    pub fn signature(mut self, types: &str) -> Body {
        self.bytes.push(u8::try_from(types.len()).expect("short"));
        self.bytes.extend(types.as_bytes());
        self.bytes.push(0);
        self
    }

    /// To the beginning of a struct.
    pub fn structure(mut self) -> Body {
        self.align(8);
        self
    }

    /// An array of structs; each is written by `element`.
    pub fn structs<T>(self, elements: &[T], element: impl Fn(Body, &T) -> Body) -> Body {
        let mut body = self.u32(0);
        let length_at = body.bytes.len() - 4;
        body.align(8);
        let start = body.bytes.len();
        for one in elements {
            body = element(body.structure(), one);
        }
        let length = u32::try_from(body.bytes.len() - start).expect("short");
        body.bytes[length_at..length_at + 4].copy_from_slice(&length.to_le_bytes());
        body
    }

    fn align(&mut self, to: usize) {
        self.bytes.resize(self.bytes.len().next_multiple_of(to), 0);
    }

    /// The beginning of a field of the header.
    fn field(&mut self, code: u8, kind: u8) {
        self.align(8);
        self.bytes.extend([code, 1, kind, 0]);
    }
}
