//! All twelve tags of a bucket looked at in one go.
//!
//! Two ways to the same answer. A processor with vector instructions compares sixteen bytes at once; every x86-64 has them.
//! Elsewhere a 64-bit word is used as a vector of eight bytes, and a little arithmetic finds the zeros among them.
#![allow(unsafe_code, reason = "vector comparisons are intrinsics; they work on values and touch no memory")]

/// Tags a bucket has.
pub const TAGS: usize = 12;

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

#[inline(always)]
fn words(tags: &[u8; TAGS]) -> (u64, u64) {
    let (first, rest) = tags.split_at(8);
    let first = u64::from_le_bytes(first.try_into().expect("the first eight of twelve"));
    let rest = u32::from_le_bytes(rest.try_into().expect("the other four"));
    (first, u64::from(rest))
}

/// How many tags are 0.
#[inline(always)]
pub fn zeros(tags: &[u8; TAGS]) -> usize {
    let (first, rest) = words(tags);
    let free = zero_bytes(first).count_ones() + (zero_bytes(rest) & 0x8080_8080).count_ones();
    free as usize
}

// ANCHOR: tag-match
/// The slots whose tag is this one, which is not 0: bit k stands for slot k.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
pub fn equal(tags: &[u8; TAGS], tag: u8) -> u32 {
    use std::arch::x86_64::{_mm_cmpeq_epi8, _mm_movemask_epi8, _mm_set_epi64x, _mm_set1_epi64x};
    let (first, rest) = words(tags);
    // SAFETY: SSE2 is part of x86-64, and these instructions take and return values in registers.
    let mask = unsafe {
        let tags = _mm_set_epi64x(rest as i64, first as i64);
        let wanted = _mm_set1_epi64x((ONES * u64::from(tag)) as i64);
        _mm_movemask_epi8(_mm_cmpeq_epi8(tags, wanted))
    };
    // Bytes 12 to 15 were filled up with 0, which no tag equals.
    mask as u32
}

/// The same without vector instructions: XOR makes the equal bytes zero, and a multiplication gathers eight bits that
/// stand a byte apart.
#[cfg(any(test, not(target_arch = "x86_64")))]
pub fn equal_in_words(tags: &[u8; TAGS], tag: u8) -> u32 {
    let (first, rest) = words(tags);
    let pattern = ONES * u64::from(tag);
    let gather = |zeros: u64| ((zeros >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56) as u32;
    gather(zero_bytes(first ^ pattern)) | gather(zero_bytes(rest ^ pattern) & 0x8080_8080) << 8
}
// ANCHOR_END: tag-match

#[cfg(not(target_arch = "x86_64"))]
pub use equal_in_words as equal;

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
    fn both_ways_find_every_equal_tag_and_no_other() {
        // Neighbours one apart, repeated tags, free slots at the end.
        for filled in 0..=TAGS {
            let mut tags = [1, 2, 1, 0x80, 0x81, 0x80, 255, 254, 2, 2, 3, 255];
            tags[filled..].fill(0);
            assert_eq!(zeros(&tags), TAGS - filled);
            for tag in 1..=255 {
                let expected =
                    (0..TAGS).filter(|&slot| tags[slot] == tag).fold(0, |mask, slot| mask | 1 << slot);
                assert_eq!(equal(&tags, tag), expected);
                assert_eq!(equal_in_words(&tags, tag), expected);
            }
        }
    }
}
