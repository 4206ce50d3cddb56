//! Entries that go from one name, or one database, to another.
use super::event::Event;
use super::{Key, Keyspace};

impl Keyspace {
    /// Renames a live key, replacing a key that has the name; whether there was one. The deadline moves along, that of a
    /// replaced key is gone with it. The names differ.
    pub fn rename(&mut self, db: usize, from: Key<'_>, to: Key<'_>) -> bool {
        let mut db = self.db_mut(db);
        let Some(taken) = db.take(from) else { return false };
        db.put(to, taken);
        db.note(from, Event::RenameFrom, 0);
        db.note(to, Event::RenameTo, 1);
        true
    }

    /// Moves a live key to another database, replacing what is there; whether there was one.
    pub fn move_key(&mut self, from: usize, to: usize, key: Key<'_>) -> bool {
        let Some(taken) = self.db_mut(from).take(key) else { return false };
        self.db_mut(to).put(key, taken);
        self.db_mut(from).note(key, Event::MoveFrom, 0);
        self.db_mut(to).note(key, Event::MoveTo, 1);
        true
    }

    /// Copies a live key, value and deadline, replacing what is there; whether there was one.
    pub fn copy(&mut self, from: (usize, Key<'_>), to: (usize, Key<'_>)) -> bool {
        let Some(copy) = self.db_mut(from.0).clone_entry(from.1) else { return false };
        let mut db = self.db_mut(to.0);
        db.put(to.1, copy);
        db.note(to.1, Event::CopyTo, 1);
        true
    }

    /// Exchanges two databases' contents.
    pub fn swap(&mut self, a: usize, b: usize) {
        self.dbs.swap(a, b);
        if a == b {
            return self.changes.count(1);
        }
        self.changes.note_database(a as u32, Event::Swap, 1);
        self.changes.note_database(b as u32, Event::Swap, 0);
    }
}
