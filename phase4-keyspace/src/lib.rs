//! Phase 4: a hashtable store that real Redis clients talk to.
#![allow(dead_code, reason = "the keyspace that stands on the hashtable comes next")]
mod blob;
mod chunks;
mod dict;
mod hash;
pub mod memory;
mod slab;
pub mod error;
pub mod glob;
pub mod number;
pub mod wire;
