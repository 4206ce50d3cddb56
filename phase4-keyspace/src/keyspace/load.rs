//! Values that come ready-made: from a snapshot, or from `RESTORE`.
use super::db_mut::DbMut;
use super::event::Event;
use super::usage;
use super::{Key, Millis, Object};

impl DbMut<'_> {
    /// Stores a value under a key that is not there; `false`, with nothing done, if it is. Nothing is noted: it is the state
    /// with which the server begins.
    pub fn load(
        &mut self,
        key: Key<'_>,
        object: Object,
        deadline: Option<Millis>,
        idle_secs: Option<u64>,
    ) -> bool {
        if self.store.locate(key).is_some() {
            return false;
        }
        self.db.put_object(key, None, object, 0, deadline);
        if let (Some(idle), Some(place)) = (idle_secs, self.store.locate(key)) {
            let stamp = usage::stamp_of_idle(idle, self.used_now);
            self.db.store.heap.record_mut(place.reference).set_clock(stamp);
        }
        true
    }

    /// The same on behalf of `RESTORE`: in place of what is there, and noted.
    pub fn restore(
        &mut self,
        key: Key<'_>,
        object: Object,
        deadline: Option<Millis>,
        idle_secs: Option<u64>,
    ) {
        if let Some(place) = self.alive(key) {
            self.db.store.delete(&self.db.hasher, key.hash, place);
        }
        self.load(key, object, deadline, idle_secs);
        self.note(key, Event::New, 0);
        self.note(key, Event::Restore, 1);
    }
}
