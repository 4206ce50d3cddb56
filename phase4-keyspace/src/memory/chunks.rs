//! A vector that grows and shrinks without ever moving its elements.
//!
//! `Vec` doubles by allocating twice the room and copying everything: amortised cheap, but one unlucky `push` pays for
//! all, and at a hundred million elements that is a stopped server. Here elements live in chunks of at most 16 KiB;
//! growing adds a chunk, shrinking drops one. Only the index of chunk addresses is a `Vec`, eight bytes per 16 KiB, and
//! its room is reserved before the first chunk comes, as address space that costs nothing until it is touched.
//!
//! Why 16 KiB: a chunk's first touch costs a page fault per 4 KiB, so larger chunks make a longer pause (64 KiB: 16
//! faults, 150–280 µs on a virtual machine).
use std::ops::{Index, IndexMut};

/// Chunks whose addresses the index holds before it must move: 2 GiB of elements. Beyond it the index itself grows as any
/// `Vec` does; at that size glibc moves it by remapping pages, without copying.
const RESERVED: usize = 1 << 17;

/// See the module's description. `N` elements a chunk, a power of two.
#[derive(Debug)]
pub struct Chunks<T, const N: usize> {
    chunks: Vec<Box<[T; N]>>,
    len: usize,
}

impl<T, const N: usize> Default for Chunks<T, N> {
    fn default() -> Self {
        const { assert!(N.is_power_of_two()) };
        Chunks { chunks: Vec::new(), len: 0 }
    }
}

impl<T: Default, const N: usize> Chunks<T, N> {
    /// Number of elements.
    #[inline]
    pub fn len(&self) -> usize {
        self.len
    }

    /// The element at `i`, if its chunk is there: whether `i` is below [`Chunks::len`] as well is the caller's to know.
    #[inline(always)]
    pub fn in_chunk(&self, i: usize) -> Option<&T> {
        Some(&self.chunks.get(i / N)?[i % N])
    }

    /// Appends an element, in at most one chunk's allocation.
    pub fn push(&mut self, value: T) {
        if self.chunks.is_empty() {
            self.chunks.reserve_exact(RESERVED);
        }
        if self.len == self.chunks.len() * N {
            let fresh: Box<[T]> = (0..N).map(|_| T::default()).collect();
            self.chunks.push(fresh.try_into().ok().expect("N elements were collected"));
        }
        self.len += 1;
        let last = self.len - 1;
        self[last] = value;
    }

    /// Takes the last element. One empty chunk is kept, so that a push and a pop across a chunk's border, over and over,
    /// do not each call the allocator.
    pub fn pop(&mut self) -> Option<T> {
        let last = self.len.checked_sub(1)?;
        let value = std::mem::take(&mut self[last]);
        self.len = last;
        if self.chunks.len() > last.div_ceil(N) + 1 {
            self.chunks.pop();
        }
        Some(value)
    }

    /// Fills the hole at `at` with the last element: whoever knew that one by its place must be told. The element that
    /// was there.
    pub fn swap_remove(&mut self, at: usize) -> T {
        let last = self.pop().expect("an element to remove");
        if at == self.len { last } else { std::mem::replace(&mut self[at], last) }
    }

    /// Drops up to `count` whole chunks with all that is in them, from the end; whether any are left.
    pub fn release(&mut self, count: usize) -> bool {
        self.chunks.truncate(self.chunks.len().saturating_sub(count));
        self.len = self.len.min(self.chunks.len() * N);
        !self.chunks.is_empty()
    }

    /// Bytes of memory in use, the elements' own possessions aside.
    pub fn bytes(&self) -> usize {
        self.chunks.len() * (N * size_of::<T>() + size_of::<usize>())
    }
}

impl<T, const N: usize> Index<usize> for Chunks<T, N> {
    type Output = T;
    #[inline]
    fn index(&self, i: usize) -> &T {
        &self.chunks[i / N][i % N]
    }
}

impl<T, const N: usize> IndexMut<usize> for Chunks<T, N> {
    #[inline]
    fn index_mut(&mut self, i: usize) -> &mut T {
        &mut self.chunks[i / N][i % N]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn behaves_like_a_vector_and_gives_chunks_back() {
        let mut chunks = Chunks::<usize, 4>::default();
        for i in 0..41 {
            chunks.push(i);
        }
        assert_eq!((0..41).map(|i| chunks[i]).collect::<Vec<_>>(), (0..41).collect::<Vec<_>>());
        assert_eq!(chunks.chunks.len(), 11);
        assert_eq!(chunks.swap_remove(3), 3);
        assert_eq!((chunks[3], chunks.len()), (40, 40));
        assert_eq!(chunks.swap_remove(39), 39);
        while chunks.len() > 4 {
            chunks.pop();
        }
        assert_eq!(chunks.chunks.len(), 2, "one spare");
        assert_eq!(chunks.pop(), Some(40));
    }

    #[test]
    fn release_is_bounded() {
        let mut chunks = Chunks::<u64, 4>::default();
        (0..40).for_each(|i| chunks.push(i));
        assert!(chunks.release(9));
        assert_eq!(chunks.len(), 4);
        assert!(!chunks.release(9));
        assert_eq!((chunks.len(), chunks.pop()), (0, None));
    }
}
