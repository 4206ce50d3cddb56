//! S3-FIFO's queues at work: records enter them, are looked at, move on or go ([`s3fifo`](crate::keyspace::s3fifo)).
use crate::keyspace::db::Db;
use crate::keyspace::s3fifo::{SHARE, STEPS, Search, USE, USES, uses};
use crate::keyspace::store::Store;
use crate::record::{DEADLINE, Ref};

impl Store {
    /// A new record enters its queue. While nothing is forgotten the first newcomers move on untested.
    pub fn enter_queues(&mut self, hash: u64, reference: Ref) {
        let Store { dict, heap, queues, deadlines, .. } = self;
        let Some(queues) = queues else { return };
        let keys = if queues.volatile { deadlines.len() } else { dict.len() };
        let volatile = heap.record(reference).has(DEADLINE);
        let stamp = queues.enter(hash, reference, volatile);
        heap.record_mut(reference).set_clock(stamp);
        for _ in 0..2 {
            if queues.overflows(keys)
                && let Some(first) = queues.ring.pop()
            {
                let stamp = heap.record(first).clock();
                heap.record_mut(first).set_clock(stamp & USES);
            }
        }
    }

    /// Records that are in the small queue, by what they say themselves.
    #[cfg(test)]
    pub fn newcomers(&self) -> usize {
        let is_new = |it: &Ref| {
            self.queues.as_ref().is_some_and(|queues| queues.is_new(self.heap.record(*it).clock(), *it))
        };
        self.dict.iter().filter(is_new).count()
    }

    /// A record has a new reference.
    pub fn moved_in_queues(&mut self, from: Ref, to: Ref) {
        if let Some(queues) = &mut self.queues
            && from != to
        {
            queues.moved(self.heap.record(to).clock(), from, to);
        }
    }

    /// The next record in the hand's way, with its stamp.
    fn next_in_hand(&mut self) -> Option<(Ref, u16)> {
        let Store { heap, queues, deadlines, .. } = self;
        let queues = queues.as_mut()?;
        let reference = if queues.volatile {
            queues.seat = if queues.seat + 1 < deadlines.len() { queues.seat + 1 } else { 0 };
            deadlines.in_seat(queues.seat)?
        } else {
            heap.next_record(&mut queues.page, &mut queues.unit)?
        };
        Some((reference, heap.record(reference).clock()))
    }
}

impl Db {
    // ANCHOR: s3fifo
    /// Looks for a key to forget.
    pub(in crate::keyspace) fn search_queues(&mut self) -> Search {
        let Some(volatile) = self.store.queues.as_ref().map(|queues| queues.volatile) else {
            return Search::Nothing;
        };
        let keys = if volatile { self.expires() } else { self.len() };
        if keys == 0 {
            return Search::Nothing;
        }
        for _ in 0..STEPS {
            let found =
                match self.store.queues.as_ref().is_some_and(|queues| queues.ring.len() > keys / SHARE) {
                    true => self.judge_newcomer(keys),
                    false => self.judge_next(),
                };
            if let Some(reference) = found {
                return Search::Found(reference);
            }
        }
        Search::Unfinished
    }

    /// The first newcomer moves on if it was used, or is not to be forgotten; else it goes, and the ghost remembers it.
    fn judge_newcomer(&mut self, keys: usize) -> Option<Ref> {
        let queues = self.store.queues.as_mut()?;
        let reference = queues.ring.pop()?;
        let record = self.store.heap.record(reference);
        let may_go = !queues.volatile || record.has(DEADLINE);
        if uses(record.clock()) > 0 || !may_go {
            self.store.heap.record_mut(reference).set_clock(0);
            return None;
        }
        let hash = self.hasher.hash(self.store.key(reference));
        let ghost = &mut self.store.queues.as_mut()?.ghost;
        ghost.fit(keys);
        ghost.insert(hash);
        Some(reference)
    }

    /// The next record of the main queue goes unless it has uses left, of which it loses one.
    fn judge_next(&mut self) -> Option<Ref> {
        let (reference, stamp) = self.store.next_in_hand()?;
        if self.store.queues.as_ref()?.is_new(stamp, reference) {
            return None;
        }
        if uses(stamp) == 0 {
            return Some(reference);
        }
        self.store.heap.record_mut(reference).set_clock((stamp & USES) - USE);
        None
    }
    // ANCHOR_END: s3fifo
}
