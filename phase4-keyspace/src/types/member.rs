//! A member's record: the bytes of one slot of a [`super::table`].
use crate::record::SideIndex;

/// The longest member or value that lives in its record.
pub const NEAR: usize = 1000;
/// The longest length that is one byte with one added: 0 marks a free slot.
const SHORT: usize = 250;
/// The length has two bytes of its own.
const WIDE: u8 = 252;
/// There is an index instead.
const FAR: u8 = 253;

/// What a table's records hold beside the member.
pub trait Shape {
    /// How long every value is; `None`: each has a length of its own.
    const VALUE: Option<usize>;
}

/// Members alone: a set.
#[derive(Clone, Copy, Debug)]
pub struct Member;
/// Members with a number of eight bytes: a sorted set.
#[derive(Clone, Copy, Debug)]
pub struct Scored;
/// Members with a value of any length: a hash.
#[derive(Clone, Copy, Debug)]
pub struct Pair;

impl Shape for Member {
    const VALUE: Option<usize> = Some(0);
}
impl Shape for Scored {
    const VALUE: Option<usize> = Some(8);
}
impl Shape for Pair {
    const VALUE: Option<usize> = None;
}

/// One of a record's two parts.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The member, a hash's field.
    Member,
    /// What belongs to it.
    Value,
}

/// Where a part stands in the slot.
#[derive(Clone, Copy)]
pub struct Field {
    /// Offset.
    pub start: usize,
    /// Length.
    pub len: usize,
    /// It is an index of four bytes.
    pub far: bool,
}

/// Reads a length; what it takes beyond its byte is behind `at`, which moves past it.
#[inline(always)]
fn length(slot: &[u8], byte: usize, at: &mut usize) -> (usize, bool) {
    match slot[byte] {
        WIDE => {
            *at += 2;
            (usize::from(slot[*at - 2]) | usize::from(slot[*at - 1]) << 8, false)
        }
        FAR => (4, true),
        short => (usize::from(short) - 1, false),
    }
}

/// Finds a part of a record.
#[inline(always)]
pub fn field<S: Shape>(slot: &[u8], part: Part) -> Field {
    let mut start = if S::VALUE.is_none() { 2 } else { 1 };
    let (len, far) = length(slot, 0, &mut start);
    let value = match S::VALUE {
        Some(len) => (len, false),
        None => length(slot, 1, &mut start),
    };
    match part {
        Part::Member => Field { start, len, far },
        Part::Value => Field { start: start + len, len: value.0, far: value.1 },
    }
}

/// The index that stands for a far part.
pub fn index(slot: &[u8], field: Field) -> SideIndex {
    let four = slot[field.start..field.start + 4].try_into().expect("an index is four bytes");
    SideIndex(u32::from_le_bytes(four))
}

/// The far part whose index was `was` has another now.
pub fn move_index<S: Shape>(slot: &mut [u8], was: u32, now: SideIndex) {
    for part in [Part::Member, Part::Value] {
        let field = field::<S>(slot, part);
        if field.far && index(slot, field).0 == was {
            slot[field.start..field.start + 4].copy_from_slice(&now.0.to_le_bytes());
        }
    }
}

/// A record to be written: each part with whether it is an index.
pub struct Draft<'a> {
    member: (&'a [u8], bool),
    value: (&'a [u8], bool),
    /// Values have lengths of their own.
    pairs: bool,
}

impl<'a> Draft<'a> {
    /// Of both parts.
    pub fn new<S: Shape>(member: (&'a [u8], bool), value: (&'a [u8], bool)) -> Self {
        Draft { member, value, pairs: S::VALUE.is_none() }
    }

    fn is_wide((bytes, far): (&[u8], bool)) -> bool {
        !far && bytes.len() > SHORT
    }

    /// Bytes of the record.
    pub fn len(&self) -> usize {
        let wide =
            usize::from(Self::is_wide(self.member)) + usize::from(self.pairs && Self::is_wide(self.value));
        1 + usize::from(self.pairs) + 2 * wide + self.member.0.len() + self.value.0.len()
    }

    /// Writes it to a slot of at least its length.
    pub fn write(&self, slot: &mut [u8]) {
        let mut at = if self.pairs { 2 } else { 1 };
        let lengths = if self.pairs { &[self.member, self.value][..] } else { &[self.member][..] };
        for (byte, part) in lengths.iter().enumerate() {
            slot[byte] = match part {
                (_, true) => FAR,
                (bytes, _) if bytes.len() <= SHORT => bytes.len() as u8 + 1,
                (bytes, _) => {
                    slot[at..at + 2].copy_from_slice(&(bytes.len() as u16).to_le_bytes());
                    at += 2;
                    WIDE
                }
            };
        }
        for (bytes, _) in [self.member, self.value] {
            slot[at..at + bytes.len()].copy_from_slice(bytes);
            at += bytes.len();
        }
    }
}
