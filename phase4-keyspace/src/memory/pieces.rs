//! Freeing a long block piece by piece: the kernel takes about 40 ms for half a gigabyte at once.

/// Bytes that are freed in one call: the kernel takes less than a tenth of a millisecond for them.
const PIECE: usize = 512 * 1024;

/// Frees the end of a block that is no longer wanted; whether anything is left.
pub fn shed(block: &mut Vec<u8>) -> bool {
    let left = block.capacity().saturating_sub(PIECE);
    block.truncate(left);
    // From 16 KiB on this unmaps the last pages, and the rest stays where it is.
    block.shrink_to(left);
    left > 0
}
