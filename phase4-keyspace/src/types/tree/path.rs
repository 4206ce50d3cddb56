//! Ways down the tree, and along the leaves.
use super::{Item, NONE, Tree};

/// Levels of inner nodes at most. Two neighbours together are more than three quarters full, so a level of full-size
/// nodes has at most a tenth of the nodes below it, and 2^32 items have no ten levels.
const LEVELS: usize = 16;

/// A place among the items: at one of them, or behind the last. Good until the tree changes.
#[derive(Clone, Copy, Debug)]
pub struct Path {
    /// From the root to the leaf's parent: node, and which child was taken.
    pub(super) steps: [(u32, u16); LEVELS],
    pub(super) leaf: u32,
    /// The item in the leaf; as many as it has: behind its last.
    pub(super) slot: usize,
}

impl Path {
    /// The place behind the item at this one.
    pub fn after(mut self) -> Path {
        self.slot += 1;
        self
    }
}

impl<I: Item, const LEAF: usize, const FAN: usize> Tree<I, LEAF, FAN> {
    // ANCHOR: tree-seek
    /// The first item that is not `before` the place sought, and the weight of all that are. The items that are `before`
    /// must stand in front of those that are not.
    pub fn seek(&self, mut before: impl FnMut(I) -> bool) -> (Path, u64) {
        let mut weight = 0;
        let (mut path, mut node) = (Path { steps: [(NONE, 0); LEVELS], leaf: NONE, slot: 0 }, self.root);
        for level in 0..self.height {
            let inner = &self.inner[node];
            // The last child that begins before the place: the place is in it or at its end.
            let slot = inner.firsts()[1..].partition_point(|first| before(*first));
            weight += inner.weights()[..slot].iter().sum::<u64>();
            path.steps[level] = (node, slot as u16);
            node = inner.child(slot);
        }
        path.leaf = node;
        if node != NONE {
            let items = self.leaves[node].items();
            path.slot = items.partition_point(|item| before(*item));
            weight += items[..path.slot].iter().map(|item| item.weight()).sum::<u64>();
        }
        (path, weight)
    }
    // ANCHOR_END: tree-seek

    /// The item in which this position lies, and the weight of all before it. A position behind the last item gives the
    /// place there.
    pub fn at(&self, position: u64) -> (Path, u64) {
        // In each node from the nearer end: queues ask for the last as often as for the first.
        let (mut left, mut total) = (position.min(self.weight), self.weight);
        let (mut path, mut node) = (Path { steps: [(NONE, 0); LEVELS], leaf: NONE, slot: 0 }, self.root);
        for level in 0..self.height {
            let inner = &self.inner[node];
            let weights = inner.weights();
            let slot = nearest(weights.len(), |slot| weights[slot], &mut left, &mut total);
            path.steps[level] = (node, slot as u16);
            node = inner.child(slot);
        }
        path.leaf = node;
        if node != NONE {
            let items = self.leaves[node].items();
            match left == total {
                true => path.slot = items.len(),
                false => {
                    path.slot = nearest(items.len(), |slot| items[slot].weight(), &mut left, &mut total);
                }
            }
        }
        let inside = if left == total { 0 } else { left };
        (path, position.min(self.weight) - inside)
    }

    /// The item at a place; `None` behind the last.
    #[inline]
    pub fn get(&self, path: &Path) -> Option<I> {
        if path.leaf == NONE {
            return None;
        }
        match self.leaves[path.leaf].items().get(path.slot) {
            Some(item) => Some(*item),
            None => {
                let mut next = *path;
                self.step(&mut next, true).then(|| self.leaves[next.leaf].items()[0])
            }
        }
    }

    /// The items from a place on, to the end.
    pub fn forward(&self, mut path: Path) -> impl Iterator<Item = I> + '_ {
        std::iter::from_fn(move || {
            if path.leaf == NONE {
                return None;
            }
            if path.slot == self.leaves[path.leaf].len() && !self.step(&mut path, true) {
                return None;
            }
            path.slot += 1;
            Some(self.leaves[path.leaf].items()[path.slot - 1])
        })
    }

    /// The items before a place, back to the first.
    pub fn backward(&self, mut path: Path) -> impl Iterator<Item = I> + '_ {
        std::iter::from_fn(move || {
            path = self.previous(path)?;
            Some(self.leaves[path.leaf].items()[path.slot])
        })
    }

    /// The place of the item before this place.
    #[inline]
    pub fn previous(&self, mut path: Path) -> Option<Path> {
        if path.leaf == NONE || (path.slot == 0 && !self.step(&mut path, false)) {
            return None;
        }
        path.slot -= 1;
        Some(path)
    }

    /// Moves to the start of the next leaf, or to the end of the one before. `false`, and the path stays, if there is none.
    pub(super) fn step(&self, path: &mut Path, forward: bool) -> bool {
        let turns = |&level: &usize| {
            let (node, slot) = path.steps[level];
            if forward { usize::from(slot) + 1 < self.inner[node].len() } else { slot > 0 }
        };
        let Some(level) = (0..self.height).rev().find(turns) else { return false };
        let (node, slot) = path.steps[level];
        let slot = if forward { slot + 1 } else { slot - 1 };
        path.steps[level].1 = slot;
        let mut node = self.inner[node].child(slot.into());
        for level in level + 1..self.height {
            let inner = &self.inner[node];
            let slot = if forward { 0 } else { inner.len() - 1 };
            path.steps[level] = (node, slot as u16);
            node = inner.child(slot);
        }
        path.leaf = node;
        path.slot = if forward { 0 } else { self.leaves[node].len() };
        true
    }
}

/// The slot in which the unit number `left` of `total` lies; in the last if there are no more than `left`. Then `left` is its
/// number in the slot and `total` the slot's weight.
#[inline(always)]
fn nearest(slots: usize, weight: impl Fn(usize) -> u64, left: &mut u64, total: &mut u64) -> usize {
    let mut slot = 0;
    if *left < *total / 2 {
        while *left >= weight(slot) {
            *left -= weight(slot);
            slot += 1;
        }
    } else {
        let mut behind = *total - *left;
        slot = slots - 1;
        while behind > weight(slot) {
            behind -= weight(slot);
            slot -= 1;
        }
        *left = weight(slot) - behind;
    }
    *total = weight(slot);
    slot
}
