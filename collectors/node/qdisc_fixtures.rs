//! Queueing disciplines from a file, for the flag `collector.qdisc.fixtures`: `results.json`, an array of what
//! node_exporter's library makes of the kernel's answers. What is left out of an object is 0.

use kernel::netlink::QdiscCounters;

use super::json_fixture::{Object, read_objects};

pub struct QdiscFixtures {
    folder: std::path::PathBuf,
}

impl QdiscFixtures {
    pub fn new(folder: &str) -> Self {
        QdiscFixtures { folder: folder.into() }
    }

    /// Calls `each` with device, kind and counters of every root discipline.
    pub fn read(
        &self,
        problems: &mut Vec<String>,
        mut each: impl FnMut(&str, &str, QdiscCounters),
    ) -> kernel::Result<()> {
        let path = self.folder.join("results.json");
        for object in read_objects(&path)? {
            match read_one(&object) {
                Ok((0, device, kind, counters)) => each(&device, &kind, counters),
                Ok(_) => {}
                Err(problem) => problems.push(format!("{}: {problem}", path.display())),
            }
        }
        Ok(())
    }
}

/// With the parent first; 0 for the root.
fn read_one(object: &Object) -> Result<(u32, String, String, QdiscCounters), String> {
    let counters = QdiscCounters {
        bytes: object.number("Bytes")?,
        packets: object.number("Packets")?,
        drops: object.number("Drops")?,
        requeues: object.number("Requeues")?,
        overlimits: object.number("Overlimits")?,
        queue_length: object.number("Qlen")?,
        backlog_bytes: object.number("Backlog")?,
    };
    Ok((object.number("Parent")?, object.text("IfaceName")?, object.text("Kind")?, counters))
}
