//! The two kinds of node, each an array that closes its gaps.
use super::Item;

/// Items in order. Aligned so that thirty-two nodes of about 512 bytes fill 16 KiB exactly.
#[derive(Clone, Debug)]
#[repr(align(64))]
pub struct Leaf<I, const N: usize> {
    items: [I; N],
    len: u16,
}

impl<I: Item, const N: usize> Default for Leaf<I, N> {
    fn default() -> Self {
        Leaf { items: [I::default(); N], len: 0 }
    }
}

impl<I: Item, const N: usize> Leaf<I, N> {
    #[inline(always)]
    pub fn len(&self) -> usize {
        usize::from(self.len)
    }

    #[inline(always)]
    pub fn items(&self) -> &[I] {
        &self.items[..self.len()]
    }

    pub fn insert(&mut self, at: usize, item: I) {
        let len = self.len();
        self.items.copy_within(at..len, at + 1);
        self.items[at] = item;
        self.len += 1;
    }

    pub fn remove(&mut self, at: usize) -> I {
        let (item, len) = (self.items[at], self.len());
        self.items.copy_within(at + 1..len, at);
        self.len -= 1;
        item
    }

    pub fn set(&mut self, at: usize, item: I) {
        self.items[at] = item;
    }

    /// Appends the items from `from` on of another leaf.
    pub fn append(&mut self, other: &Self, from: usize) {
        let (len, more) = (self.len(), &other.items()[from..]);
        self.items[len..len + more.len()].copy_from_slice(more);
        self.len += more.len() as u16;
    }

    pub fn truncate(&mut self, len: usize) {
        self.len = len as u16;
    }
}

/// Children in order. What is searched together lies together.
#[derive(Clone, Debug)]
#[repr(align(64))]
pub struct Inner<I, const N: usize> {
    /// Each child's first item.
    pub first: [I; N],
    weight: [u64; N],
    child: [u32; N],
    len: u16,
}

impl<I: Item, const N: usize> Default for Inner<I, N> {
    fn default() -> Self {
        Inner { first: [I::default(); N], weight: [0; N], child: [0; N], len: 0 }
    }
}

impl<I: Item, const N: usize> Inner<I, N> {
    #[inline(always)]
    pub fn len(&self) -> usize {
        usize::from(self.len)
    }

    #[inline(always)]
    pub fn firsts(&self) -> &[I] {
        &self.first[..self.len()]
    }

    #[inline(always)]
    pub fn weights(&self) -> &[u64] {
        &self.weight[..self.len()]
    }

    #[inline(always)]
    pub fn child(&self, at: usize) -> u32 {
        self.child[at]
    }

    pub fn set(&mut self, at: usize, (first, weight): (I, u64)) {
        self.first[at] = first;
        self.weight[at] = weight;
    }

    /// A child's weight has changed by so much.
    pub fn add_weight(&mut self, at: usize, more: u64) {
        self.weight[at] = self.weight[at].wrapping_add(more);
    }

    pub fn insert(&mut self, at: usize, child: u32, summary: (I, u64)) {
        let len = self.len();
        self.first.copy_within(at..len, at + 1);
        self.weight.copy_within(at..len, at + 1);
        self.child.copy_within(at..len, at + 1);
        self.child[at] = child;
        self.set(at, summary);
        self.len += 1;
    }

    pub fn remove(&mut self, at: usize) {
        let len = self.len();
        self.first.copy_within(at + 1..len, at);
        self.weight.copy_within(at + 1..len, at);
        self.child.copy_within(at + 1..len, at);
        self.len -= 1;
    }

    /// Appends the children from `from` on of another node.
    pub fn append(&mut self, other: &Self, from: usize) {
        for at in from..other.len() {
            self.insert(self.len(), other.child[at], (other.first[at], other.weight[at]));
        }
    }

    pub fn truncate(&mut self, len: usize) {
        self.len = len as u16;
    }
}
