//! A record that is to be written.
use super::{DEADLINE, FLAGS, HEADER, WIDE};

/// What a record is to hold, and how long that makes it.
#[derive(Clone, Copy, Debug)]
pub struct Draft<'a> {
    /// [`STRING`] or [`OBJECT`], with [`RAW`], [`DEADLINE`] and [`FAR_KEY`] as they apply. `WIDE` is found out here.
    pub flags: u8,
    /// The key, or its index.
    pub key: &'a [u8],
    /// The value, or its index.
    pub value: &'a [u8],
    /// When it was last used.
    pub clock: u16,
    /// When it dies, with [`DEADLINE`].
    pub deadline: i64,
}

impl Draft<'_> {
    fn is_wide(&self) -> bool {
        self.key.len() > 0xff || self.value.len() > 0xff
    }

    /// Bytes of the record.
    pub fn len(&self) -> usize {
        let deadline = if self.flags & DEADLINE != 0 { 12 } else { 0 };
        HEADER + if self.is_wide() { 2 } else { 0 } + deadline + self.key.len() + self.value.len()
    }

    /// Writes the record to a slot of at least its length. The seat is left 0: the queue of deadlines fills it in.
    pub fn write(&self, slot: &mut [u8]) {
        let (klen, vlen) = (self.key.len(), self.value.len());
        slot[0] = klen as u8;
        slot[1] = vlen as u8;
        slot[FLAGS] = self.flags;
        slot[3..5].copy_from_slice(&self.clock.to_le_bytes());
        let mut at = HEADER;
        if self.is_wide() {
            slot[FLAGS] |= WIDE;
            slot[5] = (klen >> 8) as u8;
            slot[6] = (vlen >> 8) as u8;
            at += 2;
        }
        if self.flags & DEADLINE != 0 {
            slot[at..at + 8].copy_from_slice(&self.deadline.to_le_bytes());
            slot[at + 8..at + 12].fill(0);
            at += 12;
        }
        slot[at..at + klen].copy_from_slice(self.key);
        slot[at + klen..at + klen + vlen].copy_from_slice(self.value);
    }
}
