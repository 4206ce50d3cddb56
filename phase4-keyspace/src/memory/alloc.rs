//! The allocator: malloc for small blocks, pages of their own for large ones, and a count of both.
//!
//! [`handed_out`] is one load, so that a limit on memory can be asked about before every write. It counts what was
//! really handed out, as Redis's zmalloc does: malloc's rounding included, free blocks that malloc keeps excluded.
//!
//! A block of [`LARGE`] bytes or more is mapped for itself, so that freeing it gives exactly its pages back to the kernel.
//! malloc carves blocks of this size out of one growing heap, of which only the end can be returned, in one call that
//! takes milliseconds; and where it maps one, its 16-byte header makes a block of 16 KiB touch a fifth page. Here Rust says
//! at each free how long the block was, so there is no header. Growing and shrinking a large block moves page-table
//! entries, not bytes (mremap(2)).
#![allow(
    unsafe_code,
    reason = "GlobalAlloc is an unsafe trait; mmap(2) and malloc_usable_size(3) have no safe wrapper"
)]
use std::alloc::{GlobalAlloc, Layout, System};
use std::ptr;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// Blocks of this many bytes and more have pages of their own.
pub const LARGE: usize = 16 * 1024;
/// The smallest page that Linux has. Where pages are larger, large blocks take more than is counted.
const PAGE: usize = 4096;
/// Where a block begins that malloc lent because the kernel allows no further mapping: this far into a page. A mapped
/// block begins where a page does.
const LENT: usize = 64;

static USED: AtomicUsize = AtomicUsize::new(0);

#[global_allocator]
static ALLOCATOR: Allocator = Allocator;

/// Bytes handed out and not freed. Address space that is reserved but not handed out does not count.
#[inline]
pub fn handed_out() -> usize {
    USED.load(Relaxed)
}

/// Bytes that a block of this size costs when it is large.
#[inline]
fn whole_pages(size: usize) -> usize {
    size.next_multiple_of(PAGE)
}

/// Has malloc give free memory back to the system. It looks through all its heap: a matter of milliseconds.
pub fn give_back() {
    // SAFETY: malloc_trim(3) touches free memory only.
    #[cfg(target_env = "gnu")]
    unsafe {
        libc::malloc_trim(0);
    }
}

#[inline]
fn is_large(layout: Layout) -> bool {
    layout.size() >= LARGE && layout.align() <= LENT
}

/// The process's allocator.
struct Allocator;

// SAFETY: every block comes from malloc or from a mapping of its own and goes back to where it came from: `is_large` is
// a function of the layout, which the caller repeats, and `is_lent` one of the address. Nothing here panics.
unsafe impl GlobalAlloc for Allocator {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if is_large(layout) {
            return map(layout);
        }
        // SAFETY: the caller keeps alloc's contract, which is System's.
        count_small(unsafe { System.alloc(layout) })
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if is_large(layout) {
            // Fresh pages are zero, and so is what malloc lends.
            return map(layout);
        }
        // SAFETY: as in `alloc`.
        count_small(unsafe { System.alloc_zeroed(layout) })
    }

    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if is_large(layout) {
            // SAFETY: a large block of this layout, by the caller's promise.
            return unsafe { unmap(block, layout) };
        }
        discount_small(block);
        // SAFETY: a small block came from System, with this layout.
        unsafe { System.dealloc(block, layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: the caller promises that `new_size`, rounded up to the alignment, does not overflow isize.
        let new_layout = unsafe { Layout::from_size_align_unchecked(new_size, layout.align()) };
        match (is_large(layout), is_large(new_layout)) {
            (false, false) => {
                discount_small(block);
                // SAFETY: a small block came from System, with this layout.
                let moved = unsafe { System.realloc(block, layout, new_size) };
                // Without memory for the new block the old one stays.
                count_small(if moved.is_null() { block } else { moved });
                moved
            }
            (true, true) if !is_lent(block) => {
                // SAFETY: a mapped block of this layout.
                let moved = unsafe { remap(block, layout.size(), new_size) };
                // SAFETY: as above, and nothing has become of the block.
                if moved.is_null() { unsafe { self.carry_over(block, layout, new_layout) } } else { moved }
            }
            // SAFETY: the caller's promises about the block.
            _ => unsafe { self.carry_over(block, layout, new_layout) },
        }
    }
}

impl Allocator {
    /// Moves a block by copying it.
    ///
    /// # Safety
    /// `block` is in use and has this layout.
    #[cold]
    unsafe fn carry_over(&self, block: *mut u8, layout: Layout, new_layout: Layout) -> *mut u8 {
        // SAFETY: the new layout is not of size zero, for realloc must not be called so.
        let moved = unsafe { self.alloc(new_layout) };
        if !moved.is_null() {
            // SAFETY: two blocks in use, so they do not overlap, each at least as long as is copied.
            unsafe { ptr::copy_nonoverlapping(block, moved, layout.size().min(new_layout.size())) };
            // SAFETY: the caller's promise.
            unsafe { self.dealloc(block, layout) };
        }
        moved
    }
}

/// Counts a block of malloc's, if it is one. The block.
#[inline]
fn count_small(block: *mut u8) -> *mut u8 {
    if !block.is_null() {
        // SAFETY: the block came from malloc and is in use.
        USED.fetch_add(unsafe { libc::malloc_usable_size(block.cast()) }, Relaxed);
    }
    block
}

#[inline]
fn discount_small(block: *mut u8) {
    // SAFETY: the block came from malloc and is still in use.
    USED.fetch_sub(unsafe { libc::malloc_usable_size(block.cast()) }, Relaxed);
}

/// Pages for a large block; null if there is no memory.
fn map(layout: Layout) -> *mut u8 {
    let bytes = whole_pages(layout.size());
    let (access, kind) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
    // SAFETY: a new anonymous mapping at an address of the kernel's choice replaces nothing.
    let block = unsafe { libc::mmap(ptr::null_mut(), bytes, access, kind, -1, 0) };
    let block = if block == libc::MAP_FAILED { lend(layout.size()) } else { block.cast() };
    if !block.is_null() {
        USED.fetch_add(bytes, Relaxed);
    }
    block
}

/// Gives a large block back.
///
/// # Safety
/// `block` is a large block of this layout and is not used again.
unsafe fn unmap(block: *mut u8, layout: Layout) {
    let bytes = whole_pages(layout.size());
    USED.fetch_sub(bytes, Relaxed);
    if is_lent(block) {
        if let Some(lent) = lent_layout(layout.size()) {
            // SAFETY: `lend` made it so, with this layout.
            unsafe { System.dealloc(block.sub(LENT), lent) };
        }
        return;
    }
    // SAFETY: the block's pages are its own, and the caller does not use them again.
    if unsafe { libc::munmap(block.cast(), bytes) } != 0 {
        // A hole would make one mapping two, and there may be no more of them (vm.max_map_count). The memory goes
        // back all the same; only the addresses are lost.
        // SAFETY: as above.
        unsafe { libc::madvise(block.cast(), bytes, libc::MADV_DONTNEED) };
    }
}

/// Changes a mapped block's length; null, and the block as it was, if that cannot be.
///
/// # Safety
/// `block` is mapped, not lent, and has `size` bytes.
unsafe fn remap(block: *mut u8, size: usize, new_size: usize) -> *mut u8 {
    let (old, new) = (whole_pages(size), whole_pages(new_size));
    if old == new {
        return block;
    }
    // SAFETY: the pages are the block's own; the caller uses the address that is returned and no other.
    let moved = unsafe { libc::mremap(block.cast(), old, new, libc::MREMAP_MAYMOVE) };
    if moved == libc::MAP_FAILED {
        return ptr::null_mut();
    }
    USED.fetch_add(new, Relaxed);
    USED.fetch_sub(old, Relaxed);
    moved.cast()
}

/// The kernel counts mappings and allows 65,530 (vm.max_map_count; neighbours count as one). Beyond, malloc's heap, which
/// is one mapping, must do.
#[cold]
fn lend(size: usize) -> *mut u8 {
    let Some(layout) = lent_layout(size) else { return ptr::null_mut() };
    // SAFETY: the size is not zero.
    let block = unsafe { System.alloc_zeroed(layout) };
    // SAFETY: the block is longer than that.
    if block.is_null() { block } else { unsafe { block.add(LENT) } }
}

/// From the beginning of a page on, so that the block behind the first [`LENT`] bytes shows that it is lent.
fn lent_layout(size: usize) -> Option<Layout> {
    Layout::from_size_align(size.checked_add(LENT)?, PAGE).ok()
}

#[inline]
fn is_lent(block: *mut u8) -> bool {
    block.addr() % PAGE == LENT
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Other tests allocate at the same time: only what is far more than theirs can be seen in the count.
    const MUCH: usize = 1 << 30;

    #[test]
    fn what_is_handed_out_counts_and_what_is_freed_does_not() {
        let before = handed_out();
        let block: Vec<u8> = Vec::with_capacity(MUCH);
        assert!(handed_out() >= before + MUCH / 2);
        drop(block);
        assert!(handed_out() < before + MUCH / 2);
    }

    #[test]
    fn blocks_keep_their_bytes_from_small_to_large_and_back() {
        let mut bytes = vec![1, 2, 3];
        for size in [100, LARGE - 1, LARGE, LARGE + 1, 10 * LARGE, 1 << 24, 3 * LARGE, LARGE, LARGE - 1, 7] {
            bytes.truncate(size);
            bytes.shrink_to(size);
            let from = bytes.len();
            bytes.reserve_exact(size - from);
            bytes.extend((from..size).map(|i| i as u8));
            assert!(bytes[..3] == [1, 2, 3] && (3..size).all(|i| bytes[i] == i as u8), "{size}");
        }
    }

    #[test]
    fn a_large_block_begins_with_a_page_and_is_zero() {
        for _ in 0..10 {
            let block = vec![0_u8; LARGE];
            assert_eq!(block.as_ptr().addr() % PAGE, 0);
            assert!(block.iter().all(|byte| *byte == 0));
            drop(vec![1_u8; LARGE]);
        }
    }

    #[test]
    fn a_lent_block_is_known_by_its_address() {
        let layout = Layout::from_size_align(LARGE, 64).expect("a layout");
        let block = lend(layout.size());
        assert!(is_lent(block));
        USED.fetch_add(LARGE, Relaxed);
        // SAFETY: the block is as `map` would have lent it; it is not used again.
        unsafe {
            block.write_bytes(7, LARGE);
            let grown = ALLOCATOR.realloc(block, layout, 2 * LARGE);
            assert!(*grown.add(LARGE - 1) == 7 && !is_lent(grown));
            ALLOCATOR.dealloc(grown, Layout::from_size_align_unchecked(2 * LARGE, 64));
        }
    }
}
