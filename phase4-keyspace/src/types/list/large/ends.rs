//! Pushing and popping: what queues and stacks do, without asking where an element stands.
use super::fit::{limit, most};
use super::order::Chunk;
use super::{Large, Spot};
use crate::record::Ref;
use crate::types::list::chunk::{self, HEADER, Part};
use crate::types::packed::Entry;
use crate::types::rules::Rules;

impl Large {
    /// Puts an element at the front or at the end.
    pub fn push(&mut self, element: &[u8], front: bool, rules: &Rules) {
        let new = self.encoded(element);
        let (place, Chunk { at, count }) = self.order.end(front);
        if count > 0 && count < most(rules) && self.extend(at, &new, front, rules) {
            self.order.set(&place, Chunk { at, count: count + 1 });
        } else {
            let index = if front { 0 } else { self.len() };
            self.insert_encoded(index, &new, rules);
        }
        self.scratch = new;
    }

    /// Puts an entry at an end of a chunk, if it has room there.
    fn extend(&mut self, at: Ref, new: &[u8], front: bool, rules: &Rules) -> bool {
        let room = self.chunks.slot_len(at);
        let slot = &mut self.chunks.slot_mut(at)[..room];
        HEADER + chunk::data(slot).len() + new.len() <= limit(rules) && chunk::push(slot, front, new)
    }

    /// Takes out the first element or the last, after it was looked at. The list is not empty.
    pub fn pop(&mut self, front: bool, rules: &Rules, visit: impl FnOnce(Entry<'_>)) {
        let (place, this) = self.order.end(front);
        let Chunk { at, count } = this;
        let data = self.data(this);
        let start = if front { 0 } else { chunk::previous(data, data.len()) };
        let (part, end) = chunk::part(data, start);
        let left = HEADER + data.len() - (end - start);
        visit(self.entry(part));
        if let Part::Far(index) = part {
            self.far.remove(index);
        }
        if count == 1 {
            self.chunks.free(at);
            self.order.remove(&place);
        } else if left > self.chunks.slot_len(at) / 2 {
            chunk::shorten(self.chunks.slot_mut(at), front, end - start);
            self.order.set(&place, Chunk { at, count: count - 1 });
        } else {
            let n = if front { 0 } else { count as usize - 1 };
            self.splice(&Spot { place, chunk: this, n, at: start }, start..end, &[], -1, rules);
        }
    }
}
