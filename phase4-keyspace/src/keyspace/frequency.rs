//! How often a record is used, in sixteen bits: eight for a counter, eight for when it was last changed.
//!
//! The counter is logarithmic: the higher it stands, the less likely a use moves it (Morris, 1978), so that eight bits tell
//! ten uses from a million. It falls by one for each `lfu-decay-time` without a use. The fall is worked out when the
//! counter is looked at, from the time it was last changed.
//!
//! Redis has sixteen bits for that time, minutes on a ring of 45 days. Eight bits of minutes come round after four hours
//! and a quarter; the sweep that visits every record once in three ([`super::usage`]) brings old counters up to date before
//! that. Where a step takes longer than an hour, time is counted in longer units than minutes, so that 64 of them are at
//! least one step.
use super::policy::Eviction;
use crate::random::Random;
use crate::types::Millis;

/// What a new key's counter stands at: below that, a key would be forgotten before it had a chance to be used.
const NEW: u8 = 5;
/// Units of time without a use after which the sweep brings a counter up to date.
const STALE: u64 = 64;

/// How counters rise and fall.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Counting {
    factor: u32,
    decay: u32,
}

impl Counting {
    /// As it is set.
    pub fn new(settings: &Eviction) -> Self {
        Counting { factor: settings.log_factor, decay: settings.decay_minutes }
    }

    /// Minutes in a unit of time.
    fn unit(self) -> u64 {
        u64::from(self.decay).div_ceil(STALE).max(1)
    }

    fn clock(self, now: Millis) -> u8 {
        (now.max(0) as u64 / 60_000 / self.unit()) as u8
    }

    /// The stamp of a new key.
    pub fn fresh(self, now: Millis) -> u16 {
        stamp(self.clock(now), NEW)
    }

    /// The stamp of a key whose counter is given.
    pub fn of(self, counter: u8, now: Millis) -> u16 {
        stamp(self.clock(now), counter)
    }

    /// The steps that a counter has to fall, and the units of time since it was changed.
    fn fall(self, old: u16, now: Millis) -> (u64, u64) {
        let [counted_at, _] = old.to_be_bytes();
        let units = u64::from(self.clock(now).wrapping_sub(counted_at));
        let steps = (units * self.unit()).checked_div(u64::from(self.decay)).unwrap_or(0);
        (steps, units)
    }

    // ANCHOR: lfu-counter
    /// What the counter stands at now.
    pub fn counter(self, old: u16, now: Millis) -> u8 {
        let [_, counter] = old.to_be_bytes();
        let (steps, _) = self.fall(old, now);
        counter.saturating_sub(steps.min(255) as u8)
    }

    /// The stamp behind a use.
    pub fn used(self, old: u16, now: Millis, random: &mut Random) -> u16 {
        let counter = self.counter(old, now);
        let above = u64::from(counter.saturating_sub(NEW));
        let one_in = above.saturating_mul(self.factor.into()).saturating_add(1);
        // The highest bits of a draw: with a factor of 0 every use counts.
        let counts = (u128::from(random.next()) * u128::from(one_in)) >> 64 == 0;
        stamp(self.clock(now), counter.saturating_add(counts.into()))
    }
    // ANCHOR_END: lfu-counter

    /// What the sweep makes of a stamp: the same, or one of the same counter whose time is not about to come round.
    pub fn age(self, old: u16, now: Millis) -> u16 {
        let (steps, units) = self.fall(old, now);
        if self.decay == 0 || units < STALE {
            return old;
        }
        // Time that was not enough for a step is not lost.
        let counted = (steps * u64::from(self.decay)) / self.unit();
        let [at, _] = old.to_be_bytes();
        stamp(at.wrapping_add(counted as u8), self.counter(old, now))
    }
}

fn stamp(clock: u8, counter: u8) -> u16 {
    u16::from_be_bytes([clock, counter])
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Millis = 60_000;

    fn counting(factor: u32, decay: u32) -> Counting {
        Counting::new(&Eviction { log_factor: factor, decay_minutes: decay, ..Eviction::default() })
    }

    #[test]
    fn the_counter_is_about_the_logarithm_of_the_uses() {
        // The table in redis.conf: with factor 10, 100 hits make about 10, 1000 about 18, 100,000 about 142, a million 255.
        let (rule, mut random) = (counting(10, 1), Random(7));
        let mut mark = rule.fresh(0);
        for (hits, range) in [(100, 7..=14), (1000, 14..=24), (100_000, 125..=160), (1_000_000, 250..=255)] {
            let mut mark = rule.fresh(0);
            for _ in 0..hits {
                mark = rule.used(mark, 0, &mut random);
            }
            assert!(range.contains(&rule.counter(mark, 0)), "{hits} hits: {}", rule.counter(mark, 0));
        }
        for _ in 0..3_000_000 {
            mark = rule.used(mark, 0, &mut random);
        }
        assert_eq!(rule.counter(mark, 0), 255, "it stays at the top and does not begin again");
        let every = counting(0, 1);
        let mark = (0..20).fold(every.fresh(0), |mark, _| every.used(mark, 0, &mut random));
        assert_eq!(every.counter(mark, 0), 25);
    }

    #[test]
    fn the_counter_falls_a_step_for_each_period() {
        let rule = counting(10, 2);
        let start = 1_700_000_000_000;
        let mark = rule.of(100, start);
        for minutes in 0..240 {
            let counter = i64::from(rule.counter(mark, start + minutes * MINUTE));
            assert!((counter - (100 - minutes / 2).max(0)).abs() <= 1, "{minutes} minutes: {counter}");
        }
        let never = counting(10, 0);
        assert_eq!(never.counter(never.of(9, start), start + 200 * MINUTE), 9);
    }

    #[test]
    fn swept_every_three_hours_the_time_never_comes_round() {
        for decay in [1, 3, 63, 64, 65, 127, 128, 1000, 50_000] {
            let rule = counting(10, decay);
            let mut mark = rule.of(200, 0);
            for minute in (0..200_000_i64).step_by(179) {
                mark = rule.age(mark, minute * MINUTE);
                let expected = 200 - minute / i64::from(decay);
                let counter = i64::from(rule.counter(mark, minute * MINUTE));
                let off = (counter - expected.max(0)).abs();
                assert!(
                    off <= 2 + (200 - counter) / 20,
                    "decay {decay}, minute {minute}: {counter}, not {expected}"
                );
            }
        }
    }
}
