//! Who is to be told that a key has changed.
//!
//! [`Watchers::watch`] notes a key for a client; [`Watchers::key_changed`] and [`Watchers::database_changed`] are called at
//! the end of each unit of execution with what the journal says, and mark the clients; `EXEC` reads the mark. A client that is
//! marked watches nothing any more: its next `EXEC` fails whatever else happens.
//!
//! A key whose deadline had passed when it was watched counts as absent, though it may still be stored: that it is removed
//! later is no change.
use std::collections::HashMap;

use phase3_eventloop::slab::ConnId;

use super::clients::Clients;
use super::watch::{Watch, WatchedKey};
use crate::keyspace::Standing;

/// Which clients watch which keys.
#[derive(Default)]
pub struct Watchers {
    by_key: HashMap<Box<[u8]>, Vec<(usize, ConnId)>>,
}

impl Watchers {
    /// Whether no client watches anything.
    pub fn is_empty(&self) -> bool {
        self.by_key.is_empty()
    }

    /// Has a client watch a key, from how it stands now on.
    pub fn watch(
        &mut self,
        clients: &mut Clients,
        conn: ConnId,
        (db, key): (usize, &[u8]),
        standing: Standing,
    ) {
        let Some(client) = clients.get(conn) else { return };
        if client.watch.get_or_insert_default().add(db, key, standing) {
            self.by_key.entry(key.into()).or_default().push((db, conn));
        }
    }

    /// Forgets what a client watches. Its mark goes too.
    pub fn unwatch(&mut self, clients: &mut Clients, conn: ConnId) {
        if let Some(watch) = clients.get(conn).and_then(|client| client.watch.take()) {
            self.forget(conn, &watch);
        }
    }

    /// Forgets a client that is gone, or marked.
    pub fn forget(&mut self, conn: ConnId, watch: &Watch) {
        for WatchedKey { db, key, .. } in &watch.keys {
            let Some(watchers) = self.by_key.get_mut(key) else { continue };
            watchers.retain(|watcher| *watcher != (*db, conn));
            if watchers.is_empty() {
                self.by_key.remove(key);
            }
        }
    }

    // ANCHOR: watch-key-changed
    /// A key has changed; `died`: because its deadline passed.
    pub fn key_changed(&mut self, clients: &mut Clients, db: usize, key: &[u8], died: bool) {
        let Some(watchers) = self.by_key.get(key) else { return };
        let mut marked = Vec::new();
        for &(_, conn) in watchers.iter().filter(|watcher| watcher.0 == db) {
            let Some(watch) = clients.get(conn).and_then(|client| client.watch.as_mut()) else { continue };
            let Some(watched) = watch.keys.iter_mut().find(|it| it.db == db && *it.key == *key) else {
                continue;
            };
            if died && watched.was_dead {
                (watched.stored, watched.was_dead) = (false, false);
            } else {
                marked.push(conn);
            }
        }
        for conn in marked {
            self.mark(clients, conn);
        }
    }
    // ANCHOR_END: watch-key-changed

    /// A whole database was emptied or exchanged; `now` says how a key stands there after it.
    pub fn database_changed(&mut self, clients: &mut Clients, db: usize, now: impl Fn(&[u8]) -> Standing) {
        let mut marked = Vec::new();
        for client in clients.iter_mut() {
            let Some(watch) = client.watch.as_mut() else { continue };
            for watched in watch.keys.iter_mut().filter(|watched| watched.db == db) {
                let standing = now(&watched.key);
                match (watched.was_dead, standing) {
                    (true, Standing::Absent) => (watched.stored, watched.was_dead) = (false, false),
                    (true, Standing::Dead) => {}
                    (false, Standing::Absent) if !watched.stored => {}
                    _ => marked.push(client.conn),
                }
            }
        }
        for conn in marked {
            self.mark(clients, conn);
        }
    }

    fn mark(&mut self, clients: &mut Clients, conn: ConnId) {
        let Some(watch) = clients.get(conn).and_then(|client| client.watch.as_mut()) else { return };
        let keys = std::mem::take(&mut watch.keys);
        watch.changed = true;
        self.forget(conn, &Watch { keys, changed: true });
    }
}
