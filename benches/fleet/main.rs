//! `fleet ADDRESS TARGETS SERIES [INTERVAL]`: serves a fleet and prints the configuration that scrapes it.

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let numbers = arguments.get(1).zip(arguments.get(2)).and_then(|(t, s)| Some((t.parse().ok()?, s.parse().ok()?)));
    let Some((address, (targets, series))) = arguments.first().zip(numbers) else {
        eprintln!("usage: fleet ADDRESS TARGETS SERIES [INTERVAL]");
        return ExitCode::from(2);
    };
    let interval = arguments.get(3).map_or("5s", String::as_str);
    match fleet::Fleet::start(address, targets, series) {
        Ok(fleet) => print!("{}", fleet.scrape_config(interval)),
        Err(error) => {
            eprintln!("fleet: cannot listen on {address}: {error}");
            return ExitCode::FAILURE;
        }
    }
    loop {
        std::thread::park();
    }
}
