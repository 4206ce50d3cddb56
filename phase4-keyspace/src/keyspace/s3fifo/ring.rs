//! The queue of newcomers, in order of arrival: four bytes for each.
//!
//! An entry leaves from the front, or from the middle when its record is deleted; and a record can be moved. To find
//! its entry then, a record keeps the low bits of its number, a ticket. In a queue longer than there are tickets several places bear
//! the same one, a few at most, and the reference there tells which is meant.
use std::collections::VecDeque;

use crate::record::Ref;

/// Different tickets.
pub const TICKETS: u64 = 1 << 13;
/// Entries of a block of 4 KiB.
const BLOCK: u64 = 1024;
/// An entry that left from the middle.
const GONE: Ref = Ref(u32::MAX);

/// A queue of references.
#[derive(Default)]
pub struct Ring {
    blocks: VecDeque<Box<[Ref; BLOCK as usize]>>,
    /// Numbers of the first entry and of the next one to come. They only rise.
    first: u64,
    next: u64,
    len: usize,
}

impl Ring {
    /// How many are in it.
    pub fn len(&self) -> usize {
        self.len
    }

    /// How many places it takes: those left from the middle stay empty until they reach the front.
    pub fn places(&self) -> usize {
        (self.next - self.first) as usize
    }

    fn slot(&mut self, number: u64) -> &mut Ref {
        let base = self.first / BLOCK;
        &mut self.blocks[(number / BLOCK - base) as usize][(number % BLOCK) as usize]
    }

    /// Puts one in at the back. Its ticket.
    pub fn push(&mut self, reference: Ref) -> u16 {
        let number = self.next;
        if number.is_multiple_of(BLOCK) || self.blocks.is_empty() {
            self.blocks.push_back(Box::new([GONE; BLOCK as usize]));
        }
        self.next += 1;
        self.len += 1;
        *self.slot(number) = reference;
        (number % TICKETS) as u16
    }

    /// Takes the first one out.
    pub fn pop(&mut self) -> Option<Ref> {
        while self.first < self.next {
            let reference = *self.slot(self.first);
            self.first += 1;
            if self.first.is_multiple_of(BLOCK) {
                self.blocks.pop_front();
            }
            if reference != GONE {
                self.len -= 1;
                return Some(reference);
            }
        }
        None
    }

    /// The number of the entry with this ticket and this reference.
    fn find(&self, ticket: u16, reference: Ref) -> Option<u64> {
        let ahead = u64::from(ticket).wrapping_sub(self.first) % TICKETS;
        let numbers = (self.first + ahead..self.next).step_by(TICKETS as usize);
        let base = self.first / BLOCK;
        let at = |number: &u64| self.blocks[(number / BLOCK - base) as usize][(number % BLOCK) as usize];
        numbers.into_iter().find(|number| at(number) == reference)
    }

    /// Whether there is an entry with this ticket and this reference.
    pub fn holds(&self, ticket: u16, reference: Ref) -> bool {
        self.find(ticket, reference).is_some()
    }

    /// The record has been moved.
    pub fn redirect(&mut self, ticket: u16, from: Ref, to: Ref) {
        if let Some(number) = self.find(ticket, from) {
            *self.slot(number) = to;
        }
    }

    /// The record is gone.
    pub fn remove(&mut self, ticket: u16, reference: Ref) {
        if let Some(number) = self.find(ticket, reference) {
            *self.slot(number) = GONE;
            self.len -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    #[test]
    fn agrees_with_a_list_far_beyond_the_tickets() {
        let (mut ring, mut model, mut random) = (Ring::default(), Vec::<(Ref, u16)>::new(), Random(3));
        let mut fresh = 0;
        for step in 0..200_000 {
            let grow = step % 100_000 < 60_000;
            match random.below(10) {
                0..=6 if grow => {
                    fresh += 1;
                    model.push((Ref(fresh), ring.push(Ref(fresh))));
                }
                0..=6 => {
                    let expected = if model.is_empty() { None } else { Some(model.remove(0).0) };
                    assert_eq!(ring.pop(), expected, "step {step}");
                }
                7 if !model.is_empty() => {
                    let (reference, ticket) = model.remove(random.below(model.len()));
                    assert!(ring.holds(ticket, reference));
                    ring.remove(ticket, reference);
                    assert!(!ring.holds(ticket, reference));
                }
                8 if !model.is_empty() => {
                    let at = random.below(model.len());
                    fresh += 1;
                    ring.redirect(model[at].1, model[at].0, Ref(fresh));
                    model[at].0 = Ref(fresh);
                }
                _ => ring.remove(random.next() as u16 % TICKETS as u16, Ref(1 << 30)),
            }
            assert_eq!(ring.len(), model.len());
        }
        assert!(fresh > 60_000 && ring.places() >= ring.len());
    }
}
