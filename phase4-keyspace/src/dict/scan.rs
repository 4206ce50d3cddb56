//! SCAN's cursor, and picking an entry at random.
use super::Dict;
use crate::record::Ref;

impl Dict {
    // ANCHOR: scan-cursor
    /// One step of an iteration that survives growing and shrinking: visits the entries of one bucket of the *level*
    /// and returns the next cursor, 0 at the end.
    ///
    /// The cursor counts in reverse binary (Pieter Noordhuis's idea in Redis): its highest bit moves first. When the
    /// table grows from 4 to 8 buckets, bucket 01 becomes 001 and 101; counting upwards with the highest bit first, all
    /// that share the low bits done so far stay behind the cursor, in a larger table as in a smaller one. So an entry
    /// present throughout is met at least once; entries may be met twice after a merge.
    ///
    /// Linear hashing is between two sizes nearly always, so the cursor walks the smaller one, where a bucket below the
    /// split pointer is two.
    pub fn scan(&self, cursor: u64, mut visit: impl FnMut(Ref)) -> u64 {
        // ANCHOR: dict-scan-body
        if self.len == 0 {
            return 0;
        }
        let level_mask = self.mask >> 1;
        let bucket = cursor as usize & level_mask;
        self.chain(bucket).for_each(&mut visit);
        let twin = bucket + level_mask + 1;
        if twin < self.table.len() {
            self.chain(twin).for_each(&mut visit);
        }
        let all_above_set = cursor | !(level_mask as u64);
        all_above_set.reverse_bits().wrapping_add(1).reverse_bits()
        // ANCHOR_END: dict-scan-body
    }
    // ANCHOR_END: scan-cursor

    /// An entry, each as likely as any other, given a source of random numbers; `None` only when there is none.
    ///
    /// A random bucket and then a random entry in it would favour the entries of short chains. So a slot number is
    /// drawn as well, from more slots than chains have, and a draw that hits no entry is thrown away.
    pub fn pick(&self, mut random: impl FnMut() -> u64) -> Option<Ref> {
        /// Longer chains than this are one in millions; their entries come up a little less often.
        const SLOTS_DRAWN: usize = 36;
        if self.len == 0 {
            return None;
        }
        loop {
            let draw = random();
            let bucket = (draw >> 16) as usize % self.table.len();
            let length = self.chain(bucket).count();
            let slot = (draw & 0xffff) as usize % SLOTS_DRAWN.max(length);
            if let Some(reference) = self.chain(bucket).nth(slot) {
                return Some(reference);
            }
        }
    }
}
