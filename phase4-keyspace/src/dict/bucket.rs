//! A bucket is one cache line: twelve tags, twelve references, and the number of a bucket to continue in.
use super::tags;
use crate::record::Ref;

/// Entries a bucket holds: 12 × (tag 1 + reference 4) + child 4 = 64 bytes, to the last byte.
pub const SLOTS: usize = tags::TAGS;

/// One cache line. The entries stand at the front without holes; a tag of 0 marks the free slots behind them.
#[repr(C, align(64))]
#[derive(Clone, Copy, Default, Debug)]
pub struct Bucket {
    /// Eight bits of each entry's hash, never 0. One glance at them spares the cache misses of looking at the records
    /// themselves: a record is visited in vain once in 256.
    tags: [u8; SLOTS],
    /// The bucket that continues a full one: its place among the overflow buckets, plus one; 0: none.
    child: u32,
    references: [Ref; SLOTS],
}

const _: () = assert!(size_of::<Bucket>() == 64);

/// Slots not visited yet: bit k stands for slot k.
#[derive(Clone, Copy)]
pub struct Matches(u32);

impl Iterator for Matches {
    type Item = usize;
    #[inline(always)]
    fn next(&mut self) -> Option<usize> {
        if self.0 == 0 {
            return None;
        }
        let slot = self.0.trailing_zeros() as usize;
        self.0 &= self.0 - 1;
        Some(slot)
    }
}

impl Bucket {
    /// The slots that may hold an entry of this tag, found for all twelve at once.
    #[inline(always)]
    pub fn matches(&self, tag: u8) -> Matches {
        Matches(tags::equal(&self.tags, tag))
    }

    /// The entry of this tag that `is` recognises: its slot and reference.
    #[inline(always)]
    pub fn find(&self, tag: u8, is: impl Fn(Ref) -> bool) -> Option<(usize, Ref)> {
        for slot in self.matches(tag) {
            let reference = self.references[slot];
            if is(reference) {
                return Some((slot, reference));
            }
        }
        None
    }

    /// How many entries there are. They stand without holes, so the free slots are counted.
    #[inline(always)]
    pub fn count(&self) -> usize {
        SLOTS - tags::zeros(&self.tags)
    }

    /// Tag and reference in a slot.
    #[inline(always)]
    pub fn entry(&self, slot: usize) -> (u8, Ref) {
        (self.tags[slot], self.references[slot])
    }

    /// The reference in a slot.
    #[inline(always)]
    pub fn reference(&self, slot: usize) -> Ref {
        self.references[slot]
    }

    /// Fills a slot.
    #[inline(always)]
    pub fn set(&mut self, slot: usize, tag: u8, reference: Ref) {
        self.tags[slot] = tag;
        self.references[slot] = reference;
    }

    /// Points a slot elsewhere; the entry stays the same.
    pub fn redirect(&mut self, slot: usize, reference: Ref) {
        self.references[slot] = reference;
    }

    /// Frees the last filled slot.
    pub fn clear(&mut self, slot: usize) {
        self.set(slot, 0, Ref::default());
    }

    /// The overflow bucket that continues this one.
    #[inline(always)]
    pub fn child(&self) -> Option<usize> {
        (self.child as usize).checked_sub(1)
    }

    /// Says which overflow bucket continues this one.
    pub fn set_child(&mut self, child: Option<usize>) {
        self.child =
            child.map_or(0, |c| u32::try_from(c + 1).expect("fewer overflow buckets than references"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_slot_is_found_by_its_tag_and_no_other() {
        let mut bucket = Bucket::default();
        for filled in 0..=SLOTS {
            assert_eq!(bucket.count(), filled);
            for tag in 1..=255 {
                let expected: Vec<usize> = (0..SLOTS).filter(|&s| bucket.tags[s] == tag).collect();
                let mut found: Vec<usize> = bucket.matches(tag).collect();
                found.sort_unstable();
                assert_eq!(found, expected);
            }
            if filled < SLOTS {
                // Neighbours one apart, and repeated tags.
                bucket.set(
                    filled,
                    [1, 2, 1, 0x80, 0x81, 0x80, 255, 254, 2, 2, 3, 255][filled],
                    Ref(filled as u32),
                );
            }
        }
    }
}
