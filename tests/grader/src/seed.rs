//! Seeds: every payload, size and split point of a run follows from one number, so that any failure replays.

use hmac::{Hmac, Mac};
use kit::rng::Rng;
use sha2::{Digest, Sha256};

/// The generator for one check: its own stream of the run's seed, so a check replays alike when it runs alone.
#[must_use]
pub fn for_check(seed: u64, check: &str) -> Rng {
    let mut hash = Sha256::new();
    hash.update(seed.to_le_bytes());
    hash.update(check.as_bytes());
    Rng::new(first_u64(&hash.finalize()))
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
    let mixed = Rng::new(now.as_nanos() as u64 ^ u64::from(std::process::id()).rotate_left(32)).next_u64();
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
        let draw = |seed, check| for_check(seed, check).bytes(32);
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
}
