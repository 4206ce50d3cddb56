//! A vector that starts small and grows and shrinks without moving more than 16 KiB.
//!
//! `Vec` doubles by allocating twice the room and copying everything: amortised cheap, but one unlucky `push` pays for
//! all, and at a hundred million elements that is a stopped server. Here elements live in chunks of at most 16 KiB;
//! growing adds a chunk, shrinking drops one. Only the first chunk grows as a `Vec` does, by a quarter and up to its full
//! size, so that a vector of three elements takes the room of three. The index of chunks is a `Vec`, eight bytes for
//! 16 KiB; while it is short, moving it is a short copy, and from 16 KiB on [`crate::memory::alloc`] moves its pages.
//!
//! Why 16 KiB: a chunk's first touch costs a page fault per 4 KiB, so larger chunks make a longer pause (64 KiB: 16
//! faults, 150–280 µs on a virtual machine).
use std::ops::{Index, IndexMut};

/// Unused entries of an index that are worth a system call to give back.
const SLACK: usize = 4096;

/// A vector in chunks of `N` elements, a power of two.
#[derive(Clone, Debug)]
pub struct Chunks<T, const N: usize> {
    /// Whole chunks. That their length is known where they are compiled saves a check at each access.
    chunks: Vec<Box<[T; N]>>,
    /// The first chunk while it is shorter than the others, or nothing.
    first: Box<[T]>,
    len: usize,
}

impl<T, const N: usize> Default for Chunks<T, N> {
    fn default() -> Self {
        const { assert!(N.is_power_of_two()) };
        Chunks { chunks: Vec::new(), first: Box::default(), len: 0 }
    }
}

impl<T: Default, const N: usize> Chunks<T, N> {
    /// Number of elements.
    #[inline]
    pub fn len(&self) -> usize {
        self.len
    }

    /// The element at `i`, if there is room for it: whether `i` is below [`Chunks::len`] as well is the caller's to know.
    #[inline(always)]
    pub fn in_chunk(&self, i: usize) -> Option<&T> {
        match self.chunks.get(i / N) {
            Some(chunk) => Some(&chunk[i % N]),
            None => self.first.get(i),
        }
    }

    /// Appends an element. At most one chunk is allocated, or the first one moved.
    pub fn push(&mut self, value: T) {
        if self.in_chunk(self.len).is_none() {
            self.grow();
        }
        self.len += 1;
        let last = self.len - 1;
        self[last] = value;
    }

    #[cold]
    fn grow(&mut self) {
        let room = if self.chunks.is_empty() { self.first.len() + self.first.len() / 4 + 1 } else { N };
        match <Box<[T; N]>>::try_from(resized(std::mem::take(&mut self.first), room.min(N))) {
            Ok(whole) => self.chunks.push(whole),
            Err(first) => self.first = first,
        }
    }

    /// Takes the last element. One empty chunk is kept, so that a push and a pop across a chunk's border, over and over,
    /// do not each call the allocator.
    pub fn pop(&mut self) -> Option<T> {
        let last = self.len.checked_sub(1)?;
        let value = std::mem::take(&mut self[last]);
        self.len = last;
        if last.is_multiple_of(N) || last < N / 2 {
            self.shrink();
        }
        Some(value)
    }

    /// Gives back a whole chunk beyond the spare one, or half of the first.
    fn shrink(&mut self) {
        let spare = usize::from(self.len >= N / 2);
        if self.chunks.len() > self.len.div_ceil(N) + spare {
            self.chunks.pop();
            trim(&mut self.chunks);
            return;
        }
        let first = match &self.chunks[..] {
            [] => self.first.len(),
            [whole] => whole.len(),
            _ => return,
        };
        if self.len < first / 2 {
            let whole = self.chunks.pop().map(|whole| whole as Box<[T]>);
            let first = whole.unwrap_or_else(|| std::mem::take(&mut self.first));
            self.first = resized(first, self.len + self.len / 4);
        }
    }

    /// Fills the hole at `at` with the last element: what knew that one by its place must be told. The element that
    /// was there.
    pub fn swap_remove(&mut self, at: usize) -> T {
        let last = self.pop().expect("an element to remove");
        if at == self.len { last } else { std::mem::replace(&mut self[at], last) }
    }

    /// Drops the last chunk with all that is in it; whether any is left.
    pub fn release(&mut self) -> bool {
        self.chunks.pop();
        self.first = Box::default();
        trim(&mut self.chunks);
        self.len = self.len.min(self.chunks.len() * N);
        !self.chunks.is_empty()
    }

    /// Bytes of memory in use, the elements' own possessions aside.
    pub fn bytes(&self) -> usize {
        let elements = self.chunks.len() * N + self.first.len();
        elements * size_of::<T>() + self.chunks.capacity() * size_of::<Box<[T; N]>>()
    }
}

/// The same chunk with room for `room` elements.
fn resized<T: Default>(chunk: Box<[T]>, room: usize) -> Box<[T]> {
    let mut elements = Vec::from(chunk);
    elements.truncate(room);
    elements.reserve_exact(room - elements.len());
    elements.resize_with(room, T::default);
    elements.into_boxed_slice()
}

/// Gives back the room of an index that has become shorter, some at a time.
pub(crate) fn trim<T>(index: &mut Vec<T>) {
    if index.capacity() - index.len() > SLACK {
        index.shrink_to(index.len() + SLACK / 2);
    }
}

impl<T, const N: usize> Index<usize> for Chunks<T, N> {
    type Output = T;
    #[inline]
    fn index(&self, i: usize) -> &T {
        match self.chunks.get(i / N) {
            Some(chunk) => &chunk[i % N],
            None => &self.first[i],
        }
    }
}

impl<T, const N: usize> IndexMut<usize> for Chunks<T, N> {
    #[inline]
    fn index_mut(&mut self, i: usize) -> &mut T {
        match self.chunks.get_mut(i / N) {
            Some(chunk) => &mut chunk[i % N],
            None => &mut self.first[i],
        }
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
        while chunks.pop().is_some() {}
        assert_eq!(chunks.bytes() - chunks.chunks.capacity() * 8, 0);
    }

    #[test]
    fn a_short_one_takes_little_room() {
        let mut chunks = Chunks::<u64, 1024>::default();
        assert_eq!(chunks.bytes(), 0);
        for len in 1..=1024 {
            chunks.push(len);
            let room = chunks.bytes() - chunks.chunks.capacity() * 8;
            assert!(room <= 8 * (len as usize * 5 / 4 + 1), "{room} bytes for {len}");
        }
        assert!((0..1024).all(|i| chunks[i] == i as u64 + 1));
        while chunks.len() > 3 {
            chunks.pop();
        }
        assert_eq!((chunks[0], chunks[2]), (1, 3));
        assert!(chunks.bytes() < 150, "{}", chunks.bytes());
    }

    #[test]
    fn release_is_bounded() {
        let mut chunks = Chunks::<u64, 4>::default();
        (0..40).for_each(|i| chunks.push(i));
        for left in (1..10).rev() {
            assert!(chunks.release());
            assert_eq!(chunks.len(), 4 * left);
        }
        assert!(!chunks.release());
        assert_eq!((chunks.len(), chunks.pop()), (0, None));
    }

    #[test]
    fn an_index_that_became_short_gives_its_room_back() {
        let mut chunks = Chunks::<u8, 1>::default();
        (0..100_000).for_each(|_| chunks.push(1));
        while chunks.len() > 10 {
            chunks.pop();
        }
        assert!(chunks.chunks.capacity() <= 2 * SLACK, "{}", chunks.chunks.capacity());
    }
}
