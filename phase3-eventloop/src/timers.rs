//! When something has to be looked at again: a sorted set of deadlines.
//!
//! A busy server sets far more timers than ever fire: each request moves its connection's idle deadline. So moving one
//! must cost nothing. Here a deadline is only ever *armed* (O(log n)); the code woken by it compares with the time of the
//! last activity and, if that was later, arms again.
use std::collections::{BTreeSet, HashMap};
use std::hash::Hash;
use std::time::Instant;

/// At most one deadline per key.
pub struct Timers<K> {
    queue: BTreeSet<(Instant, K)>,
    /// Where a key stands in the queue.
    armed: HashMap<K, Instant>,
}

impl<K> Default for Timers<K> {
    fn default() -> Self {
        Timers { queue: BTreeSet::new(), armed: HashMap::new() }
    }
}

impl<K: Copy + Ord + Hash> Timers<K> {
    // ANCHOR: timers-arm
    /// Wakes `key` at `at`, unless it will be woken earlier anyway.
    pub fn arm(&mut self, key: K, at: Instant) {
        if self.armed.get(&key).is_none_or(|&armed| armed > at) {
            self.disarm(key);
            self.armed.insert(key, at);
            self.queue.insert((at, key));
        }
    }
    // ANCHOR_END: timers-arm

    /// Forgets `key`.
    pub fn disarm(&mut self, key: K) {
        if let Some(at) = self.armed.remove(&key) {
            self.queue.remove(&(at, key));
        }
    }

    /// The earliest deadline.
    pub fn earliest(&self) -> Option<Instant> {
        self.queue.first().map(|&(at, _)| at)
    }

    /// Takes out a key whose deadline is not after `now`, the earliest first.
    pub fn pop_expired(&mut self, now: Instant) -> Option<K> {
        let &(_, key) = self.queue.first().filter(|(at, _)| *at <= now)?;
        self.disarm(key);
        Some(key)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::Duration;

    use super::*;

    /// Random steps on the timers and on a map that is searched in full.
    #[test]
    fn behaves_like_a_sorted_map() {
        let start = Instant::now();
        let at = |millis: u32| start + Duration::from_millis(u64::from(millis));
        let mut timers = Timers::default();
        let mut model: BTreeMap<u32, Instant> = BTreeMap::new();
        let mut random = 0x9e37_79b9_u32;
        let mut fired = 0;
        for step in 0..50_000_u32 {
            random ^= random << 13;
            random ^= random >> 17;
            random ^= random << 5;
            let key = random % 50;
            match random >> 28 {
                0..=7 => {
                    let deadline = at(step + (random >> 8) % 300);
                    timers.arm(key, deadline);
                    let entry = model.entry(key).or_insert(deadline);
                    *entry = deadline.min(*entry);
                }
                8..=10 => {
                    timers.disarm(key);
                    model.remove(&key);
                }
                _ => {
                    while let Some(key) = timers.pop_expired(at(step)) {
                        let deadline = model.remove(&key).expect("a key that was not armed fired");
                        assert!(deadline <= at(step));
                        assert!(model.values().all(|other| *other >= deadline), "not the earliest first");
                        fired += 1;
                    }
                    assert!(
                        model.values().all(|deadline| *deadline > at(step)),
                        "an expired key did not fire"
                    );
                }
            }
            assert_eq!(timers.earliest(), model.values().min().copied());
        }
        assert!(fired > 1_000, "the test exercised nothing: {fired}");
    }

    #[test]
    fn a_storm_leaves_nothing_behind() {
        let start = Instant::now();
        let mut timers = Timers::default();
        for key in 0..100_000_u32 {
            timers.arm(key, start + Duration::from_secs(300));
            timers.disarm(key);
        }
        assert!(timers.queue.is_empty() && timers.armed.is_empty());
    }
}
