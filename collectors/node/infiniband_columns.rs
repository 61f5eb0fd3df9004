//! The columns of the collector `infiniband`: families and the attributes of a port that they show.

use exposition::{counter, gauge};
use kernel::scan::ParseError;
use kernel::sys::infiniband::{count, rate, state_id};

use super::readings::Column;

macro_rules! counter {
    ($name:literal, $file:literal, $number:ident, $help:literal) => {
        Column::new(counter(concat!("node_infiniband_", $name), $help), $file, $number)
    };
}

pub const COLUMNS: [Column; 63] = [
    Column::new(
        gauge(
            "node_infiniband_physical_state_id",
            "Physical state of the InfiniBand port (0: no change, 1: sleep, 2: polling, 3: disable, 4: shift, \
             5: link up, 6: link error recover, 7: phytest)",
        ),
        "phys_state",
        state,
    ),
    Column::new(gauge("node_infiniband_rate_bytes_per_second", "Maximum signal transfer rate"), "rate", |bytes| {
        Ok(Some(rate(bytes)? as f64))
    }),
    Column::new(
        gauge(
            "node_infiniband_state_id",
            "State of the InfiniBand port (0: no change, 1: down, 2: init, 3: armed, 4: active, 5: act defer)",
        ),
        "state",
        state,
    ),
    counter!(
        "excessive_buffer_overrun_errors_total",
        "counters/excessive_buffer_overrun_errors",
        events,
        "Times that a packet arrived and its buffer was full"
    ),
    counter!(
        "link_downed_total",
        "counters/link_downed",
        events,
        "Number of times the link failed to recover from an error state and went down"
    ),
    counter!(
        "link_error_recovery_total",
        "counters/link_error_recovery",
        events,
        "Number of times the link successfully recovered from an error state"
    ),
    counter!(
        "local_link_integrity_errors_total",
        "counters/local_link_integrity_errors",
        events,
        "Times that local physical errors went past their threshold"
    ),
    counter!(
        "multicast_packets_received_total",
        "counters/multicast_rcv_packets",
        events,
        "Number of multicast packets received (including errors)"
    ),
    counter!(
        "multicast_packets_transmitted_total",
        "counters/multicast_xmit_packets",
        events,
        "Number of multicast packets transmitted (including errors)"
    ),
    counter!(
        "port_constraint_errors_received_total",
        "counters/port_rcv_constraint_errors",
        events,
        "Number of packets received on the switch physical port that are discarded"
    ),
    counter!(
        "port_constraint_errors_transmitted_total",
        "counters/port_xmit_constraint_errors",
        events,
        "Number of packets not transmitted from the switch physical port"
    ),
    counter!(
        "port_data_received_bytes_total",
        "counters/port_rcv_data",
        octets,
        "Number of data octets received on all links"
    ),
    counter!(
        "port_data_transmitted_bytes_total",
        "counters/port_xmit_data",
        octets,
        "Number of data octets transmitted on all links"
    ),
    counter!(
        "port_discards_received_total",
        "counters/port_rcv_discards",
        events,
        "Number of inbound packets discarded by the port because the port is down or congested"
    ),
    counter!(
        "port_discards_transmitted_total",
        "counters/port_xmit_discards",
        events,
        "Number of outbound packets discarded by the port because the port is down or congested"
    ),
    counter!(
        "port_errors_received_total",
        "counters/port_rcv_errors",
        events,
        "Number of packets containing an error that were received on this port"
    ),
    counter!(
        "port_packets_received_total",
        "counters/port_rcv_packets",
        events,
        "Number of packets received on all VLs by this port (including errors)"
    ),
    counter!(
        "port_packets_transmitted_total",
        "counters/port_xmit_packets",
        events,
        "Number of packets transmitted on all VLs from this port (including errors)"
    ),
    counter!(
        "port_receive_remote_physical_errors_total",
        "counters/port_rcv_remote_physical_errors",
        events,
        "Packets received that were marked bad on their way"
    ),
    counter!(
        "port_receive_switch_relay_errors_total",
        "counters/port_rcv_switch_relay_errors",
        events,
        "Packets that could not be passed on by the switch"
    ),
    counter!(
        "port_transmit_wait_total",
        "counters/port_xmit_wait",
        events,
        "Ticks in which the port had something to send and sent nothing"
    ),
    counter!("symbol_error_total", "counters/symbol_error", events, "Minor errors on one or more physical lanes"),
    counter!(
        "unicast_packets_received_total",
        "counters/unicast_rcv_packets",
        events,
        "Number of unicast packets received (including errors)"
    ),
    counter!(
        "unicast_packets_transmitted_total",
        "counters/unicast_xmit_packets",
        events,
        "Number of unicast packets transmitted (including errors)"
    ),
    counter!("vl15_dropped_total", "counters/VL15_dropped", events, "Management packets dropped for want of room"),
    counter!(
        "legacy_data_received_bytes_total",
        "counters_ext/port_rcv_data_64",
        octets,
        "Number of data octets received on all links"
    ),
    counter!(
        "legacy_data_transmitted_bytes_total",
        "counters_ext/port_xmit_data_64",
        octets,
        "Number of data octets transmitted on all links"
    ),
    counter!(
        "legacy_multicast_packets_received_total",
        "counters_ext/port_multicast_rcv_packets",
        events,
        "Number of multicast packets received"
    ),
    counter!(
        "legacy_multicast_packets_transmitted_total",
        "counters_ext/port_multicast_xmit_packets",
        events,
        "Number of multicast packets transmitted"
    ),
    counter!(
        "legacy_packets_received_total",
        "counters_ext/port_rcv_packets_64",
        events,
        "Number of data packets received on all links"
    ),
    counter!(
        "legacy_packets_transmitted_total",
        "counters_ext/port_xmit_packets_64",
        events,
        "Number of data packets transmitted on all links"
    ),
    counter!(
        "legacy_unicast_packets_received_total",
        "counters_ext/port_unicast_rcv_packets",
        events,
        "Number of unicast packets received"
    ),
    counter!(
        "legacy_unicast_packets_transmitted_total",
        "counters_ext/port_unicast_xmit_packets",
        events,
        "Number of unicast packets transmitted"
    ),
    counter!(
        "duplicate_requests_packets_total",
        "hw_counters/duplicate_request",
        events,
        "Requests received that repeat one received before"
    ),
    counter!(
        "implied_nak_seq_errors_total",
        "hw_counters/implied_nak_seq_err",
        events,
        "Times that the receiver got a read response or acknowledgement out of order"
    ),
    Column::new(
        gauge("node_infiniband_lifespan_seconds", "How old the counters can be when they are read"),
        "hw_counters/lifespan",
        whole_seconds,
    ),
    counter!(
        "local_ack_timeout_errors_total",
        "hw_counters/local_ack_timeout_err",
        events,
        "Times that the acknowledgement timer ran out"
    ),
    counter!("np_cnp_packets_sent_total", "hw_counters/np_cnp_sent", events, "Congestion notifications sent"),
    counter!(
        "np_ecn_marked_roce_packets_received_total",
        "hw_counters/np_ecn_marked_roce_packets",
        events,
        "RoCE packets received that were marked for congestion"
    ),
    counter!(
        "out_of_buffer_drops_total",
        "hw_counters/out_of_buffer",
        events,
        "Packets dropped for want of a receive buffer"
    ),
    counter!(
        "out_of_sequence_packets_received_total",
        "hw_counters/out_of_sequence",
        events,
        "Packets received out of order"
    ),
    counter!(
        "packet_sequence_errors_total",
        "hw_counters/packet_seq_err",
        events,
        "Negative acknowledgements for wrong sequence numbers received"
    ),
    counter!(
        "req_cqes_errors_total",
        "hw_counters/req_cqe_error",
        events,
        "Completions of requests that ended in an error"
    ),
    counter!(
        "req_cqes_flush_errors_total",
        "hw_counters/req_cqe_flush_error",
        events,
        "Completions of requests that were flushed"
    ),
    counter!(
        "req_remote_access_errors_total",
        "hw_counters/req_remote_access_errors",
        events,
        "Requests that the remote side refused for lack of access"
    ),
    counter!(
        "req_remote_invalid_request_errors_total",
        "hw_counters/req_remote_invalid_request",
        events,
        "Requests that the remote side found invalid"
    ),
    counter!(
        "resp_cqes_errors_total",
        "hw_counters/resp_cqe_error",
        events,
        "Completions of responses that ended in an error"
    ),
    counter!(
        "resp_cqes_flush_errors_total",
        "hw_counters/resp_cqe_flush_error",
        events,
        "Completions of responses that were flushed"
    ),
    counter!(
        "resp_local_length_errors_total",
        "hw_counters/resp_local_length_error",
        events,
        "Responses whose length was wrong here"
    ),
    counter!(
        "resp_remote_access_errors_total",
        "hw_counters/resp_remote_access_errors",
        events,
        "Responses refused to the remote side for lack of access"
    ),
    counter!(
        "rnr_nak_retry_packets_received_total",
        "hw_counters/rnr_nak_retry_err",
        events,
        "Receiver-not-ready acknowledgements received"
    ),
    counter!(
        "roce_adp_retransmits_timeout_total",
        "hw_counters/roce_adp_retrans_to",
        events,
        "Times that RoCE traffic timed out because of adaptive retransmission"
    ),
    counter!(
        "roce_adp_retransmits_total",
        "hw_counters/roce_adp_retrans",
        events,
        "Adaptive retransmissions of RoCE traffic"
    ),
    counter!(
        "roce_slow_restart_cnps_total",
        "hw_counters/roce_slow_restart_cnps",
        events,
        "Congestion notifications that RoCE slow restart made"
    ),
    counter!(
        "roce_slow_restart_total",
        "hw_counters/roce_slow_restart_trans",
        events,
        "Times that RoCE slow restart changed to slow"
    ),
    counter!(
        "roce_slow_restart_used_total",
        "hw_counters/roce_slow_restart",
        events,
        "Times that RoCE slow restart was used"
    ),
    counter!(
        "rp_cnp_ignored_packets_received_total",
        "hw_counters/rp_cnp_ignored",
        events,
        "Congestion notifications received and ignored"
    ),
    counter!("rp_cnp_packets_handled_total", "hw_counters/rp_cnp_handled", events, "Congestion notifications handled"),
    counter!("rx_atomic_requests_total", "hw_counters/rx_atomic_requests", events, "Atomic requests received"),
    counter!(
        "rx_dct_connect_requests_total",
        "hw_counters/rx_dct_connect",
        events,
        "Requests to connect by dynamically connected transport received"
    ),
    counter!(
        "rx_icrc_encapsulated_errors_total",
        "hw_counters/rx_icrc_encapsulated",
        events,
        "RoCE packets received with a wrong checksum"
    ),
    counter!("rx_read_requests_total", "hw_counters/rx_read_requests", events, "Read requests received"),
    counter!("rx_write_requests_total", "hw_counters/rx_write_requests", events, "Write requests received"),
];

fn state(bytes: &[u8]) -> Result<Option<f64>, ParseError> {
    Ok(Some(f64::from(state_id(bytes)?)))
}

fn events(bytes: &[u8]) -> Result<Option<f64>, ParseError> {
    Ok(count(bytes)?.map(|count| count as f64))
}

/// Of milliseconds, less the rest, as node_exporter shows it.
fn whole_seconds(bytes: &[u8]) -> Result<Option<f64>, ParseError> {
    Ok(count(bytes)?.map(|milliseconds| (milliseconds / 1000) as f64))
}

/// The adapter counts words of four octets, since each goes over four lanes.
fn octets(bytes: &[u8]) -> Result<Option<f64>, ParseError> {
    Ok(count(bytes)?.map(|words| words.wrapping_mul(4) as f64))
}
