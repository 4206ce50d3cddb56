//! The side slab: what does not fit into a record, each owned by one record.
//!
//! Kept without holes: removing fills the place with the last one, whose owner is told its new index. So the memory of
//! a million long values comes back with them, and there is no free list to keep.
use super::{Ref, SideIndex};
use crate::memory::chunks::Chunks;

/// A value too big for a record, and the record that points to it.
#[derive(Clone, Default, Debug)]
struct Cell<T> {
    owner: Ref,
    value: T,
}

/// Values too big for a record, without holes between them.
#[derive(Clone, Debug)]
pub struct Slab<T: Default> {
    cells: Chunks<Cell<T>, 256>,
}

impl<T: Default> Default for Slab<T> {
    fn default() -> Self {
        Slab { cells: Chunks::default() }
    }
}

impl<T: Default> Slab<T> {
    /// Adds one; its index. The owner is said afterwards, when the record exists: [`Slab::set_owner`].
    pub fn insert(&mut self, value: T) -> SideIndex {
        let index = u32::try_from(self.cells.len()).expect("fewer than the references that own them");
        self.cells.push(Cell { owner: Ref::default(), value });
        SideIndex(index)
    }

    /// Names the record that owns it.
    pub fn set_owner(&mut self, index: SideIndex, owner: Ref) {
        self.cells[index.0 as usize].owner = owner;
    }

    /// How many there are. The next one that [`Slab::insert`] adds has this index, and the last one this less one.
    pub fn len(&self) -> usize {
        self.cells.len()
    }

    /// The value.
    pub fn get(&self, index: SideIndex) -> &T {
        &self.cells[index.0 as usize].value
    }

    /// The value.
    pub fn get_mut(&mut self, index: SideIndex) -> &mut T {
        &mut self.cells[index.0 as usize].value
    }

    /// Takes one out. The last one now has its index: that one's owner is returned, to be told, unless it was the last
    /// itself.
    #[must_use]
    pub fn remove(&mut self, index: SideIndex) -> (T, Option<Ref>) {
        let removed = self.cells.swap_remove(index.0 as usize);
        let moved = (index.0 as usize) < self.cells.len();
        (removed.value, moved.then(|| self.cells[index.0 as usize].owner))
    }

    /// Bytes of memory in use, the values' own apart.
    pub fn bytes(&self) -> usize {
        self.cells.bytes()
    }

    /// Takes the last one out of a slab that is no longer wanted.
    pub fn pop(&mut self) -> Option<T> {
        self.cells.pop().map(|cell| cell.value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_fills_the_hole_and_its_owner_is_named() {
        let mut slab = Slab::default();
        for (i, text) in ["a", "b", "c"].into_iter().enumerate() {
            let index = slab.insert(text);
            slab.set_owner(index, Ref(10 + i as u32));
        }
        assert_eq!(slab.remove(SideIndex(0)), ("a", Some(Ref(12))));
        assert_eq!(slab.get(SideIndex(0)), &"c");
        assert_eq!(slab.remove(SideIndex(1)), ("b", None));
        assert_eq!(slab.remove(SideIndex(0)), ("c", None));
    }
}
