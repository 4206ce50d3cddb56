//! Room that lies free inside blocks that were handed out.
//!
//! A page of records is one block, and most removals free a slot of it and give no block back. A server that evicts keys
//! until its memory is below a limit would, counting blocks, go on until whole pages happen to be empty. So what cuts
//! blocks into slots says how much of them is free, and [`super::used`] leaves that out.
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

static TOTAL: AtomicUsize = AtomicUsize::new(0);

/// Free bytes inside all blocks.
#[inline]
pub fn total() -> usize {
    TOTAL.load(Relaxed)
}

/// Free bytes inside the blocks of one owner. They leave the total with it.
#[derive(Default, Debug)]
pub struct Unused(usize);

impl Unused {
    /// So many bytes more are free: a slot was freed, a block with nothing in it came.
    #[inline]
    pub fn add(&mut self, bytes: usize) {
        self.0 += bytes;
        TOTAL.fetch_add(bytes, Relaxed);
    }

    /// So many are free no more: a slot was taken, a block with nothing in it went.
    #[inline]
    pub fn take(&mut self, bytes: usize) {
        self.0 -= bytes;
        TOTAL.fetch_sub(bytes, Relaxed);
    }

    /// Free bytes of this owner.
    #[cfg(test)]
    pub fn bytes(&self) -> usize {
        self.0
    }
}

impl Clone for Unused {
    fn clone(&self) -> Self {
        let mut copy = Unused::default();
        copy.add(self.0);
        copy
    }
}

impl Drop for Unused {
    fn drop(&mut self) {
        TOTAL.fetch_sub(self.0, Relaxed);
    }
}
