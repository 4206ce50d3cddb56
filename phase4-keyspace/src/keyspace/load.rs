//! Values that come ready-made: from a snapshot, or from `RESTORE`.
use super::access::History;
use super::db_mut::DbMut;
use super::event::Event;
use super::{Key, Millis, Object};

impl DbMut<'_> {
    /// Stores a value under a key that is not there; `false`, with nothing done, if it is. Nothing is noted: it is the state
    /// with which the server begins.
    pub fn load(
        &mut self,
        key: Key<'_>,
        object: Object,
        deadline: Option<Millis>,
        history: Option<History>,
    ) -> bool {
        if self.store.locate(key).is_some() {
            return false;
        }
        self.db.put_object(key, None, object, 0, deadline);
        if let (Some(history), Some(place)) = (history, self.store.locate(key))
            && let Some(stamp) = self.store.access.of_history(history)
        {
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
        history: Option<History>,
    ) {
        if let Some(place) = self.alive(key) {
            self.db.store.delete(&self.db.hasher, key.hash, place);
        }
        self.load(key, object, deadline, history);
        self.note(key, Event::New, 0);
        self.note(key, Event::Restore, 1);
    }
}
