//! Just enough HTTP to ask a program: one request on one connection, HTTP/1.0 so that the end of the body is the end
//! of the connection.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    /// Header lines as sent, without the status line.
    pub headers: String,
    pub body: Vec<u8>,
}

pub fn get(address: &str, path: &str) -> io::Result<Answer> {
    request(address, "GET", path, "", "")
}

/// With extra header lines, each ended by `\r\n`.
pub fn get_with(address: &str, path: &str, headers: &str) -> io::Result<Answer> {
    request(address, "GET", path, headers, "")
}

/// A form body.
pub fn post(address: &str, path: &str, form: &str) -> io::Result<Answer> {
    request(address, "POST", path, "Content-Type: application/x-www-form-urlencoded\r\n", form)
}

fn request(address: &str, method: &str, path: &str, headers: &str, body: &str) -> io::Result<Answer> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(60)))?;
    let length = if body.is_empty() { String::new() } else { format!("Content-Length: {}\r\n", body.len()) };
    write!(stream, "{method} {path} HTTP/1.0\r\nHost: {address}\r\n{headers}{length}\r\n{body}")?;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes)?;
    let malformed = || io::Error::other("not an HTTP answer");
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").ok_or_else(malformed)?;
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let (first, headers) = head.split_once("\r\n").unwrap_or((&head, ""));
    let status = first.split(' ').nth(1).and_then(|code| code.parse().ok()).ok_or_else(malformed)?;
    Ok(Answer { status, headers: headers.to_owned(), body: bytes.split_off(end + 4) })
}

impl Answer {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("not JSON ({error}): {}", self.text()))
    }

    /// A header's value, by name in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut pairs = self.headers.lines().filter_map(|line| line.split_once(": "));
        pairs.find(|(candidate, _)| candidate.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
}
