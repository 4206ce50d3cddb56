//! `WATCH`: what one client watches. `watchers.rs` knows who watches what.
use crate::keyspace::Standing;

/// What one client watches.
#[derive(Default)]
pub struct Watch {
    /// Oldest first.
    pub keys: Vec<WatchedKey>,
    /// One of them has changed.
    pub changed: bool,
}

/// One of the keys that a client watches.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WatchedKey {
    /// Its database.
    pub db: usize,
    /// Its name.
    pub key: Box<[u8]>,
    /// It is stored, alive or not.
    pub stored: bool,
    /// Its deadline had passed when it was watched, and it has been stored since.
    pub was_dead: bool,
}

impl Watch {
    /// Adds a key as it stands now. Whether it was added: a client that is marked watches nothing more, and no key twice.
    pub fn add(&mut self, db: usize, key: &[u8], standing: Standing) -> bool {
        if self.changed || self.keys.iter().any(|watched| watched.db == db && *watched.key == *key) {
            return false;
        }
        let (stored, was_dead) = (standing != Standing::Absent, standing == Standing::Dead);
        self.keys.push(WatchedKey { db, key: key.into(), stored, was_dead });
        true
    }
}
