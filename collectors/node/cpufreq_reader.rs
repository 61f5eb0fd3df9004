//! Reads the frequency of each CPU on threads of its own, since the kernel may take 20 ms per core for it, and a broken
//! firmware for ever. Part of the collector `cpufreq`.
//!
//! All CPUs are asked anew for each scrape. While they answer at once, one thread serves them all; when one takes long,
//! another thread goes on with the rest, up to a limit. A CPU that has not answered keeps its thread and is not asked
//! again while it does; what was known of it is told until it is too old.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use kernel::{Attribute, Host, scan};

/// How long one CPU may take before another is asked beside it.
const PATIENCE: Duration = Duration::from_millis(5);
/// Threads at most.
const MAX_THREADS: usize = 4;
const STACK_BYTES: usize = 64 << 10;

/// Frequencies in kHz, in the order of `FREQUENCY_FILES`; `None` where the CPU does not tell.
pub type Frequencies = [Option<u64>; FREQUENCY_FILES.len()];

pub const FREQUENCY_FILES: [&str; 7] = [
    "cpuinfo_cur_freq",
    "cpuinfo_avg_freq",
    "scaling_cur_freq",
    "cpuinfo_min_freq",
    "cpuinfo_max_freq",
    "scaling_min_freq",
    "scaling_max_freq",
];
/// What is known of one CPU.
#[derive(Debug, Default)]
pub struct Reading {
    pub frequencies: Frequencies,
    /// Empty when the CPU has none.
    pub governor: Vec<u8>,
    /// Separated by blanks.
    pub governors: Vec<u8>,
    /// When it was read last; `None` before the first time.
    pub read: Option<Instant>,
}

pub struct CpufreqReader {
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    /// Told when there is a CPU to ask.
    work: Condvar,
    /// Told when one has answered.
    answered: Condvar,
}

#[derive(Default)]
struct State {
    cpus: Vec<Cpu>,
    /// To be asked, by place in `cpus`.
    queue: VecDeque<usize>,
    threads: usize,
    idle: usize,
    problems: Vec<String>,
    is_closing: bool,
}

struct Cpu {
    /// Elsewhere while a thread reads them.
    files: Option<Files>,
    reading: Reading,
}

struct Files {
    frequencies: [Attribute; FREQUENCY_FILES.len()],
    governor: Attribute,
    governors: Attribute,
    buffer: Vec<u8>,
    /// What a thread has read, to be exchanged for what is known.
    reading: Reading,
    problems: Vec<String>,
}

impl CpufreqReader {
    /// For the folders `cpufreq` of these CPUs.
    pub fn new<'a>(host: &Host, folders: impl Iterator<Item = &'a Path>) -> Self {
        // Nine files per CPU: on a large machine they must not use up what others may keep open.
        let mut host = host.clone();
        host.files = host.files.leaving(host.files.limit() / 2);
        let cpu = |folder| Cpu { files: Some(Files::new(&host, folder)), reading: Reading::default() };
        let state = State { cpus: folders.map(cpu).collect(), ..State::default() };
        let shared = Shared { state: Mutex::new(state), work: Condvar::new(), answered: Condvar::new() };
        CpufreqReader { shared: Arc::new(shared) }
    }

    /// Asks all CPUs and waits until they have answered, but not longer than until the deadline. `use_reading` is told
    /// what is known of each, by its place.
    pub fn read(&self, deadline: Instant, problems: &mut Vec<String>, mut use_reading: impl FnMut(usize, &Reading)) {
        let mut state = self.shared.lock();
        let State { cpus, queue, .. } = &mut *state;
        queue.clear();
        queue.extend(cpus.iter().enumerate().filter(|(_, cpu)| cpu.files.is_some()).map(|(place, _)| place));
        // Those that hang since an earlier scrape are not waited for.
        let hung = state.busy();
        if state.threads == hung {
            state = self.start_thread(state);
        } else {
            self.shared.work.notify_one();
        }
        while state.threads > hung && (!state.queue.is_empty() || state.busy() > hung) {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            let queued = state.queue.len();
            let wait = self.shared.answered.wait_timeout(state, left.min(PATIENCE));
            state = wait.unwrap_or_else(PoisonError::into_inner).0;
            if queued > 0 && state.queue.len() == queued && state.idle == 0 {
                state = self.start_thread(state);
            }
        }
        state.queue.clear();
        problems.append(&mut state.problems);
        for (place, cpu) in state.cpus.iter().enumerate() {
            use_reading(place, &cpu.reading);
        }
    }

    fn start_thread<'a>(&'a self, mut state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        if state.threads < MAX_THREADS {
            state.threads += 1;
            let shared = self.shared.clone();
            let thread = thread::Builder::new().name("cpufreq".to_owned()).stack_size(STACK_BYTES);
            if thread.spawn(move || shared.serve()).is_err() {
                state.threads -= 1;
            }
        }
        state
    }
}

impl Drop for CpufreqReader {
    fn drop(&mut self) {
        self.shared.lock().is_closing = true;
        self.shared.work.notify_all();
    }
}

impl State {
    /// CPUs that are being read.
    fn busy(&self) -> usize {
        self.cpus.iter().filter(|cpu| cpu.files.is_none()).count()
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The life of a thread: reads CPUs while some are to be asked, waits while no other thread does.
    fn serve(&self) {
        let mut state = self.lock();
        loop {
            if let Some(place) = state.queue.pop_front() {
                let Some(mut files) = state.cpus[place].files.take() else { continue };
                drop(state);
                files.read();
                state = self.lock();
                let State { cpus, problems, .. } = &mut *state;
                std::mem::swap(&mut cpus[place].reading, &mut files.reading);
                problems.append(&mut files.problems);
                cpus[place].files = Some(files);
                self.answered.notify_one();
            } else if state.idle > 0 || state.is_closing {
                state.threads -= 1;
                return;
            } else {
                state.idle += 1;
                state = self.work.wait(state).unwrap_or_else(PoisonError::into_inner);
                state.idle -= 1;
            }
        }
    }
}

impl Files {
    fn new(host: &Host, folder: &Path) -> Self {
        let attribute = |file: &str| host.attribute(folder.join(file));
        Files {
            frequencies: FREQUENCY_FILES.map(attribute),
            governor: attribute("scaling_governor"),
            governors: attribute("scaling_available_governors"),
            buffer: Vec::new(),
            reading: Reading::default(),
            problems: Vec::new(),
        }
    }

    fn read(&mut self) {
        let Files { frequencies, buffer, reading, problems, .. } = self;
        for (file, frequency) in frequencies.iter_mut().zip(&mut reading.frequencies) {
            *frequency = read_frequency(file, buffer, problems);
        }
        for (file, text) in [(&mut self.governor, &mut reading.governor), (&mut self.governors, &mut reading.governors)]
        {
            text.clear();
            match file.text(buffer) {
                Ok(found) => text.extend_from_slice(found.unwrap_or_default()),
                Err(error) => problems.push(error.to_string()),
            }
        }
        reading.read = Some(Instant::now());
    }
}

/// `None` where we may not read it, where the driver cannot tell now (EAGAIN, EBUSY, EIO), and for `<unknown>`.
fn read_frequency(file: &mut Attribute, buffer: &mut Vec<u8>, problems: &mut Vec<String>) -> Option<u64> {
    match file.text(buffer) {
        Ok(None | Some(b"<unknown>")) => None,
        Ok(Some(text)) => {
            let frequency = scan::parse_u64(text);
            if frequency.is_none() {
                let problem = scan::ParseError::new(1, "a frequency in kHz", text);
                problems.push(kernel::Error::parse(file.path(), problem).to_string());
            }
            frequency
        }
        Err(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kernel::Roots;
    use std::fs;

    fn machine(cpus: usize) -> (tempfile::TempDir, CpufreqReader) {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let folders: Vec<_> = (0..cpus).map(|cpu| dir.path().join(format!("cpu{cpu}"))).collect();
        for folder in &folders {
            fs::create_dir(folder).expect("made");
            fs::write(folder.join("scaling_cur_freq"), "1200000\n").expect("written");
            fs::write(folder.join("cpuinfo_cur_freq"), "<unknown>\n").expect("written");
            fs::write(folder.join("scaling_governor"), "powersave\n").expect("written");
        }
        let host = Host::new(Roots::default(), 100);
        let reader = CpufreqReader::new(&host, folders.iter().map(std::path::PathBuf::as_path));
        (dir, reader)
    }

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(60)
    }

    #[test]
    fn every_cpu_answers_and_what_it_does_not_tell_is_absent() {
        let (_dir, reader) = machine(3);
        for _ in 0..3 {
            let (mut problems, mut told) = (Vec::new(), Vec::new());
            reader.read(soon(), &mut problems, |place, reading| {
                assert_eq!(reading.frequencies, [None, None, Some(1_200_000), None, None, None, None]);
                assert_eq!(reading.governor, b"powersave");
                told.push(place);
            });
            assert_eq!((told, problems), (vec![0, 1, 2], vec![]));
        }
        assert_eq!(reader.shared.lock().threads, 1);
    }

    #[test]
    fn a_cpu_that_hangs_keeps_its_last_reading_and_costs_one_thread() {
        let (_dir, reader) = machine(3);
        let mut read = None;
        reader.read(soon(), &mut Vec::new(), |place, reading| {
            if place == 1 {
                read = reading.read;
            }
        });
        // As if a thread had taken it and not come back.
        let files = {
            let mut state = reader.shared.lock();
            state.threads += 1;
            state.cpus[1].files.take()
        };
        for _ in 0..20 {
            let mut times = Vec::new();
            reader.read(soon(), &mut Vec::new(), |_, reading| times.push(reading.read));
            assert_eq!(times[1], read, "still the old one");
            assert!(times[0] > read && times[2] > read, "the others are read anew");
        }
        assert_eq!(reader.shared.lock().threads, 2);
        reader.shared.lock().cpus[1].files = files;
    }

    #[test]
    fn when_every_thread_hangs_nobody_is_waited_for() {
        let (_dir, reader) = machine(MAX_THREADS + 1);
        let mut state = reader.shared.lock();
        state.threads = MAX_THREADS;
        state.cpus.iter_mut().take(MAX_THREADS).for_each(|cpu| cpu.files = None);
        drop(state);
        let mut told = 0;
        // Otherwise this would not come back.
        let never = Instant::now() + Duration::from_secs(1 << 30);
        reader.read(never, &mut Vec::new(), |_, reading| {
            assert_eq!(reading.read, None);
            told += 1;
        });
        assert_eq!(told, MAX_THREADS + 1);
    }
}
