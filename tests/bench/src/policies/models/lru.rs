//! LRU as it should be: forgets the object that was not used for the longest time.
use std::collections::{BTreeMap, HashMap};

use super::Cache;

/// Knows the exact order of uses.
#[derive(Default)]
pub struct Lru {
    capacity: usize,
    uses: u64,
    last_use: HashMap<u64, u64>,
    by_use: BTreeMap<u64, u64>,
}

impl Lru {
    /// For so many objects.
    pub fn new(capacity: usize) -> Self {
        Lru { capacity, ..Lru::default() }
    }
}

impl Cache for Lru {
    fn request(&mut self, object: u64) -> bool {
        self.uses += 1;
        let before = self.last_use.insert(object, self.uses);
        if let Some(before) = before {
            self.by_use.remove(&before);
        } else if self.by_use.len() == self.capacity
            && let Some((_, oldest)) = self.by_use.pop_first()
        {
            self.last_use.remove(&oldest);
        }
        self.by_use.insert(self.uses, object);
        before.is_some()
    }
}
