//! The best candidates seen so far: what makes few samples do the work of many.
//!
//! Of five keys drawn at random the least recently used is seldom among the least recently used of all. But those of the
//! last rounds that were nearly bad enough are remembered, and compete with the next five (Redis's idea, and its size).
use crate::record::Ref;

/// Most candidates that are remembered.
const SIZE: usize = 16;

/// A record that might be forgotten.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Candidate {
    /// How much it deserves it.
    pub score: u64,
    /// Its database.
    pub db: u32,
    /// Where it was. By now there may be another record, or none.
    pub reference: Ref,
    /// What its stamp was: if that has changed, it has been used, or it is another record.
    pub stamp: u16,
}

/// Candidates, the best last.
#[derive(Default, Debug)]
pub struct Pool(Vec<Candidate>);

impl Pool {
    /// Takes a candidate in, if there is room or a worse one to make it.
    pub fn offer(&mut self, candidate: Candidate) {
        let same = |it: &Candidate| (it.db, it.reference) == (candidate.db, candidate.reference);
        if let Some(at) = self.0.iter().position(same) {
            if self.0[at].stamp == candidate.stamp {
                return;
            }
            self.0.remove(at);
        }
        if self.0.len() == SIZE {
            if candidate.score <= self.0[0].score {
                return;
            }
            self.0.remove(0);
        }
        let at = self.0.partition_point(|it| it.score <= candidate.score);
        self.0.insert(at, candidate);
    }

    /// Takes the best one out.
    pub fn pop(&mut self) -> Option<Candidate> {
        self.0.pop()
    }

    /// Forgets all: what scores mean has changed.
    pub fn clear(&mut self) {
        self.0.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(n: u32, score: u64) -> Candidate {
        Candidate { score, db: 0, reference: Ref(n), stamp: score as u16 }
    }

    #[test]
    fn the_best_sixteen_stay_and_come_out_best_first() {
        let mut pool = Pool::default();
        for n in 0..1000 {
            pool.offer(candidate(n, u64::from(n) * 7919 % 1000));
        }
        pool.offer(candidate(5, 5 * 7919 % 1000));
        let scores: Vec<u64> = std::iter::from_fn(|| pool.pop()).map(|it| it.score).collect();
        assert_eq!(scores, (984..1000).rev().collect::<Vec<u64>>());
    }

    #[test]
    fn a_record_is_there_once_and_with_its_last_stamp() {
        let mut pool = Pool::default();
        pool.offer(candidate(1, 50));
        pool.offer(candidate(2, 60));
        pool.offer(candidate(1, 50));
        pool.offer(candidate(1, 70));
        assert_eq!(
            [pool.pop(), pool.pop(), pool.pop()],
            [Some(candidate(1, 70)), Some(candidate(2, 60)), None]
        );
    }
}
