//! What a command may touch: the keyspace and no more, or the whole server.
use phase3_eventloop::slab::ConnId;

use super::string::string;
use crate::deliver::Deliver;
use crate::error::Error;
use crate::keyspace::{DbMut, Found, Key, Keyspace, Plain};
use crate::state::State;
use crate::state::clients::Client;

/// What a data command may touch. Commands about clients and the server itself get a [`ServerContext`].
pub struct Context<'a> {
    /// All databases.
    pub keyspace: &'a mut Keyspace,
    /// The client's selected database.
    pub db: usize,
    /// Hashes of the first so many keys: the batch was hashed ahead to warm the cache.
    pub hashes: &'a [u64],
    /// The longest string a command may build, in bytes: `proto-max-bulk-len`.
    pub max_string: usize,
    /// `keyspace_hits` and `keyspace_misses` of `INFO`.
    pub hits: &'a mut u64,
    /// See `hits`.
    pub misses: &'a mut u64,
}

impl Context<'_> {
    /// The client's database, lent with the journal that learns of each change.
    #[inline(always)]
    pub fn db(&mut self) -> DbMut<'_> {
        self.keyspace.db_mut(self.db)
    }

    /// A key with its hash.
    #[inline(never)]
    pub fn key<'k>(&self, bytes: &'k [u8]) -> Key<'k> {
        self.keyspace.hasher.key(bytes)
    }

    /// Looks a key up on behalf of a reading command: marks it used and counts the hit or the miss.
    #[inline]
    pub fn read(&mut self, key: Key<'_>) -> Option<Found<'_>> {
        let found = self.keyspace.db_mut(self.db).into_found(key);
        *(if found.is_some() { &mut *self.hits } else { &mut *self.misses }) += 1;
        found
    }

    /// The string at a key, on behalf of a reading command; any other type is refused. The same as [`Context::read`] for the
    /// many commands that want no more than the bytes.
    #[inline(always)]
    pub fn read_string(&mut self, key: Key<'_>) -> Result<Option<&[u8]>, Error> {
        let db = self.keyspace.db_mut(self.db);
        let value = match db.plain(key) {
            Plain::String(reference) => Ok(Some(db.into_plain(reference))),
            Plain::Unusual(reference) => {
                db.into_unusual(key, reference, true).map(|found| string(found.value)).transpose()
            }
            Plain::Absent => {
                db.into_miss(key);
                Ok(None)
            }
        };
        *(if matches!(value, Ok(None)) { &mut *self.misses } else { &mut *self.hits }) += 1;
        value
    }

    /// The same without marking it used (TTL, OBJECT, TYPE).
    pub fn peek(&mut self, key: Key<'_>) -> Option<Found<'_>> {
        let found = self.keyspace.db_mut(self.db).into_peeked(key);
        *(if found.is_some() { &mut *self.hits } else { &mut *self.misses }) += 1;
        found
    }

    /// The command's first key, whose hash may already be known.
    #[inline]
    pub fn first_key<'k>(&self, bytes: &'k [u8]) -> Key<'k> {
        self.nth_key(0, bytes)
    }

    /// The command's key number `n` in the order of its [`KeySpec`](super::KeySpec), counted from 0.
    #[inline]
    pub fn nth_key<'k>(&self, n: usize, bytes: &'k [u8]) -> Key<'k> {
        match self.hashes.get(n) {
            Some(&hash) => Key { bytes, hash },
            None => self.key(bytes),
        }
    }
}

/// What a command about clients or the server may touch.
pub struct ServerContext<'a> {
    /// The server.
    pub state: &'a mut State,
    /// The client that asks.
    pub conn: ConnId,
    /// The way to other clients, and to the loop.
    pub deliver: Deliver<'a>,
}

impl ServerContext<'_> {
    /// The client that asks.
    pub fn client(&mut self) -> &mut Client {
        self.state.clients.get(self.conn).expect("the client whose command runs is connected")
    }
}
