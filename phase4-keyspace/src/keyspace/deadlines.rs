//! The queue of deadlines: which key dies next.
//!
//! A binary heap by time, in which every record knows its seat and is told when it moves. So a deadline that is moved or
//! taken away leaves nothing behind: the queue is exactly as long as there are keys with a deadline. (The usual way, to
//! leave dead entries in and skip them when they surface, needs a clean-up of everything when they pile up; that is the
//! kind of pause this server does without.) Every operation is O(log n); keys without a deadline never come here.
use crate::memory::chunks::Chunks;
use crate::record::{Ref, Seat};
use crate::types::Millis;

#[derive(Clone, Copy, Default, Debug)]
struct Entry {
    at: Millis,
    record: Ref,
}

/// The queue: a binary heap by time. `seat(record, place)` is called for each record that changes its place.
#[derive(Default, Debug)]
pub struct Deadlines {
    heap: Chunks<Entry, 1024>,
    /// Sum of all deadlines, for their mean.
    sum: i128,
}

impl Deadlines {
    /// How many keys have a deadline.
    pub fn len(&self) -> usize {
        self.heap.len()
    }

    /// The mean deadline.
    pub fn mean(&self) -> Option<Millis> {
        (self.len() > 0).then(|| (self.sum / self.len() as i128) as Millis)
    }

    /// The earliest deadline and whose it is.
    pub fn first(&self) -> Option<(Millis, Ref)> {
        (self.len() > 0).then(|| (self.heap[0].at, self.heap[0].record))
    }

    /// One of them, given a random number; each is as likely as any other.
    pub fn pick(&self, random: u64) -> Option<Ref> {
        let at = ((random >> 32) as usize * self.len()) >> 32;
        (self.len() > 0).then(|| self.heap[at].record)
    }

    /// The record in a seat, if there is one.
    pub fn in_seat(&self, seat: usize) -> Option<Ref> {
        (seat < self.len()).then(|| self.heap[seat].record)
    }

    /// A record that had no deadline gets one.
    pub fn push(&mut self, at: Millis, record: Ref, mut seat: impl FnMut(Ref, Seat)) {
        self.sum += i128::from(at);
        self.heap.push(Entry { at, record });
        self.settle(self.heap.len() - 1, &mut seat);
    }

    /// The record in this seat has a new deadline, or a new reference.
    pub fn update(&mut self, place: Seat, at: Millis, record: Ref, mut seat: impl FnMut(Ref, Seat)) {
        let place = place.0 as usize;
        self.sum += i128::from(at) - i128::from(self.heap[place].at);
        self.heap[place] = Entry { at, record };
        self.settle(place, &mut seat);
    }

    /// The record in this seat has been moved to another reference.
    pub fn moved(&mut self, place: Seat, record: Ref) {
        self.heap[place.0 as usize].record = record;
    }

    /// The record in this seat leaves.
    pub fn remove(&mut self, place: Seat, mut seat: impl FnMut(Ref, Seat)) {
        let place = place.0 as usize;
        self.sum -= i128::from(self.heap.swap_remove(place).at);
        if place < self.heap.len() {
            self.settle(place, &mut seat);
        }
    }

    /// Moves an entry up or down until neither its parent is later nor a child earlier.
    fn settle(&mut self, mut place: usize, seat: &mut impl FnMut(Ref, Seat)) {
        let entry = self.heap[place];
        while place > 0 && entry.at < self.heap[(place - 1) / 2].at {
            let parent = (place - 1) / 2;
            self.put(place, self.heap[parent], seat);
            place = parent;
        }
        while let Some(child) = self.earlier_child(place)
            && self.heap[child].at < entry.at
        {
            self.put(place, self.heap[child], seat);
            place = child;
        }
        self.put(place, entry, seat);
    }

    fn earlier_child(&self, place: usize) -> Option<usize> {
        let (left, right) = (place * 2 + 1, place * 2 + 2);
        if left >= self.heap.len() {
            return None;
        }
        let right_first = right < self.heap.len() && self.heap[right].at < self.heap[left].at;
        Some(if right_first { right } else { left })
    }

    fn put(&mut self, place: usize, entry: Entry, seat: &mut impl FnMut(Ref, Seat)) {
        self.heap[place] = entry;
        seat(entry.record, Seat(place as u32));
    }

    /// Bytes of memory in use.
    pub fn bytes(&self) -> usize {
        self.heap.bytes()
    }

    /// Gives back a chunk of a queue that is no longer wanted; whether any is left.
    pub fn release(&mut self) -> bool {
        self.heap.release()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn agrees_with_a_sorted_map_and_keeps_every_seat() {
        let mut queue = Deadlines::default();
        let mut model: BTreeMap<Ref, Millis> = BTreeMap::new();
        let mut seats: BTreeMap<Ref, Seat> = BTreeMap::new();
        let mut seed = 42_u64;
        for step in 0..30_000_u32 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let (record, at) = (Ref((seed >> 33) as u32 % 300), (seed >> 40) as i64 % 1000);
            let known = model.contains_key(&record);
            match seed >> 60 {
                0..=6 if !known => {
                    queue.push(at, record, |r, s| _ = seats.insert(r, s));
                    model.insert(record, at);
                }
                7..=11 if known => {
                    queue.update(seats[&record], at, record, |r, s| _ = seats.insert(r, s));
                    model.insert(record, at);
                }
                12..=14 if known => {
                    queue.remove(seats[&record], |r, s| _ = seats.insert(r, s));
                    model.remove(&record);
                }
                _ => {
                    if let Some((at, record)) = queue.first() {
                        assert_eq!(Some(&at), model.values().min());
                        assert_eq!((seats[&record], model[&record]), (Seat(0), at));
                    }
                }
            }
            assert_eq!(queue.len(), model.len(), "step {step}");
            let mean = model.values().sum::<i64>().checked_div(model.len() as i64);
            assert_eq!(queue.mean(), mean);
        }
        assert!(model.len() > 50, "the test has something in it: {}", model.len());
    }
}
