//! The server's own code as a cache: a keyspace that forgets before it stores, as the server does.
use phase4_keyspace::keyspace::{Deadline, Event, Eviction, Hasher, Keyspace, Millis, Policy};

use super::models::Cache;

/// When the simulation begins.
const START: Millis = 1_700_000_000_000;
/// Requests between two rounds of the keyspace's background work.
const ROUND: u64 = 100;

/// A database that holds so many keys.
pub struct Server {
    keyspace: Keyspace,
    capacity: usize,
    /// Requests a second.
    speed: u64,
    requests: u64,
}

impl Server {
    /// An empty one under a policy.
    pub fn new(capacity: usize, policy: Policy, speed: u64) -> Self {
        let mut keyspace = Keyspace::with_hasher(1, Hasher::with_key(1, 2));
        keyspace.set_now(START);
        keyspace.set_eviction(&Eviction { policy, ..Eviction::default() });
        Server { keyspace, capacity, speed, requests: 0 }
    }
}

impl Cache for Server {
    fn request(&mut self, object: u64) -> bool {
        self.requests += 1;
        self.keyspace.set_now(START + (self.requests * 1000 / self.speed) as Millis);
        if self.requests.is_multiple_of(ROUND) {
            self.keyspace.cron(true);
        }
        let name = object.to_le_bytes();
        let key = self.keyspace.hasher.key(&name);
        if self.keyspace.db_mut(0).find(key).is_some() {
            return true;
        }
        while self.keyspace.db(0).len() >= self.capacity {
            self.keyspace.evict();
        }
        self.keyspace.db_mut(0).set_string(key, b"value", Deadline::Clear, Event::Set);
        false
    }
}
