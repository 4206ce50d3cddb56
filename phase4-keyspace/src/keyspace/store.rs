//! One database's storage: the dict over the records, and everything a record may own elsewhere, kept in step.
//!
//! The store knows bytes and references. What a key means, when it is dead, and what counts as a use: see [`super::db`].
use std::cell::Cell;

use super::access::Access;
use super::lazyfree::Lazyfree;
use super::s3fifo::Queues;
use super::{Key, Object, Value};
use crate::dict::{Dict, Place};
use crate::hash::Hasher;
use crate::keyspace::deadlines::Deadlines;
use crate::record::class::MAX_RECORD;
use crate::record::heap::Heap;
use crate::record::side::Slab;
use crate::record::{DEADLINE, Draft, FAR_KEY, HEADER, RAW, Record, Ref, SHAPE, STRING, WIDE};
use crate::types::Millis;

mod compact;
mod objects;

/// Longer keys live in their own slab, and a record holds an index.
const MAX_KEY: usize = 1024;

/// What a record is to hold. Built anew for each write.
pub(super) struct Content<'a> {
    /// The value, or the object's index.
    pub field: &'a [u8],
    /// What the value is ([`SHAPE`]), perhaps with [`RAW`].
    pub flags: u8,
    pub deadline: Option<Millis>,
}

/// The parts of one database: table, records, long values, long keys, deadlines.
#[derive(Default)]
pub(super) struct Store {
    pub dict: Dict,
    pub heap: Heap,
    pub objects: Slab<Object>,
    pub keys: Slab<Box<[u8]>>,
    pub deadlines: Deadlines,
    /// What no key leads to any more.
    pub lazyfree: Lazyfree,
    /// How uses are marked.
    pub access: Access,
    /// Under a policy that keeps keys in queues.
    pub queues: Option<Box<Queues>>,
}

/// A record's key, wherever it lives.
fn key_bytes<'a>(heap: &'a Heap, keys: &'a Slab<Box<[u8]>>, reference: Ref) -> &'a [u8] {
    let record = heap.record(reference);
    match record.far_key() {
        Some(index) => keys.get(index),
        None => record.key(),
    }
}

impl Store {
    /// Finds a key's record, dead or alive, and tells whether [`Heap::usual`] finds it too.
    #[inline(always)]
    pub fn get(&self, key: Key<'_>) -> Option<(Ref, bool)> {
        let usual = Cell::new(false);
        let found = self.dict.get(key.hash, |reference| match self.heap.usual(reference) {
            Some(record) => {
                usual.set(true);
                record.plain_key_is(key.bytes)
            }
            None => {
                usual.set(false);
                self.unusual_is(reference, key.bytes)
            }
        });
        found.map(|reference| (reference, usual.get()))
    }

    /// Finds a key's entry, dead or alive, to change it.
    #[inline(always)]
    pub fn locate(&self, key: Key<'_>) -> Option<Place> {
        self.dict.find(key.hash, |reference| self.is(reference, key.bytes))
    }

    #[inline(always)]
    fn is(&self, reference: Ref, key: &[u8]) -> bool {
        match self.heap.usual(reference) {
            Some(record) => record.plain_key_is(key),
            None => self.unusual_is(reference, key),
        }
    }

    #[inline(never)]
    fn unusual_is(&self, reference: Ref, key: &[u8]) -> bool {
        self.key(reference) == key
    }

    /// A record.
    #[inline(always)]
    pub fn record(&self, reference: Ref) -> Record<'_> {
        self.heap.record(reference)
    }

    /// A record's key.
    pub fn key(&self, reference: Ref) -> &[u8] {
        key_bytes(&self.heap, &self.keys, reference)
    }

    /// A record's value.
    #[inline(always)]
    pub fn value(&self, reference: Ref) -> Value<'_> {
        let record = self.heap.record(reference);
        match record.object() {
            None => Value::inline(record.flags(), record.value()),
            Some(index) => self.objects.get(index).as_value(),
        }
    }

    /// Whether a string, or a run, of this length lives in the record, rather than in the slab.
    pub fn is_short(key: &[u8], len: usize) -> bool {
        let key = if key.len() > MAX_KEY { 4 } else { key.len() };
        HEADER + 2 + 12 + key + len <= MAX_RECORD
    }

    /// The usual SET: a string over a string, both in the record, no deadline, the same slot. `false` if it is not so.
    #[inline(always)]
    pub fn overwrite(&mut self, place: Place, value: &[u8]) -> bool {
        let Some(record) = self.heap.usual(place.reference) else {
            return self.overwrite_wide(place, value);
        };
        let old = record.plain_len();
        if old != value.len() {
            let len = HEADER + record.plain_key_len() + value.len();
            if value.len() > 0xff || !self.heap.fits(place.reference, len) {
                return false;
            }
        }
        let clock = self.access.after(record.clock());
        self.heap.usual_mut(place.reference).set_short_value(value, clock);
        true
    }

    /// The same for a string of more than 255 bytes over another.
    #[inline(never)]
    fn overwrite_wide(&mut self, place: Place, value: &[u8]) -> bool {
        let record = self.record(place.reference);
        let wide = record.flags() & !RAW == STRING | WIDE && value.len() > 0xff;
        let len = HEADER + 2 + record.key().len() + value.len();
        if !wide || len > MAX_RECORD || !self.heap.fits(place.reference, len) {
            return false;
        }
        let clock = self.access.after(record.clock());
        self.heap.record_mut(place.reference).set_wide_value(value, clock);
        true
    }

    /// Marks a use of a record.
    #[inline(always)]
    pub fn touch(&mut self, reference: Ref) {
        let Store { heap, access, .. } = self;
        heap.record_mut(reference).used(|old| access.after(old));
    }

    /// Sets or clears a record's deadline. Where that changes the record's length, its value, or the index of its object, is
    /// carried over by way of `scratch`.
    pub fn set_deadline(
        &mut self,
        hasher: &Hasher,
        key: Key<'_>,
        place: Place,
        deadline: Option<Millis>,
        scratch: &mut Vec<u8>,
    ) {
        let record = self.record(place.reference);
        match (record.has(DEADLINE), deadline) {
            (false, None) => {}
            (true, Some(at)) => {
                self.touch(place.reference);
                self.move_deadline(place.reference, at);
            }
            _ => {
                let flags = record.flags() & (SHAPE | RAW);
                scratch.clear();
                scratch.extend_from_slice(record.value());
                self.write(hasher, key, Some(place), Content { field: scratch, flags, deadline });
            }
        }
    }

    /// Writes a record: over the one found at `place`, or a new one. Objects are not looked after.
    pub fn write(&mut self, hasher: &Hasher, key: Key<'_>, place: Option<Place>, content: Content<'_>) {
        let old = place.map(|p| self.heap.record(p.reference));
        let seat = old.filter(|r| r.has(DEADLINE)).map(Record::seat);
        let far_key = match old {
            Some(record) => record.far_key(),
            None => (key.bytes.len() > MAX_KEY).then(|| self.keys.insert(key.bytes.into())),
        };
        let clock = match old {
            Some(record) => self.access.after(record.clock()),
            None => self.access.fresh(),
        };
        let far_key_field = far_key.unwrap_or_default().0.to_le_bytes();
        let draft = Draft {
            flags: content.flags
                | if far_key.is_some() { FAR_KEY } else { 0 }
                | if content.deadline.is_some() { DEADLINE } else { 0 },
            key: if far_key.is_some() { &far_key_field } else { key.bytes },
            value: content.field,
            clock,
            deadline: content.deadline.unwrap_or(0),
        };
        let reference = match place {
            Some(place) => self.heap.replace(place.reference, &draft),
            None => self.heap.insert(&draft),
        };
        self.set_owners(reference);
        let Store { dict, heap, deadlines, keys, .. } = self;
        let sit = |record, seat| heap.record_mut(record).set_seat(seat);
        match (seat, content.deadline) {
            (None, None) => {}
            (None, Some(at)) => deadlines.push(at, reference, sit),
            (Some(seat), Some(at)) => deadlines.update(seat, at, reference, sit),
            (Some(seat), None) => deadlines.remove(seat, sit),
        }
        match place {
            Some(place) => {
                dict.redirect(place, reference);
                self.moved_in_queues(place.reference, reference);
            }
            None => {
                dict.insert(key.hash, reference, |r| hasher.hash(key_bytes(heap, keys, r)));
                self.enter_queues(key.hash, reference);
            }
        }
    }

    /// Tells what a record owns elsewhere where the record is.
    fn set_owners(&mut self, reference: Ref) {
        let record = self.heap.record(reference);
        if let Some(index) = record.object() {
            self.objects.set_owner(index, reference);
        }
        if let Some(index) = record.far_key() {
            self.keys.set_owner(index, reference);
        }
    }

    /// Removes an entry and frees all that it owns.
    pub fn delete(&mut self, hasher: &Hasher, hash: u64, place: Place) {
        if let Some(object) = self.extract(hasher, hash, place) {
            self.lazyfree.object(object);
        }
    }

    /// Removes an entry. Its object, if its value was one.
    pub fn extract(&mut self, hasher: &Hasher, hash: u64, place: Place) -> Option<Object> {
        let Store { dict, heap, deadlines, keys, .. } = self;
        dict.remove(hash, place, |r| hasher.hash(key_bytes(heap, keys, r)));
        let record = heap.record(place.reference);
        if let Some(queues) = &mut self.queues {
            queues.leave(record.clock(), place.reference);
        }
        let far_key = record.far_key();
        if record.has(DEADLINE) {
            deadlines.remove(record.seat(), |record, seat| heap.record_mut(record).set_seat(seat));
        }
        let object = self.take_object(Some(place));
        if let Some(index) = far_key {
            let (bytes, moved) = self.keys.remove(index);
            self.lazyfree.object(Object::String(Vec::from(bytes)));
            if let Some(owner) = moved {
                self.heap.record_mut(owner).set_far_key(index);
            }
        }
        self.heap.free(place.reference);
        object
    }

    fn move_deadline(&mut self, reference: Ref, at: Millis) {
        let seat = self.heap.record(reference).seat();
        self.heap.record_mut(reference).set_deadline(at);
        self.deadlines.update(seat, at, reference, |record, seat| {
            self.heap.record_mut(record).set_seat(seat);
        });
    }

    /// Finds the entry of a record that is known to be there.
    pub fn place_of(&self, hasher: &Hasher, reference: Ref) -> (u64, Place) {
        let hash = hasher.hash(self.key(reference));
        (hash, self.dict.find(hash, |r| r == reference).expect("every record has its entry"))
    }
}
