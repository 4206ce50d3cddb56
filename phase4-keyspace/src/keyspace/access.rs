//! What becomes of a record's sixteen bits when it is used: the time of the use ([`usage`]), under a policy that counts
//! uses a counter ([`super::frequency`]), under one that keeps keys in queues two bits ([`super::s3fifo`]).
use super::frequency::Counting;
use super::policy::Eviction;
use super::{s3fifo, usage};
use crate::random::Random;
use crate::types::Millis;

/// What the sixteen bits mean.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Meaning {
    /// When it was last used.
    Time,
    /// How often it is used.
    Count(Counting),
    /// In which queue it is, and what use there was of it lately.
    Queue,
}

/// How uses are marked now.
pub(super) struct Access {
    meaning: Meaning,
    /// The time that uses are stamped with: the clock without its steps back.
    now: Millis,
    /// The stamp that every use makes now. Where a use counts on from the stamp before it there is none, and this is a number
    /// that no stamp can be.
    every: u32,
    random: Random,
}

impl Default for Access {
    fn default() -> Self {
        Access { meaning: Meaning::Time, now: 0, every: usage::stamp(0).into(), random: Random(0x5eed) }
    }
}

impl Access {
    /// Begins to mark uses as a policy needs it. Stamps that are there keep their bits and mean something else until the
    /// next use, as in Redis.
    pub fn follow(&mut self, settings: &Eviction) {
        self.meaning = match settings.policy {
            policy if policy.is_lfu() => Meaning::Count(Counting::new(settings)),
            policy if policy.is_s3fifo() => Meaning::Queue,
            _ => Meaning::Time,
        };
        self.advance(0);
    }

    /// Time passes. A clock that is put back makes no key old: time since a use goes on from where it stood.
    pub fn advance(&mut self, by: Millis) {
        self.now += by.max(0);
        self.every = match self.meaning {
            Meaning::Time => usage::stamp(self.now).into(),
            Meaning::Count(_) | Meaning::Queue => u32::MAX,
        };
    }

    /// The stamp behind a use of a record that has this one.
    #[inline(always)]
    pub fn after(&mut self, old: u16) -> u16 {
        if u32::from(old) == self.every { old } else { self.changed(old) }
    }

    #[inline(never)]
    fn changed(&mut self, old: u16) -> u16 {
        match self.meaning {
            Meaning::Time => self.every as u16,
            Meaning::Count(counting) => counting.used(old, self.now, &mut self.random),
            Meaning::Queue => s3fifo::used(old),
        }
    }

    /// The stamp of a new record.
    pub fn fresh(&self) -> u16 {
        match self.meaning {
            Meaning::Time => self.every as u16,
            Meaning::Count(counting) => counting.fresh(self.now),
            // Its queue says so when it has a reference.
            Meaning::Queue => 0,
        }
    }

    /// What the sweep makes of a stamp.
    pub fn aged(&self, old: u16) -> u16 {
        match self.meaning {
            Meaning::Time => usage::age(old, self.now),
            Meaning::Count(counting) => counting.age(old, self.now),
            Meaning::Queue => old,
        }
    }

    /// How much a record deserves to be forgotten, by its stamp: the more, the sooner.
    pub fn score(&self, stamp: u16) -> u64 {
        match self.meaning {
            Meaning::Time => usage::idle(stamp, self.now),
            Meaning::Count(counting) => u64::from(u8::MAX - counting.counter(stamp, self.now)),
            Meaning::Queue => u64::from(3 - s3fifo::uses(stamp)),
        }
    }

    /// Seconds since the use that a stamp records; `None` if stamps do not record it.
    pub fn idle(&self, stamp: u16) -> Option<u64> {
        (self.meaning == Meaning::Time).then(|| usage::idle(stamp, self.now))
    }

    /// How often a record is used; `None` if stamps do not record it.
    pub fn frequency(&self, stamp: u16) -> Option<u8> {
        match self.meaning {
            Meaning::Time => None,
            Meaning::Count(counting) => Some(counting.counter(stamp, self.now)),
            Meaning::Queue => Some(s3fifo::uses(stamp)),
        }
    }

    /// The stamp of a record that comes with what another server knew of its use, as far as it is asked for here.
    pub fn of_history(&self, history: History) -> Option<u16> {
        match (self.meaning, history) {
            (Meaning::Time, History::Idle(seconds)) => Some(usage::stamp_of_idle(seconds, self.now)),
            (Meaning::Count(counting), History::Frequency(counter)) => Some(counting.of(counter, self.now)),
            _ => None,
        }
    }
}

/// What a snapshot, or RESTORE, says about the past use of a key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum History {
    /// Seconds since it was last used.
    Idle(u64),
    /// What its counter stood at.
    Frequency(u8),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keyspace::policy::Policy;

    #[test]
    fn a_clock_that_is_put_back_makes_keys_neither_old_nor_young() {
        let mut access = Access::default();
        access.advance(1_700_000_000_000);
        let mark = access.fresh();
        access.advance(5_000);
        access.advance(-86_400_000);
        assert_eq!(access.idle(mark), Some(5));
        access.advance(2_000);
        assert_eq!(access.idle(mark), Some(7));
        access.follow(&Eviction { policy: Policy::AllKeysLfu, ..Eviction::default() });
        let mark = access.of_history(History::Frequency(50)).expect("it counts");
        access.advance(-3_600_000);
        assert_eq!(access.frequency(mark), Some(50));
        access.advance(600_000);
        assert_eq!(access.frequency(mark), Some(40));
    }

    #[test]
    fn every_use_counts_under_lfu_and_one_a_second_under_lru() {
        let mut access = Access::default();
        let mark = access.fresh();
        assert_eq!(access.after(mark), mark);
        access.advance(1000);
        assert_ne!(access.after(mark), mark);
        let counts = Eviction { policy: Policy::VolatileLfu, log_factor: 0, ..Eviction::default() };
        access.follow(&counts);
        let mark = (0..10).fold(access.fresh(), |mark, _| access.after(mark));
        assert_eq!((access.frequency(mark), access.idle(mark)), (Some(15), None));
    }
}
