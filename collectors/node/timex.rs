//! `adjtimex(2)`: how the kernel's clock is disciplined, and how far it may be off.
//! Kernel: any. Privileges: none, unless a seccomp profile refuses the call. Cost: one system call.

use std::io::ErrorKind;

use exposition::{Family, counter, gauge};
use kernel::ffi::{ClockState, clock_state};

use crate::{Collector, Failure, Outcome, Scrape, Spec};

const OFFSET: Family = gauge("node_timex_offset_seconds", "Time offset in between local system and reference clock.");
const FREQUENCY: Family = gauge("node_timex_frequency_adjustment_ratio", "Local clock frequency adjustment.");
const MAX_ERROR: Family = gauge("node_timex_maxerror_seconds", "Maximum error in seconds.");
const ESTIMATED_ERROR: Family = gauge("node_timex_estimated_error_seconds", "Estimated error in seconds.");
const STATUS: Family = gauge("node_timex_status", "Value of the status array bits.");
const TIME_CONSTANT: Family = gauge("node_timex_loop_time_constant", "Phase-locked loop time constant.");
const TICK: Family = gauge("node_timex_tick_seconds", "Seconds between clock ticks.");
const PPS_FREQUENCY: Family = gauge("node_timex_pps_frequency_hertz", "Pulse per second frequency.");
const PPS_JITTER: Family = gauge("node_timex_pps_jitter_seconds", "Pulse per second jitter.");
const PPS_SHIFT: Family = gauge("node_timex_pps_shift_seconds", "Pulse per second interval duration.");
const PPS_STABILITY: Family = gauge("node_timex_pps_stability_hertz", "Pulse per second stability.");
const PPS_JITTER_EXCEEDED: Family =
    counter("node_timex_pps_jitter_total", "Pulse per second count of jitter limit exceeded events.");
const PPS_CALIBRATIONS: Family =
    counter("node_timex_pps_calibration_total", "Pulse per second count of calibration intervals.");
const PPS_ERRORS: Family = counter("node_timex_pps_error_total", "Pulse per second count of calibration errors.");
const PPS_STABILITY_EXCEEDED: Family =
    counter("node_timex_pps_stability_exceeded_total", "Pulse per second count of stability limit exceeded events.");
const TAI_OFFSET: Family = gauge("node_timex_tai_offset_seconds", "International Atomic Time (TAI) offset.");
const SYNC_STATUS: Family =
    gauge("node_timex_sync_status", "Is clock synchronized to a reliable server (1 = yes, 0 = no).");

/// The call's answer while the clock is not synchronised.
const TIME_ERROR: i32 = 5;
/// Bit of the status: offset and jitter are in nanoseconds instead of microseconds.
const STA_NANO: i32 = 0x2000;
const USEC_PER_SECOND: f64 = 1e6;
const NSEC_PER_SECOND: f64 = 1e9;
/// Frequencies are parts per million with a 16-bit fraction.
const SCALED_PPM: f64 = 1e6 * 65_536.0;

pub const SPEC: Spec = Spec {
    name: "timex",
    is_on_by_default: true,
    help: "discipline and error of the kernel's clock, from adjtimex(2)",
    families: &[
        OFFSET,
        FREQUENCY,
        MAX_ERROR,
        ESTIMATED_ERROR,
        STATUS,
        TIME_CONSTANT,
        TICK,
        PPS_FREQUENCY,
        PPS_JITTER,
        PPS_SHIFT,
        PPS_STABILITY,
        PPS_JITTER_EXCEEDED,
        PPS_CALIBRATIONS,
        PPS_ERRORS,
        PPS_STABILITY_EXCEEDED,
        TAI_OFFSET,
        SYNC_STATUS,
    ],
    flags: &[],
    build: |_, _| Ok(Box::new(Timex)),
};

struct Timex;

impl Collector for Timex {
    fn collect(&mut self, scrape: &mut Scrape<'_>) -> Result<Outcome, Failure> {
        match clock_state() {
            Ok(clock) => {
                for (family, value) in series(&clock) {
                    scrape.page.sample(family, &[], value);
                }
                Ok(Outcome::Collected)
            }
            Err(error) if error.kind() == ErrorKind::PermissionDenied => {
                Ok(Outcome::absent("adjtimex is not permitted here; a seccomp profile refuses it"))
            }
            Err(error) => Err(Failure(format!("adjtimex: {error}"))),
        }
    }
}

fn series(clock: &ClockState) -> [(&'static Family, f64); 17] {
    let timex = &clock.timex;
    let has_nanoseconds = timex.status & STA_NANO != 0;
    let per_second = if has_nanoseconds { NSEC_PER_SECOND } else { USEC_PER_SECOND };
    let is_synchronized = clock.state != TIME_ERROR;
    [
        (&OFFSET, timex.offset as f64 / per_second),
        (&FREQUENCY, 1.0 + timex.freq as f64 / SCALED_PPM),
        (&MAX_ERROR, timex.maxerror as f64 / USEC_PER_SECOND),
        (&ESTIMATED_ERROR, timex.esterror as f64 / USEC_PER_SECOND),
        (&STATUS, f64::from(timex.status)),
        (&TIME_CONSTANT, timex.constant as f64),
        (&TICK, timex.tick as f64 / USEC_PER_SECOND),
        (&PPS_FREQUENCY, timex.ppsfreq as f64 / SCALED_PPM),
        (&PPS_JITTER, timex.jitter as f64 / per_second),
        (&PPS_SHIFT, f64::from(timex.shift)),
        (&PPS_STABILITY, timex.stabil as f64 / SCALED_PPM),
        (&PPS_JITTER_EXCEEDED, timex.jitcnt as f64),
        (&PPS_CALIBRATIONS, timex.calcnt as f64),
        (&PPS_ERRORS, timex.errcnt as f64),
        (&PPS_STABILITY_EXCEEDED, timex.stbcnt as f64),
        (&TAI_OFFSET, f64::from(timex.tai)),
        (&SYNC_STATUS, if is_synchronized { 1.0 } else { 0.0 }),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_follow_the_status_bits() {
        let mut clock = clock_state().expect("the clock can be read");
        clock.timex.offset = 1500;
        clock.timex.freq = 65_536;
        clock.timex.status = STA_NANO;
        clock.state = TIME_ERROR;
        let value = |clock: &ClockState, name: &str| {
            let found = series(clock).into_iter().find(|(family, _)| family.name == name);
            found.map(|(_, value)| value)
        };
        assert_eq!(value(&clock, OFFSET.name), Some(1.5e-6));
        assert_eq!(value(&clock, FREQUENCY.name), Some(1.000_001));
        assert_eq!(value(&clock, SYNC_STATUS.name), Some(0.0));
        clock.timex.status = 0;
        clock.state = 0;
        assert_eq!(value(&clock, OFFSET.name), Some(1.5e-3));
        assert_eq!(value(&clock, SYNC_STATUS.name), Some(1.0));
    }
}
