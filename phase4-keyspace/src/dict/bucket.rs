//! A bucket is one cache line: twelve tags, twelve references, and the number of a bucket to continue in.

/// Entries a bucket holds: 12 × (tag 1 + reference 4) + child 4 = 64 bytes, to the last byte.
pub const SLOTS: usize = 12;

/// One cache line. The entries stand at the front without holes; a tag of 0 marks the free slots behind them.
#[repr(C, align(64))]
#[derive(Clone, Copy, Default, Debug)]
pub struct Bucket {
    /// Eight bits of each entry's hash, never 0. One glance at them spares the cache misses of looking at the records
    /// themselves: a record is visited in vain once in 256.
    tags: [u8; SLOTS],
    /// The bucket that continues a full one: its place among the overflow buckets, plus one; 0: none.
    child: u32,
    references: [u32; SLOTS],
}

const _: () = assert!(size_of::<Bucket>() == 64);

const LOW_SEVEN: u64 = 0x7f7f_7f7f_7f7f_7f7f;
const ONES: u64 = 0x0101_0101_0101_0101;

/// The top bit of every byte that is zero, and no other.
///
/// The well-known shorter form, `(x - ONES) & !x & HIGH`, borrows across bytes: a 0x01 above a true zero is reported
/// too. Adding 0x7f to seven bits never carries out of a byte.
#[inline(always)]
fn zero_bytes(x: u64) -> u64 {
    !(((x & LOW_SEVEN) + LOW_SEVEN) | x | LOW_SEVEN)
}

/// The slots whose tag matched: bit 8k stands for slot k, bit 8k + 1 for slot 8 + k.
#[derive(Clone, Copy)]
pub struct Matches(u64);

impl Iterator for Matches {
    type Item = usize;
    #[inline(always)]
    fn next(&mut self) -> Option<usize> {
        if self.0 == 0 {
            return None;
        }
        let bit = self.0.trailing_zeros() as usize;
        self.0 &= self.0 - 1;
        Some(bit / 8 + bit % 8 * 8)
    }
}

impl Bucket {
    // ANCHOR: tag-match
    /// The slots that may hold an entry of this tag, found for all twelve at once: XOR makes the equal bytes zero.
    #[inline(always)]
    pub fn matches(&self, tag: u8) -> Matches {
        let (first, rest) = self.tag_words();
        let pattern = ONES * u64::from(tag);
        let (a, b) = (zero_bytes(first ^ pattern), zero_bytes(rest ^ pattern) & 0x8080_8080);
        Matches(a >> 7 | b >> 6)
    }
    // ANCHOR_END: tag-match

    /// The entry of this tag that `is` recognises: its slot and reference.
    #[inline(always)]
    pub fn find(&self, tag: u8, is: impl Fn(u32) -> bool) -> Option<(usize, u32)> {
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
        let (first, rest) = self.tag_words();
        let free = zero_bytes(first).count_ones() + (zero_bytes(rest) & 0x8080_8080).count_ones();
        SLOTS - free as usize
    }

    #[inline(always)]
    fn tag_words(&self) -> (u64, u64) {
        let (first, rest) = self.tags.split_at(8);
        let first = u64::from_le_bytes(first.try_into().expect("the first eight of twelve"));
        let rest = u32::from_le_bytes(rest.try_into().expect("the other four"));
        (first, u64::from(rest))
    }

    /// Tag and reference in a slot.
    #[inline(always)]
    pub fn entry(&self, slot: usize) -> (u8, u32) {
        (self.tags[slot], self.references[slot])
    }

    /// The reference in a slot.
    #[inline(always)]
    pub fn reference(&self, slot: usize) -> u32 {
        self.references[slot]
    }

    /// Fills a slot.
    #[inline(always)]
    pub fn set(&mut self, slot: usize, tag: u8, reference: u32) {
        self.tags[slot] = tag;
        self.references[slot] = reference;
    }

    /// Points a slot elsewhere; the entry stays the same.
    pub fn redirect(&mut self, slot: usize, reference: u32) {
        self.references[slot] = reference;
    }

    /// Frees the last filled slot.
    pub fn clear(&mut self, slot: usize) {
        self.set(slot, 0, 0);
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

    /// Lets the cache line be loaded: any byte of it will do.
    pub fn first_byte(&self) -> u8 {
        self.tags[0]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_true_zero_bytes_are_reported() {
        // 0x01 above a zero is what the short form falls for.
        assert_eq!(zero_bytes(0x0101_0101_0101_0100), 0x80);
        assert_eq!(zero_bytes(0x8001_0000_7fff_0080), 0x0000_8080_0000_8000);
        assert_eq!(zero_bytes(0), 0x8080_8080_8080_8080);
        assert_eq!(zero_bytes(u64::MAX), 0);
    }

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
                    filled as u32,
                );
            }
        }
    }
}
