//! `/proc/sys/fs/file-nr`: open files of the whole machine and their limit.
//! Kernel: any. Privileges: none. Cost: one read of about 20 bytes.

use exposition::{Family, gauge};
use kernel::proc::file_nr::FileNr;
use kernel::{Host, KeptFile};

use crate::{Collector, Failure, Outcome, Scrape, Spec};

const ALLOCATED: Family = gauge("node_filefd_allocated", "File descriptor statistics: allocated.");
const MAXIMUM: Family = gauge("node_filefd_maximum", "File descriptor statistics: maximum.");

pub const SPEC: Spec = Spec {
    name: "filefd",
    is_on_by_default: true,
    help: "open files of the machine and their limit, from /proc/sys/fs/file-nr",
    families: &[ALLOCATED, MAXIMUM],
    flags: &[],
    build: |host, _| Ok(Box::new(Filefd::new(host))),
};

struct Filefd {
    file: KeptFile,
}

impl Filefd {
    fn new(host: &Host) -> Self {
        Filefd { file: host.proc_file("sys/fs/file-nr") }
    }
}

impl Collector for Filefd {
    fn collect(&mut self, scrape: &mut Scrape<'_>) -> Result<Outcome, Failure> {
        let files = match self.file.parse_single(scrape.buffer, FileNr::parse) {
            Ok(files) => files,
            Err(error) => return Outcome::of_error(error),
        };
        scrape.page.sample(&ALLOCATED, &[], files.allocated as f64);
        scrape.page.sample(&MAXIMUM, &[], files.maximum as f64);
        Ok(Outcome::Collected)
    }
}
