//! Files `*.prom` in one or more folders: series that scripts and jobs leave for the scrape.
//! Kernel: any. Privileges: to read the files. Cost: a listing of each folder, and each file read and taken apart.
//!
//! A file that cannot be read as a whole gives nothing, and `node_textfile_scrape_error` is 1. Families of the same name
//! in several files are one family, as long as they have the same help text.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use exposition::{Family, LabelText, Page, gauge};
use kernel::read_file;

use super::glob::glob;
use super::textfile_families::{Families, FileFamily};
use crate::{Collector, Failure, Flag, FlagKind, Outcome, Scrape, Spec};

const MTIME: Family = gauge("node_textfile_mtime_seconds", "Unixtime mtime of textfiles successfully read.");
const SCRAPE_ERROR: Family =
    gauge("node_textfile_scrape_error", "1 if there was an error opening or reading a file, 0 otherwise");

const DIRECTORY: Flag = Flag {
    name: "collector.textfile.directory",
    kind: FlagKind::List,
    help: "folder with files *.prom; may have * and ? in it, and may be repeated",
    aliases: &[],
};

pub const SPEC: Spec = Spec {
    name: "textfile",
    is_on_by_default: true,
    help: "series from files *.prom in the folders of collector.textfile.directory",
    families: &[MTIME, SCRAPE_ERROR],
    flags: &[DIRECTORY],
    build: |_, settings| {
        let patterns = settings.list(DIRECTORY.name).iter().filter(|pattern| !pattern.is_empty()).cloned().collect();
        Ok(Box::new(Textfile { patterns }))
    },
};

struct Textfile {
    patterns: Vec<String>,
}

/// What the files of one scrape have given so far.
#[derive(Default)]
struct Found {
    families: Vec<FileFamily>,
    /// By family: its help text, if any file has one, and the files that it comes from.
    origins: BTreeMap<String, Origin>,
    /// Of the files that were read, in seconds since the epoch.
    mtimes: BTreeMap<String, i64>,
    has_errors: bool,
}

#[derive(Default)]
struct Origin {
    help: Option<String>,
    files: Vec<String>,
}

impl Collector for Textfile {
    fn collect(&mut self, scrape: &mut Scrape<'_>) -> Result<Outcome, Failure> {
        let mut found = Found::default();
        for folder in self.patterns.iter().flat_map(|pattern| folders(pattern)) {
            match files_of(&folder) {
                Ok(files) => files.iter().for_each(|file| found.read(file, scrape)),
                Err(error) => found.fail(scrape, format!("{}: {error}", folder.display())),
            }
        }
        found.write(scrape);
        Ok(Outcome::Collected)
    }
}

/// The folders that a pattern means; itself where there is none, so that its absence is told.
fn folders(pattern: &str) -> Vec<PathBuf> {
    let found = glob(pattern);
    if found.is_empty() { vec![Path::new(pattern).components().collect()] } else { found }
}

fn files_of(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.as_os_str().as_encoded_bytes().ends_with(b".prom") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

impl Found {
    fn fail(&mut self, scrape: &mut Scrape<'_>, problem: String) {
        self.has_errors = true;
        scrape.item_failed(problem);
    }

    fn read(&mut self, file: &Path, scrape: &mut Scrape<'_>) {
        let name = file.display().to_string();
        let families = match read_file(file, scrape.buffer) {
            Ok(text) => Families::parse(text).map_err(|refusal| format!("{name}: {refusal}")),
            Err(error) => Err(error.to_string()),
        };
        // The time is asked after the file was read, so that a file that cannot be read does not look fresh.
        match families.and_then(|families| Ok((families, mtime(file)?))) {
            Ok((families, mtime)) => {
                families.into_iter().for_each(|family| self.add(family, &name, scrape));
                self.mtimes.insert(name, mtime);
            }
            Err(problem) => self.fail(scrape, problem),
        }
    }

    fn add(&mut self, family: FileFamily, file: &str, scrape: &mut Scrape<'_>) {
        if SPEC.families.iter().any(|own| own.name == family.name) {
            return self.fail(scrape, format!("{file}: {} is this collector's own", family.name));
        }
        let origin = self.origins.entry(family.name.clone()).or_default();
        if let (Some(known), Some(help)) = (&origin.help, &family.help)
            && known != help
        {
            let problem = format!("{file}: {} has another help text than in {}", family.name, origin.files.join(", "));
            return self.fail(scrape, problem);
        }
        origin.help = origin.help.take().or_else(|| family.help.clone());
        origin.files.push(file.to_owned());
        self.families.push(family);
    }

    fn write(&self, scrape: &mut Scrape<'_>) {
        let mut seen = HashSet::new();
        for family in &self.families {
            let Some(origin) = self.origins.get(&family.name) else { continue };
            let made_up = || format!("Metric read from {}", origin.files.join(", "));
            let help = origin.help.clone().unwrap_or_else(made_up);
            let (page, problems) = (&mut *scrape.page, &mut *scrape.problems);
            family.each(|suffix, labels, value| {
                let member = format!("{}{suffix}", family.name);
                if seen.insert((member.clone(), LabelText::new(labels.iter().copied()))) {
                    page.member_sample(&family.name, family.kind, &help, &member, labels, value);
                } else {
                    problems.push(format!("series of {member} is in two files with the same labels"));
                }
            });
        }
        self.write_own(scrape.page);
    }

    fn write_own(&self, page: &mut Page) {
        for (file, seconds) in &self.mtimes {
            page.sample(&MTIME, &[("file", file)], *seconds as f64);
        }
        page.sample(&SCRAPE_ERROR, &[], f64::from(u8::from(self.has_errors)));
    }
}

fn mtime(file: &Path) -> Result<i64, String> {
    fs::metadata(file).map(|metadata| metadata.mtime()).map_err(|error| format!("{}: {error}", file.display()))
}
