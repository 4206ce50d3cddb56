//! A chunk of a list: a packed run that can be read from both ends, in a slot of up to half a page.
//!
//! ```text
//! slot:  1 | start 2 | end 2 | … free … | entry | length of the entry 1 or 2 | entry | … | … free …
//! ```
//!
//! Entries are those of [`packed`], and one more kind: `ff` and a 4-byte index, an element too long for a chunk. Behind each
//! entry stands its length, last byte first: seven bits, or fourteen with the top bit set. Between the two ends there is
//! room on either side, so that pushing and popping at both moves no other element.
use std::ops::Range;

use crate::types::packed::{self, Entry, Sought};

/// Bytes of a slot before the room for entries.
pub const HEADER: usize = 5;
/// The longest element that stands in a chunk.
pub const NEAR: usize = 2000;
/// Marks an index.
const FAR: u8 = 0xff;

/// An element, or the index of one that is too long.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Part<'a> {
    /// The element.
    Near(Entry<'a>),
    /// Where it is.
    Far(u32),
}

/// The entries of a chunk.
#[inline(always)]
pub fn data(slot: &[u8]) -> &[u8] {
    let (start, end) = window(slot);
    &slot[start..end]
}

#[inline(always)]
fn window(slot: &[u8]) -> (usize, usize) {
    let at = |byte: usize| usize::from(u16::from_le_bytes([slot[byte], slot[byte + 1]]));
    (at(1), at(3))
}

fn set_window(slot: &mut [u8], start: usize, end: usize) {
    slot[0] = 1;
    slot[1..3].copy_from_slice(&(start as u16).to_le_bytes());
    slot[3..5].copy_from_slice(&(end as u16).to_le_bytes());
}

/// Fills a fresh slot: with the free room in front, or behind.
pub fn fill(slot: &mut [u8], parts: &[&[u8]], room_in_front: bool) {
    let len: usize = parts.iter().map(|part| part.len()).sum();
    let mut at = if room_in_front { slot.len() - len } else { HEADER };
    set_window(slot, at, at + len);
    for part in parts {
        slot[at..at + part.len()].copy_from_slice(part);
        at += part.len();
    }
}

/// Puts an entry at the front or at the end, if there is room beyond that end.
#[inline]
pub fn push(slot: &mut [u8], front: bool, new: &[u8]) -> bool {
    let (start, end) = window(slot);
    let at = match front {
        true if start - HEADER >= new.len() => start - new.len(),
        false if slot.len() - end >= new.len() => end,
        _ => return false,
    };
    slot[at..at + new.len()].copy_from_slice(new);
    set_window(slot, at.min(start), end.max(at + new.len()));
    true
}

/// Takes `len` bytes off the front or the end: whole entries.
#[inline]
pub fn shorten(slot: &mut [u8], front: bool, len: usize) {
    let (start, end) = window(slot);
    if front { set_window(slot, start + len, end) } else { set_window(slot, start, end - len) }
}

/// Replaces what stands at `old` among the entries by `new`. The slot has room for it.
pub fn splice(slot: &mut [u8], old: Range<usize>, new: &[u8]) {
    let (mut start, mut end) = window(slot);
    let (head, tail) = (old.start, end - start - old.end);
    // The shorter side moves, if there is room for that.
    let fits = |room: usize| room + old.len() >= new.len();
    let (mut left, right) = (start - HEADER, slot.len() - end);
    if !fits(left) && !fits(right) {
        // There is room at both ends together: all of it goes to where the next entry is likely to be put.
        let (from, to) = if head < tail {
            (slot.len() - (end - start), slot.len())
        } else {
            (HEADER, HEADER + end - start)
        };
        slot.copy_within(start..end, from);
        (start, end) = (from, to);
        left = start - HEADER;
    }
    let at = if (head < tail && fits(left)) || !fits(slot.len() - end) {
        let moved = start + old.len() - new.len();
        slot.copy_within(start..start + head, moved);
        start = moved;
        start + head
    } else {
        let at = start + head;
        slot.copy_within(start + old.end..end, at + new.len());
        end = at + new.len() + tail;
        at
    };
    slot[at..at + new.len()].copy_from_slice(new);
    set_window(slot, start, end);
}

/// Writes an element down as it stands in a chunk.
pub fn encode(element: Part<'_>, out: &mut Vec<u8>) {
    let start = out.len();
    match element {
        Part::Near(entry) => Sought::entry(entry).push(out),
        Part::Far(index) => {
            out.push(FAR);
            out.extend_from_slice(&index.to_le_bytes());
        }
    }
    let len = out.len() - start;
    if len < 0x80 {
        out.push(len as u8);
    } else {
        out.extend_from_slice(&[(len & 0x7f) as u8, (len >> 7) as u8 | 0x80]);
    }
}

/// The element at `at`, and where the next one begins.
#[inline(always)]
pub fn part(data: &[u8], at: usize) -> (Part<'_>, usize) {
    if data[at] == FAR {
        let index = data[at + 1..at + 5].try_into().expect("an index is four bytes");
        return (Part::Far(u32::from_le_bytes(index)), at + 6);
    }
    let (entry, end) = packed::entry(data, at);
    (Part::Near(entry), end + if end - at < 0x80 { 1 } else { 2 })
}

/// Where the element behind the one at `at` begins.
#[inline(always)]
pub fn next(data: &[u8], at: usize) -> usize {
    if data[at] == FAR {
        return at + 6;
    }
    let end = packed::next(data, at);
    end + if end - at < 0x80 { 1 } else { 2 }
}

/// Where the element before the one at `at` begins.
#[inline(always)]
pub fn previous(data: &[u8], at: usize) -> usize {
    match data[at - 1] {
        len @ 0..0x80 => at - 1 - usize::from(len),
        high => at - 2 - (usize::from(high & 0x7f) << 7 | usize::from(data[at - 2])),
    }
}

/// Where element number `n` of `count` begins, counted from the nearer end; with `n` = `count`, where the data end.
pub fn position(data: &[u8], n: usize, count: usize) -> usize {
    if n <= count / 2 {
        (0..n).fold(0, |at, _| next(data, at))
    } else {
        (n..count).fold(data.len(), |at, _| previous(data, at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    fn encoded(text: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        let part = if text.len() == 7 { Part::Far(7) } else { Part::Near(Entry::of(text)) };
        encode(part, &mut out);
        out
    }

    #[test]
    fn reads_from_both_ends_after_any_edit() {
        let mut random = Random(11);
        for len in [300, 2000, 8192] {
            let mut slot = vec![0; len];
            let mut model: Vec<Vec<u8>> = Vec::new();
            fill(&mut slot, &[], random.below(2) == 0);
            for _ in 0..3000 {
                let n = match random.below(4) {
                    0 => 0,
                    1 => model.len(),
                    _ => random.below(model.len() + 1),
                };
                let text = vec![
                    b'a';
                    *[0, 3, 7, 16, 126, 127, 128, 200].get(random.below(8)).expect("one of eight")
                ];
                let (new, data_len) = (encoded(&text), data(&slot).len());
                let at = position(data(&slot), n, model.len());
                let front = random.below(2) == 0;
                if random.below(4) == 0 {
                    if push(&mut slot, front, &new) {
                        model.insert(if front { 0 } else { model.len() }, new);
                    }
                } else if random.below(4) == 0 && !model.is_empty() {
                    let old = model.remove(if front { 0 } else { model.len() - 1 });
                    shorten(&mut slot, front, old.len());
                } else if random.below(2) == 0 && n < model.len() {
                    let end = next(data(&slot), at);
                    splice(&mut slot, at..end, b"");
                    model.remove(n);
                } else if data_len + new.len() + HEADER <= len {
                    splice(&mut slot, at..at, &new);
                    model.insert(n, new);
                }
                assert_eq!(data(&slot), model.concat());
            }
            let data = data(&slot);
            let mut at = 0;
            for (n, entry) in model.iter().enumerate() {
                assert_eq!(at, position(data, n, model.len()));
                assert_eq!(part(data, at).1, at + entry.len());
                at = next(data, at);
                assert_eq!(previous(data, at), at - entry.len());
            }
            assert_eq!(at, data.len());
        }
    }
}
