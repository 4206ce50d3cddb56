//! A clock with two bits (CLOCK, generalised): a hand goes round, takes one from each object's count of uses, and forgets the
//! first that has none left.
use std::collections::HashMap;

use super::Cache;

/// The most uses that are counted.
const MOST: u8 = 3;

/// Objects in a circle.
pub struct Clock {
    capacity: usize,
    circle: Vec<(u64, u8)>,
    place: HashMap<u64, usize>,
    hand: usize,
}

impl Clock {
    /// For so many objects.
    pub fn new(capacity: usize) -> Self {
        Clock { capacity, circle: Vec::new(), place: HashMap::new(), hand: 0 }
    }
}

impl Cache for Clock {
    fn request(&mut self, object: u64) -> bool {
        if let Some(place) = self.place.get(&object) {
            let uses = &mut self.circle[*place].1;
            *uses = (*uses + 1).min(MOST);
            return true;
        }
        if self.circle.len() < self.capacity {
            self.place.insert(object, self.circle.len());
            self.circle.push((object, 0));
            return false;
        }
        while self.circle[self.hand].1 > 0 {
            self.circle[self.hand].1 -= 1;
            self.hand = (self.hand + 1) % self.capacity;
        }
        self.place.remove(&self.circle[self.hand].0);
        self.place.insert(object, self.hand);
        self.circle[self.hand] = (object, 0);
        self.hand = (self.hand + 1) % self.capacity;
        false
    }
}
