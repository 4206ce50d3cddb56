//! When something has to be looked at again: a min-heap with lazy deletion.
//!
//! A busy server sets far more timers than ever fire: each request moves its connection's idle deadline. So moving one
//! must cost nothing. Here a deadline is only ever *armed* (O(log n)); the code woken by it compares with the time of the
//! last activity and, if that was later, arms again. Disarming and moving leave the old entry in the heap, where it is
//! recognised as stale when it comes up.
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::hash::Hash;
use std::time::Instant;

/// At most one deadline per key.
pub struct Timers<K> {
    heap: BinaryHeap<Reverse<(Instant, K)>>,
    /// The truth; an entry of the heap that does not agree with it is stale.
    armed: HashMap<K, Instant>,
}

impl<K> Default for Timers<K> {
    fn default() -> Self {
        Timers { heap: BinaryHeap::new(), armed: HashMap::new() }
    }
}

impl<K: Copy + Ord + Hash> Timers<K> {
    // ANCHOR: timers-arm
    /// Wakes `key` at `at`, unless it will be woken earlier anyway.
    pub fn arm(&mut self, key: K, at: Instant) {
        if self.armed.get(&key).is_some_and(|&earlier| earlier <= at) {
            return;
        }
        self.armed.insert(key, at);
        self.heap.push(Reverse((at, key)));
        self.compact();
    }
    // ANCHOR_END: timers-arm

    /// Forgets `key`.
    pub fn disarm(&mut self, key: K) {
        self.armed.remove(&key);
        self.compact();
    }

    /// The earliest deadline.
    pub fn earliest(&mut self) -> Option<Instant> {
        while let Some(&Reverse((at, key))) = self.heap.peek() {
            if self.armed.get(&key) == Some(&at) {
                return Some(at);
            }
            self.heap.pop();
        }
        None
    }

    /// Takes out a key whose deadline is not after `now`, the earliest first.
    pub fn pop_expired(&mut self, now: Instant) -> Option<K> {
        if self.earliest()? > now {
            return None;
        }
        let Reverse((_, key)) = self.heap.pop()?;
        self.armed.remove(&key);
        Some(key)
    }

    /// Stale entries may outnumber live ones, but not without bound: a storm of short connections would otherwise pile up
    /// one entry each until its idle timeout. Rebuilding costs O(n) after at least n/2 stale entries: constant on average.
    fn compact(&mut self) {
        if self.heap.len() > 64 + 2 * self.armed.len() {
            self.heap.retain(|Reverse((at, key))| self.armed.get(key) == Some(at));
        }
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
    fn stale_entries_do_not_pile_up() {
        let start = Instant::now();
        let mut timers = Timers::default();
        for key in 0..100_000_u32 {
            timers.arm(key, start + Duration::from_secs(300));
            timers.disarm(key);
        }
        assert!(timers.heap.len() < 200, "{} entries for no armed key", timers.heap.len());
        assert_eq!(timers.earliest(), None);
    }
}
