//! LZF, the compression of RDB: bytes that were there before are told by distance and length.
//!
//! ```text
//! 000nnnnn bytes               n + 1 bytes as they are
//! lllooooo oooooooo            l + 2 bytes from o + 1 bytes back, l from 1 to 6
//! 111ooooo llllllll oooooooo   l + 9 bytes
//! ```
const MOST_LITERALS: usize = 32;
const FARTHEST: usize = 1 << 13;
const LONGEST: usize = 264;
const SLOTS_LOG: u32 = 14;

/// Where each three bytes were seen last.
#[derive(Default)]
pub struct Compressor {
    /// Positions plus `base`, so that what an earlier text left here is recognized as too old.
    seen: Vec<u32>,
    base: u32,
}

impl Compressor {
    /// Appends `input`, compressed; `false`, with nothing appended, if that does not make it at least four bytes shorter.
    pub fn compress(&mut self, input: &[u8], out: &mut Vec<u8>) -> bool {
        let (start, most) = (out.len(), input.len().saturating_sub(4));
        if input.is_empty() || input.len() >= 1 << 31 {
            return false;
        }
        if self.seen.is_empty() || self.base as usize + input.len() >= u32::MAX as usize {
            self.seen.clear();
            self.seen.resize(1 << SLOTS_LOG, 0);
            self.base = 1;
        }
        let (mut at, mut literals) = (0, 0);
        while at + 3 <= input.len() {
            match self.before(input, at) {
                Some((distance, length)) => {
                    push_literals(&input[literals..at], out);
                    push_copy(distance, length, out);
                    at += length;
                    literals = at;
                }
                None => at += 1,
            }
            if out.len() - start > most {
                break;
            }
        }
        push_literals(&input[literals..], out);
        self.base += input.len() as u32;
        let shorter = out.len() - start <= most;
        if !shorter {
            out.truncate(start);
        }
        shorter
    }

    /// Where the bytes from `at` on were before: how far back, and how many of them.
    fn before(&mut self, input: &[u8], at: usize) -> Option<(usize, usize)> {
        let three = u32::from_be_bytes([0, input[at], input[at + 1], input[at + 2]]);
        let slot = &mut self.seen[(three.wrapping_mul(0x9e37_79b1) >> (32 - SLOTS_LOG)) as usize];
        let last = std::mem::replace(slot, self.base + at as u32);
        let last = last.checked_sub(self.base)? as usize;
        let distance = at - last;
        if distance > FARTHEST || input[last..last + 3] != input[at..at + 3] {
            return None;
        }
        let same = input[last..].iter().zip(&input[at..]).take(LONGEST).take_while(|(a, b)| a == b);
        Some((distance, same.count()))
    }
}

fn push_literals(bytes: &[u8], out: &mut Vec<u8>) {
    for some in bytes.chunks(MOST_LITERALS) {
        out.push(some.len() as u8 - 1);
        out.extend_from_slice(some);
    }
}

fn push_copy(distance: usize, length: usize, out: &mut Vec<u8>) {
    let (offset, length) = (distance - 1, length - 2);
    let high = (offset >> 8) as u8;
    if length < 7 {
        out.push((length as u8) << 5 | high);
    } else {
        out.extend_from_slice(&[7 << 5 | high, (length - 7) as u8]);
    }
    out.push(offset as u8);
}

/// What was compressed; `None` if `input` is no such thing, or what comes out has not this length. The memory that it takes
/// grows with what has come out, and the length is not believed.
pub fn decompress(input: &[u8], len: usize) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(len.min(input.len().saturating_mul(4)));
    let mut at = 0;
    while at < input.len() {
        let control = input[at] as usize;
        at += 1;
        if control < MOST_LITERALS {
            out.extend_from_slice(input.get(at..at + control + 1)?);
            at += control + 1;
        } else {
            let mut length = control >> 5;
            if length == 7 {
                length += *input.get(at)? as usize;
                at += 1;
            }
            let distance = ((control & 0x1f) << 8 | *input.get(at)? as usize) + 1;
            at += 1;
            let from = out.len().checked_sub(distance)?;
            // What is copied may reach into what it makes.
            for place in from..from + length + 2 {
                out.push(out[place]);
            }
        }
        if out.len() > len {
            return None;
        }
    }
    (out.len() == len).then_some(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    #[test]
    fn what_goes_in_comes_out() {
        let (mut compressor, mut random) = (Compressor::default(), Random(7));
        let mut compressed = 0;
        for round in 0..2000 {
            let letters = 1 + round % 40;
            let text: Vec<u8> = (0..random.below(3000)).map(|_| random.below(letters) as u8).collect();
            let mut out = b"before".to_vec();
            if compressor.compress(&text, &mut out) {
                compressed += 1;
                assert!(out.len() - 6 + 4 <= text.len());
                assert_eq!(decompress(&out[6..], text.len()), Some(text));
            } else {
                assert_eq!(out, b"before");
            }
        }
        assert!(compressed > 100, "{compressed}");
    }

    #[test]
    fn lies_are_refused() {
        assert_eq!(decompress(&[0, b'a', 0x20, 0], 4), Some(b"aaaa".to_vec()));
        for (input, len) in [
            (&[0, b'a', 0x20, 0][..], 3),
            (&[0, b'a', 0x20, 0], 5),
            (&[0, b'a', 0x20, 1], 4),
            (&[0, b'a', 0x20], 4),
            (&[0, b'a', 0xe0], 4),
            (&[5, b'a'], 6),
            (&[0x20, 0], 3),
            (&[], usize::MAX),
        ] {
            assert_eq!(decompress(input, len), None, "{input:?}");
        }
    }
}
