//! Reading the files of a cgroup, of which any may be missing: a controller is off here, the kernel is older, or the
//! group has just been made and this controller's directory comes a moment later.

use std::path::{Path, PathBuf};

use kernel::cgroup::{Limit, parse_value};
use kernel::scan::ParseError;
use kernel::{Error, FileBudget, KeptFile, read_file_if_there};

/// A file that is read on every scrape. One that is not there is looked for ever more seldom.
pub struct CgroupFile {
    file: KeptFile,
    /// The kernel shows it in pieces, so that a short read is not the end.
    is_pieced: bool,
    was_there: bool,
    /// How often in a row it was not there.
    misses: u8,
    /// Reads that are left out before the next try.
    rest: u8,
}

/// A read that is shorter than this has reached the end even of a file that is shown in pieces: they are pages.
const SMALLEST_PIECE: usize = 2048;

/// What reading works with during one scrape.
pub struct Reader<'a> {
    pub buffer: &'a mut Vec<u8>,
    pub problems: &'a mut Vec<String>,
    /// For paths of files that are not kept.
    pub path: &'a mut PathBuf,
    /// A file that was there is gone: perhaps its cgroup is too.
    pub has_lost: bool,
    /// Anything was read.
    pub has_read: bool,
}

/// Complaints of a lenient parser.
pub type Problems<'a> = &'a mut dyn FnMut(ParseError);

impl CgroupFile {
    pub fn new(path: PathBuf, budget: &FileBudget) -> Self {
        CgroupFile { file: KeptFile::new(path, budget), is_pieced: false, was_there: false, misses: 0, rest: 0 }
    }

    pub fn in_pieces(path: PathBuf, budget: &FileBudget) -> Self {
        CgroupFile { is_pieced: true, ..CgroupFile::new(path, budget) }
    }

    /// `None` when there is no such file or its content as a whole makes no sense.
    pub fn read<T>(&mut self, reader: &mut Reader<'_>, parse: impl FnOnce(&[u8], Problems<'_>) -> T) -> Option<T> {
        if self.rest > 0 {
            self.rest -= 1;
            return None;
        }
        let Reader { buffer, problems, .. } = reader;
        let mut length = self.file.read_single(buffer).map(<[u8]>::len);
        if self.is_pieced && length.as_ref().is_ok_and(|length| *length >= SMALLEST_PIECE) {
            length = self.file.read(buffer).map(<[u8]>::len);
        }
        match length {
            Ok(length) => {
                self.was_there = true;
                self.misses = 0;
                reader.has_read = true;
                let path = self.file.path();
                Some(parse(&buffer[..length], &mut |problem| problems.push(in_words(path, problem))))
            }
            Err(error) => {
                self.note(reader, error);
                None
            }
        }
    }

    /// Gives back the descriptor of a file that has turned out not to be worth keeping.
    pub fn close(&mut self) {
        self.file.close();
    }

    pub fn read_value(&mut self, reader: &mut Reader<'_>) -> Option<u64> {
        self.read(reader, |bytes, problems| or_complain(parse_value(bytes), problems)).flatten()
    }

    fn note(&mut self, reader: &mut Reader<'_>, error: Error) {
        if !error.is_absent() {
            reader.problems.push(error.to_string());
            return;
        }
        // The first tries follow at once: the file of a new group may come a moment later.
        const RESTS: [u8; 7] = [0, 0, 1, 3, 7, 15, 31];
        reader.has_lost |= std::mem::take(&mut self.was_there);
        self.rest = RESTS[usize::from(self.misses).min(RESTS.len() - 1)];
        self.misses = self.misses.saturating_add(1);
    }
}

impl Reader<'_> {
    /// Reads a file of a cgroup once, without keeping it open.
    pub fn read_once<T>(
        &mut self,
        directory: &Path,
        file: &str,
        parse: impl FnOnce(&[u8]) -> Result<T, ParseError>,
    ) -> Option<T> {
        self.path.clear();
        self.path.push(directory);
        self.path.push(file);
        match read_file_if_there(self.path, self.buffer) {
            Ok(Some(bytes)) => match parse(bytes) {
                Ok(value) => return Some(value),
                Err(problem) => self.problems.push(in_words(self.path, problem)),
            },
            Ok(None) => {}
            Err(error) => self.problems.push(error.to_string()),
        }
        None
    }

    pub fn limit(&mut self, directory: &Path, file: &str) -> Option<Limit> {
        self.read_once(directory, file, Limit::parse)
    }
}

pub fn or_complain<T>(result: Result<T, ParseError>, problems: Problems<'_>) -> Option<T> {
    result.map_err(problems).ok()
}

fn in_words(path: &Path, problem: ParseError) -> String {
    Error::Parse { path: path.into(), problem }.to_string()
}
