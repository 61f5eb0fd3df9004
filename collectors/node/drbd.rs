//! `/proc/drbd`: devices that are mirrored over the network by DRBD 8.
//! Kernel: any with DRBD 8. Privileges: none. Cost: one read of about 200 bytes per device.

use exposition::{Family, LabelText, counter, gauge};
use kernel::proc::drbd::{Word, words};
use kernel::scan::{ParseError, parse_u64};
use kernel::{Error, KeptFile};

use crate::{Collector, Failure, Outcome, Scrape, Spec};

const ACTIVITYLOG_WRITES: Family =
    counter("node_drbd_activitylog_writes_total", "Number of updates of the activity log area of the meta data.");
const APPLICATION_PENDING: Family = gauge(
    "node_drbd_application_pending",
    "Number of block I/O requests forwarded to DRBD, but not yet answered by DRBD.",
);
const BITMAP_WRITES: Family =
    counter("node_drbd_bitmap_writes_total", "Number of updates of the bitmap area of the meta data.");
const CONNECTED: Family = gauge("node_drbd_connected", "Whether DRBD is connected to the peer.");
const DISK_READ_BYTES: Family =
    counter("node_drbd_disk_read_bytes_total", "Net data read from local hard disk; in bytes.");
const DISK_STATE_IS_UP_TO_DATE: Family =
    gauge("node_drbd_disk_state_is_up_to_date", "Whether the disk of the node is up to date.");
const DISK_WRITTEN_BYTES: Family =
    counter("node_drbd_disk_written_bytes_total", "Net data written on local hard disk; in bytes.");
const EPOCHS: Family = gauge("node_drbd_epochs", "Number of Epochs currently on the fly.");
const LOCAL_PENDING: Family = gauge("node_drbd_local_pending", "Number of open requests to the local I/O sub-system.");
// In KiB in truth: node_exporter does not multiply this one, and neither do we.
const NETWORK_RECEIVED_BYTES: Family =
    counter("node_drbd_network_received_bytes_total", "Total number of bytes received via the network.");
const NETWORK_SENT_BYTES: Family =
    counter("node_drbd_network_sent_bytes_total", "Total number of bytes sent via the network.");
const NODE_ROLE_IS_PRIMARY: Family =
    gauge("node_drbd_node_role_is_primary", "Whether the role of the node is in the primary state.");
const OUT_OF_SYNC_BYTES: Family =
    gauge("node_drbd_out_of_sync_bytes", "Amount of data known to be out of sync; in bytes.");
const REMOTE_PENDING: Family =
    gauge("node_drbd_remote_pending", "Number of requests sent to the peer that it has not answered yet.");
const REMOTE_UNACKNOWLEDGED: Family =
    gauge("node_drbd_remote_unacknowledged", "Number of requests received from the peer and not answered yet.");

/// Key in the file, family, and what to multiply with.
const NUMBERS: [(&[u8], Family, f64); 12] = [
    (b"ns", NETWORK_SENT_BYTES, 1024.0),
    (b"nr", NETWORK_RECEIVED_BYTES, 1.0),
    (b"dw", DISK_WRITTEN_BYTES, 1024.0),
    (b"dr", DISK_READ_BYTES, 1024.0),
    (b"al", ACTIVITYLOG_WRITES, 1.0),
    (b"bm", BITMAP_WRITES, 1.0),
    (b"lo", LOCAL_PENDING, 1.0),
    (b"pe", REMOTE_PENDING, 1.0),
    (b"ua", REMOTE_UNACKNOWLEDGED, 1.0),
    (b"ap", APPLICATION_PENDING, 1.0),
    (b"ep", EPOCHS, 1.0),
    (b"oos", OUT_OF_SYNC_BYTES, 1024.0),
];

/// Key in the file, family, and the word that means yes; one for this node and one for the peer.
const PAIRS: [(&[u8], Family, &[u8]); 2] =
    [(b"ro", NODE_ROLE_IS_PRIMARY, b"Primary"), (b"ds", DISK_STATE_IS_UP_TO_DATE, b"UpToDate")];

pub const SPEC: Spec = Spec {
    name: "drbd",
    is_on_by_default: false,
    help: "devices mirrored by DRBD 8, from /proc/drbd",
    families: &[
        ACTIVITYLOG_WRITES,
        APPLICATION_PENDING,
        BITMAP_WRITES,
        CONNECTED,
        DISK_READ_BYTES,
        DISK_STATE_IS_UP_TO_DATE,
        DISK_WRITTEN_BYTES,
        EPOCHS,
        LOCAL_PENDING,
        NETWORK_RECEIVED_BYTES,
        NETWORK_SENT_BYTES,
        NODE_ROLE_IS_PRIMARY,
        OUT_OF_SYNC_BYTES,
        REMOTE_PENDING,
        REMOTE_UNACKNOWLEDGED,
    ],
    flags: &[],
    build: |host, _| Ok(Box::new(Drbd { file: host.proc_file("drbd"), devices: Vec::new() })),
};

struct Drbd {
    file: KeptFile,
    /// Labels by the number of the device.
    devices: Vec<(u64, LabelText)>,
}

impl Collector for Drbd {
    fn collect(&mut self, scrape: &mut Scrape<'_>) -> Result<Outcome, Failure> {
        let bytes = match self.file.read(scrape.buffer) {
            Ok(bytes) => bytes,
            Err(error) => return Outcome::of_error(error),
        };
        let mut seen = 0;
        for word in words(bytes) {
            match word {
                Word::Device(number) => {
                    if self.devices.get(seen).is_none_or(|(known, _)| *known != number) {
                        self.devices.truncate(seen);
                        let labels = LabelText::new([("device", format!("drbd{number}").as_str())]);
                        self.devices.push((number, labels));
                    }
                    seen += 1;
                }
                Word::Pair { key, value } => {
                    // The first word is a device.
                    let Some((_, device)) = seen.checked_sub(1).and_then(|last| self.devices.get(last)) else {
                        continue;
                    };
                    if let Err(problem) = write_pair(key, value, device, scrape.page) {
                        scrape.problems.push(Error::parse(self.file.path(), problem).to_string());
                    }
                }
            }
        }
        Ok(Outcome::Collected)
    }
}

fn write_pair(key: &[u8], value: &[u8], device: &LabelText, page: &mut exposition::Page) -> Result<(), ParseError> {
    let as_number = |is: bool| if is { 1.0 } else { 0.0 };
    if key == b"cs" {
        page.labelled_sample(&CONNECTED, device, &[], as_number(value == b"Connected"));
    } else if let Some((_, family, factor)) = NUMBERS.iter().find(|(name, ..)| *name == key) {
        let number = parse_u64(value).ok_or_else(|| ParseError::new(0, "a number", value))?;
        page.labelled_sample(family, device, &[], number as f64 * factor);
    } else if let Some((_, family, yes)) = PAIRS.iter().find(|(name, ..)| *name == key) {
        let mut sides = value.split(|byte| *byte == b'/');
        let (Some(local), Some(remote)) = (sides.next(), sides.next()) else {
            return Err(ParseError::new(0, "this node's and the peer's", value));
        };
        page.labelled_sample(family, device, &[("node", "local")], as_number(local == *yes));
        page.labelled_sample(family, device, &[("node", "remote")], as_number(remote == *yes));
    }
    Ok(())
}
