//! Memory as the process sees it: the allocator and its count, vectors in chunks, cache lines, what the kernel says.
pub mod alloc;
pub(crate) mod chunks;
pub(crate) mod pieces;
pub(crate) mod prefetch;
pub mod process;
pub mod ticks;
pub(crate) mod unused;

/// `used_memory`: bytes handed out and in use. What lies free inside the pages of records is a kind of fragmentation:
/// it counts as little as a free block that malloc keeps.
#[inline]
pub fn used() -> usize {
    alloc::handed_out().saturating_sub(unused::total())
}
