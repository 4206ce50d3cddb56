//! Making a chunk's contents fit: in its slot, in a larger or smaller one, in two, or together with a neighbour's.
use std::ops::Range;

use super::order::{Chunk, Place};
use super::{Large, Spot};
use crate::record::Ref;
use crate::record::class::MAX_SLOT;
use crate::types::list::chunk::{self, HEADER};
use crate::types::rules::Rules;
use crate::types::tree::Path;

impl Large {
    /// Fills a fresh slot.
    pub(super) fn fill(&mut self, at: Ref, parts: &[&[u8]], room_in_front: bool) {
        let room = self.chunks.slot_len(at);
        chunk::fill(&mut self.chunks.slot_mut(at)[..room], parts, room_in_front);
    }

    /// Replaces bytes of a chunk, by which it gets `more` elements: in its slot, in a larger one, or by splitting it.
    pub(super) fn splice(&mut self, spot: &Spot, old: Range<usize>, new: &[u8], more: i64, rules: &Rules) {
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
                self.order.set(&spot.place, Chunk { at, count });
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
        self.order.set(&spot.place, Chunk { at: moved, count });
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
        self.order.insert(&spot.place, spot.n > 0, fresh);
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
            return self.order.set(&spot.place, first);
        }
        let second = add(right, right_count);
        self.order.set(&spot.place, first);
        self.order.insert(&spot.place, true, second);
    }

    /// Makes one of the chunk with element `index` and a neighbour, if together they are not full. The chunks at the ends
    /// are left as they are.
    pub(super) fn join(&mut self, index: u64, rules: &Rules) {
        let (Place::Among(path), this, before) = self.order.at(index) else { return };
        if self.data(this).len() > MAX_SLOT * 3 / 4 {
            return;
        }
        let (previous, next) = self.order.neighbours(&path, before);
        if let Some(next) = next
            && self.join_two(&path, this, next, rules)
        {
            return;
        }
        if let Some((path, previous)) = previous {
            self.join_two(&path, previous, this, rules);
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
        self.order.unite(path, Chunk { at, count });
        true
    }
}

/// The most bytes of a chunk, by `list-max-listpack-size`; where Redis would take more, a page's half is enough.
pub(super) fn limit(rules: &Rules) -> usize {
    if rules.limits.list_size == -1 { MAX_SLOT / 2 } else { MAX_SLOT }
}

/// The most elements of a chunk.
pub(super) fn most(rules: &Rules) -> u32 {
    u32::try_from(rules.limits.list_size).map_or(u32::MAX, |most| most.max(1))
}
