//! The sockets of runtimes, called from a plain thread: each call waits for its answer, but never longer than
//! `CALL_TIMEOUT`. A runtime that did not answer in time is left alone for a while.

use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::{Duration, Instant};

use http::{Call, CallError, Connection, GrpcChannel, GrpcError, StatusCode, Url};
use tokio::runtime;

/// Runtimes answer within milliseconds; one that needs longer is in trouble.
const CALL_TIMEOUT: Duration = Duration::from_secs(2);
/// How long a runtime that timed out is not asked again.
const REST: Duration = Duration::from_secs(10);
/// The description of one container.
const BODY_LIMIT_BYTES: usize = 4 << 20;
/// gRPC's code for "not found".
const NOT_FOUND: u32 = 5;

/// Why a runtime did not answer; for the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure(pub String);

/// What drives the calls; made when the first socket is used.
#[derive(Clone)]
pub(crate) struct Executor(Rc<runtime::Runtime>);

pub(crate) struct HttpSocket {
    path: PathBuf,
    connection: Connection,
    executor: Executor,
    rest: Rest,
    body: Vec<u8>,
}

pub(crate) struct GrpcSocket {
    path: PathBuf,
    channel: GrpcChannel,
    executor: Executor,
    rest: Rest,
}

#[derive(Default)]
struct Rest {
    until: Option<Instant>,
}

impl Executor {
    pub fn new() -> Result<Executor, Failure> {
        let runtime = runtime::Builder::new_current_thread().enable_all().build();
        runtime.map(|runtime| Executor(Rc::new(runtime))).map_err(|error| Failure(error.to_string()))
    }
}

impl HttpSocket {
    pub fn new(path: &Path, executor: &Executor) -> HttpSocket {
        HttpSocket {
            path: path.to_owned(),
            connection: Connection::unix(path),
            executor: executor.clone(),
            rest: Rest::default(),
            body: Vec::new(),
        }
    }

    /// The body of the answer; `None` when it is "not found".
    pub fn get(&mut self, target: &str) -> Result<Option<&[u8]>, Failure> {
        self.rest.check(&self.path)?;
        let failed =
            |reason: &dyn std::fmt::Display| Failure(format!("{}: GET {target}: {reason}", self.path.display()));
        let url = Url::parse(&format!("http://localhost{target}")).map_err(|error| failed(&error))?;
        let call = Call { timeout: CALL_TIMEOUT, body_limit_bytes: BODY_LIMIT_BYTES, ..Call::default() };
        let outcome = self.executor.0.block_on(self.connection.call(&url, &call, &mut self.body));
        let reply = outcome.map_err(|error| {
            self.rest.note(&error);
            failed(&error)
        })?;
        match reply.status {
            StatusCode::OK => Ok(Some(&self.body)),
            StatusCode::NOT_FOUND => Ok(None),
            status => Err(failed(&format!("status {}", status.as_u16()))),
        }
    }
}

impl GrpcSocket {
    pub fn new(path: &Path, executor: &Executor) -> GrpcSocket {
        GrpcSocket {
            path: path.to_owned(),
            channel: GrpcChannel::unix(path),
            executor: executor.clone(),
            rest: Rest::default(),
        }
    }

    /// The answer's message; `None` when it is "not found".
    pub fn call(&mut self, method: &str, namespace: &str, message: &[u8]) -> Result<Option<Vec<u8>>, Failure> {
        self.rest.check(&self.path)?;
        let metadata: &[(&str, &str)] = &[("containerd-namespace", namespace)];
        let metadata = if namespace.is_empty() { &[] } else { metadata };
        let call = self.channel.unary(method, metadata, message, CALL_TIMEOUT, BODY_LIMIT_BYTES);
        match self.executor.0.block_on(call) {
            Ok(answer) => Ok(Some(answer)),
            Err(GrpcError::Status { code: NOT_FOUND, .. }) => Ok(None),
            Err(error) => {
                if let GrpcError::Call(error) = &error {
                    self.rest.note(error);
                }
                Err(Failure(format!("{}: {error}", self.path.display())))
            }
        }
    }
}

impl Rest {
    fn check(&mut self, path: &Path) -> Result<(), Failure> {
        match self.until {
            Some(until) if Instant::now() < until => {
                Err(Failure(format!("{}: did not answer in time a moment ago", path.display())))
            }
            _ => {
                self.until = None;
                Ok(())
            }
        }
    }

    fn note(&mut self, error: &CallError) {
        if matches!(error, CallError::TimedOut(_)) {
            self.until = Some(Instant::now() + REST);
        }
    }
}
