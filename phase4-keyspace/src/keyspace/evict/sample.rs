//! Drawing records at random.
use super::pool::{Candidate, Pool};
use crate::keyspace::db::Db;
use crate::record::{DEADLINE, Ref};

/// Records drawn before the first of them is looked at, so that their cache lines come together.
const TOGETHER: usize = 16;
/// More samples than this for one key that goes tell no more, and would take long.
const MOST: u32 = 1024;
/// Draws of a slot in vain before another way is taken: a heap with that many holes is being compacted.
const IN_VAIN: usize = 1000;

impl Db {
    /// A record drawn at random, of those with a deadline or of all. Each is as likely as any other.
    pub(super) fn draw(&mut self, volatile: bool) -> Option<Ref> {
        let (store, random) = (&self.store, &mut self.random);
        if volatile {
            return store.deadlines.pick(random.next());
        }
        let slot =
            (0..IN_VAIN).find_map(|_| store.heap.draw(random.next()).filter(|it| store.heap.holds(*it)));
        slot.or_else(|| store.dict.pick(|| random.next()))
    }

    /// Offers some records to the pool; if there are no more than that, all.
    pub(super) fn sample(&mut self, index: u32, samples: u32, volatile: bool, pool: &mut Pool) {
        let keys = if volatile { self.expires() } else { self.len() };
        let mut left = samples.min(MOST) as usize;
        let candidate = |db: &Db, reference| {
            let stamp = db.store.record(reference).clock();
            Candidate { score: db.store.access.score(stamp), db: index, reference, stamp }
        };
        if keys <= left {
            let all = self.store.dict.iter().filter(|it| !volatile || self.store.record(*it).has(DEADLINE));
            return all.for_each(|reference| pool.offer(candidate(self, reference)));
        }
        while left > 0 {
            let mut drawn = [Ref::default(); TOGETHER];
            let count = left.min(TOGETHER);
            left -= count;
            for slot in &mut drawn[..count] {
                *slot = self.draw_unseen(volatile);
                self.store.heap.prefetch(*slot);
            }
            for reference in &drawn[..count] {
                let taken = volatile || self.store.heap.holds(*reference);
                let Some(reference) = (if taken { Some(*reference) } else { self.draw(volatile) }) else {
                    return;
                };
                pool.offer(candidate(self, reference));
            }
        }
    }

    /// A draw without a look at what it hit, which may be a free slot.
    fn draw_unseen(&mut self, volatile: bool) -> Ref {
        let (store, random) = (&self.store, &mut self.random);
        let drawn = match volatile {
            true => store.deadlines.pick(random.next()),
            false => (0..IN_VAIN).find_map(|_| store.heap.draw(random.next())),
        };
        drawn.unwrap_or_default()
    }

    /// Whether a candidate is still there as it was.
    pub(super) fn stands(&self, candidate: &Candidate, volatile: bool) -> bool {
        self.store.heap.holds(candidate.reference) && {
            let record = self.store.record(candidate.reference);
            record.clock() == candidate.stamp && (!volatile || record.has(DEADLINE))
        }
    }
}
