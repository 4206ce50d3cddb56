//! Seeds: every payload, size and split point of a run follows from one number, so that any failure replays.

use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};

/// A small deterministic generator (SplitMix64). Not for secrets: whoever knows the seed knows every byte.
#[derive(Debug, Clone)]
pub struct Rng(u64);

impl Rng {
    /// A generator for one check: its own stream of the run's seed, so a check replays alike when it runs alone.
    #[must_use]
    pub fn for_check(seed: u64, check: &str) -> Self {
        let mut hash = Sha256::new();
        hash.update(seed.to_le_bytes());
        hash.update(check.as_bytes());
        Self(first_u64(&hash.finalize()))
    }

    /// The next 64 bits.
    pub fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `bound`, which must not be 0.
    pub fn below(&mut self, bound: usize) -> usize {
        assert!(bound > 0, "below(0) has no answer");
        (self.next_u64() % bound as u64) as usize
    }

    /// A number of `low..=high`.
    pub fn range(&mut self, low: usize, high: usize) -> usize {
        low + self.below(high - low + 1)
    }

    /// `len` bytes of any value.
    pub fn bytes(&mut self, len: usize) -> Vec<u8> {
        let mut out = Vec::with_capacity(len + 8);
        while out.len() < len {
            out.extend(self.next_u64().to_le_bytes());
        }
        out.truncate(len);
        out
    }

    /// `len` lower-case letters: payloads that a hexdump shows legibly.
    pub fn text(&mut self, len: usize) -> Vec<u8> {
        (0..len).map(|_| b'a' + self.below(26) as u8).collect()
    }

    /// Puts the items into an order of its own.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }
}

/// The seed of one student: HMAC-SHA256 of the student's id under the course's secret, so that nobody can derive
/// another student's payloads and hard-coded answers do not travel.
#[must_use]
pub fn for_student(secret: &[u8], student: &str) -> u64 {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("HMAC takes a key of any length");
    mac.update(student.as_bytes());
    first_u64(&mac.finalize().into_bytes())
}

/// A seed nobody chose, from the clock and the process id. Small enough to be typed again.
#[must_use]
pub fn fresh() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    let mixed = Rng(now.as_nanos() as u64 ^ u64::from(std::process::id()).rotate_left(32)).next_u64();
    mixed % 1_000_000_000
}

fn first_u64(digest: &[u8]) -> u64 {
    let first: [u8; 8] = digest[..8].try_into().expect("a SHA-256 digest has 32 bytes");
    u64::from_le_bytes(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_replays_alike_and_differs_from_its_neighbour() {
        let draw = |seed, check| Rng::for_check(seed, check).bytes(32);
        assert_eq!(draw(7, "phase1.drip"), draw(7, "phase1.drip"));
        assert_ne!(draw(7, "phase1.drip"), draw(7, "phase1.sizes"));
        assert_ne!(draw(7, "phase1.drip"), draw(8, "phase1.drip"));
    }

    #[test]
    fn students_get_seeds_of_their_own_under_each_secret() {
        assert_eq!(for_student(b"autumn", "ada"), for_student(b"autumn", "ada"));
        assert_ne!(for_student(b"autumn", "ada"), for_student(b"autumn", "bob"));
        assert_ne!(for_student(b"autumn", "ada"), for_student(b"spring", "ada"));
    }

    /// RFC 4231, test case 2: HMAC-SHA256 with key "Jefe" begins 5b dc c1 46 bf 60 75 4e.
    #[test]
    fn the_hmac_is_the_standard_one() {
        let seed = for_student(b"Jefe", "what do ya want for nothing?");
        assert_eq!(seed.to_le_bytes(), [0x5b, 0xdc, 0xc1, 0x46, 0xbf, 0x60, 0x75, 0x4e]);
    }

    #[test]
    fn numbers_keep_their_bounds() {
        let mut rng = Rng::for_check(1, "bounds");
        for _ in 0..1_000 {
            assert!((3..=5).contains(&rng.range(3, 5)));
        }
        assert!(rng.text(100).iter().all(u8::is_ascii_lowercase));
        let mut items: Vec<u32> = (0..50).collect();
        rng.shuffle(&mut items);
        assert_ne!(items, (0..50).collect::<Vec<_>>());
        items.sort_unstable();
        assert_eq!(items, (0..50).collect::<Vec<_>>());
    }
}
