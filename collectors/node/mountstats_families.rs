//! The families of the collector `mountstats`, in the order in which the kernel gives their values.

use exposition::{Family, counter, gauge};
use kernel::proc::mountstats::{Operation, Transport};

/// A number of a connection.
type OfTransport = fn(&Transport<'_>) -> u64;
/// A number of a kind of request, in the family's unit.
type OfOperation = fn(&Operation<'_>) -> f64;

pub const AGE: Family = counter("node_mountstats_nfs_age_seconds_total", "The age of the NFS mount in seconds.");
pub const MOUNTPOINT: Family = gauge("node_mountstats_nfs_mountpoint_info", "Info metric for an NFS mountpoint.");

/// By the place of the number in the line of bytes.
pub const BYTES: [Family; 8] = [
    counter("node_mountstats_nfs_read_bytes_total", "Number of bytes read using the read() syscall."),
    counter("node_mountstats_nfs_write_bytes_total", "Number of bytes written using the write() syscall."),
    counter(
        "node_mountstats_nfs_direct_read_bytes_total",
        "Number of bytes read using the read() syscall in O_DIRECT mode.",
    ),
    counter(
        "node_mountstats_nfs_direct_write_bytes_total",
        "Number of bytes written using the write() syscall in O_DIRECT mode.",
    ),
    counter("node_mountstats_nfs_total_read_bytes_total", "Number of bytes read from the NFS server, in total."),
    counter("node_mountstats_nfs_total_write_bytes_total", "Number of bytes written to the NFS server, in total."),
    counter("node_mountstats_nfs_read_pages_total", "Number of pages read directly via mmap()'d files."),
    counter("node_mountstats_nfs_write_pages_total", "Number of pages written directly via mmap()'d files."),
];

/// By the place of the number in the line of events; one of them means nothing.
pub const EVENT: [Option<Family>; 27] = [
    Some(counter(
        "node_mountstats_nfs_event_inode_revalidate_total",
        "Number of times cached inode attributes are re-validated from the server.",
    )),
    Some(counter(
        "node_mountstats_nfs_event_dnode_revalidate_total",
        "Number of times cached dentry nodes are re-validated from the server.",
    )),
    Some(counter("node_mountstats_nfs_event_data_invalidate_total", "Number of times an inode cache is cleared.")),
    Some(counter(
        "node_mountstats_nfs_event_attribute_invalidate_total",
        "Number of times cached inode attributes are invalidated.",
    )),
    Some(counter(
        "node_mountstats_nfs_event_vfs_open_total",
        "Number of times files and directories have been opened.",
    )),
    Some(counter("node_mountstats_nfs_event_vfs_lookup_total", "Number of times a directory lookup has occurred.")),
    Some(counter("node_mountstats_nfs_event_vfs_access_total", "Number of times permissions have been checked.")),
    Some(counter(
        "node_mountstats_nfs_event_vfs_update_page_total",
        "Number of updates (and potential writes) to pages.",
    )),
    Some(counter("node_mountstats_nfs_event_vfs_read_page_total", "Number of pages read directly via mmap()'d files.")),
    Some(counter("node_mountstats_nfs_event_vfs_read_pages_total", "Number of times a group of pages have been read.")),
    Some(counter(
        "node_mountstats_nfs_event_vfs_write_page_total",
        "Number of pages written directly via mmap()'d files.",
    )),
    Some(counter(
        "node_mountstats_nfs_event_vfs_write_pages_total",
        "Number of times a group of pages have been written.",
    )),
    Some(counter(
        "node_mountstats_nfs_event_vfs_getdents_total",
        "Number of times directory entries have been read with getdents().",
    )),
    Some(counter("node_mountstats_nfs_event_vfs_setattr_total", "Number of times attributes have been set.")),
    Some(counter(
        "node_mountstats_nfs_event_vfs_flush_total",
        "Number of pending writes that have been forcefully flushed to the server.",
    )),
    Some(counter(
        "node_mountstats_nfs_event_vfs_fsync_total",
        "Number of times fsync() has been called on directories and files.",
    )),
    Some(counter("node_mountstats_nfs_event_vfs_lock_total", "Number of times locking has been attempted on a file.")),
    Some(counter(
        "node_mountstats_nfs_event_vfs_file_release_total",
        "Number of times files have been closed and released.",
    )),
    None,
    Some(counter("node_mountstats_nfs_event_truncation_total", "Number of times files have been truncated.")),
    Some(counter(
        "node_mountstats_nfs_event_write_extension_total",
        "Number of times a file has been grown due to writes beyond its existing end.",
    )),
    Some(counter(
        "node_mountstats_nfs_event_silly_rename_total",
        "Number of times a file was removed while still open by another process.",
    )),
    Some(counter(
        "node_mountstats_nfs_event_short_read_total",
        "Number of times the NFS server gave less data than expected while reading.",
    )),
    Some(counter(
        "node_mountstats_nfs_event_short_write_total",
        "Number of times the NFS server wrote less data than expected while writing.",
    )),
    Some(counter(
        "node_mountstats_nfs_event_jukebox_delay_total",
        "Number of times the server asked to wait for data from offline storage.",
    )),
    Some(counter("node_mountstats_nfs_event_pnfs_read_total", "Number of NFS v4.1+ pNFS reads.")),
    Some(counter("node_mountstats_nfs_event_pnfs_write_total", "Number of NFS v4.1+ pNFS writes.")),
];

pub const TRANSPORT: [(Family, OfTransport); 10] = [
    (
        counter(
            "node_mountstats_nfs_transport_bind_total",
            "Number of times the client had to connect to the server from scratch.",
        ),
        |transport| transport.binds,
    ),
    (
        counter(
            "node_mountstats_nfs_transport_connect_total",
            "Number of times the client has made a TCP connection to the NFS server.",
        ),
        |transport| transport.connects,
    ),
    (
        gauge(
            "node_mountstats_nfs_transport_idle_time_seconds",
            "Duration since the NFS mount last saw any RPC traffic, in seconds.",
        ),
        |transport| transport.idle_seconds,
    ),
    (
        counter(
            "node_mountstats_nfs_transport_sends_total",
            "Number of RPC requests for this mount sent to the NFS server.",
        ),
        |transport| transport.sends,
    ),
    (
        counter(
            "node_mountstats_nfs_transport_receives_total",
            "Number of RPC responses for this mount received from the NFS server.",
        ),
        |transport| transport.receives,
    ),
    (
        counter(
            "node_mountstats_nfs_transport_bad_transaction_ids_total",
            "Number of answers of the server to no known request.",
        ),
        |transport| transport.bad_transaction_ids,
    ),
    (
        counter(
            "node_mountstats_nfs_transport_backlog_queue_total",
            "Total number of items added to the RPC backlog queue.",
        ),
        |transport| transport.backlog_queue,
    ),
    (
        gauge(
            "node_mountstats_nfs_transport_maximum_rpc_slots",
            "Maximum number of simultaneously active RPC requests ever used.",
        ),
        |transport| transport.max_rpc_slots,
    ),
    (
        counter(
            "node_mountstats_nfs_transport_sending_queue_total",
            "Total number of items added to the RPC transmission sending queue.",
        ),
        |transport| transport.sending_queue,
    ),
    (
        counter(
            "node_mountstats_nfs_transport_pending_queue_total",
            "Total number of items added to the RPC transmission pending queue.",
        ),
        |transport| transport.pending_queue,
    ),
];

pub const OPERATION: [(Family, OfOperation); 8] = [
    (
        counter("node_mountstats_nfs_operations_requests_total", "Number of requests performed for a given operation."),
        |operation| operation.requests as f64,
    ),
    (
        counter(
            "node_mountstats_nfs_operations_transmissions_total",
            "Number of times an actual RPC request has been transmitted for a given operation.",
        ),
        |operation| operation.transmissions as f64,
    ),
    (
        counter(
            "node_mountstats_nfs_operations_major_timeouts_total",
            "Number of times a request has had a major timeout for a given operation.",
        ),
        |operation| operation.major_timeouts as f64,
    ),
    (
        counter(
            "node_mountstats_nfs_operations_sent_bytes_total",
            "Number of bytes sent for a given operation, including RPC headers and payload.",
        ),
        |operation| operation.sent_bytes as f64,
    ),
    (
        counter(
            "node_mountstats_nfs_operations_received_bytes_total",
            "Number of bytes received for a given operation, including RPC headers and payload.",
        ),
        |operation| operation.received_bytes as f64,
    ),
    (
        counter(
            "node_mountstats_nfs_operations_queue_time_seconds_total",
            "Time that all requests of an operation waited to be sent, in seconds.",
        ),
        |operation| seconds(operation.queue_ms),
    ),
    (
        counter(
            "node_mountstats_nfs_operations_response_time_seconds_total",
            "Time from sending to the answer of all requests of an operation, in seconds.",
        ),
        |operation| seconds(operation.response_ms),
    ),
    (
        counter(
            "node_mountstats_nfs_operations_request_time_seconds_total",
            "Time from being queued to being done of all requests of an operation, in seconds.",
        ),
        |operation| seconds(operation.request_ms),
    ),
];

/// All of them.
pub const FAMILIES: [Family; 54] = {
    let mut all = [AGE; 54];
    all[1] = MOUNTPOINT;
    let mut count = 2;
    let mut place = 0;
    while place < BYTES.len() {
        all[count] = BYTES[place];
        count += 1;
        place += 1;
    }
    place = 0;
    while place < EVENT.len() {
        if let Some(family) = EVENT[place] {
            all[count] = family;
            count += 1;
        }
        place += 1;
    }
    place = 0;
    while place < TRANSPORT.len() {
        all[count] = TRANSPORT[place].0;
        count += 1;
        place += 1;
    }
    place = 0;
    while place < OPERATION.len() {
        all[count] = OPERATION[place].0;
        count += 1;
        place += 1;
    }
    all
};

/// A wrapped counter of the kernel would lose digits as a float; node_exporter cuts it to those that a float has.
fn seconds(milliseconds: u64) -> f64 {
    (milliseconds % (1 << f64::MANTISSA_DIGITS)) as f64 / 1000.0
}
