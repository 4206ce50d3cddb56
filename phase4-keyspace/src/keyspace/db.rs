//! One numbered database, as commands see it. [`Db`] is what it holds and what can be seen of it; [`DbMut`] is a database
//! lent together with the journal, which every change goes through.
//!
//! Every lookup treats a key whose deadline has passed as absent, and removes it (lazy expiry), unless the keyspace is told
//! to keep such keys for a while: then lookups that only read leave them where they are.
use super::lazyfree::Pieces;
use super::store::{Content, Store};
use super::usage;
use super::{Deadline, Found, Hasher, Key, Millis, Object, Rules, Value};
use crate::dict::Place;
use crate::random::Random;
use crate::record::{RAW, Record, Ref};

/// What [`Db::plain`] found; good until the database changes.
#[derive(Clone, Copy)]
pub enum Plain {
    /// No such key, dead or alive.
    Absent,
    /// A short key with a short string and no deadline: most are so.
    String(Ref),
    /// A key with a deadline, a long one, a long value, another type; and any record of a heap that is still small.
    Unusual(Ref),
}

/// How a key stands, as seen without touching it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Standing {
    /// Nothing is stored under its name.
    Absent,
    /// It is there.
    Alive,
    /// It is stored, but its deadline has passed.
    Dead,
}

/// One database.
pub struct Db {
    pub(super) store: Store,
    pub(super) hasher: Hasher,
    pub(super) now: Millis,
    /// Keys whose deadline has passed are hidden from readers, and stay; see [`super::Keyspace::hide_expired`].
    pub(super) hide: bool,
    pub(super) expired: u64,
    pub(super) random: Random,
    pub(super) sweep: usage::Sweep,
    /// What edits of collections have to know.
    pub(super) rules: Rules,
    /// A short value on its way through [`DbMut::edit`](super::DbMut::edit) and
    /// [`DbMut::edit_string`](super::DbMut::edit_string).
    pub(super) scratch: Vec<u8>,
}

impl Db {
    pub(super) fn new(hasher: Hasher) -> Self {
        let random = Random(hasher.hash(b"random numbers start here") | 1);
        Db {
            store: Store::default(),
            rules: Rules { hasher: hasher.clone(), ..Rules::default() },
            hasher,
            now: 0,
            hide: false,
            expired: 0,
            random,
            sweep: Default::default(),
            scratch: Vec::new(),
        }
    }

    pub(super) fn set_now(&mut self, now: Millis) {
        self.store.access.advance(now - self.now);
        self.now = now;
    }

    /// Number of keys, those expired but not yet found included, as DBSIZE has it.
    pub fn len(&self) -> usize {
        self.store.dict.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether a key is stored, and alive.
    pub fn standing(&self, key: Key<'_>) -> Standing {
        match self.store.locate(key) {
            None => Standing::Absent,
            Some(place) if self.is_dead(self.store.record(place.reference)) => Standing::Dead,
            Some(_) => Standing::Alive,
        }
    }

    /// Keys that carry a deadline.
    pub fn expires(&self) -> usize {
        self.store.deadlines.len()
    }

    /// Mean time to live over the keys that have a deadline, in milliseconds (`INFO keyspace`).
    pub fn average_ttl(&self) -> Millis {
        self.store.deadlines.mean().map_or(0, |mean| mean.saturating_sub(self.now).max(0))
    }

    /// Bytes that tables, records and queues take, in memory or waiting to be freed. Long strings come on top.
    pub fn bytes(&self) -> usize {
        self.store.bytes()
    }

    /// Bytes of the table of references.
    pub fn table_bytes(&self) -> usize {
        self.store.dict.bytes()
    }

    /// Bytes of the queue of deadlines.
    pub fn deadline_bytes(&self) -> usize {
        self.store.deadlines.bytes()
    }

    /// Looks a key up as far as it takes to know whether the usual, short way leads to its value.
    #[inline(always)]
    pub(crate) fn plain(&self, key: Key<'_>) -> Plain {
        match self.store.get(key) {
            None => Plain::Absent,
            Some((reference, true)) => Plain::String(reference),
            Some((reference, false)) => Plain::Unusual(reference),
        }
    }

    /// The value of a live key, with nothing marked, removed or counted.
    pub fn value(&self, key: Key<'_>) -> Option<Value<'_>> {
        let place = self.store.locate(key)?;
        (!self.is_dead(self.store.record(place.reference))).then(|| self.store.value(place.reference))
    }

    /// What is stored at a key, dead or alive, with nothing marked, removed or counted.
    pub fn stored(&self, key: Key<'_>) -> Option<Found<'_>> {
        self.store.locate(key).map(|place| self.found(place.reference))
    }

    /// Bytes that a key takes, its value and its share of the table included; with nothing marked, removed or counted.
    pub fn usage(&self, key: Key<'_>) -> Option<usize> {
        /// Seven references to a bucket of 64 bytes.
        const REFERENCE: usize = 9;
        let Place { reference, .. } = self.store.locate(key)?;
        let elsewhere = match self.store.record(reference).object() {
            Some(index) => self.store.objects.get(index).bytes(),
            None => 0,
        };
        Some(REFERENCE + self.store.heap.slot_len(reference) + elsewhere)
    }

    /// Seconds since the use that a stamp records; `None` under a policy that counts uses.
    pub fn idle(&self, stamp: u16) -> Option<u64> {
        self.store.access.idle(stamp)
    }

    /// How often a key is used, by its stamp; `None` under a policy that does not count.
    pub fn frequency(&self, stamp: u16) -> Option<u8> {
        self.store.access.frequency(stamp)
    }

    /// What edits of collections have to know.
    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    #[inline(always)]
    pub(super) fn found(&self, reference: Ref) -> Found<'_> {
        let record = self.store.record(reference);
        Found {
            value: self.store.value(reference),
            deadline: record.deadline(),
            stamp: record.clock(),
            raw: record.has(RAW),
        }
    }

    #[inline(always)]
    pub(super) fn is_dead(&self, record: Record<'_>) -> bool {
        record.deadline().is_some_and(|deadline| deadline <= self.now)
    }

    /// The deadline of a value that replaces what is at `place`.
    pub(super) fn new_deadline(&self, place: Option<Place>, deadline: Deadline) -> Option<Millis> {
        match deadline {
            Deadline::Clear => None,
            Deadline::Keep => place.and_then(|p| self.store.record(p.reference).deadline()),
            Deadline::At(at) => Some(at),
        }
    }

    /// Stores an object whose predecessor has been dropped.
    pub(super) fn put_object(
        &mut self,
        key: Key<'_>,
        place: Option<Place>,
        object: Object,
        flags: u8,
        at: Option<Millis>,
    ) {
        let content = Content { field: b"", flags, deadline: at };
        self.store.put(&self.hasher, key, place, object, content);
    }

    // ANCHOR: db-warm
    /// Hashes a key and starts loading its bucket's cache line, without waiting for it. Between this and [`Db::warm`] should
    /// pass some time: the rest of a batch.
    #[inline(always)]
    pub fn hash_and_prefetch(&self, key: &[u8]) -> u64 {
        let hash = self.hasher.hash(key);
        self.store.dict.prefetch(hash);
        hash
    }

    /// Starts loading the record that a lookup of each hash will look at first. Its bucket should have arrived.
    pub fn warm(&self, hashes: &[u64]) {
        for hash in hashes {
            if let Some(reference) = self.store.dict.candidate(*hash) {
                self.store.heap.prefetch(reference);
            }
        }
    }
    // ANCHOR_END: db-warm
}
