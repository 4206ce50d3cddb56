//! Bytes to requests, and replies to bytes. Nothing here performs I/O.
pub mod args;
pub mod framed;
pub mod inline;
pub mod limits;
pub mod reply;
pub mod resp;
