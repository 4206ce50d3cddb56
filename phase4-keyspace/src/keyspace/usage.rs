//! When a record was last used, in sixteen bits.
//!
//! Seconds in sixteen bits run over after eighteen hours, and a key unused for a day would look fresh. So the numbers are
//! shared between two scales: three quarters of them count seconds, on a ring of 13.6 hours; the rest count hours, on a
//! ring of nearly two years. Every use stamps seconds. A slow sweep over all records ([`SWEEP_MS`] for one round) turns
//! stamps older than ten hours into hours, before their ring comes round. So `OBJECT IDLETIME` is true to the second for
//! the first ten hours and to the hour from then on.
//!
//! The time here only moves forward: when the system's clock is put back, keys become neither older nor younger.
//!
//! It confesses one thing: if the sweep cannot run for more than three hours (a laptop asleep), a key unused since before
//! then may look younger than it is, never older.
use crate::types::Millis;

/// Stamps below this count seconds, modulo this.
const SECONDS: i64 = 49_152;
/// The other stamps count hours, modulo this.
const HOURS: i64 = 65_536 - SECONDS;
/// From this age on, in seconds, the sweep changes a stamp to hours.
const AGED: i64 = 36_000;
/// Every record is swept once in this time: three hours, less than the ring leaves after ten.
pub const SWEEP_MS: i64 = 3 * 3_600_000;

const _: () = assert!(AGED + SWEEP_MS / 1000 < SECONDS);

/// The stamp for a use now.
pub fn stamp(now: Millis) -> u16 {
    (now / 1000).rem_euclid(SECONDS) as u16
}

/// The stamp of a use so many seconds ago.
pub fn stamp_of_idle(idle_secs: u64, now: Millis) -> u16 {
    let idle = i64::try_from(idle_secs).unwrap_or(i64::MAX);
    let then = (now / 1000).saturating_sub(idle);
    let stamp =
        if idle < AGED { then.rem_euclid(SECONDS) } else { SECONDS + (then / 3600).rem_euclid(HOURS) };
    stamp as u16
}

/// Seconds since the use that a stamp records.
pub fn idle(stamp: u16, now: Millis) -> u64 {
    let (now, stamp) = (now / 1000, i64::from(stamp));
    let idle = if stamp < SECONDS {
        (now - stamp).rem_euclid(SECONDS)
    } else {
        let hours = (now / 3600 - (stamp - SECONDS)).rem_euclid(HOURS);
        hours * 3600 + now % 3600
    };
    idle as u64
}

/// What the sweep makes of a stamp: the same, or the hour of the same use.
pub fn age(stamp: u16, now: Millis) -> u16 {
    let idle = idle(stamp, now) as i64;
    if i64::from(stamp) >= SECONDS || idle < AGED {
        return stamp;
    }
    (SECONDS + ((now / 1000 - idle) / 3600).rem_euclid(HOURS)) as u16
}

/// Where the sweep of the access stamps stands.
#[derive(Default, Debug)]
pub(super) struct Sweep {
    pub page: usize,
    /// When it last ran, and the pages × milliseconds it is behind.
    pub at: Millis,
    pub owed: i64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn idle_time_is_exact_for_ten_hours_and_hourly_after() {
        // Uses at odd moments, swept every three hours, for 600 days.
        for used in [0, 1, 999, 1_700_000_123_i64] {
            let mut mark = stamp(used * 1000);
            for passed in (0..600 * 86_400).step_by(997) {
                let now = (used + passed) * 1000;
                if passed % 10_800 < 997 {
                    mark = age(mark, now);
                }
                let error = idle(mark, now) as i64 - passed;
                let allowed = if passed < 36_000 { 0..=0 } else { 0..=3_599 };
                assert!(allowed.contains(&error), "used {used}, passed {passed}: off by {error}");
            }
        }
    }

    #[test]
    fn a_use_brings_the_seconds_back() {
        let mark = age(stamp(0), 11 * 3_600_000);
        assert!(i64::from(mark) >= SECONDS);
        assert_eq!(idle(stamp(11 * 3_600_000), 11 * 3_600_000 + 5_000), 5);
    }
}
