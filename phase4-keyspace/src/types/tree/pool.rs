//! Where a tree's nodes live: chunks of thirty-two, named by a u32.
//!
//! One allocation a node would be a trap: freeing millions of small blocks makes malloc tidy up for milliseconds at once. A
//! chunk of 16 KiB has pages of its own ([`crate::memory::alloc`]), and goes back to the kernel as soon as none of its
//! nodes is in use. Nodes do not move, so one in use keeps its chunk: a tree that shrinks here and there keeps memory that
//! it would fill again first. Only the first chunk is short at first and grows by a quarter, so that a small tree is small.
use std::ops::{Index, IndexMut};

/// Nodes of a chunk: as many as a mask has bits.
const NODES: usize = u32::BITS as usize;

/// Nodes, and which of their places are free.
#[derive(Clone, Debug)]
pub struct Pool<T> {
    chunks: Vec<Chunk<T>>,
    /// Chunks with a free place, each once, those without memory included.
    open: Vec<u32>,
    /// Memory of a chunk that became empty, kept so that a node that comes and goes does not call the allocator each time.
    spare: Vec<T>,
}

#[derive(Clone, Debug)]
struct Chunk<T> {
    /// Places up to the highest that was ever used.
    nodes: Vec<T>,
    /// A bit for each free place.
    free: u32,
}

impl<T> Default for Pool<T> {
    fn default() -> Self {
        Pool { chunks: Vec::new(), open: Vec::new(), spare: Vec::new() }
    }
}

impl<T: Default> Pool<T> {
    /// A fresh node.
    pub fn add(&mut self) -> u32 {
        let at = match self.open.last() {
            Some(&at) => at as usize,
            None => {
                self.open.push(self.chunks.len() as u32);
                self.chunks.push(Chunk { nodes: Vec::new(), free: u32::MAX });
                self.chunks.len() - 1
            }
        };
        let chunk = &mut self.chunks[at];
        if chunk.free == u32::MAX && at > 0 {
            chunk.nodes = std::mem::take(&mut self.spare);
        }
        let place = chunk.free.trailing_zeros() as usize;
        // The lowest free place: all below it are in use, so it is at most one past the last.
        match chunk.nodes.get_mut(place) {
            Some(node) => *node = T::default(),
            None => {
                if place == chunk.nodes.capacity() {
                    let room = if at > 0 { NODES } else { place / 4 + 1 };
                    chunk.nodes.reserve_exact(room.min(NODES - place));
                }
                chunk.nodes.push(T::default());
            }
        }
        chunk.free &= !(1 << place);
        if chunk.free == 0 {
            self.open.pop();
        }
        (at * NODES + place) as u32
    }

    /// Frees a node, and its chunk if that was the last.
    pub fn remove(&mut self, node: u32) {
        let (at, place) = (node as usize / NODES, node as usize % NODES);
        let chunk = &mut self.chunks[at];
        if chunk.free == 0 {
            self.open.push(at as u32);
        }
        chunk.free |= 1 << place;
        if chunk.free == u32::MAX {
            let mut nodes = std::mem::take(&mut chunk.nodes);
            if at > 0 {
                nodes.clear();
                self.spare = nodes;
            }
        }
    }

    /// Frees a chunk of nodes that are no longer wanted; whether any is left.
    pub fn release(&mut self) -> bool {
        self.open = Vec::new();
        self.spare = Vec::new();
        self.chunks.pop();
        !self.chunks.is_empty()
    }

    /// Bytes of memory in use.
    pub fn bytes(&self) -> usize {
        let places = self.chunks.iter().map(|chunk| chunk.nodes.capacity()).sum::<usize>();
        (places + self.spare.capacity()) * size_of::<T>()
            + self.chunks.capacity() * size_of::<Chunk<T>>()
            + self.open.capacity() * size_of::<u32>()
    }
}

impl<T> Index<u32> for Pool<T> {
    type Output = T;
    #[inline(always)]
    fn index(&self, node: u32) -> &T {
        &self.chunks[node as usize / NODES].nodes[node as usize % NODES]
    }
}

impl<T> IndexMut<u32> for Pool<T> {
    #[inline(always)]
    fn index_mut(&mut self, node: u32) -> &mut T {
        &mut self.chunks[node as usize / NODES].nodes[node as usize % NODES]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_used_again_and_empty_chunks_go() {
        let mut pool = Pool::<u64>::default();
        let nodes: Vec<u32> = (0..10 * NODES).map(|_| pool.add()).collect();
        assert_eq!(nodes, (0..10 * NODES as u32).collect::<Vec<_>>());
        let full = pool.bytes();
        pool.remove(40);
        pool.remove(33);
        assert_eq!((pool.add(), pool.add()), (33, 40));
        nodes[NODES..].iter().for_each(|node| pool.remove(*node));
        let small = 2 * NODES * size_of::<u64>() + pool.chunks.capacity() * size_of::<Chunk<u64>>() + 64;
        assert!(pool.bytes() <= small && small < full, "{} of {full} bytes", pool.bytes());
        let again: std::collections::BTreeSet<u32> = (0..5 * NODES).map(|_| pool.add()).collect();
        assert_eq!(again.len(), 5 * NODES, "no node is lent twice");
        assert!(again.iter().all(|node| *node as usize >= NODES));
    }

    #[test]
    fn a_pool_of_few_nodes_is_small_and_release_is_bounded() {
        let mut pool = Pool::<[u128; 32]>::default();
        pool.add();
        assert!(pool.bytes() < 700, "{} bytes", pool.bytes());
        (0..99).for_each(|_| _ = pool.add());
        assert!(pool.release() && pool.release() && pool.release() && !pool.release());
    }
}
