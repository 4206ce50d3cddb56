//! What outlives the process: snapshots of all databases and a log of every change, in Redis's own file formats.
//!
//! [`rdb`] knows the format and nothing of files; [`snapshot`] knows files: how one takes the place of another without a moment
//! at which neither is whole; [`child`] is the process that writes while the server goes on; [`status`] is what `INFO` tells. [`aof`] is the log.
pub mod aof;
pub mod child;
pub mod rdb;
pub mod snapshot;
pub mod status;

pub use status::Persist;
