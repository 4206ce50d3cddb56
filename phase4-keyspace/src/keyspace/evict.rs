//! Eviction: which key to forget, and forgetting it.
//!
//! [`Keyspace::evict`] removes one key, as the policy says, and notes `evicted` in the journal. How many, and when, is
//! for its caller to know, who counts bytes. A call looks at a handful of records whatever the size of the databases.
mod pool;
mod queues;
mod sample;

use super::db::Db;
use super::db_mut::DbMut;
use super::event::Event;
use super::policy::{Eviction, Policy};
use super::s3fifo::{Queues, Search};
use super::{Keyspace, Millis};
use crate::record::Ref;
use pool::Pool;

/// Rounds of samples in which no candidate was left to take; then there is none.
const ROUNDS: usize = 8;

/// What came of one round.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Round {
    /// A key is forgotten.
    Evicted,
    /// None of the keys looked at is one to forget yet; the next round looks further.
    Unfinished,
    /// There is no key that the policy may forget.
    Nothing,
}

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
        let policy = settings.policy;
        let other = policy != self.policy();
        self.evictor.settings = settings.clone();
        self.evictor.pool.clear();
        for db in &mut self.dbs {
            db.store.access.follow(settings);
            if other {
                db.store.queues = policy.is_s3fifo().then(|| Box::new(Queues::new(policy.is_volatile())));
            }
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
    /// Forgets one key, or looks for one.
    pub fn evict(&mut self) -> Round {
        let victim = match self.policy() {
            Policy::NoEviction => None,
            Policy::AllKeysRandom | Policy::VolatileRandom => self.any(),
            Policy::VolatileTtl => self.next_to_die(),
            Policy::AllKeysLru | Policy::VolatileLru | Policy::AllKeysLfu | Policy::VolatileLfu => {
                self.worst()
            }
            Policy::AllKeysS3Fifo | Policy::VolatileS3Fifo => match self.search_queues() {
                (db, Search::Found(reference)) => Some((db, reference)),
                (_, Search::Unfinished) => return Round::Unfinished,
                (_, Search::Nothing) => None,
            },
        };
        let Some((db, reference)) = victim else { return Round::Nothing };
        self.db_mut(db).evict(reference);
        self.evictor.evicted += 1;
        Round::Evicted
    }
    // ANCHOR_END: evict

    /// Looks in one database's queues: the more keys it has, the oftener it is its turn.
    fn search_queues(&mut self) -> (usize, Search) {
        let volatile = self.policy().is_volatile();
        let keys = |db: &Db| if volatile { db.expires() } else { db.len() };
        let total: usize = self.dbs.iter().map(keys).sum();
        let mut turn = self.random.next() as usize % total.max(1);
        for (index, db) in self.dbs.iter_mut().enumerate() {
            match turn.checked_sub(keys(db)) {
                None => return (index, db.search_queues()),
                Some(rest) => turn = rest,
            }
        }
        (0, Search::Nothing)
    }

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
