//! A record: one key with its value, in as few bytes as they allow.
//!
//! ```text
//! klen 1 | vlen 1 | flags 1 | clock 2 | [WIDE: klen high 1, vlen high 1] | [DEADLINE: time 8, seat 4] | key | value
//! ```
//!
//! A 16-byte key with a 3-byte value takes 24 bytes. `clock` is when it was last used ([`crate::keyspace::usage`]);
//! `seat` is the record's place in the queue of deadlines ([`crate::keyspace::deadlines`]). A key too long for a record is a 4-byte
//! index into the side slab of keys, a value too long or of another type one into the slab of objects.
pub mod class;
mod draft;
pub mod heap;
mod names;
mod page;
pub mod side;

pub use draft::Draft;
pub use names::{Ref, Seat, SideIndex};

// ANCHOR: record-layout
/// Bytes of a record before anything optional.
pub const HEADER: usize = 5;
/// Where the flags stand. A slot whose flags are 0 is free.
pub const FLAGS: usize = 2;

/// The value is a string, here in the record.
pub const STRING: u8 = 0x01;
/// The value is a 4-byte index into the side slab of objects.
pub const OBJECT: u8 = 0x02;
/// The value is a small collection, packed, here in the record: a list, a hash, a set, a sorted set.
pub const LIST: u8 = 0x04;
/// See [`LIST`].
pub const HASH: u8 = 0x05;
/// See [`LIST`].
pub const SET: u8 = 0x08;
/// See [`LIST`].
pub const ZSET: u8 = 0x09;
/// The flags that say what the value is. Of these [`OBJECT`] alone has its bit.
pub const SHAPE: u8 = 0x0f;
/// Lengths have a second byte each.
pub const WIDE: u8 = 0x10;
/// There is a deadline.
pub const DEADLINE: u8 = 0x20;
/// The string was built by APPEND or SETRANGE; the set is no `intset`.
pub const RAW: u8 = 0x40;
/// The key is a 4-byte index into the side slab of keys.
pub const FAR_KEY: u8 = 0x80;
// ANCHOR_END: record-layout

/// Whether two keys are the same. Most have eight to sixteen bytes: two words, which may overlap, hold all of them, and
/// save the call of memcmp.
#[inline(always)]
fn same(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    match (a.first_chunk::<8>(), a.last_chunk::<8>(), b.first_chunk::<8>(), b.last_chunk::<8>()) {
        (Some(a1), Some(a2), Some(b1), Some(b2)) if a.len() <= 16 => {
            (u64::from_ne_bytes(*a1) ^ u64::from_ne_bytes(*b1))
                | (u64::from_ne_bytes(*a2) ^ u64::from_ne_bytes(*b2))
                == 0
        }
        _ => a == b,
    }
}

/// A record to be read: the bytes from its header to the end of its page.
#[derive(Clone, Copy)]
pub struct Record<'a>(pub &'a [u8]);

impl<'a> Record<'a> {
    /// See the constants.
    #[inline(always)]
    pub fn flags(self) -> u8 {
        self.0[FLAGS]
    }

    /// Whether this flag is set.
    #[inline(always)]
    pub fn has(self, flag: u8) -> bool {
        self.flags() & flag != 0
    }

    /// When it was last used.
    #[inline(always)]
    pub fn clock(self) -> u16 {
        u16::from_le_bytes([self.0[3], self.0[4]])
    }

    /// Where the key starts, its length, the value's length.
    #[inline(always)]
    fn spans(self) -> (usize, usize, usize) {
        let (mut at, mut klen, mut vlen) = (HEADER, usize::from(self.0[0]), usize::from(self.0[1]));
        if self.has(WIDE) {
            klen |= usize::from(self.0[5]) << 8;
            vlen |= usize::from(self.0[6]) << 8;
            at += 2;
        }
        if self.has(DEADLINE) {
            at += 12;
        }
        (at, klen, vlen)
    }

    /// Whether there is nothing but header, short key and short string.
    #[inline(always)]
    pub fn is_plain(self) -> bool {
        self.flags() & !RAW == STRING
    }

    /// Length of a plain record's key.
    #[inline(always)]
    pub fn plain_key_len(self) -> usize {
        usize::from(self.0[0])
    }

    /// Length of a plain record's string.
    #[inline(always)]
    pub fn plain_len(self) -> usize {
        usize::from(self.0[1])
    }

    /// The string of a plain record.
    #[inline(always)]
    pub fn plain_value(self) -> &'a [u8] {
        let at = HEADER + usize::from(self.0[0]);
        &self.0[at..at + usize::from(self.0[1])]
    }

    /// Whether the key of a plain record is these bytes.
    #[inline(always)]
    pub fn plain_key_is(self, key: &[u8]) -> bool {
        same(&self.0[HEADER..HEADER + usize::from(self.0[0])], key)
    }

    /// The key, or its index.
    #[inline(always)]
    pub fn key(self) -> &'a [u8] {
        let (at, klen, _) = self.spans();
        &self.0[at..at + klen]
    }

    /// The value, or its index.
    #[inline(always)]
    pub fn value(self) -> &'a [u8] {
        let (at, klen, vlen) = self.spans();
        &self.0[at + klen..at + klen + vlen]
    }

    /// The index that stands for a far key.
    #[inline(always)]
    pub fn far_key(self) -> Option<SideIndex> {
        self.has(FAR_KEY).then(|| SideIndex(index(self.key())))
    }

    /// The index that stands for an object.
    #[inline(always)]
    pub fn object(self) -> Option<SideIndex> {
        self.has(OBJECT).then(|| SideIndex(index(self.value())))
    }

    fn deadline_at(self) -> usize {
        if self.has(WIDE) { HEADER + 2 } else { HEADER }
    }

    /// When it dies, in milliseconds since the epoch.
    #[inline(always)]
    pub fn deadline(self) -> Option<i64> {
        if !self.has(DEADLINE) {
            return None;
        }
        let at = self.deadline_at();
        Some(i64::from_le_bytes(self.0[at..at + 8].try_into().expect("eight bytes")))
    }

    /// Its place in the queue of deadlines; only with [`DEADLINE`].
    pub fn seat(self) -> Seat {
        let at = self.deadline_at() + 8;
        Seat(index(&self.0[at..at + 4]))
    }
}

fn index(four: &[u8]) -> u32 {
    u32::from_le_bytes(four.try_into().expect("an index is four bytes"))
}

/// Changes to a record in place, none of which changes its length.
pub struct RecordMut<'a>(pub &'a mut [u8]);

impl<'a> RecordMut<'a> {
    fn read(&self) -> Record<'_> {
        Record(self.0)
    }

    /// Stamps a use, unless it bears that stamp already: a cache line unwritten is cheaper, and after a fork so is a page.
    /// The record, to be read.
    #[inline(always)]
    pub fn used(mut self, after: impl FnOnce(u16) -> u16) -> Record<'a> {
        let old = self.read().clock();
        let clock = after(old);
        if old != clock {
            self.set_clock(clock);
        }
        Record(self.0)
    }

    /// Writes the stamp of a use.
    #[inline(always)]
    pub fn set_clock(&mut self, clock: u16) {
        self.0[3..5].copy_from_slice(&clock.to_le_bytes());
    }

    /// Moves its deadline; only with [`DEADLINE`].
    pub fn set_deadline(&mut self, deadline: i64) {
        let at = self.read().deadline_at();
        self.0[at..at + 8].copy_from_slice(&deadline.to_le_bytes());
    }

    /// Notes its place in the queue of deadlines.
    pub fn set_seat(&mut self, seat: Seat) {
        let at = self.read().deadline_at() + 8;
        self.0[at..at + 4].copy_from_slice(&seat.0.to_le_bytes());
    }

    /// The object has moved within its slab.
    pub fn set_object(&mut self, object: SideIndex) {
        let (at, klen, _) = self.read().spans();
        self.0[at + klen..at + klen + 4].copy_from_slice(&object.0.to_le_bytes());
    }

    /// The key has moved within its slab.
    pub fn set_far_key(&mut self, key: SideIndex) {
        let (at, ..) = self.read().spans();
        self.0[at..at + 4].copy_from_slice(&key.0.to_le_bytes());
    }

    /// Marks that the string was edited in place ([`RAW`]).
    pub fn mark_edited(&mut self) {
        self.0[FLAGS] |= RAW;
    }

    /// Overwrites a short string by another, when the record holds nothing but key and string, both of them short.
    #[inline]
    pub fn set_short_value(&mut self, value: &[u8], clock: u16) {
        let at = HEADER + usize::from(self.0[0]);
        self.0[1] = value.len() as u8;
        self.0[FLAGS] = STRING;
        self.set_clock(clock);
        self.0[at..at + value.len()].copy_from_slice(value);
    }

    /// Overwrites a long string by another, when the record holds nothing but key and string.
    pub fn set_wide_value(&mut self, value: &[u8], clock: u16) {
        let (at, klen, _) = self.read().spans();
        self.0[1] = value.len() as u8;
        self.0[6] = (value.len() >> 8) as u8;
        self.0[FLAGS] = STRING | WIDE;
        self.set_clock(clock);
        self.0[at + klen..at + klen + value.len()].copy_from_slice(value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shape_of_record_reads_back() {
        for flags in [STRING, STRING | RAW, STRING | DEADLINE, STRING | DEADLINE | RAW] {
            for (klen, vlen) in [(0, 0), (16, 3), (255, 255), (256, 0), (0, 256), (700, 900)] {
                let (key, value) = (vec![b'k'; klen], vec![b'v'; vlen]);
                let draft = Draft { flags, key: &key, value: &value, clock: 0xabcd, deadline: -5 };
                let mut slot = vec![0xee; draft.len()];
                draft.write(&mut slot);
                RecordMut(&mut slot).set_clock(0x1234);
                let record = Record(&slot);
                if record.is_plain() {
                    assert!(record.plain_key_is(&key) && !record.plain_key_is(b"other"));
                }
                assert_eq!((record.key(), record.value(), record.clock()), (&key[..], &value[..], 0x1234));
                assert_eq!(record.deadline(), (flags & DEADLINE != 0).then_some(-5));
                assert_eq!(record.has(RAW), flags & RAW != 0);
                if flags & DEADLINE != 0 {
                    let mut edit = RecordMut(&mut slot);
                    edit.set_seat(Seat(77));
                    edit.set_deadline(i64::MAX);
                    assert_eq!((Record(&slot).seat(), Record(&slot).deadline()), (Seat(77), Some(i64::MAX)));
                    assert_eq!(Record(&slot).value(), value);
                }
            }
        }
    }

    #[test]
    fn keys_are_the_same_only_if_every_byte_is() {
        for len in 0..40 {
            let key = vec![7_u8; len];
            assert!(same(&key, &key));
            assert!(!same(&key, &vec![7; len + 1]) && !same(&vec![7; len + 1], &key));
            for at in 0..len {
                let mut other = key.clone();
                other[at] = 8;
                assert!(!same(&key, &other), "{len} bytes, different at {at}");
            }
        }
    }

    #[test]
    fn sixteen_and_three_bytes_take_three_units() {
        let draft = Draft { flags: STRING, key: &[0; 16], value: &[0; 3], clock: 0, deadline: 0 };
        assert_eq!(draft.len(), 24);
    }

    #[test]
    fn indices_can_be_changed_in_place() {
        let flags = OBJECT | FAR_KEY | DEADLINE;
        let draft =
            Draft { flags, key: &7u32.to_le_bytes(), value: &9u32.to_le_bytes(), clock: 0, deadline: 1 };
        let mut slot = vec![0; draft.len()];
        draft.write(&mut slot);
        assert_eq!(
            (Record(&slot).far_key(), Record(&slot).object()),
            (Some(SideIndex(7)), Some(SideIndex(9)))
        );
        RecordMut(&mut slot).set_far_key(SideIndex(70));
        RecordMut(&mut slot).set_object(SideIndex(90));
        assert_eq!(
            (Record(&slot).far_key(), Record(&slot).object()),
            (Some(SideIndex(70)), Some(SideIndex(90)))
        );
    }
}
