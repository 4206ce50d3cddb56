//! Strings in a database: stored whole, or edited in place.
//!
//! Short strings live in the record beside their key, long ones as objects. The usual `SET`, a string over a string of about
//! the same length with no deadline before or after, is written where the old one stands.
use super::db_mut::DbMut;
use super::event::Event;
use super::store::{Content, Store};
use super::{Deadline, Edit, Key, Object};
use crate::dict::Place;
use crate::error::Error;
use crate::record::{RAW, Record, SHAPE, STRING};

impl DbMut<'_> {
    /// Stores a string, replacing any value of any type. With a deadline there is a second event, `expire`.
    #[inline]
    pub fn set_string(&mut self, key: Key<'_>, value: &[u8], deadline: Deadline, event: Event) {
        let place = self.store.locate(key);
        if let Some(place) = place
            && !matches!(deadline, Deadline::At(_))
            && self.db.store.overwrite(place, value)
        {
            return self.note(key, event, 1);
        }
        self.set_anew(key, place, value, deadline);
        self.note(key, event, 1);
        if let Deadline::At(_) = deadline {
            self.note(key, Event::Expire, 0);
        }
    }

    /// Stores a string that a command has built, replacing any value of any type. It is `raw`, whatever it holds.
    pub fn store_string(&mut self, key: Key<'_>, value: Vec<u8>, event: Event) {
        let place = self.alive(key);
        if place.is_none() {
            self.note(key, Event::New, 0);
        }
        self.db.store.drop_object(place);
        self.db.put_object(key, place, Object::String(value), RAW, None);
        self.note(key, event, 1);
    }

    #[inline(never)]
    fn set_anew(&mut self, key: Key<'_>, place: Option<Place>, value: &[u8], deadline: Deadline) {
        let place = place.and_then(|place| self.unless_dead(key, place));
        if place.is_none() {
            self.note(key, Event::New, 0);
        }
        let db = &mut *self.db;
        let deadline = db.new_deadline(place, deadline);
        if Store::is_short(key.bytes, value.len()) {
            let content = Content { field: value, flags: STRING, deadline };
            db.store.drop_object(place);
            db.store.write(&db.hasher, key, place, content);
        } else {
            let mut long = db.store.take_buffer(place, value.len());
            long.extend_from_slice(value);
            db.put_object(key, place, Object::String(long), 0, deadline);
        }
    }

    /// Edits a string in place (APPEND, SETRANGE): an absent key starts empty, the deadline stays. [`Edit::Untouched`] notes
    /// nothing and must have changed nothing.
    ///
    /// # Errors
    /// The key holds another type; nothing has been done.
    pub fn edit_string<R>(
        &mut self,
        key: Key<'_>,
        event: Event,
        edit: impl FnOnce(&mut Vec<u8>) -> Edit<R>,
    ) -> Result<R, Error> {
        let place = self.alive(key);
        if place.is_none() {
            self.note(key, Event::New, 0);
        }
        let result = self.edit_at(key, place, edit)?;
        if !matches!(result, Edit::Untouched(_)) {
            self.note(key, event, result.dirty());
        }
        Ok(result.into_inner())
    }

    fn edit_at<R>(
        &mut self,
        key: Key<'_>,
        place: Option<Place>,
        edit: impl FnOnce(&mut Vec<u8>) -> Edit<R>,
    ) -> Result<Edit<R>, Error> {
        let db = &mut *self.db;
        let record = place.map(|p| db.store.record(p.reference));
        if let Some(place) = place
            && let Some(index) = record.and_then(Record::object)
        {
            let Store { objects, heap, access, .. } = &mut db.store;
            let Object::String(string) = objects.get_mut(index) else {
                return Err(Error::WrongType);
            };
            heap.record_mut(place.reference).used(|old| access.after(old));
            heap.record_mut(place.reference).mark_edited();
            return Ok(edit(string));
        }
        if record.is_some_and(|record| record.flags() & SHAPE != STRING) {
            return Err(Error::WrongType);
        }
        let deadline = record.and_then(Record::deadline);
        let mut string = std::mem::take(&mut db.scratch);
        string.clear();
        string.extend_from_slice(record.map_or(b"", Record::value));
        let result = edit(&mut string);
        if Store::is_short(key.bytes, string.len()) {
            let content = Content { field: &string, flags: STRING | RAW, deadline };
            db.store.write(&db.hasher, key, place, content);
            db.scratch = string;
        } else {
            db.put_object(key, place, Object::String(string), RAW, deadline);
        }
        Ok(result)
    }
}
