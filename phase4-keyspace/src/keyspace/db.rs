//! One numbered database, as commands see it.
use super::store::{Content, Store};
use super::usage;
use super::{Deadline, Found, Hasher, Key, Millis, Object, Taken, Value};
use crate::dict::Place;
use crate::random::Random;
use crate::record::class::MAX_RECORD;
use crate::record::{DEADLINE, FLAGS, HEADER, RAW, Record, STRING, WIDE};

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

/// One database. Every lookup treats a key whose deadline has passed as absent, and removes it (lazy expiry).
pub struct Db {
    pub(super) store: Store,
    pub(super) hasher: Hasher,
    pub(super) now: Millis,
    /// The stamp of a use now; see [`usage`].
    clock: u16,
    pub(super) expired: u64,
    pub(super) random: Random,
    pub(super) sweep: super::background::Sweep,
    /// A short string on its way through [`Db::edit_string`].
    scratch: Vec<u8>,
}

impl Db {
    pub(super) fn new(hasher: Hasher) -> Self {
        let random = Random(hasher.hash(b"random numbers start here") | 1);
        Db {
            store: Store::default(),
            hasher,
            now: 0,
            clock: usage::stamp(0),
            expired: 0,
            random,
            sweep: Default::default(),
            scratch: Vec::new(),
        }
    }

    pub(super) fn set_now(&mut self, now: Millis) {
        self.now = now;
        self.clock = usage::stamp(now);
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

    /// Looks a key up and marks it used.
    #[inline]
    pub fn find(&mut self, key: Key<'_>) -> Option<Found<'_>> {
        match self.plain(key) {
            Plain::Absent => None,
            Plain::Unusual(reference) => self.find_unusual(key, reference),
            Plain::String(reference) => {
                let record = self.store.heap.usual_mut(reference).used(self.clock);
                let value = Value::String(record.plain_value());
                Some(Found { value, deadline: None, idle_secs: 0, raw: record.has(RAW) })
            }
        }
    }

    /// Looks a key up as far as it takes to know whether the usual, short way leads to its value.
    #[inline(always)]
    pub(crate) fn plain(&self, key: Key<'_>) -> Plain {
        match self.store.get(key) {
            None => Plain::Absent,
            Some(reference) if self.store.heap.usual(reference).is_some() => Plain::String(reference),
            Some(reference) => Plain::Unusual(reference),
        }
    }

    /// The bytes of a plain string, marked used.
    #[inline(always)]
    pub(crate) fn use_plain(&mut self, reference: u32) -> &[u8] {
        self.store.heap.usual_mut(reference).used(self.clock).plain_value()
    }

    /// A key with a deadline, a long one, a long value, another type.
    #[inline(never)]
    pub(crate) fn find_unusual(&mut self, key: Key<'_>, reference: u32) -> Option<Found<'_>> {
        if self.is_dead(self.store.record(reference)) {
            self.alive(key);
            return None;
        }
        self.store.heap.record_mut(reference).used(self.clock);
        Some(self.found(reference, 0))
    }

    /// Looks a key up without marking it used (TTL, OBJECT, TYPE).
    pub fn peek(&mut self, key: Key<'_>) -> Option<Found<'_>> {
        let place = self.alive(key)?;
        let idle_secs = usage::idle(self.store.record(place.reference).clock(), self.now);
        Some(self.found(place.reference, idle_secs))
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

    /// Where a live key is. The deadline lies in the record that the lookup has just read: checking it costs nothing.
    #[inline(always)]
    fn alive(&mut self, key: Key<'_>) -> Option<Place> {
        let place = self.store.locate(key)?;
        self.unless_dead(key, place)
    }

    #[inline(always)]
    fn unless_dead(&mut self, key: Key<'_>, place: Place) -> Option<Place> {
        if self.is_dead(self.store.record(place.reference)) {
            self.expire(key.hash, place);
            return None;
        }
        Some(place)
    }

    #[inline(always)]
    pub(super) fn is_dead(&self, record: Record<'_>) -> bool {
        record.deadline().is_some_and(|deadline| deadline <= self.now)
    }

    #[cold]
    pub(super) fn expire(&mut self, hash: u64, place: Place) {
        self.store.delete(&self.hasher, hash, place);
        self.expired += 1;
    }

    /// Stores a string, replacing any value of any type.
    pub fn set_string(&mut self, key: Key<'_>, value: &[u8], deadline: Deadline) {
        let place = self.store.locate(key);
        if let Some(place) = place
            && self.overwrite(place, value, deadline)
        {
            return;
        }
        self.set_anew(key, place, value, deadline);
    }

    #[inline(never)]
    fn set_anew(&mut self, key: Key<'_>, place: Option<Place>, value: &[u8], deadline: Deadline) {
        let place = place.and_then(|place| self.unless_dead(key, place));
        let deadline = self.new_deadline(place, deadline);
        let content = Content { field: value, flags: STRING, deadline, clock: self.clock };
        if Store::is_short(key.bytes, value.len()) {
            self.store.drop_object(place);
            self.store.write(&self.hasher, key, place, content);
        } else {
            let mut long = self.store.take_buffer(place, value.len());
            long.extend_from_slice(value);
            self.put_object(key, place, Object::String(long), 0, deadline);
        }
    }

    /// The usual SET: a string over a string, both in the record, no deadline before or after, the same slot.
    #[inline(always)]
    fn overwrite(&mut self, place: Place, value: &[u8], deadline: Deadline) -> bool {
        if matches!(deadline, Deadline::At(_)) {
            return false;
        }
        let Some(record) = self.store.heap.usual(place.reference) else {
            return self.overwrite_wide(place, value);
        };
        let old = record.plain_len();
        if old != value.len() {
            let len = HEADER + record.plain_key_len() + value.len();
            if value.len() > 0xff || !self.store.heap.fits(place.reference, len) {
                return false;
            }
        }
        self.store.heap.usual_mut(place.reference).set_short_value(value, self.clock);
        true
    }

    /// The same for a string of more than 255 bytes over another.
    #[inline(never)]
    fn overwrite_wide(&mut self, place: Place, value: &[u8]) -> bool {
        let record = self.store.record(place.reference);
        let wide = record.flags() & !RAW == STRING | WIDE && value.len() > 0xff;
        let len = HEADER + 2 + record.key().len() + value.len();
        if !wide || len > MAX_RECORD || !self.store.heap.fits(place.reference, len) {
            return false;
        }
        self.store.heap.record_mut(place.reference).set_wide_value(value, self.clock);
        true
    }

    fn new_deadline(&self, place: Option<Place>, deadline: Deadline) -> Option<Millis> {
        match deadline {
            Deadline::Clear => None,
            Deadline::Keep => place.and_then(|p| self.store.record(p.reference).deadline()),
            Deadline::At(at) => Some(at),
        }
    }

    /// Stores an object whose predecessor has been dropped.
    fn put_object(
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

    /// Edits a string in place (APPEND, SETRANGE): an absent key starts empty, the deadline stays. The caller has made
    /// sure that the key holds no other type.
    pub fn edit_string<R>(&mut self, key: Key<'_>, edit: impl FnOnce(&mut Vec<u8>) -> R) -> R {
        let place = self.alive(key);
        let record = place.map(|p| self.store.record(p.reference));
        if let Some(place) = place
            && let Some(index) = record.and_then(Record::object)
        {
            let mut record = self.store.heap.record_mut(place.reference);
            record.0[FLAGS] |= RAW;
            record.set_clock(self.clock);
            let Object::String(string) = self.store.objects.get_mut(index);
            return edit(string);
        }
        let deadline = record.and_then(Record::deadline);
        let mut string = std::mem::take(&mut self.scratch);
        string.clear();
        string.extend_from_slice(record.map_or(b"", Record::value));
        let result = edit(&mut string);
        if Store::is_short(key.bytes, string.len()) {
            let content = Content { field: &string, flags: STRING | RAW, deadline, clock: self.clock };
            self.store.write(&self.hasher, key, place, content);
            self.scratch = string;
        } else {
            self.put_object(key, place, Object::String(string), RAW, deadline);
        }
        result
    }

    /// Removes a key; whether it was there alive.
    pub fn remove(&mut self, key: Key<'_>) -> bool {
        let place = self.alive(key);
        if let Some(place) = place {
            self.store.delete(&self.hasher, key.hash, place);
        }
        place.is_some()
    }

    /// Sets or clears the deadline of a live key; `false` if there is no such key.
    pub fn set_deadline(&mut self, key: Key<'_>, deadline: Option<Millis>) -> bool {
        let Some(place) = self.alive(key) else { return false };
        let record = self.store.record(place.reference);
        match (record.has(DEADLINE), deadline) {
            (false, None) => {}
            (true, Some(at)) => self.store.move_deadline(place.reference, at),
            _ => {
                // The record changes its length. Its value, or the index of its object, is carried over.
                let (flags, clock) = (record.flags(), record.clock());
                let mut field = std::mem::take(&mut self.scratch);
                field.clear();
                field.extend_from_slice(record.value());
                let flags = flags & (STRING | crate::record::OBJECT | RAW);
                let content = Content { field: &field, flags, deadline, clock };
                self.store.write(&self.hasher, key, Some(place), content);
                self.scratch = field;
            }
        }
        true
    }

    /// Takes a live entry out, value and deadline (RENAME, MOVE).
    pub fn take(&mut self, key: Key<'_>) -> Option<Taken> {
        let place = self.alive(key)?;
        let record = self.store.record(place.reference);
        let (deadline, raw) = (record.deadline(), record.has(RAW));
        let short = record.object().is_none().then(|| Object::String(record.value().to_vec()));
        let long = self.store.extract(&self.hasher, key.hash, place);
        let object = short.or(long).expect("a value is in the record or an object");
        Some(Taken { object, deadline, raw })
    }

    /// A deep copy of a live entry (COPY).
    pub fn clone_entry(&mut self, key: Key<'_>) -> Option<Taken> {
        let found = self.peek(key)?;
        let object = match found.value {
            Value::String(s) => Object::String(s.to_vec()),
            Value::Object(object) => object.clone(),
        };
        Some(Taken { object, deadline: found.deadline, raw: found.raw })
    }

    /// Stores a taken entry, replacing what the key held.
    pub fn put(&mut self, key: Key<'_>, taken: Taken) {
        let place = self.alive(key);
        let flags = if taken.raw { RAW } else { 0 };
        self.store.drop_object(place);
        self.put_object(key, place, taken.object, flags, taken.deadline);
    }

    /// Forgets everything; large structures are freed a bounded share at a time, by [`super::Keyspace::cron`].
    pub fn clear(&mut self) {
        if !self.is_empty() {
            self.store.detach();
        }
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
