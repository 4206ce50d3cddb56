//! Growing and shrinking, one bucket at a time.
use super::{At, Bucket, Dict};
use crate::record::Ref;

impl Dict {
    // ANCHOR: bucket-split
    /// Splits the bucket at the split pointer: half of its entries, those whose next hash bit is set, move to a new
    /// bucket at the end of the table.
    pub(super) fn split(&mut self, hash_of: &impl Fn(Ref) -> u64) {
        // ANCHOR: dict-split-body
        if self.table.len() > self.mask {
            self.mask = self.mask * 2 + 1;
        }
        let splitting = self.table.len() & (self.mask >> 1);
        let mut moving = self.empty_chain(splitting, hash_of);
        self.table.push(Bucket::default());
        for (tag, reference) in moving.drain(..) {
            self.append(self.home(hash_of(reference)), tag, reference);
        }
        self.moving = moving;
        // ANCHOR_END: dict-split-body
    }
    // ANCHOR_END: bucket-split

    // ANCHOR: bucket-merge
    /// Undoes the last split: the last bucket's entries go back to the bucket they came from. Nothing needs hashing.
    pub(super) fn merge(&mut self, hash_of: &impl Fn(Ref) -> u64) {
        // ANCHOR: dict-merge-body
        let last = self.table.len() - 1;
        if last <= self.mask >> 1 {
            self.mask >>= 1;
        }
        let mut moving = self.empty_chain(last, hash_of);
        self.table.pop();
        let origin = last & (self.mask >> 1);
        for (tag, reference) in moving.drain(..) {
            self.append(origin, tag, reference);
        }
        self.moving = moving;
        // ANCHOR_END: dict-merge-body
    }
    // ANCHOR_END: bucket-merge

    /// Takes every entry out of a chain and frees its overflow buckets.
    fn empty_chain(&mut self, home: usize, hash_of: &impl Fn(Ref) -> u64) -> Vec<(u8, Ref)> {
        let mut entries = std::mem::take(&mut self.moving);
        let mut emptied = Vec::new();
        let mut at = At::Table(home as u32);
        loop {
            let bucket = std::mem::take(self.bucket_mut(at));
            entries.extend((0..bucket.count()).map(|slot| bucket.entry(slot)));
            let Some(child) = bucket.child() else { break };
            emptied.push(child);
            at = At::Overflow(child as u32);
        }
        // The highest first: what fills its place then never is another of these, which no chain leads to any more.
        emptied.sort_unstable();
        while let Some(highest) = emptied.pop() {
            self.free_overflow(highest, hash_of);
        }
        entries
    }

    /// Frees an overflow bucket that no chain leads to. The last one fills its place.
    pub(super) fn free_overflow(&mut self, freed: usize, hash_of: &impl Fn(Ref) -> u64) {
        let last = self.overflow.len() - 1;
        if freed != last {
            let parent = self.parent_of(last, hash_of, self.overflow[last].reference(0));
            self.bucket_mut(parent).set_child(Some(freed));
        }
        self.overflow.swap_remove(freed);
    }

    /// The bucket that an overflow bucket continues. No bucket remembers its parent; but any entry in its chain
    /// (`member`) has a hash, the hash has a home, and the chain starts there.
    pub(super) fn parent_of(&self, child: usize, hash_of: &impl Fn(Ref) -> u64, member: Ref) -> At {
        let mut at = At::Table(self.home(hash_of(member)) as u32);
        loop {
            let next = self.bucket(at).child().expect("a chain leads to each of its buckets");
            if next == child {
                return at;
            }
            at = At::Overflow(next as u32);
        }
    }
}
