//! Phase 4: a hashtable store that real Redis clients talk to, on phase 3's loop.
//!
//! From phase 3 to phase 4 the loop stays and the decoder changes. The rooms, in the order a request passes them:
//! [`server`] (whose turn it is) → [`wire`] (bytes to arguments) → [`command`] (name to function) → [`keyspace`] (key to
//! value) → [`wire::reply`] (value to bytes). The chain goes down once and comes back once; no room calls upward, and
//! nothing below `server` knows that sockets exist.
mod blob;
mod chunks;
pub mod command;
pub mod config;
mod dict;
pub mod error;
mod expire;
pub mod extended;
pub mod glob;
mod hash;
pub mod keyspace;
pub mod log;
pub mod memory;
pub mod number;
mod prefetch;
mod random;
pub mod server;
pub mod session;
mod slab;
mod value;
pub mod wire;
