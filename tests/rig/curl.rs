//! The `curl` program: a client that is not ours.

use std::process::Command;

#[derive(Debug, PartialEq, Eq)]
pub struct Curled {
    pub status: u16,
    /// Of HTTP: "1.1", "2".
    pub version: String,
    /// Header lines in lower case.
    pub headers: String,
    pub body: String,
}

pub fn has_curl() -> bool {
    Command::new("curl").arg("--version").output().is_ok()
}

/// `Err` with what curl says when there is no answer.
pub fn curl(arguments: &[&str]) -> Result<Curled, String> {
    const END: &str = "\n--curl--";
    let written = format!("{END}%{{http_code}} %{{http_version}}");
    let output = Command::new("curl")
        .args(["-sS", "-g", "--path-as-is", "--max-time", "20", "-D", "-", "-w", &written])
        .args(arguments)
        .output()
        .expect("curl is there");
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let (text, written) = text.rsplit_once(END).expect("what -w asks for");
    let (status, version) = written.split_once(' ').expect("two values");
    let (headers, body) = text.split_once("\r\n\r\n").unwrap_or((text, ""));
    Ok(Curled {
        status: status.parse().expect("a status"),
        version: version.to_owned(),
        headers: headers.to_ascii_lowercase(),
        body: body.to_owned(),
    })
}
