//! The order of a list's chunks, by number of element. The first chunk and the last stand outside the tree.
//!
//! Queues and stacks change a list's ends and nothing else. There a push or a pop changes a count in this record, where in
//! a tree it would walk from the root to a leaf and mend the counts of all nodes on the way back. The tree has the chunks
//! between the two: it hears of an end when a chunk there is full or empty.
//!
//! There is always a first chunk, except in an empty list, and a last one if there are two.
use std::mem;

use crate::record::Ref;
use crate::types::tree::{Item, Path, Tree};

/// A chunk, and the number of its elements; 0: there is no such chunk.
#[derive(Clone, Copy, Default, Debug)]
pub struct Chunk {
    pub at: Ref,
    pub count: u32,
}

impl Item for Chunk {
    #[inline(always)]
    fn weight(self) -> u64 {
        self.count.into()
    }
}

/// Where a chunk stands. Good until a chunk is added or removed.
#[derive(Clone, Copy, Debug)]
pub enum Place {
    /// It is the first, and maybe the only one.
    First,
    /// It is neither.
    Among(Path),
    /// It is the last of several.
    Last,
}

/// The chunks of a list.
#[derive(Clone, Default, Debug)]
pub struct Order {
    first: Chunk,
    among: Tree<Chunk, 63, 25>,
    last: Chunk,
}

impl Order {
    /// The number of elements in all chunks.
    #[inline]
    pub fn weight(&self) -> u64 {
        self.first.weight() + self.among.weight() + self.last.weight()
    }

    /// Bytes of memory in use.
    pub fn bytes(&self) -> usize {
        self.among.bytes()
    }

    /// The chunk with element number `index`, and how many elements stand before it; behind the last, the last chunk.
    #[inline]
    pub fn at(&self, index: u64) -> (Place, Chunk, u64) {
        let first = self.first.weight();
        if index < first || self.last.count == 0 {
            return (Place::First, self.first, 0);
        }
        let behind = first + self.among.weight();
        if index >= behind {
            return (Place::Last, self.last, behind);
        }
        let (path, before) = self.among.at(index - first);
        let chunk = self.among.get(&path).expect("the index is inside");
        (Place::Among(path), chunk, first + before)
    }

    /// The chunk at one of the ends.
    #[inline]
    pub fn end(&self, front: bool) -> (Place, Chunk) {
        if front || self.last.count == 0 { (Place::First, self.first) } else { (Place::Last, self.last) }
    }

    /// The chunks behind a place.
    pub fn behind(&self, place: Place) -> impl Iterator<Item = Chunk> + '_ {
        let (from, last) = match place {
            Place::First => (Some(self.inner_start()), Some(self.last)),
            Place::Among(path) => (Some(path.after()), Some(self.last)),
            Place::Last => (None, None),
        };
        let among = from.into_iter().flat_map(|path| self.among.forward(path));
        among.chain(last.filter(|last| last.count > 0))
    }

    /// The chunks before a place, back to the first.
    pub fn before(&self, place: Place) -> impl Iterator<Item = Chunk> + '_ {
        let (to, first) = match place {
            Place::First => (None, None),
            Place::Among(path) => (Some(path), Some(self.first)),
            Place::Last => (Some(self.inner_end()), Some(self.first)),
        };
        to.into_iter().flat_map(|path| self.among.backward(path)).chain(first)
    }

    /// Adds a chunk before or behind the one at a place; in an empty list the place is that of its only chunk.
    pub fn insert(&mut self, place: &Place, behind: bool, chunk: Chunk) {
        if self.first.count == 0 {
            self.first = chunk;
            return;
        }
        match (place, behind) {
            (Place::First, _) => {
                let inner = if behind { chunk } else { mem::replace(&mut self.first, chunk) };
                match self.last.count {
                    0 => self.last = inner,
                    _ => self.among.insert(&self.inner_start(), inner),
                }
            }
            (Place::Last, _) => {
                let inner = if behind { mem::replace(&mut self.last, chunk) } else { chunk };
                self.among.insert(&self.inner_end(), inner);
            }
            (Place::Among(path), true) => self.among.insert(&path.after(), chunk),
            (Place::Among(path), false) => self.among.insert(path, chunk),
        }
    }

    /// Replaces the chunk at a place.
    #[inline]
    pub fn set(&mut self, place: &Place, chunk: Chunk) {
        match place {
            Place::First => self.first = chunk,
            Place::Last => self.last = chunk,
            Place::Among(path) => self.among.set(path, chunk),
        }
    }

    /// Removes the chunk at a place. The next one moves up to an end.
    pub fn remove(&mut self, place: &Place) {
        let between = self.among.weight() > 0;
        match place {
            Place::Among(path) => {
                self.among.remove(path);
            }
            Place::First if between => self.first = self.among.remove(&self.inner_start()),
            Place::First => self.first = mem::take(&mut self.last),
            Place::Last if between => {
                let (path, _) = self.among.at(self.among.weight() - 1);
                self.last = self.among.remove(&path);
            }
            Place::Last => self.last = Chunk::default(),
        }
    }

    /// The chunks around one that is neither the first nor the last: the one before it with its path, and the one behind it.
    /// `None` in place of an end.
    pub fn neighbours(&self, path: &Path, before: u64) -> (Option<(Path, Chunk)>, Option<Chunk>) {
        let previous = self.among.backward(*path).next();
        let previous = previous.map(|chunk| (self.among.at(before - self.first.weight() - 1).0, chunk));
        (previous, self.among.forward(path.after()).next())
    }

    /// Puts one chunk in place of the one at a path and the one behind it.
    pub fn unite(&mut self, path: &Path, chunk: Chunk) {
        self.among.set(path, chunk);
        self.among.remove(&path.after());
    }

    /// Frees a piece of an order that is no longer wanted; whether anything is left.
    pub fn release(&mut self) -> bool {
        (self.first, self.last) = Default::default();
        self.among.release()
    }

    fn inner_start(&self) -> Path {
        self.among.at(0).0
    }

    fn inner_end(&self) -> Path {
        self.among.at(self.among.weight()).0
    }
}
