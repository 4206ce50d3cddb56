//! The ghost: which keys left the queue of newcomers lately. A byte a key, and nothing of the keys themselves.
//!
//! A key's hash chooses a bucket of eight bytes and the byte that stands for the key in it. A newcomer is shifted in at one
//! end and the oldest falls out at the other, so every bucket is a queue of its own. A key that was never here is taken for one that
//! was three times in a hundred; it then gets into the main queue untested, and has to earn its place there.

/// Names in a bucket.
const NAMES: usize = 8;
/// Fewer buckets than this are not worth counting keys for.
const FEWEST: usize = 64;
const ONES: u64 = 0x0101_0101_0101_0101;

/// Names of keys.
#[derive(Default)]
pub struct Ghost {
    buckets: Vec<u64>,
}

impl Ghost {
    /// Makes room for the names of so many keys. If there is about that much already it stays, with all its names.
    pub fn fit(&mut self, keys: usize) {
        let wanted = (keys / NAMES).max(FEWEST);
        let there = self.buckets.len();
        if there < wanted / 2 || there > wanted * 2 {
            self.buckets = vec![0; wanted];
        }
    }

    /// Where a key's name stands, and the name: never 0, which is none.
    fn place(&self, hash: u64) -> (usize, u64) {
        let bucket = ((hash >> 32) as usize * self.buckets.len()) >> 32;
        (bucket, (hash & 0xff).max(1))
    }

    /// Remembers a key.
    pub fn insert(&mut self, hash: u64) {
        let (bucket, name) = self.place(hash);
        if let Some(names) = self.buckets.get_mut(bucket) {
            *names = (*names << 8) | name;
        }
    }

    /// Whether a key is remembered.
    pub fn holds(&self, hash: u64) -> bool {
        let (bucket, name) = self.place(hash);
        let Some(names) = self.buckets.get(bucket) else { return false };
        // A byte that is zero in the difference is the only one, or the lowest, whose top bit comes out set.
        let difference = names ^ (name * ONES);
        difference.wrapping_sub(ONES) & !difference & (ONES << 7) != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    #[test]
    fn remembers_about_as_many_as_it_was_made_for_and_few_others() {
        let (mut ghost, mut random) = (Ghost::default(), Random(9));
        assert!(!ghost.holds(7));
        ghost.insert(7);
        ghost.fit(10_000);
        let hashes: Vec<u64> = (0..50_000).map(|_| random.next()).collect();
        for (n, hash) in hashes.iter().enumerate() {
            ghost.insert(*hash);
            assert!(ghost.holds(*hash), "{n}");
        }
        let known = |hashes: &[u64]| hashes.iter().filter(|hash| ghost.holds(**hash)).count();
        assert!(known(&hashes[47_500..]) > 2_450, "the last ones: {}", known(&hashes[47_500..]));
        assert!(known(&hashes[..20_000]) < 1_000, "old ones: {}", known(&hashes[..20_000]));
        let strangers: Vec<u64> = (0..20_000).map(|_| random.next()).collect();
        assert!(known(&strangers) < 800, "strangers: {} of 20,000", known(&strangers));
    }

    #[test]
    fn keeps_its_names_until_it_is_far_too_small_or_large() {
        let mut ghost = Ghost::default();
        ghost.fit(8000);
        ghost.insert((5 << 32) | 9);
        ghost.fit(15_000);
        ghost.fit(5000);
        assert!(ghost.holds((5 << 32) | 9));
        ghost.fit(80_000);
        assert!(!ghost.holds((5 << 32) | 9));
    }
}
