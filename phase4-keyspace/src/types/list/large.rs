//! A large list: chunks of elements, and their order, which counts how many stand before each.
mod ends;
mod fit;
mod order;

use order::{Chunk, Order, Place};

use super::chunk::{self, HEADER, NEAR, Part};
use super::far::Far;
use crate::record::heap::Slots;
use crate::types::packed::Entry;
use crate::types::rules::Rules;

/// A list that is not packed. Not compacted: chunks that become small are joined with their neighbours.
#[derive(Clone, Default, Debug)]
pub struct Large {
    chunks: Slots<0>,
    order: Order,
    far: Far,
    /// An element on its way into a chunk.
    scratch: Vec<u8>,
}

/// Where an element stands, or where a new one goes.
struct Spot {
    place: Place,
    chunk: Chunk,
    /// Elements before it in its chunk.
    n: usize,
    /// Its offset there.
    at: usize,
}

impl Large {
    /// Number of elements.
    #[inline]
    pub fn len(&self) -> u64 {
        self.order.weight()
    }

    /// Bytes of memory in use.
    pub fn bytes(&self) -> usize {
        self.chunks.bytes() + self.order.bytes() + self.far.bytes()
    }

    fn data(&self, chunk: Chunk) -> &[u8] {
        chunk::data(self.chunks.slot(chunk.at))
    }

    /// The place of element number `index`; behind the last, the end of the last chunk. The list is not empty.
    fn spot(&self, index: u64) -> Spot {
        let at_end = index == self.len();
        let (place, chunk, before) = self.order.at(if at_end { index - 1 } else { index });
        let n = if at_end { chunk.count as usize } else { (index - before) as usize };
        let at = chunk::position(self.data(chunk), n, chunk.count as usize);
        Spot { place, chunk, n, at }
    }

    fn entry<'a>(&'a self, part: Part<'a>) -> Entry<'a> {
        match part {
            Part::Near(entry) => entry,
            Part::Far(index) => Entry::Bytes(self.far.get(index)),
        }
    }

    /// An element; the index is below [`Large::len`].
    pub fn get(&self, index: u64) -> Entry<'_> {
        let spot = self.spot(index);
        self.entry(chunk::part(self.data(spot.chunk), spot.at).0)
    }

    /// Shows the elements from number `index` on, until it is told to stop with `false`; back to the first if `reverse`.
    pub fn walk(&self, index: u64, reverse: bool, mut visit: impl FnMut(Entry<'_>) -> bool) {
        if index >= self.len() {
            return;
        }
        let spot = self.spot(index);
        let (mut data, mut at) = (self.data(spot.chunk), spot.at);
        if reverse {
            at = chunk::next(data, at);
            let mut before = self.order.before(spot.place);
            loop {
                while at > 0 {
                    at = chunk::previous(data, at);
                    if !visit(self.entry(chunk::part(data, at).0)) {
                        return;
                    }
                }
                let Some(chunk) = before.next() else { return };
                data = self.data(chunk);
                at = data.len();
            }
        }
        let mut behind = self.order.behind(spot.place);
        loop {
            while at < data.len() {
                let (part, next) = chunk::part(data, at);
                if !visit(self.entry(part)) {
                    return;
                }
                at = next;
            }
            let Some(chunk) = behind.next() else { return };
            (data, at) = (self.data(chunk), 0);
        }
    }

    /// Puts an element in front of number `index`, or behind the last.
    pub fn insert(&mut self, index: u64, element: &[u8], rules: &Rules) {
        let new = self.encoded(element);
        self.insert_encoded(index, &new, rules);
        self.scratch = new;
    }

    fn insert_encoded(&mut self, index: u64, new: &[u8], rules: &Rules) {
        if self.len() == 0 {
            let at = self.chunks.allocate(HEADER + new.len());
            self.fill(at, &[new], false);
            self.order.insert(&Place::First, false, Chunk { at, count: 1 });
        } else {
            let spot = self.spot(index);
            self.splice(&spot, spot.at..spot.at, new, 1, rules);
        }
    }

    /// Replaces an element; the index is below [`Large::len`].
    pub fn set(&mut self, index: u64, element: &[u8], rules: &Rules) {
        let new = self.encoded(element);
        let spot = self.spot(index);
        let end = self.discard(spot.chunk, spot.at, 1);
        self.splice(&spot, spot.at..end, &new, 0, rules);
        self.scratch = new;
    }

    /// Removes `count` elements from number `index` on. They are there.
    pub fn remove(&mut self, index: u64, count: u64, rules: &Rules) {
        let mut left = count;
        while left > 0 {
            let spot = self.spot(index);
            let here = left.min(u64::from(spot.chunk.count) - spot.n as u64) as usize;
            left -= here as u64;
            let end = self.discard(spot.chunk, spot.at, here);
            if here == spot.chunk.count as usize {
                self.chunks.free(spot.chunk.at);
                self.order.remove(&spot.place);
            } else {
                self.splice(&spot, spot.at..end, &[], -(here as i64), rules);
                // At the ends, where queues are taken from, a chunk is left to become empty.
                if index > 0 && index < self.len() {
                    self.join(index, rules);
                }
            }
        }
    }

    /// An element as it is written down; too long a one is stored elsewhere.
    fn encoded(&mut self, element: &[u8]) -> Vec<u8> {
        let mut new = std::mem::take(&mut self.scratch);
        new.clear();
        let part = match element.len() {
            0..=NEAR => Part::Near(Entry::of(element)),
            _ => Part::Far(self.far.insert(element)),
        };
        chunk::encode(part, &mut new);
        new
    }

    /// Frees what elements have elsewhere. Where the next element begins.
    fn discard(&mut self, chunk: Chunk, mut at: usize, count: usize) -> usize {
        let data = chunk::data(self.chunks.slot(chunk.at));
        if self.far.is_empty() && count == chunk.count as usize {
            return data.len();
        }
        for _ in 0..count {
            let (part, next) = chunk::part(data, at);
            if let Part::Far(index) = part {
                self.far.remove(index);
            }
            at = next;
        }
        at
    }

    /// A long element that is not wanted any more, to be freed piece by piece.
    pub fn take_discarded(&mut self) -> Option<Vec<u8>> {
        self.far.take_discarded()
    }

    /// Frees a piece of a list that is no longer wanted; whether anything is left.
    pub fn free_some(&mut self) -> bool {
        self.far.free_some() || self.order.release() || self.chunks.release()
    }
}
