//! A large list: chunks of elements, and the tree that counts how many stand before each.
use std::ops::Range;

use super::chunk::{self, HEADER, NEAR, Part};
use super::far::Far;
use crate::record::Ref;
use crate::record::class::MAX_SLOT;
use crate::record::heap::Slots;
use crate::types::packed::Entry;
use crate::types::rules::Rules;
use crate::types::tree::{Item, Path, Tree};

/// A chunk, and the number of its elements.
#[derive(Clone, Copy, Default, Debug)]
struct Chunk {
    at: Ref,
    count: u32,
}

impl Item for Chunk {
    #[inline(always)]
    fn weight(self) -> u64 {
        self.count.into()
    }
}

/// A list that is not packed. Not compacted: chunks that become small are joined with their neighbours.
#[derive(Clone, Default, Debug)]
pub struct Large {
    chunks: Slots<0>,
    order: Tree<Chunk, 63, 25>,
    far: Far,
    /// An element on its way into a chunk.
    scratch: Vec<u8>,
}

/// Where an element stands, or where a new one goes.
struct Spot {
    path: Path,
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
        let (path, before) = self.order.at(if at_end { index - 1 } else { index });
        let chunk = self.order.get(&path).expect("the index is inside");
        let n = if at_end { chunk.count as usize } else { (index - before) as usize };
        let at = chunk::position(self.data(chunk), n, chunk.count as usize);
        Spot { path, chunk, n, at }
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
            let mut before = self.order.backward(spot.path);
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
        let mut behind = self.order.forward(spot.path).skip(1);
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
        if self.len() == 0 {
            let at = self.chunks.allocate(HEADER + new.len());
            self.fill(at, &[&new], false);
            self.order.insert(&self.order.at(0).0, Chunk { at, count: 1 });
        } else {
            let spot = self.spot(index);
            self.splice(&spot, spot.at..spot.at, &new, 1, rules);
        }
        self.scratch = new;
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
                self.order.remove(&spot.path);
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

    fn fill(&mut self, at: Ref, parts: &[&[u8]], room_in_front: bool) {
        let room = self.chunks.slot_len(at);
        chunk::fill(&mut self.chunks.slot_mut(at)[..room], parts, room_in_front);
    }

    /// Replaces bytes of a chunk, by which it gets `more` elements: in its slot, in a larger one, or by splitting it.
    fn splice(&mut self, spot: &Spot, old: Range<usize>, new: &[u8], more: i64, rules: &Rules) {
        let Chunk { at, count } = spot.chunk;
        let room = self.chunks.slot_len(at);
        let len = HEADER + self.data(spot.chunk).len() - old.len() + new.len();
        let count = (i64::from(count) + more) as u32;
        let full = len > limit(rules) || count > most(rules);
        if full && more > 0 && spot.chunk.count > 0 {
            return self.split(spot, new);
        }
        if len <= room && (more > 0 || len > room / 2) {
            chunk::splice(&mut self.chunks.slot_mut(at)[..room], old, new);
            if more != 0 {
                self.order.set(&spot.path, Chunk { at, count });
            }
            return;
        }
        if len > MAX_SLOT {
            // An element has become longer; there is no place for it beside the others.
            return self.split_at(spot, old, new);
        }
        let moved = self.chunks.allocate(len);
        let copy = self.data(spot.chunk).to_vec();
        self.fill(moved, &[&copy[..old.start], new, &copy[old.end..]], spot.n == 0 && more > 0);
        self.chunks.free(at);
        self.order.set(&spot.path, Chunk { at: moved, count });
    }

    /// Adds an element to a chunk that is full. At either end it begins a chunk of its own, with room for those that follow.
    fn split(&mut self, spot: &Spot, new: &[u8]) {
        let count = spot.chunk.count as usize;
        if spot.n > 0 && spot.n < count {
            return self.split_at(spot, spot.at..spot.at, new);
        }
        let at = self.chunks.allocate(MAX_SLOT);
        self.fill(at, &[new], spot.n == 0);
        let fresh = Chunk { at, count: 1 };
        self.order.insert(&if spot.n == 0 { spot.path } else { spot.path.after() }, fresh);
    }

    /// Cuts a chunk in two where something is to be replaced; the new element goes to the shorter half.
    fn split_at(&mut self, spot: &Spot, old: Range<usize>, new: &[u8]) {
        let copy = self.data(spot.chunk).to_vec();
        let (head, tail) = (&copy[..old.start], &copy[old.end..]);
        let removed = u32::from(!old.is_empty());
        let (n, behind) = (spot.n as u32, spot.chunk.count - spot.n as u32 - removed);
        self.chunks.free(spot.chunk.at);
        let (left, right) = match head.len() <= tail.len() {
            true => ([head, new], [&[][..], tail]),
            false => ([head, &[][..]], [new, tail]),
        };
        let (left_count, right_count) =
            if head.len() <= tail.len() { (n + 1, behind) } else { (n, behind + 1) };
        let mut add = |parts: [&[u8]; 2], count: u32| {
            let at = self.chunks.allocate(HEADER + parts[0].len() + parts[1].len());
            self.fill(at, &parts, false);
            Chunk { at, count }
        };
        let first = add(left, left_count);
        if right_count == 0 {
            return self.order.set(&spot.path, first);
        }
        let second = add(right, right_count);
        self.order.set(&spot.path, first);
        self.order.insert(&spot.path.after(), second);
    }

    /// Makes one of the chunk with element `index` and a neighbour, if together they are not full.
    fn join(&mut self, index: u64, rules: &Rules) {
        let (path, before) = self.order.at(index);
        let Some(this) = self.order.get(&path) else { return };
        if self.data(this).len() > MAX_SLOT * 3 / 4 {
            return;
        }
        let (next, previous) = (self.order.forward(path).nth(1), self.order.backward(path).next());
        if let Some(next) = next
            && self.join_two(&path, this, next, rules)
        {
            return;
        }
        if let Some(previous) = previous {
            self.join_two(&self.order.at(before - 1).0, previous, this, rules);
        }
    }

    fn join_two(&mut self, path: &Path, left: Chunk, right: Chunk, rules: &Rules) -> bool {
        let (first, second) = (self.data(left), self.data(right));
        let (len, count) = (HEADER + first.len() + second.len(), left.count + right.count);
        if len > limit(rules) / 8 * 7 || count > most(rules) {
            return false;
        }
        let (first, second) = (first.to_vec(), second.to_vec());
        self.chunks.free(left.at);
        self.chunks.free(right.at);
        let at = self.chunks.allocate(len);
        self.fill(at, &[&first, &second], false);
        self.order.set(path, Chunk { at, count });
        self.order.remove(&path.after());
        true
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

/// The most bytes of a chunk, by `list-max-listpack-size`; where Redis would take more, a page's half is enough.
fn limit(rules: &Rules) -> usize {
    if rules.limits.list_size == -1 { MAX_SLOT / 2 } else { MAX_SLOT }
}

/// The most elements of a chunk.
fn most(rules: &Rules) -> u32 {
    u32::try_from(rules.limits.list_size).map_or(u32::MAX, |most| most.max(1))
}
