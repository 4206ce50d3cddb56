//! Memory as the process sees it: vectors that never move, the allocator's settings, cache lines, and what is in use.
pub(crate) mod chunks;
pub mod pages;
pub(crate) mod prefetch;
pub mod process;
