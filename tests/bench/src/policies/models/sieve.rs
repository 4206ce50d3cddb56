//! SIEVE (Zhang and others, 2024): a queue in order of arrival, a bit an object, and a hand that goes from old to new,
//! clears bits, and forgets the first object that has none. New objects come in at the front, never where the hand is.
use std::collections::HashMap;

use super::Cache;

/// No node.
const NONE: usize = usize::MAX;

#[derive(Clone, Copy)]
struct Node {
    object: u64,
    used: bool,
    newer: usize,
    older: usize,
}

/// A linked list and a hand.
pub struct Sieve {
    capacity: usize,
    nodes: Vec<Node>,
    place: HashMap<u64, usize>,
    newest: usize,
    oldest: usize,
    hand: usize,
}

impl Sieve {
    /// For so many objects.
    pub fn new(capacity: usize) -> Self {
        Sieve { capacity, nodes: Vec::new(), place: HashMap::new(), newest: NONE, oldest: NONE, hand: NONE }
    }

    /// Takes the victim out. Its node, to be used again.
    fn forget(&mut self) -> usize {
        let mut at = if self.hand == NONE { self.oldest } else { self.hand };
        while self.nodes[at].used {
            self.nodes[at].used = false;
            at = if self.nodes[at].newer == NONE { self.oldest } else { self.nodes[at].newer };
        }
        let Node { object, newer, older, .. } = self.nodes[at];
        self.hand = newer;
        self.place.remove(&object);
        if newer == NONE {
            self.newest = older
        } else {
            self.nodes[newer].older = older
        }
        if older == NONE {
            self.oldest = newer
        } else {
            self.nodes[older].newer = newer
        }
        at
    }
}

impl Cache for Sieve {
    fn request(&mut self, object: u64) -> bool {
        if let Some(place) = self.place.get(&object) {
            self.nodes[*place].used = true;
            return true;
        }
        let node = Node { object, used: false, newer: NONE, older: NONE };
        let at = if self.nodes.len() < self.capacity {
            self.nodes.push(node);
            self.nodes.len() - 1
        } else {
            let at = self.forget();
            self.nodes[at] = node;
            at
        };
        self.nodes[at].older = self.newest;
        if self.newest == NONE {
            self.oldest = at
        } else {
            self.nodes[self.newest].newer = at
        }
        self.newest = at;
        self.place.insert(object, at);
        false
    }
}
