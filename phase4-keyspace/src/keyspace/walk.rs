//! Walking through a database, a step at a time.
use super::db::Db;
use super::{Millis, Value};

impl Db {
    /// One step of SCAN: calls `visit` for every live key of at least one bucket and about `count` keys, and returns the
    /// next cursor, 0 when the iteration is complete. Every key present during the whole iteration is visited at least
    /// once, whatever grows or shrinks meanwhile.
    pub fn scan(&self, mut cursor: u64, count: usize, mut visit: impl FnMut(&[u8], Value<'_>)) -> u64 {
        let mut visited = 0;
        // In a table emptied by expiry a step may find little: it still ends.
        for _ in 0..count.saturating_mul(10).max(1) {
            cursor = self.store.dict.scan(cursor, |reference| {
                visited += 1;
                if !self.is_dead(self.store.record(reference)) {
                    visit(self.store.key(reference), self.store.value(reference));
                }
            });
            if cursor == 0 || visited >= count {
                break;
            }
        }
        cursor
    }
}

impl Db {
    /// Every entry once: key, value, deadline; those whose deadline has passed and that are still there included.
    pub fn entries(&self) -> impl Iterator<Item = (&[u8], Value<'_>, Option<Millis>)> {
        self.store.dict.iter().map(|reference| {
            let deadline = self.store.record(reference).deadline();
            (self.store.key(reference), self.store.value(reference), deadline)
        })
    }
}
