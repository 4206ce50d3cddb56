//! A clock for the fast path: the processor's own counter, which costs one instruction where the system's clock costs fifty.
//!
//! How many ticks a microsecond has is measured against the system's clock over the life of the process, so it is known the
//! better the longer the server runs.
#![allow(unsafe_code, reason = "rdtsc")]
use std::sync::LazyLock;
use std::time::{Duration, Instant};

/// The counter now. Only differences mean something.
#[inline(always)]
pub fn now() -> u64 {
    #[cfg(target_arch = "x86_64")]
    {
        // SAFETY: every x86-64 processor has the counter, and Linux lets programs read it.
        unsafe { core::arch::x86_64::_rdtsc() }
    }
    #[cfg(not(target_arch = "x86_64"))]
    {
        origin().1.elapsed().as_nanos() as u64
    }
}

/// Where both clocks stood when they were looked at first.
fn origin() -> &'static (u64, Instant) {
    static ORIGIN: LazyLock<(u64, Instant)> = LazyLock::new(|| (counter_at_start(), Instant::now()));
    &ORIGIN
}

#[cfg(target_arch = "x86_64")]
fn counter_at_start() -> u64 {
    now()
}

#[cfg(not(target_arch = "x86_64"))]
fn counter_at_start() -> u64 {
    0
}

/// Ticks a nanosecond. The first call begins to measure, and waits for a millisecond.
fn per_nano() -> f64 {
    let (ticks, instant) = *origin();
    while instant.elapsed() < Duration::from_millis(1) {
        std::hint::spin_loop();
    }
    let nanos = instant.elapsed().as_nanos() as f64;
    (now().wrapping_sub(ticks) as f64 / nanos).max(0.001)
}

/// How long so many ticks are.
pub fn duration(ticks: u64) -> Duration {
    Duration::from_nanos((ticks as f64 / per_nano()) as u64)
}

/// How many ticks a time has.
pub fn ticks(time: Duration) -> u64 {
    (time.as_nanos() as f64 * per_nano()) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_and_time_agree() {
        let (before, start) = (now(), Instant::now());
        while start.elapsed() < Duration::from_millis(20) {
            std::hint::spin_loop();
        }
        let measured = duration(now().wrapping_sub(before));
        assert!(measured > Duration::from_millis(15) && measured < start.elapsed() * 2, "{measured:?}");
        let there_and_back = duration(ticks(Duration::from_secs(3)));
        assert!(there_and_back > Duration::from_millis(2500), "{there_and_back:?}");
    }
}
