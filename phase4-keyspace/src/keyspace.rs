//! What the server remembers: sixteen numbered databases, each a map from key to value with an optional deadline.
//!
//! The rooms below, from the outside in: [`Db`] says what a lookup means (dead keys are absent, a use is stamped) → the
//! store keeps an entry's parts in step → [`crate::dict`] finds the reference, [`crate::record::heap`] holds the record,
//! [`crate::keyspace::deadlines`] knows who dies next.
mod access;
mod background;
pub mod change;
mod db;
mod db_mut;
mod deadlines;
mod edit;
#[cfg(test)]
mod edit_tests;
pub mod event;
mod evict;
mod frequency;
mod lazyfree;
mod load;
pub mod policy;
mod s3fifo;
mod store;
mod strings;
#[cfg(test)]
mod tests;
mod transfer;
pub mod usage;
mod walk;

pub(crate) use crate::random::Random;

pub use crate::hash::{Hasher, Key};
pub use crate::types::bits;
pub use crate::types::packed::Entry;
pub use crate::types::{
    Collection, Deadline, Edit, Found, Hash, HashRef, Kind, List, ListRef, Millis, Object, Rules, Set,
    SetRef, Stream, Taken, Thresholds, Value, ZSet, ZSetRef, stream, zset,
};
pub use access::History;
pub use change::{Change, Changes, Mark};
pub use db::{Db, Plain, Standing};
pub use db_mut::DbMut;
pub use event::{Class, Event};
pub use evict::Round;
pub use policy::{Eviction, Policy};

use evict::Evictor;

/// All databases and the clock they share.
pub struct Keyspace {
    dbs: Vec<Db>,
    /// The process's keyed hash.
    pub hasher: Hasher,
    /// What the unit of execution that runs now has changed.
    pub changes: Changes,
    random: Random,
    now: Millis,
    /// See [`Keyspace::set_replaying`].
    replaying: bool,
    evictor: Evictor,
}

impl Keyspace {
    /// `count` empty databases, under a fresh random hash key.
    pub fn new(count: usize) -> Self {
        Self::with_hasher(count, Hasher::new())
    }

    /// `count` empty databases under a given hash key: reproducible, for tests and measurements.
    pub fn with_hasher(count: usize, hasher: Hasher) -> Self {
        Keyspace {
            dbs: (0..count).map(|_| Db::new(hasher.clone())).collect(),
            random: Random(hasher.hash(b"each command draws its own") | 1),
            hasher,
            changes: Changes::default(),
            now: 0,
            replaying: false,
            evictor: Evictor::default(),
        }
    }

    /// Sets the clock, once a tick; it does not move while a command runs.
    pub fn set_now(&mut self, now: Millis) {
        if now == self.now {
            return;
        }
        self.now = now;
        for db in &mut self.dbs {
            db.set_now(now);
        }
    }

    /// While a log is replayed, no key dies of its deadline: the log itself says when one did. What is still there and
    /// should have died meanwhile does so afterwards.
    pub fn set_replaying(&mut self, replaying: bool) {
        self.replaying = replaying;
        for db in &mut self.dbs {
            db.now = if replaying { Millis::MIN } else { self.now };
        }
    }

    /// Whether a key with this deadline would be dead.
    pub fn is_past(&self, deadline: Millis) -> bool {
        deadline <= self.now && !self.replaying
    }

    /// Sets up to what collections are small.
    pub fn set_thresholds(&mut self, limits: &Thresholds) {
        for db in &mut self.dbs {
            db.rules.limits = limits.clone();
        }
    }

    /// A source of random numbers of its own.
    pub(crate) fn random(&mut self) -> Random {
        Random(self.random.next() | 1)
    }

    /// Keeps keys whose deadline passes (`true`), until told otherwise: they are hidden from lookups that only read. A write
    /// to one of them still removes it first.
    pub fn hide_expired(&mut self, hide: bool) {
        for db in &mut self.dbs {
            db.hide = hide;
        }
    }

    /// The clock.
    pub fn now(&self) -> Millis {
        self.now
    }

    /// How many databases there are.
    pub fn databases(&self) -> usize {
        self.dbs.len()
    }

    /// One database, to look at; `index` is below [`Keyspace::databases`].
    pub fn db(&self, index: usize) -> &Db {
        &self.dbs[index]
    }

    /// One database, lent with the journal that learns of each change.
    #[inline(always)]
    pub fn db_mut(&mut self, index: usize) -> DbMut<'_> {
        DbMut { db: &mut self.dbs[index], changes: &mut self.changes, index: index as u32 }
    }

    /// How many keys have expired, lazily or actively (`INFO stats`).
    pub fn expired_keys(&self) -> u64 {
        self.dbs.iter().map(|db| db.expired).sum()
    }

    /// Bytes that all databases' tables, records and queues take. Long strings come on top.
    pub fn bytes(&self) -> usize {
        self.dbs.iter().map(Db::bytes).sum()
    }
}
