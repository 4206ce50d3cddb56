//! Memory as the process sees it: the allocator and its count, vectors in chunks, cache lines, what the kernel says.
pub mod alloc;
pub(crate) mod chunks;
pub(crate) mod pieces;
pub(crate) mod prefetch;
pub mod process;

pub use alloc::used;
