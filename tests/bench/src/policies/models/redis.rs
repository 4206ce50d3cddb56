//! Redis 7's LRU and LFU: five keys drawn at random, a pool of the sixteen best candidates, clocks as coarse as they are.
use std::collections::HashMap;

use super::Cache;
use crate::policies::trace::Numbers;

/// Keys drawn for each that is forgotten.
const SAMPLES: usize = 5;
/// Candidates that are remembered.
const POOL: usize = 16;

/// What is recorded of a use.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Records {
    /// The second.
    Time,
    /// A counter that grows like a logarithm and falls by one a minute.
    Count,
}

#[derive(Clone, Copy)]
struct Entry {
    object: u64,
    /// Second or minute.
    time: u64,
    counter: u8,
}

/// Objects in no order.
pub struct Redis {
    capacity: usize,
    records: Records,
    /// Requests a second.
    speed: u64,
    requests: u64,
    entries: Vec<Entry>,
    place: HashMap<u64, usize>,
    pool: Vec<(u64, u64)>,
    numbers: Numbers,
}

impl Redis {
    /// For so many objects, at so many requests a second.
    pub fn new(capacity: usize, records: Records, speed: u64) -> Self {
        let (entries, place, pool) = (Vec::new(), HashMap::new(), Vec::new());
        Redis { capacity, records, speed, requests: 0, entries, place, pool, numbers: Numbers(11) }
    }

    fn now(&self) -> u64 {
        let second = self.requests / self.speed;
        if self.records == Records::Time { second } else { second / 60 }
    }

    fn counter(&self, entry: &Entry) -> u8 {
        entry.counter.saturating_sub((self.now() - entry.time).min(255) as u8)
    }

    fn score(&self, entry: &Entry) -> u64 {
        match self.records {
            Records::Time => self.now() - entry.time,
            Records::Count => u64::from(255 - self.counter(entry)),
        }
    }

    fn touch(&mut self, at: usize) {
        let mut entry = self.entries[at];
        if self.records == Records::Count {
            let counter = self.counter(&entry);
            let one_in = u64::from(counter.saturating_sub(5)) * 10 + 1;
            entry.counter = counter.saturating_add((self.numbers.below(one_in as usize) == 0).into());
        }
        entry.time = self.now();
        self.entries[at] = entry;
    }

    fn forget(&mut self) {
        loop {
            for _ in 0..SAMPLES {
                let entry = self.entries[self.numbers.below(self.entries.len())];
                let score = self.score(&entry);
                if self.pool.iter().any(|(_, object)| *object == entry.object) {
                    continue;
                }
                if self.pool.len() == POOL {
                    if score <= self.pool[0].0 {
                        continue;
                    }
                    self.pool.remove(0);
                }
                let at = self.pool.partition_point(|(other, _)| *other < score);
                self.pool.insert(at, (score, entry.object));
            }
            // Redis takes the best that is still there, even if it has been used since.
            while let Some((_, object)) = self.pool.pop() {
                if let Some(at) = self.place.remove(&object) {
                    self.entries.swap_remove(at);
                    if let Some(moved) = self.entries.get(at) {
                        self.place.insert(moved.object, at);
                    }
                    return;
                }
            }
        }
    }
}

impl Cache for Redis {
    fn request(&mut self, object: u64) -> bool {
        self.requests += 1;
        if let Some(at) = self.place.get(&object) {
            self.touch(*at);
            return true;
        }
        if self.entries.len() == self.capacity {
            self.forget();
        }
        self.place.insert(object, self.entries.len());
        self.entries.push(Entry { object, time: self.now(), counter: 5 });
        false
    }
}
