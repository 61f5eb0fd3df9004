//! When a cgroup began, and that it is still there. The runtime knows best; then the first process' start; else the
//! cgroup's directory tells, whose time is that of its making unless children came or went since.

use std::fs::{self, Metadata};
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use exposition::{Family, Page, gauge};

use super::cgroup::{Cgroup, Place};
use super::column::{self, Column, column, families};

const LAST_SEEN: Family =
    gauge("container_last_seen", "Time of this scrape, in seconds since the epoch: the container is there.");

const COLUMNS: [Column; 2] = [
    column(
        gauge("container_creation_time_seconds", "When the container was made, in seconds since the epoch."),
        |cgroup| {
            let known = cgroup.metadata.as_ref().and_then(|metadata| metadata.created_seconds);
            known.or(cgroup.times.directory_seconds)
        },
    ),
    column(
        gauge("container_start_time_seconds", "When the container was started, in seconds since the epoch."),
        |cgroup| {
            let metadata = cgroup.metadata.as_ref();
            let started = metadata.and_then(|metadata| metadata.started_seconds);
            started.or(metadata.and_then(|metadata| metadata.created_seconds)).or(cgroup.times.directory_seconds)
        },
    ),
];

const OF_COLUMNS: [Family; 2] = families(&COLUMNS);
pub const FAMILIES: &[Family] = &column::joined::<3>(&[&[LAST_SEEN], &OF_COLUMNS]);

pub struct Times {
    /// Seconds since the epoch.
    directory_seconds: Option<f64>,
}

impl Times {
    /// Cost: up to three stats, once for each cgroup.
    pub fn read(place: &Place<'_>) -> Times {
        let Some(root) = place.hierarchies.walked() else { return Times { directory_seconds: None } };
        let directory = place.below(root);
        // Files are as old as their directory, but their time does not move when children come and go.
        let files = ["cgroup.clone_children", "cgroup.events"].map(|name| changed(&directory.join(name)));
        let oldest = files.into_iter().chain([changed(&directory)]).flatten().min();
        Times { directory_seconds: oldest.map(|time| time.as_secs_f64()) }
    }
}

fn changed(path: &Path) -> Option<Duration> {
    let time = fs::metadata(path).and_then(|metadata: Metadata| metadata.modified()).ok()?;
    time.duration_since(UNIX_EPOCH).ok()
}

pub fn write(page: &mut Page, cgroups: &[Cgroup]) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    for cgroup in cgroups {
        page.labelled_sample(&LAST_SEEN, &cgroup.labels, &[], now as f64);
    }
    column::write(page, &COLUMNS, cgroups);
}
