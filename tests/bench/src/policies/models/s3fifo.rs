//! S3-FIFO (Yang and others, 2023) by the book: a small queue for newcomers, a main queue for those that were asked for again, and
//! a ghost, the names of those that left the small one.
use std::collections::{HashMap, VecDeque};

use super::Cache;

/// The most uses that are counted.
const MOST: u8 = 3;

#[derive(Clone, Copy, PartialEq)]
enum Place {
    Held(u8),
    Ghost(u64),
}

/// Three queues.
pub struct S3Fifo {
    capacity: usize,
    small: VecDeque<u64>,
    main: VecDeque<u64>,
    ghost: VecDeque<(u64, u64)>,
    turn: u64,
    place: HashMap<u64, Place>,
}

impl S3Fifo {
    /// For so many objects.
    pub fn new(capacity: usize) -> Self {
        let [small, main] = [VecDeque::new(), VecDeque::new()];
        S3Fifo { capacity, small, main, ghost: VecDeque::new(), turn: 0, place: HashMap::new() }
    }

    fn uses(&self, object: u64) -> u8 {
        match self.place.get(&object) {
            Some(Place::Held(uses)) => *uses,
            _ => 0,
        }
    }

    fn forget(&mut self) {
        if self.small.len() > self.capacity / 10 || self.main.is_empty() {
            while let Some(object) = self.small.pop_front() {
                if self.uses(object) > 0 {
                    self.place.insert(object, Place::Held(0));
                    self.main.push_back(object);
                } else {
                    self.turn += 1;
                    self.place.insert(object, Place::Ghost(self.turn));
                    self.ghost.push_back((object, self.turn));
                    if self.ghost.len() > self.capacity
                        && let Some((gone, turn)) = self.ghost.pop_front()
                        && self.place.get(&gone) == Some(&Place::Ghost(turn))
                    {
                        self.place.remove(&gone);
                    }
                    return;
                }
            }
        }
        while let Some(object) = self.main.pop_front() {
            let uses = self.uses(object);
            if uses == 0 {
                self.place.remove(&object);
                return;
            }
            self.place.insert(object, Place::Held(uses - 1));
            self.main.push_back(object);
        }
    }
}

impl Cache for S3Fifo {
    fn request(&mut self, object: u64) -> bool {
        match self.place.get_mut(&object) {
            Some(Place::Held(uses)) => {
                *uses = (*uses + 1).min(MOST);
                return true;
            }
            Some(Place::Ghost(_)) => {
                self.place.insert(object, Place::Held(0));
                self.main.push_back(object);
            }
            None => {
                self.place.insert(object, Place::Held(0));
                self.small.push_back(object);
            }
        }
        if self.small.len() + self.main.len() > self.capacity {
            self.forget();
        }
        false
    }
}
