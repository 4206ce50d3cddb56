//! A vector that starts small and grows and shrinks without moving more than 16 KiB.
//!
//! `Vec` doubles by allocating twice the room and copying everything: amortised cheap, but one unlucky `push` pays for
//! all, and at a hundred million elements that is a stopped server. Here elements live in chunks of at most 16 KiB;
//! growing adds a chunk, shrinking drops one. Only the first chunk grows as a `Vec` does, by a quarter and up to its full
//! size, so that a vector of three elements takes the room of three. The index of chunks is a `Vec`, sixteen bytes for
//! 16 KiB; while it is short, moving it is a short copy, and from 16 KiB on [`crate::memory::alloc`] moves its pages.
//!
//! Why 16 KiB: a chunk's first touch costs a page fault per 4 KiB, so larger chunks make a longer pause (64 KiB: 16
//! faults, 150–280 µs on a virtual machine).
use std::ops::{Index, IndexMut};

/// Unused entries of an index that are worth a system call to give back.
const SLACK: usize = 4096;

/// A vector in chunks of `N` elements, a power of two. The first chunk may be shorter, when it is the only one.
#[derive(Debug)]
pub struct Chunks<T, const N: usize> {
    chunks: Vec<Box<[T]>>,
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

    /// The element at `i`, if there is room for it: whether `i` is below [`Chunks::len`] as well is the caller's to know.
    #[inline(always)]
    pub fn in_chunk(&self, i: usize) -> Option<&T> {
        self.chunks.get(i / N)?.get(i % N)
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
        match &mut self.chunks[..] {
            [] => self.chunks.push(resized(Box::default(), 1)),
            [first] if first.len() < N => {
                let room = (first.len() + first.len().div_ceil(4)).clamp(1, N);
                *first = resized(std::mem::take(first), room);
            }
            _ => self.chunks.push(resized(Box::default(), N)),
        }
    }

    /// Takes the last element. One empty chunk is kept, so that a push and a pop across a chunk's border, over and over,
    /// do not each call the allocator.
    pub fn pop(&mut self) -> Option<T> {
        let last = self.len.checked_sub(1)?;
        let value = std::mem::take(&mut self[last]);
        self.len = last;
        if self.chunks.len() > last.div_ceil(N) + 1 {
            self.chunks.pop();
            trim(&mut self.chunks);
        } else if let [first] = &mut self.chunks[..]
            && last < first.len() / 2
        {
            *first = resized(std::mem::take(first), last + last / 4);
        }
        Some(value)
    }

    /// Fills the hole at `at` with the last element: whoever knew that one by its place must be told. The element that
    /// was there.
    pub fn swap_remove(&mut self, at: usize) -> T {
        let last = self.pop().expect("an element to remove");
        if at == self.len { last } else { std::mem::replace(&mut self[at], last) }
    }

    /// Drops the last chunk with all that is in it; whether any is left.
    pub fn release(&mut self) -> bool {
        self.chunks.pop();
        trim(&mut self.chunks);
        self.len = self.len.min(self.chunks.len() * N);
        !self.chunks.is_empty()
    }

    /// Bytes of memory in use, the elements' own possessions aside.
    pub fn bytes(&self) -> usize {
        let chunks = match &self.chunks[..] {
            [only] => size_of_val(&only[..]),
            all => all.len() * N * size_of::<T>(),
        };
        chunks + self.chunks.capacity() * size_of::<Box<[T]>>()
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
    fn a_short_one_takes_little_room() {
        let mut chunks = Chunks::<u64, 1024>::default();
        assert_eq!(chunks.bytes(), 0);
        for len in 1..=1024 {
            chunks.push(len);
            let room = chunks.bytes() - chunks.chunks.capacity() * 16;
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
