//! The packed run: a small collection as one string of bytes, entry behind entry.
//!
//! ```text
//! 0xxxxxxx                     an integer from 0 to 127
//! 10llllll bytes               up to 63 bytes
//! 110xxxxx x                   an integer of 13 bits
//! 1110llll l bytes             up to 4,095 bytes
//! f0 llll bytes                more bytes
//! f1 xx · f2 xxxx · f3 x × 8   an integer of 16, 32, 64 bits
//! ```
//!
//! A run has no header and its entries no length at their end, as Redis's listpack has them: nothing here walks backwards, and
//! ten entries are counted as fast as a count is read. Text that is an integer in its one spelling is always kept as an
//! integer, so two entries are the same if their bytes here are; a search compares these and decodes nothing.
//!
//! To look for an entry, make a [`Sought`] of it. What the entries mean (members, or fields and values by turns) is the
//! caller's to know.
use std::ops::Range;

use crate::text::integer::{self, Decimal};

/// An entry, taken apart.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Entry<'a> {
    /// Any bytes.
    Bytes(&'a [u8]),
    /// Text that is an integer.
    Integer(i64),
}

impl<'a> Entry<'a> {
    /// What this text would be kept as.
    pub fn of(text: &'a [u8]) -> Self {
        integer::parse(text).map_or(Entry::Bytes(text), Entry::Integer)
    }

    /// Hands out the entry as text.
    #[inline]
    pub fn with<R>(self, f: impl FnOnce(&[u8]) -> R) -> R {
        match self {
            Entry::Bytes(bytes) => f(bytes),
            Entry::Integer(n) => f(Decimal::new(n).as_bytes()),
        }
    }

    /// The entry as text of its own.
    pub fn to_vec(self) -> Vec<u8> {
        self.with(<[u8]>::to_vec)
    }

    /// Length as text.
    #[allow(clippy::len_without_is_empty)]
    pub fn len(self) -> usize {
        self.with(<[u8]>::len)
    }
}

const BITS_13: Range<i64> = -4096..4096;
const LONG: u8 = 0xf0;
const BITS_16: u8 = 0xf1;
const BITS_32: u8 = 0xf2;
const BITS_64: u8 = 0xf3;

/// A text as an entry that is looked for or stored: what stands before its bytes, and these.
#[derive(Clone, Copy, Debug)]
pub struct Sought<'a> {
    head: [u8; 9],
    head_len: u8,
    tail: &'a [u8],
}

impl<'a> Sought<'a> {
    /// Of a text.
    pub fn of(text: &'a [u8]) -> Self {
        Self::entry(Entry::of(text))
    }

    /// Of an entry.
    pub fn entry(entry: Entry<'a>) -> Self {
        let mut head = [0; 9];
        let mut put = |first: u8, rest: &[u8]| {
            head[0] = first;
            head[1..=rest.len()].copy_from_slice(rest);
            1 + rest.len() as u8
        };
        let (head_len, tail): (u8, &[u8]) = match entry {
            Entry::Bytes(bytes) => (
                match bytes.len() {
                    len @ 0..0x40 => put(0x80 | len as u8, &[]),
                    len @ 0x40..0x1000 => put(0xe0 | (len >> 8) as u8, &[len as u8]),
                    len => put(LONG, &(len as u32).to_le_bytes()),
                },
                bytes,
            ),
            Entry::Integer(n) => (
                match n {
                    0..0x80 => put(n as u8, &[]),
                    n if BITS_13.contains(&n) => put(0xc0 | (n >> 8 & 0x1f) as u8, &[n as u8]),
                    n if n as i16 as i64 == n => put(BITS_16, &(n as i16).to_le_bytes()),
                    n if n as i32 as i64 == n => put(BITS_32, &(n as i32).to_le_bytes()),
                    n => put(BITS_64, &n.to_le_bytes()),
                },
                b"",
            ),
        };
        Sought { head, head_len, tail }
    }

    fn head(&self) -> &[u8] {
        &self.head[..usize::from(self.head_len)]
    }

    /// Bytes in a run.
    pub fn len(&self) -> usize {
        usize::from(self.head_len) + self.tail.len()
    }

    #[inline(always)]
    fn is_at(&self, run: &[u8], at: usize) -> bool {
        run[at] == self.head[0]
            && run[at..].strip_prefix(self.head()).is_some_and(|rest| rest.starts_with(self.tail))
    }

    /// Appends it to a run.
    pub fn push(&self, run: &mut Vec<u8>) {
        make_room(run, self.len());
        run.extend_from_slice(self.head());
        run.extend_from_slice(self.tail);
    }

    /// Puts it into a run in place of what stands at `range`, which may be empty.
    pub fn splice(&self, run: &mut Vec<u8>, range: Range<usize>) {
        let (old, new) = (range.len(), self.len());
        if new > old {
            make_room(run, new - old);
            let end = run.len();
            run.resize(end + new - old, 0);
            run.copy_within(range.end..end, range.start + new);
        } else if new < old {
            run.drain(range.start + new..range.end);
        }
        let (head, tail) = run[range.start..range.start + new].split_at_mut(usize::from(self.head_len));
        head.copy_from_slice(self.head());
        tail.copy_from_slice(self.tail);
    }
}

/// An eighth more than is needed: a run that doubled its room would waste on average what packing saves.
fn make_room(run: &mut Vec<u8>, more: usize) {
    if run.capacity() - run.len() < more {
        run.reserve_exact(more + run.len() / 8);
    }
}

/// Takes out what stands at `range`.
pub fn remove(run: &mut Vec<u8>, range: Range<usize>) {
    run.drain(range);
}

// ANCHOR: packed-next
/// Where the entry behind the one at `at` begins.
#[inline(always)]
pub fn next(run: &[u8], at: usize) -> usize {
    let first = run[at];
    at + match first {
        0..0x80 => 1,
        0x80..0xc0 => 1 + usize::from(first & 0x3f),
        0xc0..0xe0 => 2,
        0xe0..0xf0 => 2 + (usize::from(first & 0xf) << 8 | usize::from(run[at + 1])),
        LONG => 5 + u32::from_le_bytes(fixed(run, at + 1)) as usize,
        BITS_16 => 3,
        BITS_32 => 5,
        _ => 9,
    }
}
// ANCHOR_END: packed-next

fn fixed<const N: usize>(run: &[u8], at: usize) -> [u8; N] {
    run[at..at + N].try_into().expect("a run is whole")
}

/// The entry at `at`, and where the next one begins.
#[inline]
pub fn entry(run: &[u8], at: usize) -> (Entry<'_>, usize) {
    let (first, end) = (run[at], next(run, at));
    let entry = match first {
        0..0x80 => Entry::Integer(first.into()),
        0x80..0xc0 => Entry::Bytes(&run[at + 1..end]),
        0xc0..0xe0 => {
            let bits = i64::from(first & 0x1f) << 8 | i64::from(run[at + 1]);
            // The top one of the thirteen is the sign.
            Entry::Integer((bits ^ 0x1000) - 0x1000)
        }
        0xe0..0xf0 => Entry::Bytes(&run[at + 2..end]),
        LONG => Entry::Bytes(&run[at + 5..end]),
        BITS_16 => Entry::Integer(i16::from_le_bytes(fixed(run, at + 1)).into()),
        BITS_32 => Entry::Integer(i32::from_le_bytes(fixed(run, at + 1)).into()),
        _ => Entry::Integer(i64::from_le_bytes(fixed(run, at + 1))),
    };
    (entry, end)
}

// ANCHOR: packed-find
/// Where the sought entry stands, of those at every `step`-th place from the first; if it does not, how many entries there are.
pub fn find(run: &[u8], sought: &Sought<'_>, step: usize) -> Result<Range<usize>, usize> {
    let (mut at, mut count) = (0, 0);
    while at < run.len() {
        if sought.is_at(run, at) {
            return Ok(at..at + sought.len());
        }
        for _ in 0..step {
            at = next(run, at);
        }
        count += step;
    }
    Err(count)
}
// ANCHOR_END: packed-find

/// Number of entries.
pub fn count(run: &[u8]) -> usize {
    let (mut at, mut count) = (0, 0);
    while at < run.len() {
        at = next(run, at);
        count += 1;
    }
    count
}

/// Where entry number `n` begins; at the end of the run if there are no more than `n`.
pub fn position(run: &[u8], n: usize) -> usize {
    (0..n).try_fold(0, |at, _| (at < run.len()).then(|| next(run, at))).unwrap_or(run.len())
}

/// Every entry.
pub fn entries(run: &[u8]) -> impl Iterator<Item = Entry<'_>> {
    let mut at = 0;
    std::iter::from_fn(move || {
        (at < run.len()).then(|| {
            let (found, end) = entry(run, at);
            at = end;
            found
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    fn texts() -> Vec<Vec<u8>> {
        let edges = [0, 127, 128, 4095, 4096, 32767, 32768, i64::from(i32::MAX), 1 << 31, i64::MAX];
        let integers = edges.into_iter().flat_map(|n| [n, -n, n - 1, -n - 1]);
        let lengths = [0, 1, 62, 63, 64, 65, 255, 256, 4094, 4095, 4096, 70_000];
        let strings = lengths.into_iter().map(|len| vec![b'x'; len]);
        let nearly = ["01", "-0", "+1", "9223372036854775808", "-9223372036854775809", "\u{80}"];
        integers
            .map(|n| n.to_string().into_bytes())
            .chain(strings)
            .chain(nearly.into_iter().map(|text| text.as_bytes().to_vec()))
            .collect()
    }

    #[test]
    fn every_text_comes_back_and_is_found() {
        let mut texts = texts();
        texts.sort();
        texts.dedup();
        let mut run = Vec::new();
        for (n, text) in texts.iter().enumerate() {
            assert_eq!(find(&run, &Sought::of(text), 1), Err(n));
            Sought::of(text).push(&mut run);
        }
        assert_eq!(entries(&run).map(Entry::to_vec).collect::<Vec<_>>(), texts);
        for (n, text) in texts.iter().enumerate() {
            let at = position(&run, n);
            assert_eq!(find(&run, &Sought::of(text), 1), Ok(at..next(&run, at)));
            assert_eq!(entry(&run, at).0.len(), text.len());
        }
        assert_eq!((count(&run), position(&run, texts.len() + 5)), (texts.len(), run.len()));
    }

    #[test]
    fn a_value_is_not_taken_for_a_field() {
        let mut run = Vec::new();
        ["a", "b", "b", "c"].iter().for_each(|text| Sought::of(text.as_bytes()).push(&mut run));
        assert_eq!(find(&run, &Sought::of(b"b"), 2), Ok(4..6));
        assert_eq!(find(&run, &Sought::of(b"c"), 2), Err(4));
    }

    #[test]
    fn edits_agree_with_a_vector() {
        let (mut random, texts) = (Random(88_172_645_463_325_252), texts());
        let (mut run, mut model): (Vec<u8>, Vec<Vec<u8>>) = (Vec::new(), Vec::new());
        for _ in 0..3000 {
            let text = &texts[random.below(texts.len())];
            let n = random.below(model.len() + 1);
            let at = position(&run, n);
            match random.below(3) {
                0 => {
                    Sought::of(text).splice(&mut run, at..at);
                    model.insert(n, text.clone());
                }
                1 if n < model.len() => {
                    let end = next(&run, at);
                    Sought::of(text).splice(&mut run, at..end);
                    model[n] = text.clone();
                }
                _ if n < model.len() && model.len() > 20 => {
                    let end = next(&run, at);
                    remove(&mut run, at..end);
                    model.remove(n);
                }
                _ => {}
            }
        }
        assert!(!model.is_empty());
        assert_eq!(entries(&run).map(Entry::to_vec).collect::<Vec<_>>(), model);
    }
}
