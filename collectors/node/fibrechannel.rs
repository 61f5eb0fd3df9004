//! `/sys/class/fc_host`: ports of Fibre Channel adapters, their links, frames and errors.
//! Kernel: 2.6.15 and later. Privileges: none. Cost: one listing, 24 reads per port; to read a counter means to ask the
//! adapter's firmware.

use std::path::Path;

use exposition::{Family, LabelText, counter, gauge};
use kernel::Host;
use kernel::scan::ParseError;
use kernel::sys::integer;

use super::attribute_labels::AttributeLabels;
use super::device_class::{Description, DeviceClass};
use super::readings::{self, Column};
use crate::Spec;

const INFO: Family =
    gauge("node_fibrechannel_info", "Non-numeric data from /sys/class/fc_host/<host>, value is always 1.");

macro_rules! column {
    ($name:literal, $file:literal, $help:literal) => {
        Column::new(
            counter(concat!("node_fibrechannel_", $name, "_total"), $help),
            concat!("statistics/", $file),
            counted,
        )
    };
}

const COLUMNS: [Column; 14] = [
    column!("dumped_frames", "dumped_frames", "Number of dumped frames"),
    column!("error_frames", "error_frames", "Number of errors in frames"),
    column!("fcp_packet_aborts", "fcp_packet_aborts", "Number of aborted packets"),
    column!("invalid_crc", "invalid_crc_count", "Invalid Cyclic Redundancy Check count"),
    column!("invalid_tx_words", "invalid_tx_word_count", "Number of invalid words transmitted by host port"),
    column!("link_failure", "link_failure_count", "Number of times the host port link has failed"),
    column!("loss_of_signal", "loss_of_signal_count", "Number of times signal has been lost"),
    column!("loss_of_sync", "loss_of_sync_count", "Number of failures on either bit or transmission word boundaries"),
    column!("nos", "nos_count", "Number Not_Operational Primitive Sequence received by host port"),
    column!("rx_frames", "rx_frames", "Number of frames received"),
    column!("rx_words", "rx_words", "Number of words received by host port"),
    column!("seconds_since_last_reset", "seconds_since_last_reset", "Number of seconds since last host port reset"),
    column!("tx_frames", "tx_frames", "Number of frames transmitted by host port"),
    column!("tx_words", "tx_words", "Number of words transmitted by host port"),
];

pub const SPEC: Spec = Spec {
    name: "fibrechannel",
    is_on_by_default: true,
    help: "ports of Fibre Channel adapters, from /sys/class/fc_host",
    families: &readings::families::<{ 1 + COLUMNS.len() }>(&[INFO], &COLUMNS),
    flags: &[],
    build: |host, _| Ok(Box::new(ports(host))),
};

fn ports(host: &Host) -> DeviceClass {
    let describe = |host: &Host, name: &str, path: &Path, _: &mut Vec<u8>| {
        let attribute = |file| host.attribute(path.join(file));
        let info = AttributeLabels::new()
            .read_from("dev_loss_tmo", attribute("dev_loss_tmo"))
            .read_hexadecimal_from("fabric_name", attribute("fabric_name"))
            .fixed("fc_host", name)
            .read_hexadecimal_from("port_id", attribute("port_id"))
            .read_hexadecimal_from("port_name", attribute("port_name"))
            .read_from("port_state", attribute("port_state"))
            .read_from("port_type", attribute("port_type"))
            .read_from("speed", attribute("speed"))
            .read_from("supported_classes", attribute("supported_classes"))
            .read_from("supported_speeds", attribute("supported_speeds"))
            .read_from("symbolic_name", attribute("symbolic_name"));
        Some(Description { labels: LabelText::new([("fc_host", name)]), info })
    };
    DeviceClass::new(host, "class/fc_host", &COLUMNS, describe).with_info(INFO).showing_missing_as_zero()
}

/// A counter that the adapter does not have has all bits set.
fn counted(bytes: &[u8]) -> Result<Option<f64>, ParseError> {
    let count = integer::unsigned(bytes)?;
    Ok((count != u64::MAX).then_some(count as f64))
}
