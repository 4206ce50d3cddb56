//! Bits of a string. Bit 0 is the highest of byte 0, and what lies behind the end is zero.
use std::ops::Range;

/// A bit.
pub fn get(bytes: &[u8], at: u64) -> bool {
    bytes.get((at / 8) as usize).is_some_and(|byte| byte & mask(at) != 0)
}

fn mask(at: u64) -> u8 {
    0x80 >> (at % 8)
}

/// Sets a bit of a string that is long enough; the bit before.
pub fn set(bytes: &mut [u8], at: u64, on: bool) -> bool {
    let byte = &mut bytes[(at / 8) as usize];
    let before = *byte & mask(at) != 0;
    *byte = if on { *byte | mask(at) } else { *byte & !mask(at) };
    before
}

/// Adds zero bytes until there is room for bit `at`; whether there had to be any.
pub fn grow(bytes: &mut Vec<u8>, at: u64) -> bool {
    let len = (at / 8 + 1) as usize;
    let grows = bytes.len() < len;
    if grows {
        bytes.resize(len, 0);
    }
    grows
}

/// The bytes that lie whole in a range of bits, and the single bits before and after them.
fn split(bits: Range<u64>) -> (Range<u64>, Range<usize>, Range<u64>) {
    let (first, end) = (bits.start.div_ceil(8), bits.end / 8);
    if first >= end {
        return (bits.clone(), 0..0, bits.end..bits.end);
    }
    (bits.start..first * 8, first as usize..end as usize, end * 8..bits.end)
}

// ANCHOR: bit-count
/// Number of ones in a range of bits that ends with the string or before.
pub fn count(bytes: &[u8], bits: Range<u64>) -> u64 {
    let (before, whole, after) = split(bits);
    let (words, rest) = bytes[whole].as_chunks::<8>();
    let in_words: u64 = words.iter().map(|word| u64::from(u64::from_ne_bytes(*word).count_ones())).sum();
    let in_rest: u64 = rest.iter().map(|byte| u64::from(byte.count_ones())).sum();
    in_words + in_rest + before.chain(after).filter(|at| get(bytes, *at)).count() as u64
}
// ANCHOR_END: bit-count

/// The first bit in a range that is `on`.
pub fn position(bytes: &[u8], mut bits: Range<u64>, on: bool) -> Option<u64> {
    let (mut before, whole, mut after) = split(bits.clone());
    if let Some(at) = before.find(|at| get(bytes, *at) == on) {
        return Some(at);
    }
    let skipped = if on { 0x00 } else { 0xff };
    // Eight at a time as long as there is nothing in them, then the byte itself.
    let (words, _) = bytes[whole.clone()].as_chunks::<8>();
    let empty = words.iter().take_while(|word| **word == [skipped; 8]).count();
    let start = whole.start + empty * 8;
    match bytes[start..whole.end].iter().position(|byte| *byte != skipped) {
        Some(byte) => {
            bits.start = (start + byte) as u64 * 8;
            bits.find(|at| get(bytes, *at) == on)
        }
        None => after.find(|at| get(bytes, *at) == on),
    }
}

/// What BITOP does with a byte of each string.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Operation {
    /// `AND`
    And,
    /// `OR`
    Or,
    /// `XOR`
    Xor,
    /// `NOT` of one string.
    Not,
}

/// The result, as long as the longest string; shorter ones count as zero behind their end.
pub fn combine(operation: Operation, strings: &[&[u8]]) -> Vec<u8> {
    let len = strings.iter().map(|bytes| bytes.len()).max().unwrap_or(0);
    let Some((first, others)) = strings.split_first() else { return Vec::new() };
    let mut result = first.to_vec();
    result.resize(len, 0);
    if operation == Operation::Not {
        result.iter_mut().for_each(|byte| *byte = !*byte);
        return result;
    }
    for other in others {
        let (both, rest) = result.split_at_mut(other.len());
        let pairs = both.iter_mut().zip(other.iter());
        match operation {
            Operation::And => {
                pairs.for_each(|(byte, other)| *byte &= other);
                rest.fill(0);
            }
            Operation::Or => pairs.for_each(|(byte, other)| *byte |= other),
            _ => pairs.for_each(|(byte, other)| *byte ^= other),
        }
    }
    result
}

/// An integer of up to 64 bits in a string.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Field {
    /// It has a sign.
    pub signed: bool,
    /// How many bits, 1 to 64; without a sign at most 63.
    pub bits: u32,
    /// Its first bit.
    pub at: u64,
}

/// What becomes of a value that a field is too small for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Overflow {
    /// The upper bits go.
    Wrap,
    /// The nearest that there is room for.
    Saturate,
    /// Nothing is written.
    Fail,
}

impl Field {
    /// The bit behind it, less one.
    pub fn last(self) -> u64 {
        self.at + u64::from(self.bits) - 1
    }

    /// The integer.
    pub fn get(self, bytes: &[u8]) -> i64 {
        // Nine bytes hold any 64 bits, wherever they begin.
        let first = (self.at / 8) as usize;
        let window = bytes.get(first..).unwrap_or_default();
        let word = (0..9).fold(0_u128, |word, at| word << 8 | u128::from(*window.get(at).unwrap_or(&0)));
        self.wrapped((word >> (72 - (self.at % 8) as u32 - self.bits)) as u64)
    }

    /// Writes an integer that fits, to a string that is long enough.
    pub fn set(self, bytes: &mut [u8], value: i64) {
        for bit in 0..self.bits {
            set(bytes, self.at + u64::from(bit), value >> (self.bits - 1 - bit) & 1 != 0);
        }
    }

    /// What the field can hold of a value: the lowest bits, with their sign.
    fn wrapped(self, value: u64) -> i64 {
        let shift = 64 - self.bits;
        match self.signed {
            true => (value << shift) as i64 >> shift,
            false => (value << shift >> shift) as i64,
        }
    }

    /// The sum as the field would hold it; `None` if it may not.
    pub fn fit(self, value: i64, amount: i64, overflow: Overflow) -> Option<i64> {
        let sum = value.wrapping_add(amount);
        let (min, max) = match self.signed {
            true => (i64::MIN >> (64 - self.bits), i64::MAX >> (64 - self.bits)),
            false => (0, i64::MAX >> (63 - self.bits)),
        };
        let nearest = if self.is_above(value, amount, max) {
            max
        } else if self.is_below(value, amount, min) {
            min
        } else {
            return Some(sum);
        };
        match overflow {
            Overflow::Wrap => Some(self.wrapped(sum as u64)),
            Overflow::Saturate => Some(nearest),
            Overflow::Fail => None,
        }
    }

    /// Redis's own comparison: for a value far below a narrow field the difference runs over, and it counts as above.
    fn is_above(self, value: i64, amount: i64, max: i64) -> bool {
        let room = max.wrapping_sub(value);
        if !self.signed {
            // A negative value stands for a very large one.
            return value as u64 > max as u64 || amount > 0 && amount > room;
        }
        value > max || amount > room && (self.bits != 64 || value >= 0 && amount > 0)
    }

    fn is_below(self, value: i64, amount: i64, min: i64) -> bool {
        let room = min.wrapping_sub(value);
        if !self.signed {
            return amount < 0 && amount < room;
        }
        value < min || amount < room && (self.bits != 64 || value < 0 && amount < 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    #[test]
    fn counts_and_positions_agree_with_single_bits() {
        let mut random = Random(5);
        for round in 0..400 {
            let fill = [0x00, 0xff, 0x55][round % 3];
            let mut bytes = vec![fill; random.below(40)];
            for _ in 0..random.below(4) {
                if !bytes.is_empty() {
                    let at = random.below(bytes.len());
                    bytes[at] = random.below(256) as u8;
                }
            }
            let bits = bytes.len() as u64 * 8;
            let end = random.below(bits as usize + 1) as u64;
            let range = random.below(end as usize + 1) as u64..end;
            let ones = range.clone().filter(|at| get(&bytes, *at)).count() as u64;
            assert_eq!(count(&bytes, range.clone()), ones, "{bytes:x?} {range:?}");
            for on in [false, true] {
                let first = range.clone().find(|at| get(&bytes, *at) == on);
                assert_eq!(position(&bytes, range.clone(), on), first, "{bytes:x?} {range:?} {on}");
            }
        }
    }

    #[test]
    fn strings_of_different_lengths_are_combined() {
        let (long, short): (&[u8], &[u8]) = (&[0b1100, 0xf0], &[0b1010]);
        assert_eq!(combine(Operation::And, &[long, short]), [0b1000, 0]);
        assert_eq!(combine(Operation::And, &[short, long]), [0b1000, 0]);
        assert_eq!(combine(Operation::Or, &[short, long, b""]), [0b1110, 0xf0]);
        assert_eq!(combine(Operation::Xor, &[long, short]), [0b0110, 0xf0]);
        assert_eq!(combine(Operation::Not, &[long]), [!0b1100, 0x0f]);
    }

    #[test]
    fn every_field_comes_back_wherever_it_stands() {
        let mut random = Random(9);
        for bits in 1..=64 {
            for signed in [true, false] {
                if bits == 64 && !signed {
                    continue;
                }
                let field = Field { signed, bits, at: random.below(40) as u64 };
                let mut bytes = vec![0x5a; 16];
                let before = bytes.clone();
                let value = field.wrapped(random.next());
                field.set(&mut bytes, value);
                assert_eq!(field.get(&bytes), value, "{field:?}");
                let around = (0..field.at).chain(field.last() + 1..128);
                around.for_each(|at| assert_eq!(get(&bytes, at), get(&before, at), "{field:?}"));
            }
        }
    }

    #[test]
    fn what_does_not_fit_wraps_or_stops_or_fails() {
        let (i8, u8) = (Field { signed: true, bits: 8, at: 0 }, Field { signed: false, bits: 8, at: 0 });
        for (field, value, amount, wrapped, nearest) in [
            (i8, 128, 0, -128, 127),
            (i8, 127, 1, -128, 127),
            (i8, -128, -1, 127, -128),
            (u8, 255, 1, 0, 255),
            (u8, 0, -1, 255, 0),
            (u8, -1, 0, 255, 255),
            (Field { bits: 64, ..i8 }, i64::MAX, 1, i64::MIN, i64::MAX),
            (Field { bits: 63, ..u8 }, i64::MAX, 1, 0, i64::MAX),
            // As in Redis: so far below that it is taken for above.
            (i8, i64::MIN, 0, 0, 127),
        ] {
            assert_eq!(field.fit(value, amount, Overflow::Wrap), Some(wrapped), "{field:?} {value}");
            assert_eq!(field.fit(value, amount, Overflow::Saturate), Some(nearest), "{field:?} {value}");
            assert_eq!(field.fit(value, amount, Overflow::Fail), None);
        }
        assert_eq!(i8.fit(-128, 0, Overflow::Fail), Some(-128));
    }
}
