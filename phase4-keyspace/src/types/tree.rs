//! A B+ tree that counts: under the sorted set, the list and the stream.
//!
//! Items stand in order in leaves; an inner node has for each child what a search must know of it: its first item, and its
//! *weight*, the sum of its items' weights. So a search by order (`seek`) and one by number (`at`) are the same walk down,
//! and both know how much stands before the place that they find. A skiplist with spans answers the same questions; it
//! takes a cache miss for each of some 25 hops, where this takes one for each of three or four levels.
//!
//! The tree knows neither keys nor records. What order means is the caller's closure, asked about items: it may read a
//! record for a tie. A walk down gives a [`Path`]; insert, remove and set act at a path and then mend what stands above it.
mod mend;
mod node;
mod path;
mod pool;
#[cfg(test)]
mod tests;

use node::{Inner, Leaf};
pub use path::Path;
use pool::Pool;

/// What stands in a leaf.
pub trait Item: Copy + Default {
    /// What it counts for: 1 where items are counted themselves, the number of elements where an item is a chunk of them.
    fn weight(self) -> u64;
}

/// No node.
const NONE: u32 = u32::MAX;

/// A tree of leaves with up to `LEAF` items and inner nodes with up to `FAN` children.
#[derive(Clone, Debug)]
pub struct Tree<I, const LEAF: usize, const FAN: usize> {
    leaves: Pool<Leaf<I, LEAF>>,
    inner: Pool<Inner<I, FAN>>,
    root: u32,
    /// Levels of inner nodes above the leaves.
    height: usize,
    weight: u64,
}

impl<I: Item, const LEAF: usize, const FAN: usize> Default for Tree<I, LEAF, FAN> {
    fn default() -> Self {
        const { assert!(LEAF >= 4 && FAN >= 4) };
        Tree { leaves: Pool::default(), inner: Pool::default(), root: NONE, height: 0, weight: 0 }
    }
}

impl<I: Item, const LEAF: usize, const FAN: usize> Tree<I, LEAF, FAN> {
    /// The weight of all items.
    #[inline]
    pub fn weight(&self) -> u64 {
        self.weight
    }

    /// Frees a share of a tree that is no longer wanted, a chunk of nodes; whether any is left.
    pub fn release(&mut self) -> bool {
        (self.root, self.height, self.weight) = (NONE, 0, 0);
        self.leaves.release() || self.inner.release()
    }

    /// Bytes of memory in use.
    pub fn bytes(&self) -> usize {
        self.leaves.bytes() + self.inner.bytes()
    }

    /// What an inner node must know of a child: the first item, and the weight.
    fn summary(&self, child: u32, is_leaf: bool) -> (I, u64) {
        if is_leaf {
            let items = self.leaves[child].items();
            (items[0], items.iter().map(|item| item.weight()).sum())
        } else {
            let inner = &self.inner[child];
            (inner.first[0], inner.weights().iter().sum())
        }
    }
}
