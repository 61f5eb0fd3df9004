//! A program under test: started with its output in a file, ended when the test ends.

use std::fs::{self, File};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// A running program. Dropping it kills it.
pub struct Program {
    child: Child,
    output: PathBuf,
    _folder: tempfile::TempDir,
}

impl Program {
    /// Starts `path` with `arguments`; standard output and error go to one file.
    pub fn start<S: AsRef<str>>(path: impl AsRef<Path>, arguments: impl IntoIterator<Item = S>) -> Program {
        Self::start_with(path, arguments, &[])
    }

    pub fn start_with<S: AsRef<str>>(
        path: impl AsRef<Path>,
        arguments: impl IntoIterator<Item = S>,
        environment: &[(&str, &str)],
    ) -> Program {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let output = folder.path().join("output");
        let out = File::create(&output).expect("an output file");
        let err = out.try_clone().expect("the same file again");
        let child = Command::new(path.as_ref())
            .args(arguments.into_iter().map(|argument| argument.as_ref().to_owned()))
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stdout(out)
            .stderr(err)
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {}: {error}", path.as_ref().display()));
        Program { child, output, _folder: folder }
    }

    /// Starts a program that listens on `--web.listen-address` and waits until it answers; with its address.
    pub fn serve(program: &str, arguments: &[&str]) -> (Program, String) {
        let address = format!("127.0.0.1:{}", free_port());
        let listen = format!("--web.listen-address={address}");
        let mut program = Program::start(program, arguments.iter().copied().chain([listen.as_str()]));
        program.wait_ready(&address, "/readyz");
        (program, address)
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What the program printed so far.
    pub fn output(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.output).unwrap_or_default()).into_owned()
    }

    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    pub fn signal(&self, signal: Signal) {
        // The program may have ended by itself.
        let _ = kill(Pid::from_raw(self.child.id() as i32), signal);
    }

    /// SIGTERM, then waits; panics with the output when the program does not end in 30 seconds.
    pub fn terminate(mut self) -> ExitStatus {
        self.signal(Signal::SIGTERM);
        self.wait(Duration::from_secs(30))
    }

    /// `kill -9`.
    pub fn kill(mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Waits for the program to end by itself.
    pub fn wait(&mut self, limit: Duration) -> ExitStatus {
        let begin = Instant::now();
        loop {
            if let Ok(Some(status)) = self.child.try_wait() {
                return status;
            }
            assert!(begin.elapsed() < limit, "the program does not end; it printed:\n{}", self.output());
            sleep(Duration::from_millis(20));
        }
    }

    /// Waits until the address answers `path` with 200; panics with the program's output when it ends or stays silent.
    pub fn wait_ready(&mut self, address: &str, path: &str) {
        let begin = Instant::now();
        while !crate::get(address, path).is_ok_and(|answer| answer.status == 200) {
            assert!(self.is_running(), "the program ended early; it printed:\n{}", self.output());
            assert!(begin.elapsed() < Duration::from_secs(60), "no answer; it printed:\n{}", self.output());
            sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A loopback port that was free a moment ago.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a loopback socket");
    listener.local_addr().expect("a bound socket has an address").port()
}

/// Polls until `check` gives a value; panics, naming what was waited for, after `limit`.
pub fn wait_until<T>(what: &str, limit: Duration, mut check: impl FnMut() -> Option<T>) -> T {
    let begin = Instant::now();
    loop {
        if let Some(value) = check() {
            return value;
        }
        assert!(begin.elapsed() < limit, "waited {limit:?} in vain for {what}");
        sleep(Duration::from_millis(50));
    }
}
