//! One numbered database, as commands see it. [`Db`] is what it holds and what can be seen of it; [`DbMut`] is a database
//! lent together with the journal, which every change goes through.
//!
//! Every lookup treats a key whose deadline has passed as absent, and removes it (lazy expiry), unless the keyspace is told
//! to keep such keys for a while: then lookups that only read leave them where they are.
use std::ops::Deref;

use super::change::{Changes, Event};
use super::lazyfree::Pieces;
use super::store::{Content, Store};
use super::usage;
use super::{Deadline, Found, Hasher, Key, Millis, Object, Taken, Value};
use crate::dict::Place;
use crate::random::Random;
use crate::record::{RAW, Record};

/// What [`Db::plain`] found; good until the database changes.
#[derive(Clone, Copy)]
pub enum Plain {
    /// No such key, dead or alive.
    Absent,
    /// A short key with a short string and no deadline: most are so.
    String(u32),
    /// A key with a deadline, a long one, a long value, another type; and any record of a heap that is still small.
    Unusual(u32),
}

/// One database.
pub struct Db {
    pub(super) store: Store,
    pub(super) hasher: Hasher,
    pub(super) now: Millis,
    /// Keys whose deadline has passed are hidden from readers, and stay; see [`super::Keyspace::hide_expired`].
    pub(super) hide: bool,
    /// The time that uses are stamped with: the clock without its steps back.
    pub(super) used_now: Millis,
    /// The stamp of a use now; see [`usage`].
    pub(super) clock: u16,
    pub(super) expired: u64,
    pub(super) random: Random,
    pub(super) sweep: usage::Sweep,
    /// A short string on its way through [`DbMut::edit_string`].
    pub(super) scratch: Vec<u8>,
}

impl Db {
    pub(super) fn new(hasher: Hasher) -> Self {
        let random = Random(hasher.hash(b"random numbers start here") | 1);
        Db {
            store: Store::default(),
            hasher,
            now: 0,
            hide: false,
            used_now: 0,
            clock: usage::stamp(0),
            expired: 0,
            random,
            sweep: Default::default(),
            scratch: Vec::new(),
        }
    }

    pub(super) fn set_now(&mut self, now: Millis) {
        // A clock that is put back makes no key old: time since a use goes on from where it stood.
        self.used_now += (now - self.now).max(0);
        self.now = now;
        self.clock = usage::stamp(self.used_now);
    }

    /// Number of keys, those expired but not yet found included, as DBSIZE has it.
    pub fn len(&self) -> usize {
        self.store.dict.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
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

    /// Looks a key up as far as it takes to know whether the usual, short way leads to its value.
    #[inline(always)]
    pub(crate) fn plain(&self, key: Key<'_>) -> Plain {
        match self.store.get(key) {
            None => Plain::Absent,
            Some((reference, true)) => Plain::String(reference),
            Some((reference, false)) => Plain::Unusual(reference),
        }
    }

    #[inline(always)]
    fn found(&self, reference: u32, idle_secs: u64) -> Found<'_> {
        let record = self.store.record(reference);
        Found {
            value: self.store.value(reference),
            deadline: record.deadline(),
            idle_secs,
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
        let content = Content { field: b"", flags, deadline: at, clock: self.clock };
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

/// A database lent together with the journal of changes.
pub struct DbMut<'a> {
    pub(super) db: &'a mut Db,
    pub(super) changes: &'a mut Changes,
    pub(super) index: u32,
}

impl Deref for DbMut<'_> {
    type Target = Db;
    #[inline(always)]
    fn deref(&self) -> &Db {
        self.db
    }
}

impl<'a> DbMut<'a> {
    /// The same, for as long as this one is borrowed.
    #[inline(always)]
    pub fn reborrow(&mut self) -> DbMut<'_> {
        DbMut { db: self.db, changes: self.changes, index: self.index }
    }

    /// Looks a key up and marks it used.
    #[inline]
    pub fn find(&mut self, key: Key<'_>) -> Option<Found<'_>> {
        self.reborrow().into_found(key)
    }

    /// The same, for a value that outlives this loan of the database.
    #[inline]
    pub fn into_found(self, key: Key<'_>) -> Option<Found<'a>> {
        match self.plain(key) {
            Plain::Absent => None,
            Plain::Unusual(reference) => self.into_unusual(key, reference),
            Plain::String(reference) => {
                let record = self.db.store.heap.usual_mut(reference).used(self.db.clock);
                let value = Value::String(record.plain_value());
                Some(Found { value, deadline: None, idle_secs: 0, raw: record.has(RAW) })
            }
        }
    }

    /// The bytes of a plain string, marked used.
    #[inline(always)]
    pub(crate) fn into_plain(self, reference: u32) -> &'a [u8] {
        self.db.store.heap.usual_mut(reference).used(self.db.clock).plain_value()
    }

    /// A key with a deadline, a long one, a long value, another type.
    #[inline(never)]
    pub(crate) fn into_unusual(mut self, key: Key<'_>, reference: u32) -> Option<Found<'a>> {
        if self.is_dead(self.store.record(reference)) {
            self.seen_alive(key);
            return None;
        }
        self.db.store.heap.record_mut(reference).used(self.db.clock);
        Some(self.db.found(reference, 0))
    }

    /// Looks a key up without marking it used (TTL, OBJECT, TYPE).
    pub fn peek(&mut self, key: Key<'_>) -> Option<Found<'_>> {
        self.reborrow().into_peeked(key)
    }

    /// The same, for a value that outlives this loan of the database.
    pub fn into_peeked(mut self, key: Key<'_>) -> Option<Found<'a>> {
        let place = self.seen_alive(key)?;
        let idle_secs = usage::idle(self.store.record(place.reference).clock(), self.used_now);
        Some(self.db.found(place.reference, idle_secs))
    }

    /// Where a live key is. The deadline lies in the record that the lookup has just read: checking it costs nothing.
    #[inline(always)]
    pub(super) fn alive(&mut self, key: Key<'_>) -> Option<Place> {
        let place = self.store.locate(key)?;
        self.unless_dead(key, place)
    }

    /// The same for a lookup that does not write.
    fn seen_alive(&mut self, key: Key<'_>) -> Option<Place> {
        let place = self.store.locate(key)?;
        if self.hide && self.is_dead(self.store.record(place.reference)) {
            return None;
        }
        self.unless_dead(key, place)
    }

    #[inline(always)]
    pub(super) fn unless_dead(&mut self, key: Key<'_>, place: Place) -> Option<Place> {
        if self.is_dead(self.store.record(place.reference)) {
            self.expire(key.hash, place);
            return None;
        }
        Some(place)
    }

    /// Removes a key whose deadline has passed.
    #[cold]
    pub(super) fn expire(&mut self, hash: u64, place: Place) {
        let key = self.db.store.key(place.reference);
        self.changes.note(self.index, key, Event::Expired, 0);
        let Db { store, hasher, .. } = &mut *self.db;
        store.delete(hasher, hash, place);
        self.db.expired += 1;
    }

    /// Notes a change of a key that a command asked for.
    #[inline(always)]
    pub(super) fn note(&mut self, key: Key<'_>, event: Event, dirty: u32) {
        self.changes.note(self.index, key.bytes, event, dirty);
    }

    /// Removes a key; whether it was there alive.
    pub fn remove(&mut self, key: Key<'_>, event: Event) -> bool {
        let place = self.alive(key);
        if let Some(place) = place {
            self.db.store.delete(&self.db.hasher, key.hash, place);
            self.note(key, event, 1);
        }
        place.is_some()
    }

    /// Sets or clears the deadline of a live key; `false` if there is no such key. `event` is noted if there is one.
    pub fn set_deadline(&mut self, key: Key<'_>, deadline: Option<Millis>, event: Event) -> bool {
        let Some(place) = self.alive(key) else { return false };
        let Db { store, hasher, scratch, .. } = &mut *self.db;
        store.set_deadline(hasher, key, place, deadline, scratch);
        self.note(key, event, 1);
        true
    }

    /// A live key, chosen at random; `None` if there is none. Dead ones that it meets are removed, or, while they are
    /// hidden, passed over; after a hundred of them one is returned, as on a replica of Redis.
    pub fn random_key(&mut self) -> Option<&[u8]> {
        let mut passed_over = 0;
        loop {
            let Db { store, random, .. } = &mut *self.db;
            let reference = store.dict.pick(|| random.next())?;
            if passed_over == 100 || !self.is_dead(self.store.record(reference)) {
                return Some(self.db.store.key(reference));
            }
            if self.hide {
                passed_over += 1;
                continue;
            }
            let (hash, place) = self.store.place_of(&self.hasher, reference);
            self.expire(hash, place);
        }
    }

    /// Forgets everything; large structures are freed a bounded share at a time, by [`super::Keyspace::cron`].
    pub fn clear(&mut self) {
        self.changes.note_database(self.index, Event::Flush, self.db.len() as u64);
        if !self.is_empty() {
            self.db.store.detach();
        }
    }

    /// Takes a live entry out, value and deadline. What becomes of it is the caller's to note.
    pub(super) fn take(&mut self, key: Key<'_>) -> Option<Taken> {
        let place = self.alive(key)?;
        let db = &mut *self.db;
        let record = db.store.record(place.reference);
        let (deadline, raw) = (record.deadline(), record.has(RAW));
        let short = record.object().is_none().then(|| Object::String(record.value().to_vec()));
        let long = db.store.extract(&db.hasher, key.hash, place);
        let object = short.or(long).expect("a value is in the record or an object");
        Some(Taken { object, deadline, raw })
    }

    /// A deep copy of a live entry.
    pub(super) fn clone_entry(&mut self, key: Key<'_>) -> Option<Taken> {
        let found = self.peek(key)?;
        let object = match found.value {
            Value::String(s) => Object::String(s.to_vec()),
        };
        Some(Taken { object, deadline: found.deadline, raw: found.raw })
    }

    /// Stores a taken entry under a name, replacing what it held. To Redis the name is new either way.
    pub(super) fn put(&mut self, key: Key<'_>, taken: Taken) {
        let place = self.alive(key);
        let flags = if taken.raw { RAW } else { 0 };
        self.db.store.drop_object(place);
        self.db.put_object(key, place, taken.object, flags, taken.deadline);
        self.note(key, Event::New, 0);
    }
}
