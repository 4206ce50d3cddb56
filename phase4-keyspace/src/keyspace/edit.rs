//! Collections in a database: one way to change any of them.
//!
//! [`DbMut::edit`] makes the collection if the key is absent, [`DbMut::update`] does not. Both hand it to a closure, remove
//! the key if nothing is left in it, and note the event; a key of another type is refused before anything is done. A command
//! never stores a collection by itself, so it can neither leave an empty one behind nor forget the event.
//!
//! A small collection is a run of bytes in its record. It is copied out, changed and written back, as short strings are; a
//! large one is changed where it is.
use super::db::Db;
use super::db_mut::DbMut;
use super::event::Event;
use super::store::{Content, Store};
use super::{Collection, Edit, Key, Rules};
use crate::dict::Place;
use crate::error::Error;
use crate::record::class::MAX_RECORD;
use crate::record::{RAW, SHAPE, SideIndex};

impl DbMut<'_> {
    /// Changes a collection, an empty one if the key is absent. [`Edit::Untouched`] notes nothing and must have changed
    /// nothing.
    ///
    /// # Errors
    /// The key holds another type; nothing has been done.
    pub fn edit<T: Collection, R>(
        &mut self,
        key: Key<'_>,
        event: Event,
        edit: impl FnOnce(&mut T, &Rules) -> Edit<R>,
    ) -> Result<R, Error> {
        match self.alive(key) {
            Some(place) => self.edit_collection(key, place, event, edit),
            None => {
                let mut fresh = T::default();
                let result = edit(&mut fresh, &self.db.rules);
                if !matches!(result, Edit::Untouched(_)) && !fresh.is_empty() {
                    self.note(key, Event::New, 0);
                    self.db.put_object(key, None, fresh.into_object(), 0, None);
                    self.note(key, event, result.dirty());
                }
                Ok(result.into_inner())
            }
        }
    }

    /// Changes a collection; `None` if the key is absent.
    ///
    /// # Errors
    /// The key holds another type; nothing has been done.
    pub fn update<T: Collection, R>(
        &mut self,
        key: Key<'_>,
        event: Event,
        edit: impl FnOnce(&mut T, &Rules) -> Edit<R>,
    ) -> Result<Option<R>, Error> {
        match self.alive(key) {
            Some(place) => self.edit_collection(key, place, event, edit).map(Some),
            None => Ok(None),
        }
    }

    /// Stores a collection whole, in place of any value of any type; an empty one removes the key, and `del` is noted. What
    /// `SINTERSTORE` and its kin do. The deadline goes.
    pub fn store_collection<T: Collection>(&mut self, key: Key<'_>, value: T, event: Event) {
        self.store_counted(key, value, event, 1);
    }

    /// The same where Redis counts more than one change.
    pub fn store_counted<T: Collection>(&mut self, key: Key<'_>, value: T, event: Event, dirty: u32) {
        let place = self.alive(key);
        if value.is_empty() {
            self.remove(key, Event::Del);
            return;
        }
        if place.is_none() {
            self.note(key, Event::New, 0);
        }
        self.db.store.drop_object(place);
        self.db.put_object(key, place, value.into_object(), 0, None);
        self.note(key, event, dirty);
    }

    /// Removes a key because a command has taken so many elements, which were all: `event` is noted, then `del`.
    pub fn remove_emptied(&mut self, key: Key<'_>, event: Event, dirty: u32) {
        if let Some(place) = self.alive(key) {
            self.note(key, event, dirty);
            self.db.store.delete(&self.db.hasher, key.hash, place);
            self.note(key, Event::Del, 0);
        }
    }

    fn edit_collection<T: Collection, R>(
        &mut self,
        key: Key<'_>,
        place: Place,
        event: Event,
        edit: impl FnOnce(&mut T, &Rules) -> Edit<R>,
    ) -> Result<R, Error> {
        let record = self.store.record(place.reference);
        let (result, empty) = match record.object() {
            Some(index) => self.db.edit_object(key, place, index, edit)?,
            None if record.flags() & SHAPE == T::KIND.shape() => self.db.edit_run(key, place, edit),
            None => return Err(Error::WrongType),
        };
        if !matches!(result, Edit::Untouched(_)) {
            self.note(key, event, result.dirty());
            if empty {
                self.db.store.delete(&self.db.hasher, key.hash, place);
                self.note(key, Event::Del, 0);
            }
        }
        Ok(result.into_inner())
    }
}

impl Db {
    /// Edits a large collection in its place; whether nothing is left of it. One that has become small goes into the record.
    fn edit_object<T: Collection, R>(
        &mut self,
        key: Key<'_>,
        place: Place,
        index: SideIndex,
        edit: impl FnOnce(&mut T, &Rules) -> Edit<R>,
    ) -> Result<(Edit<R>, bool), Error> {
        let value = T::of(self.store.objects.get_mut(index)).ok_or(Error::WrongType)?;
        let result = edit(value, &self.rules);
        let empty = value.is_empty();
        // Half of what fits, so that an element that comes and goes does not move it each time.
        let small = value.run().is_some_and(|run| run.len() < MAX_RECORD / 2);
        while let Some(discarded) = value.take_discarded() {
            self.store.lazyfree.object(discarded);
        }
        self.store.touch(place.reference);
        if small
            && !empty
            && Store::is_short(key.bytes, MAX_RECORD / 2)
            && let Some(object) = self.store.take_object(Some(place))
        {
            let deadline = self.store.record(place.reference).deadline();
            self.put_object(key, Some(place), object, 0, deadline);
        }
        Ok((result, empty))
    }

    /// Edits a small collection; whether nothing is left of it, in which case the record is as it was.
    fn edit_run<T: Collection, R>(
        &mut self,
        key: Key<'_>,
        place: Place,
        edit: impl FnOnce(&mut T, &Rules) -> Edit<R>,
    ) -> (Edit<R>, bool) {
        let record = self.store.record(place.reference);
        let (deadline, raw) = (record.deadline(), record.flags() & RAW != 0);
        let mut run = std::mem::take(&mut self.scratch);
        run.clear();
        run.extend_from_slice(record.value());
        let mut value = T::from_run(run, raw);
        let result = edit(&mut value, &self.rules);
        let empty = value.is_empty();
        if matches!(result, Edit::Untouched(_)) || empty {
            self.store.touch(place.reference);
            self.scratch = value.into_run().unwrap_or_default();
            return (result, empty);
        }
        match value.run() {
            Some(run) if Store::is_short(key.bytes, run.len()) => {
                let flags = T::KIND.shape() | if value.raw() { RAW } else { 0 };
                let content = Content { field: run, flags, deadline };
                self.store.write(&self.hasher, key, Some(place), content);
                self.scratch = value.into_run().unwrap_or_default();
            }
            _ => self.put_object(key, Some(place), value.into_object(), 0, deadline),
        }
        (result, empty)
    }
}
