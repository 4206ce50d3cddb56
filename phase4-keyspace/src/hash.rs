//! The keyed hash: SipHash-1-3 (Aumasson and Bernstein, 2012), written out by hand.
//!
//! A client that knows a server's hash function can send keys that all fall into one bucket, and every lookup becomes a walk
//! over all of them (HashDoS, CVE-2011-4815 and its kin). A key of 128 random bits, drawn once per process, takes that
//! knowledge away. One compression round and three finishing rounds are what std's own map and Redis's neighbours use:
//! about a hundred instructions for a key of sixteen bytes.
use std::hash::{BuildHasher, RandomState};
use std::io::Read;

/// A key with its hash, computed once per request and carried along.
#[derive(Clone, Copy, Debug)]
pub struct Key<'a> {
    /// The key itself.
    pub bytes: &'a [u8],
    /// Its keyed hash, by [`Hasher::key`].
    pub hash: u64,
}

/// The keyed hash function, one random key per process, so that a client cannot choose keys that collide.
#[derive(Clone, Debug)]
pub struct Hasher {
    /// The key, mixed with the constants that every hash begins with.
    start: [u64; 4],
    /// Tests weaken the hash to force collisions: only these bits of it survive.
    #[cfg(test)]
    mask: u64,
}

impl Default for Hasher {
    fn default() -> Self {
        Self::new()
    }
}

impl Hasher {
    /// A hasher with a fresh random key from `/dev/urandom`; without one (a bare chroot), from std's own source of
    /// randomness, which panics rather than be predictable.
    pub fn new() -> Self {
        let mut seed = [0; 16];
        match std::fs::File::open("/dev/urandom").and_then(|mut f| f.read_exact(&mut seed)) {
            Ok(()) => Self::with_key(word(&seed[..8]), word(&seed[8..])),
            Err(_) => {
                let std_random = RandomState::new();
                Self::with_key(std_random.hash_one(0), std_random.hash_one(1))
            }
        }
    }

    /// A hasher with a known key, for tests and reproducible measurements. Never in a server that strangers reach.
    pub fn with_key(k0: u64, k1: u64) -> Self {
        Hasher {
            start: start(k0, k1),
            #[cfg(test)]
            mask: u64::MAX,
        }
    }

    /// A hasher whose results collide at will.
    #[cfg(test)]
    pub(crate) fn weak(mask: u64) -> Self {
        Hasher { start: start(1, 2), mask }
    }

    /// Pairs a key with its hash.
    #[inline]
    pub fn key<'a>(&self, bytes: &'a [u8]) -> Key<'a> {
        Key { bytes, hash: self.hash(bytes) }
    }

    /// The hash of some bytes.
    #[inline(always)]
    pub fn hash(&self, bytes: &[u8]) -> u64 {
        #[cfg(test)]
        return siphash13(self.start, bytes) & self.mask;
        #[cfg(not(test))]
        siphash13(self.start, bytes)
    }
}

// ANCHOR: siphash
fn start(k0: u64, k1: u64) -> [u64; 4] {
    [
        k0 ^ 0x736f_6d65_7073_6575,
        k1 ^ 0x646f_7261_6e64_6f6d,
        k0 ^ 0x6c79_6765_6e65_7261,
        k1 ^ 0x7465_6462_7974_6573,
    ]
}

#[inline(always)]
fn siphash13(mut v: [u64; 4], bytes: &[u8]) -> u64 {
    let (words, _) = bytes.as_chunks::<8>();
    for word in words {
        let m = u64::from_le_bytes(*word);
        v[3] ^= m;
        round(&mut v);
        v[0] ^= m;
    }
    // The last word: what is left, and the length in the top byte, so that "a" and "a\0" differ.
    let m = tail(bytes) | (bytes.len() as u64) << 56;
    v[3] ^= m;
    round(&mut v);
    v[0] ^= m;
    v[2] ^= 0xff;
    round(&mut v);
    round(&mut v);
    round(&mut v);
    v[0] ^ v[1] ^ v[2] ^ v[3]
}

#[inline(always)]
fn round(v: &mut [u64; 4]) {
    v[0] = v[0].wrapping_add(v[1]);
    v[2] = v[2].wrapping_add(v[3]);
    v[1] = v[1].rotate_left(13) ^ v[0];
    v[3] = v[3].rotate_left(16) ^ v[2];
    v[0] = v[0].rotate_left(32);
    v[2] = v[2].wrapping_add(v[1]);
    v[0] = v[0].wrapping_add(v[3]);
    v[1] = v[1].rotate_left(17) ^ v[2];
    v[3] = v[3].rotate_left(21) ^ v[0];
    v[2] = v[2].rotate_left(32);
}
// ANCHOR_END: siphash

#[inline(always)]
fn word(eight: &[u8]) -> u64 {
    u64::from_le_bytes(eight.try_into().expect("eight bytes"))
}

/// The bytes after the last whole word, little-endian. With a whole word before them they are read as one word that
/// overlaps it, and shifted: no loop.
#[inline(always)]
fn tail(bytes: &[u8]) -> u64 {
    let left = bytes.len() % 8;
    if left == 0 {
        return 0;
    }
    match bytes.last_chunk::<8>() {
        Some(last) => u64::from_le_bytes(*last) >> (64 - 8 * left),
        None => bytes.iter().rev().fold(0, |w, &b| w << 8 | u64::from(b)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::hash::Hasher as _;

    #[test]
    fn agrees_with_the_siphash_inside_std() {
        // DefaultHasher::new() is SipHash-1-3 with a key of zeros.
        let ours = Hasher::with_key(0, 0);
        let bytes: Vec<u8> = (0..=255).chain(0..=255).collect();
        for len in 0..bytes.len() {
            let mut std = std::hash::DefaultHasher::new();
            std.write(&bytes[..len]);
            assert_eq!(ours.hash(&bytes[..len]), std.finish(), "length {len}");
        }
    }

    /// The rounds are checked against std above, whose key there is zero. That the key goes where it belongs: the usual
    /// test vector, key 00 01 … 0f, of the empty input.
    #[test]
    fn the_key_enters_the_state() {
        let (a, b) = (Hasher::with_key(0x0706_0504_0302_0100, 0x0f0e_0d0c_0b0a_0908), Hasher::with_key(0, 0));
        assert_ne!(a.hash(b"key"), b.hash(b"key"));
        assert_eq!(a.hash(b""), 0xabac_0158_050f_c4dc);
        assert_ne!(Hasher::new().hash(b"key"), Hasher::new().hash(b"key"));
    }
}
