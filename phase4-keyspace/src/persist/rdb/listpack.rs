//! The listpack: a small collection as one string of bytes that can be walked from either end.
//!
//! ```text
//! total length (4) · number of entries (2; ffff: too many to say) · entries · ff
//!
//! 0xxxxxxx                 an integer from 0 to 127      f1 xx · f2 xxx · f3 xxxx · f4 x × 8
//! 10llllll bytes           up to 63 bytes                         an integer of 16, 24, 32, 64 bits
//! 110xxxxx x               an integer of 13 bits         f0 llll bytes   more bytes
//! 1110llll l bytes         up to 4,095 bytes
//! ```
//!
//! Behind each entry stands its length once more, seven bits a byte, to be read from the right.
use crate::keyspace::Entry;

const HEADER: usize = 6;
const END: u8 = 0xff;

/// Builds a listpack.
pub struct Builder {
    bytes: Vec<u8>,
    count: usize,
}

impl Default for Builder {
    fn default() -> Self {
        Builder { bytes: vec![0; HEADER], count: 0 }
    }
}

impl Builder {
    /// Appends an entry.
    pub fn push(&mut self, entry: Entry<'_>) {
        let (start, out) = (self.bytes.len(), &mut self.bytes);
        match entry {
            Entry::Integer(n @ 0..128) => out.push(n as u8),
            Entry::Integer(n @ -4096..4096) => {
                out.extend_from_slice(&((n as u16 & 0x1fff) | 0xc000).to_be_bytes());
            }
            Entry::Integer(n) => push_wide(n, out),
            Entry::Bytes(bytes) => {
                match bytes.len() {
                    len @ 0..64 => out.push(0x80 | len as u8),
                    len @ 64..4096 => out.extend_from_slice(&(len as u16 | 0xe000).to_be_bytes()),
                    len => {
                        out.push(0xf0);
                        out.extend_from_slice(&(len as u32).to_le_bytes());
                    }
                }
                out.extend_from_slice(bytes);
            }
        }
        let (len, back) = (out.len() - start, &mut [0; 5]);
        out.extend_from_slice(backward(len, back));
        self.count += 1;
    }

    /// Whether nothing was appended.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Bytes so far.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// The listpack. The builder begins anew when it is cleared.
    pub fn finish(&mut self) -> &[u8] {
        self.bytes.push(END);
        let len = self.bytes.len() as u32;
        self.bytes[..4].copy_from_slice(&len.to_le_bytes());
        self.bytes[4..HEADER].copy_from_slice(&(self.count.min(0xffff) as u16).to_le_bytes());
        &self.bytes
    }

    /// Begins anew.
    pub fn clear(&mut self) {
        self.bytes.truncate(HEADER);
        self.count = 0;
    }
}

fn push_wide(n: i64, out: &mut Vec<u8>) {
    let (first, bytes) = match n {
        -0x8000..0x8000 => (0xf1, 2),
        -0x80_0000..0x80_0000 => (0xf2, 3),
        -0x8000_0000..0x8000_0000 => (0xf3, 4),
        _ => (0xf4, 8),
    };
    out.push(first);
    out.extend_from_slice(&n.to_le_bytes()[..bytes]);
}

/// A length as it stands behind an entry: the last seven bits last, and a bit in every byte that has more to its left.
fn backward(len: usize, buffer: &mut [u8; 5]) -> &[u8] {
    let bytes = match len {
        0..128 => 1,
        128..16_383 => 2,
        16_383..2_097_151 => 3,
        2_097_151..268_435_455 => 4,
        _ => 5,
    };
    for (at, byte) in buffer[..bytes].iter_mut().rev().enumerate() {
        *byte = (len >> (7 * at)) as u8 & 0x7f | if at + 1 < bytes { 0x80 } else { 0 };
    }
    &buffer[..bytes]
}

/// The entries of a listpack, in order.
///
/// # Errors
/// What is wrong with it; entries may have been handed out before that is known.
pub fn read<'a>(
    bytes: &'a [u8],
    mut visit: impl FnMut(Entry<'a>) -> Result<(), String>,
) -> Result<(), String> {
    let header = bytes.first_chunk::<HEADER>().ok_or("a listpack without a header")?;
    let total = u32::from_le_bytes([header[0], header[1], header[2], header[3]]);
    if total as usize != bytes.len() {
        return Err(format!("a listpack of {} bytes that says it has {total}", bytes.len()));
    }
    let (mut at, mut count) = (HEADER, 0usize);
    while at + 1 < bytes.len() {
        let (entry, len) = entry(&bytes[at..]).ok_or_else(|| format!("no entry at {at} of a listpack"))?;
        let mut buffer = [0; 5];
        let back = backward(len, &mut buffer);
        if !bytes[at + len..].starts_with(back) {
            return Err(format!("an entry at {at} of a listpack with a wrong length behind it"));
        }
        visit(entry)?;
        at += len + back.len();
        count += 1;
    }
    if bytes.get(at) != Some(&END) {
        return Err("a listpack without an end".into());
    }
    match usize::from(u16::from_le_bytes([header[4], header[5]])) {
        0xffff => Ok(()),
        said if said == count => Ok(()),
        said => Err(format!("a listpack of {count} entries that says it has {said}")),
    }
}

/// The first entry, and how many bytes it takes without the length behind it.
fn entry(bytes: &[u8]) -> Option<(Entry<'_>, usize)> {
    let first = *bytes.first()?;
    let text =
        |head: usize, len: usize| Some((Entry::Bytes(bytes.get(head..head.checked_add(len)?)?), head + len));
    match first {
        0..0x80 => Some((Entry::Integer(first.into()), 1)),
        0x80..0xc0 => text(1, usize::from(first & 0x3f)),
        0xc0..0xe0 => {
            let bits = u16::from_be_bytes([first, *bytes.get(1)?]);
            Some((Entry::Integer(((bits << 3) as i16 >> 3).into()), 2))
        }
        0xe0..0xf0 => text(2, usize::from(u16::from_be_bytes([first & 0x0f, *bytes.get(1)?]))),
        0xf0 => text(5, u32::from_le_bytes(*bytes.get(1..)?.first_chunk()?) as usize),
        0xf1..0xf5 => {
            let len = [2, 3, 4, 8][usize::from(first - 0xf1)];
            Some((Entry::Integer(signed(bytes.get(1..1 + len)?)), 1 + len))
        }
        _ => None,
    }
}

/// An integer of up to eight bytes, the least significant first.
pub fn signed(bytes: &[u8]) -> i64 {
    let negative = bytes.last().is_some_and(|last| *last >= 0x80);
    let mut all = [if negative { 0xff } else { 0 }; 8];
    all[..bytes.len()].copy_from_slice(bytes);
    i64::from_le_bytes(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_of_every_kind_come_back() {
        let long =
            [vec![b'x'; 63], vec![b'y'; 64], vec![b'z'; 4095], vec![b'w'; 4096], vec![b'v'; 3_000_000]];
        let mut all: Vec<Entry<'_>> = long.iter().map(|text| Entry::Bytes(text)).collect();
        for n in [0, 1, 7, 12, 13, 15, 16, 23, 24, 31, 32, 62, 63] {
            let edge = 1i64 << n;
            all.extend(
                [edge, edge.wrapping_sub(1), edge.wrapping_neg(), edge.wrapping_neg().wrapping_sub(1)]
                    .map(Entry::Integer),
            );
        }
        let mut builder = Builder::default();
        all.iter().for_each(|entry| builder.push(*entry));
        let mut met = Vec::new();
        let bytes = builder.finish();
        read(bytes, |entry| {
            met.push(entry);
            Ok(())
        })
        .expect("valid");
        assert_eq!(met, all);
    }
}
