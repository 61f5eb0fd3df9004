//! `/proc/slabinfo`: caches of the kernel's own objects.
//! Kernel: 2.6.10 and later. Privileges: root (or CAP_DAC_OVERRIDE). Cost: one read per page, some 200 lines; reading
//! takes the lock of all caches, so it is off by default.

use exposition::{Family, LabelText, gauge};
use kernel::proc::slabinfo::{Slab, slabs};
use kernel::{Host, KeptFile, scan};

use super::device_filter::DeviceFilter;
use super::parsed::parsed;
use super::remembered::Remembered;
use crate::{Collector, Failure, Flag, FlagKind, Outcome, Scrape, Settings, SettingsError, Spec};

const ACTIVE_OBJECTS: Family =
    gauge("node_slabinfo_active_objects", "The number of objects that are currently active (i.e., in use).");
const OBJECTS: Family = gauge("node_slabinfo_objects", "The number of objects that there are, in use or not.");
const OBJECT_BYTES: Family = gauge("node_slabinfo_object_size_bytes", "The size of objects in this slab, in bytes.");
const OBJECTS_PER_SLAB: Family = gauge("node_slabinfo_objects_per_slab", "The number of objects stored in each slab.");
const PAGES_PER_SLAB: Family = gauge("node_slabinfo_pages_per_slab", "The number of pages allocated for each slab.");

type Column = (Family, fn(&Slab<'_>) -> u64);

const COLUMNS: [Column; 5] = [
    (ACTIVE_OBJECTS, |slab| slab.active_objects),
    (OBJECTS, |slab| slab.objects),
    (OBJECT_BYTES, |slab| slab.object_bytes),
    (OBJECTS_PER_SLAB, |slab| slab.objects_per_slab),
    (PAGES_PER_SLAB, |slab| slab.pages_per_slab),
];

const INCLUDE: Flag = Flag {
    name: "collector.slabinfo.slabs-include",
    kind: FlagKind::Text { default: ".*" },
    help: "regular expression of the slabs to include",
    aliases: &[],
};
const EXCLUDE: Flag = Flag {
    name: "collector.slabinfo.slabs-exclude",
    kind: FlagKind::Text { default: "" },
    help: "regular expression of the slabs to exclude",
    aliases: &[],
};

pub const SPEC: Spec = Spec {
    name: "slabinfo",
    is_on_by_default: false,
    help: "caches of the kernel's own objects, from /proc/slabinfo",
    families: &[ACTIVE_OBJECTS, OBJECTS, OBJECT_BYTES, OBJECTS_PER_SLAB, PAGES_PER_SLAB],
    flags: &[INCLUDE, EXCLUDE],
    build: |host, settings| Ok(Box::new(Slabinfo::new(host, settings)?)),
};

struct Slabinfo {
    file: KeptFile,
    filter: DeviceFilter,
    /// `None` for one that is not wanted, and for a name that was there before: kernels allow two caches of one name.
    slabs: Remembered<Option<LabelText>>,
}

impl Slabinfo {
    fn new(host: &Host, settings: &Settings) -> Result<Self, SettingsError> {
        Ok(Slabinfo {
            file: host.proc_file("slabinfo"),
            filter: DeviceFilter::from_both_flags(settings, INCLUDE.name, EXCLUDE.name)?,
            slabs: Remembered::default(),
        })
    }
}

impl Collector for Slabinfo {
    fn collect(&mut self, scrape: &mut Scrape<'_>) -> Result<Outcome, Failure> {
        let bytes = match self.file.read(scrape.buffer) {
            Ok(bytes) => bytes,
            Err(error) => return Outcome::of_error(error),
        };
        let filter = &self.filter;
        for (place, slab) in parsed(slabs(bytes), self.file.path(), scrape.problems).enumerate() {
            let labels = self.slabs.at_unless_twice(place, slab.name, |is_twice| {
                let name = scan::to_text(slab.name);
                (!is_twice && filter.is_wanted(&name)).then(|| LabelText::new([("slab", name.as_str())]))
            });
            let Some(labels) = labels else { continue };
            for (family, column) in &COLUMNS {
                scrape.page.labelled_sample(family, labels, &[], column(&slab) as f64);
            }
        }
        Ok(Outcome::Collected)
    }
}
