//! The limit on memory: how much there is room for, and for how long there has been too little.
use std::time::{Duration, Instant};

use super::State;
use crate::memory;

/// What is known of the limit on memory.
pub struct Room {
    /// `maxmemory`, or without a limit more than can be in use.
    limit: usize,
    /// Since when eviction has been behind.
    behind_since: Option<Instant>,
    /// How long it was behind before that, in all.
    was_behind: Duration,
}

impl Default for Room {
    fn default() -> Self {
        Room { limit: usize::MAX, behind_since: None, was_behind: Duration::ZERO }
    }
}

impl Room {
    /// Eviction has been given up for now, with too much still in use.
    pub fn begin_behind(&mut self, now: Instant) {
        self.behind_since.get_or_insert(now);
    }

    /// No more is in use than may be.
    pub fn end_behind(&mut self, now: Instant) {
        if let Some(since) = self.behind_since.take() {
            self.was_behind += now - since;
        }
    }

    /// Whether eviction is behind.
    pub fn is_behind(&self) -> bool {
        self.behind_since.is_some()
    }

    /// How long eviction has been behind, this time (`current_eviction_exceeded_time`).
    pub fn exceeds_now(&self) -> Duration {
        self.behind_since.map_or(Duration::ZERO, |since| since.elapsed())
    }

    /// The same, of all times together (`total_eviction_exceeded_time`).
    pub fn exceeded(&self) -> Duration {
        self.was_behind + self.exceeds_now()
    }

    /// `CONFIG RESETSTAT`
    pub fn reset(&mut self) {
        self.was_behind = Duration::ZERO;
    }
}

impl State {
    /// Puts in force what is configured about memory and eviction.
    pub fn set_eviction(&mut self) {
        self.room.limit = match usize::try_from(self.config.maxmemory) {
            Ok(0) | Err(_) => usize::MAX,
            Ok(limit) => limit,
        };
        self.keyspace.set_eviction(&self.config.eviction);
    }

    /// Whether more memory is in use than may be.
    #[inline(always)]
    pub fn is_full(&self) -> bool {
        memory::used() > self.room.limit
    }

    /// How long one command may wait for eviction, before the rest is left to the background; `None`: until there is room.
    pub fn eviction_patience(&self) -> Option<Duration> {
        let tenacity = self.config.eviction_tenacity;
        let micros = match tenacity {
            0..=10 => 50.0 * tenacity as f64,
            // By fifteen percent a step, to two minutes.
            11..100 => 500.0 * 1.15_f64.powf(tenacity as f64 - 10.0),
            _ => return None,
        };
        Some(Duration::from_micros(micros as u64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    #[test]
    fn tenacity_is_patience() {
        let patience = |eviction_tenacity| {
            let config = Config { eviction_tenacity, ..Config::default() };
            State::new(config, 1, Instant::now()).eviction_patience()
        };
        assert_eq!(patience(0), Some(Duration::ZERO));
        assert_eq!(patience(10), Some(Duration::from_micros(500)));
        assert!(patience(99).is_some_and(|long| (100..150).contains(&long.as_secs())));
        assert_eq!(patience(100), None);
    }
}
