//! Changes at a path, and mending what stands above it.
//!
//! Each change touches one leaf. Then one walk up the path puts right what the inner nodes say: a child's weight and first
//! item, a new neighbour, a child that vanished, two neighbours that have become one.
use super::path::Path;
use super::{Item, NONE, Tree};

/// What has become of a node, to be told to the one above.
#[derive(Clone, Copy, PartialEq, Eq)]
enum News {
    /// It has as many entries as before, or more.
    Same,
    /// It was too full; this is its new right neighbour.
    Split(u32),
    /// It has fewer entries, and perhaps room for a neighbour's.
    Shrank,
    /// It lost its last entry and is freed.
    Gone,
}

impl<I: Item, const LEAF: usize, const FAN: usize> Tree<I, LEAF, FAN> {
    /// Puts an item in front of the one at a place.
    pub fn insert(&mut self, path: &Path, item: I) {
        if self.root == NONE {
            self.root = self.leaves.add();
            return self.insert(&Path { leaf: self.root, ..*path }, item);
        }
        if self.leaves[path.leaf].len() < LEAF {
            self.leaves[path.leaf].insert(path.slot, item);
            return self.adjust(path, item.weight());
        }
        let cut = self.cut(path, self.height, path.slot, LEAF);
        let right = self.leaves.add();
        let mut fresh = std::mem::take(&mut self.leaves[right]);
        let left = &mut self.leaves[path.leaf];
        fresh.append(left, cut);
        left.truncate(cut);
        if path.slot > cut || cut == LEAF {
            fresh.insert(path.slot - cut, item);
        } else {
            left.insert(path.slot, item);
        }
        self.leaves[right] = fresh;
        self.mend(path, News::Split(right));
    }

    /// Replaces the item at a place by another that stands in the same order.
    pub fn set(&mut self, path: &Path, item: I) {
        let mut landed = None;
        let path = self.landed(path, &mut landed);
        let old = self.leaves[path.leaf].items()[path.slot];
        self.leaves[path.leaf].set(path.slot, item);
        self.adjust(path, item.weight().wrapping_sub(old.weight()));
    }

    /// Takes the item at a place out. An emptied leaf goes at once, even beside full ones: else an inner node would go on
    /// naming its first item.
    pub fn remove(&mut self, path: &Path) -> I {
        let mut landed = None;
        let path = self.landed(path, &mut landed);
        let item = self.leaves[path.leaf].remove(path.slot);
        match self.leaves[path.leaf].len() {
            0 => {
                self.leaves.remove(path.leaf);
                self.mend(path, News::Gone);
            }
            // Too many to be joined with a neighbour's.
            len if len >= LEAF * 3 / 4 => self.adjust(path, item.weight().wrapping_neg()),
            _ => self.mend(path, News::Shrank),
        }
        item
    }

    /// Tells the inner nodes of a change that leaves all nodes where they are: `more` weight, and perhaps another first item.
    fn adjust(&mut self, path: &Path, more: u64) {
        let first = self.leaves[path.leaf].items()[0];
        let mut is_first = path.slot == 0;
        for level in (0..self.height).rev() {
            let (node, slot) = (path.steps[level].0, usize::from(path.steps[level].1));
            let inner = &mut self.inner[node];
            inner.add_weight(slot, more);
            if is_first {
                inner.first[slot] = first;
                is_first = slot == 0;
            }
        }
        self.weight = self.weight.wrapping_add(more);
    }

    /// The path to an item: the first of the next leaf, where it led behind the last of one.
    fn landed<'a>(&self, path: &'a Path, moved: &'a mut Option<Path>) -> &'a Path {
        if path.slot < self.leaves[path.leaf].len() {
            return path;
        }
        let next = moved.insert(*path);
        assert!(self.step(next, true), "there is an item at this place");
        next
    }

    /// How many entries a full node keeps when one more comes to `slot`: half, but all of them where the tree grows at its
    /// end and none where it grows at its start, so that items that come in order fill whole nodes. `level` is the node's
    /// own; the steps above it say whether it is at an edge.
    fn cut(&self, path: &Path, level: usize, slot: usize, capacity: usize) -> usize {
        let mut above = path.steps[..level].iter();
        let last = |&(node, slot): &(u32, u16)| usize::from(slot) + 1 == self.inner[node].len();
        if slot == capacity && above.clone().all(last) {
            capacity
        } else if slot == 0 && above.all(|(_, slot)| *slot == 0) {
            0
        } else {
            capacity / 2
        }
    }

    /// Walks the path up to the root.
    fn mend(&mut self, path: &Path, mut news: News) {
        for level in (0..self.height).rev() {
            news = self.mend_node(path, level, news);
        }
        match news {
            News::Split(right) => {
                let left = std::mem::replace(&mut self.root, self.inner.add());
                for child in [left, right] {
                    let summary = self.summary(child, self.height == 0);
                    let root = &mut self.inner[self.root];
                    root.insert(root.len(), child, summary);
                }
                self.height += 1;
            }
            News::Gone => (self.root, self.height) = (NONE, 0),
            News::Same | News::Shrank => {}
        }
        while self.height > 0 && self.inner[self.root].len() == 1 {
            let only = self.inner[self.root].child(0);
            self.inner.remove(std::mem::replace(&mut self.root, only));
            self.height -= 1;
        }
        self.weight = if self.root == NONE { 0 } else { self.summary(self.root, self.height == 0).1 };
    }

    /// Tells an inner node what has become of the child that the path took. What has become of the node.
    fn mend_node(&mut self, path: &Path, level: usize, news: News) -> News {
        let (node, slot) = (path.steps[level].0, usize::from(path.steps[level].1));
        let leaves = level + 1 == self.height;
        if news == News::Gone {
            self.inner[node].remove(slot);
            if self.inner[node].len() == 0 {
                self.inner.remove(node);
                return News::Gone;
            }
            // The two beside the gap are neighbours now.
            self.join(node, slot.wrapping_sub(1), leaves);
            return News::Shrank;
        }
        self.refresh(node, slot, leaves);
        match news {
            News::Split(right) => self.adopt(path, level, right),
            News::Shrank => {
                let joined = self.join(node, slot, leaves) || self.join(node, slot.wrapping_sub(1), leaves);
                if joined { News::Shrank } else { News::Same }
            }
            News::Same | News::Gone => News::Same,
        }
    }

    fn refresh(&mut self, node: u32, slot: usize, leaves: bool) {
        let summary = self.summary(self.inner[node].child(slot), leaves);
        self.inner[node].set(slot, summary);
    }

    /// Puts a new child beside the one that the path took, which may split the node.
    fn adopt(&mut self, path: &Path, level: usize, child: u32) -> News {
        let (node, slot) = (path.steps[level].0, usize::from(path.steps[level].1) + 1);
        let summary = self.summary(child, level + 1 == self.height);
        if self.inner[node].len() < FAN {
            self.inner[node].insert(slot, child, summary);
            return News::Same;
        }
        // A new child never comes first; where the tree grows at its start, it comes second.
        let cut = self.cut(path, level, if slot == 1 { 0 } else { slot }, FAN).max(1);
        let right = self.inner.add();
        let mut fresh = std::mem::take(&mut self.inner[right]);
        let left = &mut self.inner[node];
        fresh.append(left, cut);
        left.truncate(cut);
        if slot > cut || cut == FAN {
            fresh.insert(slot - cut, child, summary);
        } else {
            left.insert(slot, child, summary);
        }
        self.inner[right] = fresh;
        News::Split(right)
    }

    /// Makes one of the children at `slot` and behind it, if there are two and they fill no more than three quarters of one.
    fn join(&mut self, node: u32, slot: usize, leaves: bool) -> bool {
        if slot == usize::MAX || slot + 1 >= self.inner[node].len() {
            return false;
        }
        let (left, right) = (self.inner[node].child(slot), self.inner[node].child(slot + 1));
        if leaves {
            if self.leaves[left].len() + self.leaves[right].len() > LEAF * 3 / 4 {
                return false;
            }
            let gone = std::mem::take(&mut self.leaves[right]);
            self.leaves[left].append(&gone, 0);
            self.leaves.remove(right);
        } else {
            if self.inner[left].len() + self.inner[right].len() > FAN * 3 / 4 {
                return false;
            }
            let gone = std::mem::take(&mut self.inner[right]);
            self.inner[left].append(&gone, 0);
            self.inner.remove(right);
        }
        self.inner[node].remove(slot + 1);
        self.refresh(node, slot, leaves);
        true
    }
}
