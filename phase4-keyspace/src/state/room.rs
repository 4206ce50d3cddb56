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
    /// The background goes on with it.
    goes_on: bool,
}

impl Default for Room {
    fn default() -> Self {
        Room { limit: usize::MAX, behind_since: None, was_behind: Duration::ZERO, goes_on: false }
    }
}

impl Room {
    /// Eviction has come to an end for now: is too much still in use, and was there still something to forget?
    pub fn settle(&mut self, now: Instant, full: bool, found: bool) {
        self.goes_on = full && found;
        if full {
            self.behind_since.get_or_insert(now);
        } else if let Some(since) = self.behind_since.take() {
            self.was_behind += now.saturating_duration_since(since);
        }
    }

    /// Whether eviction is behind.
    pub fn is_behind(&self) -> bool {
        self.behind_since.is_some()
    }

    /// Whether it is worth going on at once in the background.
    pub fn goes_on(&self) -> bool {
        self.goes_on
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

    /// Bytes in use that do not count: what waits to be written to the append-only file. Evictions are logged too, and would bring
    /// about more evictions.
    pub fn not_counted(&self) -> usize {
        self.aof.log.capacity()
    }

    /// Whether too much is in use even without what does not count.
    pub fn lacks_room(&self) -> bool {
        memory::used().saturating_sub(self.not_counted()) > self.room.limit
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
    fn the_background_goes_on_while_that_helps() {
        let (mut room, start) = (Room::default(), Instant::now());
        let later = |seconds| start + Duration::from_secs(seconds);
        room.settle(start, true, true);
        assert!(room.goes_on() && room.is_behind());
        // Nothing is left to forget: to look again and again would be to spin.
        room.settle(later(1), true, false);
        assert!(!room.goes_on() && room.is_behind());
        room.settle(later(3), false, true);
        assert!(!room.goes_on() && !room.is_behind());
        assert_eq!(room.exceeded(), Duration::from_secs(3));
    }

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
