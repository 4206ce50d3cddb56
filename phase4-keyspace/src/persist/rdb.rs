//! RDB, Redis's format of a snapshot and of `DUMP`: version 10 is written, versions 1 to 12 are read.
//!
//! ```text
//! "REDIS" "0010"
//! fa name text            what made it; any number of these
//! fe n                    database n begins
//! fb keys deadlines       so many will come: a hint
//! [fc 8 bytes]            deadline in milliseconds since 1970 (fd: 4 bytes, seconds) of the next key
//! [f8 n] [f9 byte]        seconds since its last use; how often it was used
//! type key value          a key; the type says in which form the value stands
//! ff crc64                the end
//! ```
//!
//! Numbers of this table are lengths: `00nnnnnn`, `01nnnnnn n`, `80 nnnn` or `81 nnnnnnnn`, most significant byte first. A
//! length that begins with `11` is no length: the string is an integer (`c0`, `c1`, `c2`) or compressed (`c3`).
//!
//! Small collections are one string, a listpack, inside of which is a format of its own ([`listpack`]). Redis had other
//! forms before it, which are read ([`old`]) and never written.
pub mod crc64;
pub mod dump;
pub mod encode;
pub mod listpack;
pub mod load;
pub mod lzf;
pub mod object;
pub mod old;
pub mod reader;
pub mod save;
pub mod stream;
#[cfg(test)]
mod tests;
pub mod writer;

/// The version that is written: Redis 7.0's.
pub const VERSION: u16 = 10;
/// The last version that is read.
pub const LAST_VERSION: u16 = 12;

/// What a byte in front of an entry says, where it is not the type of a key's value.
pub mod opcode {
    /// Hash slots of a cluster (versions 11 and later): hints.
    pub const SLOT_INFO: u8 = 244;
    /// A library of functions.
    pub const FUNCTION2: u8 = 245;
    /// The same before Redis 7.0 was done.
    pub const FUNCTION: u8 = 246;
    /// What a module keeps beside the keys.
    pub const MODULE_AUX: u8 = 247;
    /// How long the next key has been idle, in seconds.
    pub const IDLE: u8 = 248;
    /// How often the next key was used.
    pub const FREQ: u8 = 249;
    /// A name and a text about the file.
    pub const AUX: u8 = 250;
    /// How many keys and deadlines follow.
    pub const RESIZE_DB: u8 = 251;
    /// Deadline of the next key, in milliseconds.
    pub const EXPIRE_MS: u8 = 252;
    /// The same in seconds.
    pub const EXPIRE: u8 = 253;
    /// The number of the database that follows.
    pub const SELECT_DB: u8 = 254;
    /// The end.
    pub const EOF: u8 = 255;
}

/// In which form a value stands.
pub mod form {
    /// A string.
    pub const STRING: u8 = 0;
    /// Elements as strings.
    pub const LIST: u8 = 1;
    /// Members as strings.
    pub const SET: u8 = 2;
    /// Members with scores written as text.
    pub const ZSET: u8 = 3;
    /// Fields and values as strings.
    pub const HASH: u8 = 4;
    /// Members with scores of eight bytes.
    pub const ZSET_2: u8 = 5;
    /// Fields and values in a zipmap.
    pub const HASH_ZIPMAP: u8 = 9;
    /// Elements in a ziplist.
    pub const LIST_ZIPLIST: u8 = 10;
    /// Sorted integers.
    pub const SET_INTSET: u8 = 11;
    /// Members and scores in a ziplist.
    pub const ZSET_ZIPLIST: u8 = 12;
    /// Fields and values in a ziplist.
    pub const HASH_ZIPLIST: u8 = 13;
    /// Elements in several ziplists.
    pub const LIST_QUICKLIST: u8 = 14;
    /// Fields and values in a listpack.
    pub const HASH_LISTPACK: u8 = 16;
    /// Members and scores in a listpack.
    pub const ZSET_LISTPACK: u8 = 17;
    /// Elements in several listpacks, or in nodes of their own.
    pub const LIST_QUICKLIST_2: u8 = 18;
    /// A stream before it remembered removed entries.
    pub const STREAM_LISTPACKS: u8 = 15;
    /// A stream.
    pub const STREAM_LISTPACKS_2: u8 = 19;
    /// A stream whose consumers remember when they were last given something (Redis 7.2).
    pub const STREAM_LISTPACKS_3: u8 = 21;
    /// Members in a listpack (Redis 7.2).
    pub const SET_LISTPACK: u8 = 20;
}

/// What is wrong with a file or a payload, and where.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fault {
    /// Offset in bytes.
    pub at: u64,
    /// What is wrong.
    pub what: String,
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "at offset {}: {}", self.at, self.what)
    }
}

impl std::error::Error for Fault {}
