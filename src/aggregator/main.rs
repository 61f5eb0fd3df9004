//! `vitals-aggregator`: scrapes targets, stores their samples, answers PromQL. It takes the place of a Prometheus
//! server: `prometheus.yml`, flags and HTTP API are the same.

mod api;
mod budget;
mod byte_size;
mod clock;
mod flag_table;
mod flag_values;
mod flags;
mod lifecycle;
mod log_format;
mod metrics;
mod off_thread;
mod open_files;
#[cfg(test)]
mod overload_tests;
mod pages;
mod process;
mod program;
mod query_pool;
mod reload;
mod run;
#[cfg(test)]
mod shape_tests;
mod version;
mod web_address;

use std::io::Write;
use std::process::ExitCode;

use flag_values::{CommandLine, FlagError, FlagValues};
use flags::Flags;

/// Millions of small, long-lived pieces (labels, chunks) beside short-lived pages: mimalloc keeps both dense.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let flags = match read_flags() {
        Ok(Some(flags)) => flags,
        Ok(None) => return ExitCode::SUCCESS,
        Err(error) => return fail(&error.to_string()),
    };
    flags.log_format.install(flags.log_level);
    // Huge pages would round every corner of the heap up to 2 MiB: a third more memory for no measurable time. A kernel
    // without them has nothing to switch off.
    let _ = nix::sys::prctl::set_thp_disable(true);
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    // Queries may take as many threads as they are allowed to, and there are still some for files and locks.
    builder.enable_all().max_blocking_threads(flags.query_concurrency + 256);
    let runtime = match builder.build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&format!("cannot start threads: {error}")),
    };
    let outcome = runtime.block_on(run::run(flags));
    // A replay that nobody waits for any more must not hold up the end.
    runtime.shutdown_background();
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => fail(&reason),
    }
}

/// `None` when the command line only asked for a text.
fn read_flags() -> Result<Option<Flags>, FlagError> {
    match FlagValues::parse(std::env::args())? {
        CommandLine::Run(values) => Flags::new(values).map(Some),
        CommandLine::Print(text) => {
            // Nobody reads it any more: nothing to do about that.
            let _ = std::io::stdout().write_all(text.as_bytes());
            Ok(None)
        }
    }
}

fn fail(reason: &str) -> ExitCode {
    eprintln!("vitals-aggregator: {reason}");
    ExitCode::FAILURE
}
