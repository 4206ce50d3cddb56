//! Eviction: which key to forget, and forgetting it.
//!
//! [`Keyspace::evict`] removes one key, as the policy says, and notes `evicted` in the journal. How many, and when, is
//! for its caller to know, who counts bytes. A call looks at a handful of records whatever the size of the databases.
mod pool;
mod sample;

use super::db_mut::DbMut;
use super::event::Event;
use super::policy::{Eviction, Policy};
use super::{Keyspace, Millis};
use crate::record::Ref;
use pool::Pool;

/// Rounds of samples in which no candidate was left to take; then there is none.
const ROUNDS: usize = 8;

/// What eviction remembers between two calls.
#[derive(Default)]
pub(super) struct Evictor {
    pub settings: Eviction,
    pool: Pool,
    /// The database whose turn it is, where one is as good as another.
    next_db: usize,
    evicted: u64,
}

impl Keyspace {
    /// Sets what is to be forgotten, and so what is to be remembered about uses.
    pub fn set_eviction(&mut self, settings: &Eviction) {
        if self.evictor.settings == *settings {
            return;
        }
        self.evictor.settings = settings.clone();
        self.evictor.pool.clear();
        for db in &mut self.dbs {
            db.store.access.follow(settings);
        }
    }

    /// The policy in force.
    pub fn policy(&self) -> Policy {
        self.evictor.settings.policy
    }

    /// How many keys have been evicted (`INFO stats`).
    pub fn evicted_keys(&self) -> u64 {
        self.evictor.evicted
    }

    // ANCHOR: evict
    /// Forgets one key; `false` if the policy finds none that may be forgotten.
    pub fn evict(&mut self) -> bool {
        // ANCHOR: evict-body
        let victim = match self.policy() {
            Policy::NoEviction => None,
            Policy::AllKeysRandom | Policy::VolatileRandom => self.any(),
            Policy::VolatileTtl => self.next_to_die(),
            _ => self.worst(),
        };
        let Some((db, reference)) = victim else { return false };
        self.db_mut(db).evict(reference);
        self.evictor.evicted += 1;
        true
        // ANCHOR_END: evict-body
    }
    // ANCHOR_END: evict

    /// A key drawn at random, from one database after the other.
    fn any(&mut self) -> Option<(usize, Ref)> {
        let volatile = self.policy().is_volatile();
        for _ in 0..self.dbs.len() {
            let db = self.evictor.next_db % self.dbs.len();
            self.evictor.next_db = db + 1;
            if let Some(reference) = self.dbs[db].draw(volatile) {
                return Some((db, reference));
            }
        }
        None
    }

    /// The key with the earliest deadline of all.
    fn next_to_die(&mut self) -> Option<(usize, Ref)> {
        let firsts = self.dbs.iter().enumerate().filter_map(|(index, db)| {
            let (at, reference) = db.store.deadlines.first()?;
            Some((at, index, reference))
        });
        let first: Option<(Millis, usize, Ref)> = firsts.min_by_key(|(at, ..)| *at);
        first.map(|(_, index, reference)| (index, reference))
    }

    /// The best candidate, by how long ago or how often keys were used, of those sampled now and those that the pool
    /// remembers.
    fn worst(&mut self) -> Option<(usize, Ref)> {
        let Eviction { policy, samples, .. } = self.evictor.settings;
        let volatile = policy.is_volatile();
        for _ in 0..ROUNDS {
            for (index, db) in self.dbs.iter_mut().enumerate() {
                db.sample(index as u32, samples, volatile, &mut self.evictor.pool);
            }
            while let Some(candidate) = self.evictor.pool.pop() {
                let db = candidate.db as usize;
                if self.dbs[db].stands(&candidate, volatile) {
                    return Some((db, candidate.reference));
                }
            }
        }
        None
    }
}

impl DbMut<'_> {
    /// Removes a key to make room for others.
    fn evict(&mut self, reference: Ref) {
        let (hash, place) = self.store.place_of(&self.hasher, reference);
        self.changes.note(self.index, self.db.store.key(reference), Event::Evicted, 0);
        self.db.store.delete(&self.db.hasher, hash, place);
    }
}

#[cfg(test)]
mod tests;
