//! A database lent together with the journal: every lookup that may find a dead key, and every change.
//!
//! Every lookup treats a key whose deadline has passed as absent, and removes it (lazy expiry). Each change takes its event
//! as an argument and notes it.
use std::ops::Deref;

use super::change::Changes;
use super::db::{Db, Plain};
use super::event::Event;
use super::store::Store;
use super::{Found, Key, Millis, Taken, Value};
use crate::dict::Place;
use crate::record::{RAW, Ref};

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
        self.reborrow().look_up(key, false)
    }

    /// The same on behalf of a command that reads, for a value that outlives this loan of the database: `keymiss` is noted.
    #[inline]
    pub fn into_found(self, key: Key<'_>) -> Option<Found<'a>> {
        self.look_up(key, true)
    }

    #[inline(always)]
    fn look_up(self, key: Key<'_>, reads: bool) -> Option<Found<'a>> {
        match self.plain(key) {
            Plain::Absent => {
                if reads {
                    self.into_miss(key);
                }
                None
            }
            Plain::Unusual(reference) => self.into_unusual(key, reference, reads),
            Plain::String(reference) => {
                let Store { heap, access, .. } = &mut self.db.store;
                let record = heap.usual_mut(reference).used(|old| access.after(old));
                let value = Value::String(record.plain_value());
                Some(Found { value, deadline: None, stamp: record.clock(), raw: record.has(RAW) })
            }
        }
    }

    /// The bytes of a plain string, marked used.
    #[inline(always)]
    pub(crate) fn into_plain(self, reference: Ref) -> &'a [u8] {
        let Store { heap, access, .. } = &mut self.db.store;
        heap.usual_mut(reference).used(|old| access.after(old)).plain_value()
    }

    /// A key with a deadline, a long one, a long value, another type.
    #[inline(never)]
    pub(crate) fn into_unusual(mut self, key: Key<'_>, reference: Ref, reads: bool) -> Option<Found<'a>> {
        if self.is_dead(self.store.record(reference)) {
            self.seen_alive(key);
            if reads {
                self.into_miss(key);
            }
            return None;
        }
        self.db.store.touch(reference);
        Some(self.db.found(reference))
    }

    /// A command that reads has found nothing.
    #[inline(always)]
    pub(crate) fn into_miss(self, key: Key<'_>) {
        self.changes.note_miss(self.index, key.bytes);
    }

    /// Looks a key up without marking it used (TTL, OBJECT, TYPE).
    pub fn peek(&mut self, key: Key<'_>) -> Option<Found<'_>> {
        let place = self.seen_alive(key)?;
        Some(self.db.found(place.reference))
    }

    /// The same on behalf of a command that reads, for a value that outlives this loan of the database.
    pub fn into_peeked(mut self, key: Key<'_>) -> Option<Found<'a>> {
        let Some(place) = self.seen_alive(key) else {
            self.into_miss(key);
            return None;
        };
        Some(self.db.found(place.reference))
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
        let short = record.object().is_none().then(|| db.store.value(place.reference).to_object());
        let long = db.store.extract(&db.hasher, key.hash, place);
        let object = short.or(long).expect("a value is in the record or an object");
        Some(Taken { object, deadline, raw })
    }

    /// A deep copy of a live entry.
    pub(super) fn clone_entry(&mut self, key: Key<'_>) -> Option<Taken> {
        let found = self.peek(key)?;
        let object = found.value.to_object();
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
