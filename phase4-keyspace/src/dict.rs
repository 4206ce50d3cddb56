//! The hashtable: linear hashing (Litwin, 1980), which grows and shrinks one bucket at a time.
//!
//! A table that doubles must move every entry, and a server that does so at once stands still for seconds. Redis keeps
//! two tables for a while and moves a bucket with each command. Linear hashing needs no second table: the buckets are
//! split in order, 0, 1, 2, …, one for every few inserts, and *how many have been split* says where a key is.
//!
//! ```text
//!   level: 4 buckets, two of them already split         0 1 2 3 | 4 5
//!   split pointer ─────────────────────────────────────────┘
//!   a key's home: hash mod 8, if that bucket exists; else hash mod 4
//! ```
//!
//! The dict knows nothing of keys and values. It holds *references*, 32-bit names of records that live elsewhere
//! ([`crate::record::heap`]), and asks its caller two things: is this the record you want, and what is that record's hash.
//!
//! No operation touches more than one chain, or two; the longest pause is that of allocating one 16 KiB chunk.
mod bucket;
mod resize;
mod scan;
mod tags;
#[cfg(test)]
mod tests;

use crate::memory::chunks::Chunks;
use crate::memory::prefetch;
use crate::record::Ref;
use bucket::Bucket;

/// Mean entries per bucket above which an insert splits one; design/dict.md has the measurements behind it.
const SPLIT_ABOVE: usize = 7;
/// Mean entries per bucket below which, with one bucket fewer, a removal merges two. Apart from the other, so that a key that comes and goes does
/// not split and merge each time.
const MERGE_BELOW: usize = 6;

/// 256 buckets of 64 bytes: 16 KiB.
type Buckets = Chunks<Bucket, 256>;

/// Where a bucket stands: in the table, or among the overflow buckets that continue full ones.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum At {
    Table(u32),
    Overflow(u32),
}

/// Where an entry stands. Good until the dict changes.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    at: At,
    slot: u32,
    /// The reference found there.
    pub reference: Ref,
}

/// A hash table from a hash to a 32-bit reference, which grows and shrinks by one bucket at a time.
#[derive(Clone, Default, Debug)]
pub struct Dict {
    table: Buckets,
    /// Kept without holes: a bucket freed in the middle is filled with the last one.
    overflow: Buckets,
    /// 2^(level+1) − 1. The buckets from 2^level to the mask exist once the bucket that they split from has been split.
    mask: usize,
    len: usize,
    /// Entries on their way between buckets; empty between calls, kept for its memory.
    moving: Vec<(u8, Ref)>,
}

/// Eight bits that the choice of the bucket does not use; never 0, which marks a free slot.
#[inline(always)]
fn tag(hash: u64) -> u8 {
    ((hash >> 56) as u8).max(1)
}

impl Dict {
    /// Number of entries.
    #[inline]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Bytes of memory in use.
    pub fn bytes(&self) -> usize {
        self.table.bytes() + self.overflow.bytes()
    }

    /// The bucket where a hash belongs.
    #[inline(always)]
    fn home(&self, hash: u64) -> usize {
        let wide = hash as usize & self.mask;
        if wide < self.table.len() { wide } else { wide & (self.mask >> 1) }
    }

    #[inline(always)]
    fn bucket(&self, at: At) -> &Bucket {
        match at {
            At::Table(i) => &self.table[i as usize],
            At::Overflow(i) => &self.overflow[i as usize],
        }
    }

    fn bucket_mut(&mut self, at: At) -> &mut Bucket {
        match at {
            At::Table(i) => &mut self.table[i as usize],
            At::Overflow(i) => &mut self.overflow[i as usize],
        }
    }

    // ANCHOR: probe
    /// The reference with this hash that `is` recognises. It is asked about entries whose tag agrees, hardly ever in
    /// vain.
    #[inline(always)]
    pub fn get(&self, hash: u64, is: impl Fn(Ref) -> bool + Copy) -> Option<Ref> {
        // ANCHOR: dict-find-body
        let tag = tag(hash);
        let mut bucket = self.table.in_chunk(self.home(hash))?;
        loop {
            if let Some((_, reference)) = bucket.find(tag, is) {
                return Some(reference);
            }
            bucket = &self.overflow[bucket.child()?];
        }
        // ANCHOR_END: dict-find-body
    }

    /// The same, for those who want to change the entry and need to know where it stands.
    #[inline(always)]
    pub fn find(&self, hash: u64, is: impl Fn(Ref) -> bool + Copy) -> Option<Place> {
        if self.len == 0 {
            return None;
        }
        let (tag, home) = (tag(hash), self.home(hash));
        let (mut at, mut bucket) = (At::Table(home as u32), &self.table[home]);
        loop {
            if let Some((slot, reference)) = bucket.find(tag, is) {
                return Some(Place { at, slot: slot as u32, reference });
            }
            let child = bucket.child()?;
            (at, bucket) = (At::Overflow(child as u32), &self.overflow[child]);
        }
    }
    // ANCHOR_END: probe

    /// Adds an entry that is not there yet. `hash_of` tells the hash of the record behind any reference.
    pub fn insert(&mut self, hash: u64, reference: Ref, hash_of: impl Fn(Ref) -> u64) {
        // ANCHOR: dict-insert-body
        if self.table.len() == 0 {
            self.table.push(Bucket::default());
            self.mask = 1;
        }
        self.append(self.home(hash), tag(hash), reference);
        self.len += 1;
        if self.len > self.table.len() * SPLIT_ABOVE {
            self.split(&hash_of);
        }
        // ANCHOR_END: dict-insert-body
    }

    /// Puts an entry behind the last of a home bucket's chain.
    fn append(&mut self, home: usize, tag: u8, reference: Ref) {
        let mut at = At::Table(home as u32);
        while let Some(child) = self.bucket(at).child() {
            at = At::Overflow(child as u32);
        }
        let count = self.bucket(at).count();
        if count < bucket::SLOTS {
            self.bucket_mut(at).set(count, tag, reference);
        } else {
            let mut fresh = Bucket::default();
            fresh.set(0, tag, reference);
            let child = self.overflow.len();
            self.overflow.push(fresh);
            self.bucket_mut(at).set_child(Some(child));
        }
    }

    /// Points an entry at another record of the same hash.
    #[inline]
    pub fn redirect(&mut self, place: Place, reference: Ref) {
        self.bucket_mut(place.at).redirect(place.slot as usize, reference);
    }

    /// Removes an entry; `hash` is its own. The last of its chain takes its place, so that only the end of a chain can
    /// ever become empty: an empty bucket dropped from the middle would take its children with it.
    pub fn remove(&mut self, hash: u64, place: Place, hash_of: impl Fn(Ref) -> u64) {
        // ANCHOR: dict-remove-body
        let (mut parent, mut end) = (At::Table(0), At::Table(self.home(hash) as u32));
        while let Some(child) = self.bucket(end).child() {
            (parent, end) = (end, At::Overflow(child as u32));
        }
        let last = self.bucket(end).count() - 1;
        let (tag, reference) = self.bucket(end).entry(last);
        self.bucket_mut(place.at).set(place.slot as usize, tag, reference);
        self.bucket_mut(end).clear(last);
        self.len -= 1;
        if let At::Overflow(emptied) = end
            && last == 0
        {
            self.bucket_mut(parent).set_child(None);
            self.free_overflow(emptied as usize, &hash_of);
        }
        if self.len < (self.table.len() - 1) * MERGE_BELOW {
            self.merge(&hash_of);
        }
        // ANCHOR_END: dict-remove-body
    }

    /// Every reference, in no order.
    pub fn iter(&self) -> impl Iterator<Item = Ref> + '_ {
        (0..self.table.len()).flat_map(|home| self.chain(home))
    }

    /// Every reference of one chain.
    fn chain(&self, home: usize) -> impl Iterator<Item = Ref> + '_ {
        let mut next = Some(&self.table[home]);
        std::iter::from_fn(move || {
            let bucket = next?;
            next = bucket.child().map(|c| &self.overflow[c]);
            Some((0..bucket.count()).map(|slot| bucket.reference(slot)))
        })
        .flatten()
    }

    // ANCHOR: warm
    /// First half of looking ahead: asks for the cache line of a hash's bucket without using it, so that many are on their
    /// way at once while nothing waits for any.
    #[inline(always)]
    pub fn prefetch(&self, hash: u64) {
        if let Some(bucket) = self.table.in_chunk(self.home(hash)) {
            prefetch::line(bucket);
        }
    }

    /// Second half, when the buckets have arrived: the reference that a lookup of this hash will follow first.
    #[inline(always)]
    pub fn candidate(&self, hash: u64) -> Option<Ref> {
        let bucket = self.table.in_chunk(self.home(hash))?;
        bucket.matches(tag(hash)).next().map(|slot| bucket.reference(slot))
    }
    // ANCHOR_END: warm

    /// Gives back a chunk of a dict that is no longer wanted; whether any is left.
    pub fn release(&mut self) -> bool {
        self.len = 0;
        self.table.release() || self.overflow.release()
    }
}
