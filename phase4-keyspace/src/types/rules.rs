//! When a small collection becomes a large one, and what a large one hashes its members with.
use crate::hash::Hasher;

/// Up to what a collection is small, as redis.conf has it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Thresholds {
    /// `hash-max-listpack-entries`: most fields.
    pub hash_entries: u64,
    /// `hash-max-listpack-value`: the longest field or value, in bytes.
    pub hash_value: u64,
    /// `zset-max-listpack-entries`: most members.
    pub zset_entries: u64,
    /// `zset-max-listpack-value`: the longest member, in bytes.
    pub zset_value: u64,
    /// `set-max-intset-entries`: most members of a set of integers that is called an `intset`.
    pub set_integers: u64,
    /// `list-max-listpack-size`: most elements of a list's chunk, or, negative, its size: -1 is 4 KiB, … -5 is 64 KiB.
    pub list_size: i64,
    /// `list-compress-depth`: chunks at either end that Redis does not compress; nothing is compressed here.
    pub list_depth: i64,
    /// `stream-node-max-bytes`: the most bytes of a stream's chunk; 0: no limit.
    pub stream_bytes: u64,
    /// `stream-node-max-entries`: the most entries of one; 0: no limit.
    pub stream_entries: u64,
}

impl Default for Thresholds {
    fn default() -> Self {
        Thresholds {
            hash_entries: 512,
            hash_value: 64,
            zset_entries: 128,
            zset_value: 64,
            set_integers: 512,
            list_size: -2,
            list_depth: 0,
            stream_bytes: 4096,
            stream_entries: 100,
        }
    }
}

/// What an edit of a collection has to know.
#[derive(Clone, Default, Debug)]
pub struct Rules {
    /// When small becomes large.
    pub limits: Thresholds,
    /// The process's keyed hash: members are a client's choice as much as keys are.
    pub hasher: Hasher,
}
