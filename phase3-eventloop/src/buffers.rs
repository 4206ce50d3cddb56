//! A pool of buffers: an idle connection owns none.
//!
//! Ten thousand idle clients would otherwise each keep the buffer of their last reply. Returned buffers are handed out
//! again last in, first out, so a steady load allocates nothing and works in memory that is still in cache.

/// Larger buffers go back to the allocator at once.
const KEEP_CAPACITY: usize = 128 * 1024;
/// What the pool holds at most, in bytes of capacity.
const KEEP_TOTAL: usize = 8 * 1024 * 1024;

/// A stack of empty buffers.
#[derive(Default)]
pub struct BufferPool {
    spare: Vec<Vec<u8>>,
    total: usize,
}

impl BufferPool {
    /// An empty buffer, with capacity if the pool has one.
    pub fn take(&mut self) -> Vec<u8> {
        let buffer = self.spare.pop().unwrap_or_default();
        self.total -= buffer.capacity();
        buffer
    }

    /// Empties a buffer and keeps it for the next taker, or frees it if it is big.
    pub fn give_back(&mut self, buffer: &mut Vec<u8>) {
        let mut buffer = std::mem::take(buffer);
        let capacity = buffer.capacity();
        if capacity == 0 || capacity > KEEP_CAPACITY || self.total + capacity > KEEP_TOTAL {
            return;
        }
        buffer.clear();
        self.total += capacity;
        self.spare.push(buffer);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_returned_buffer_comes_back_empty_and_with_its_capacity() {
        let mut buffers = BufferPool::default();
        let mut buffer = vec![7; 1000];
        buffers.give_back(&mut buffer);
        assert_eq!(buffer.capacity(), 0, "the connection keeps nothing");
        let again = buffers.take();
        assert!(again.is_empty() && again.capacity() >= 1000);
    }

    #[test]
    fn big_buffers_are_freed_and_the_pool_is_bounded() {
        let mut buffers = BufferPool::default();
        buffers.give_back(&mut Vec::with_capacity(KEEP_CAPACITY + 1));
        assert_eq!(buffers.total, 0);
        for _ in 0..1000 {
            buffers.give_back(&mut Vec::with_capacity(KEEP_CAPACITY));
        }
        assert!(buffers.total <= KEEP_TOTAL && buffers.spare.len() == KEEP_TOTAL / KEEP_CAPACITY);
    }
}
