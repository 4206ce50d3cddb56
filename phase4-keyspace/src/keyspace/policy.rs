//! What to forget when memory is full: the policies, and what can be set about them.

/// `maxmemory-policy`.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum Policy {
    /// Nothing: what needs memory is refused.
    #[default]
    NoEviction,
    /// The key not used for the longest time.
    AllKeysLru,
    /// The same, of those with a deadline.
    VolatileLru,
    /// The key used least often.
    AllKeysLfu,
    /// The same, of those with a deadline.
    VolatileLfu,
    /// Any key.
    AllKeysRandom,
    /// Any key with a deadline.
    VolatileRandom,
    /// The key that dies next anyway.
    VolatileTtl,
    /// Newcomers that were not used again, then keys without a use since the hand came by. Not in Redis.
    AllKeysS3Fifo,
    /// The same, of those with a deadline.
    VolatileS3Fifo,
}

impl Policy {
    /// Every policy by its name: those of Redis in its order, then those that it does not have.
    pub const NAMES: &[(&str, Policy)] = &[
        ("volatile-lru", Policy::VolatileLru),
        ("volatile-lfu", Policy::VolatileLfu),
        ("volatile-random", Policy::VolatileRandom),
        ("volatile-ttl", Policy::VolatileTtl),
        ("allkeys-lru", Policy::AllKeysLru),
        ("allkeys-lfu", Policy::AllKeysLfu),
        ("allkeys-random", Policy::AllKeysRandom),
        ("noeviction", Policy::NoEviction),
        ("volatile-s3fifo", Policy::VolatileS3Fifo),
        ("allkeys-s3fifo", Policy::AllKeysS3Fifo),
    ];

    /// Its name.
    pub fn name(self) -> &'static str {
        Policy::NAMES.iter().find(|(_, policy)| *policy == self).map_or("", |(name, _)| name)
    }

    /// Whether only keys with a deadline are forgotten.
    pub fn is_volatile(self) -> bool {
        use Policy::{VolatileLfu, VolatileLru, VolatileRandom, VolatileS3Fifo, VolatileTtl};
        matches!(self, VolatileLru | VolatileLfu | VolatileRandom | VolatileTtl | VolatileS3Fifo)
    }

    /// Whether it keeps keys in queues.
    pub fn is_s3fifo(self) -> bool {
        matches!(self, Policy::AllKeysS3Fifo | Policy::VolatileS3Fifo)
    }

    /// Whether it counts how often keys are used.
    pub fn is_lfu(self) -> bool {
        matches!(self, Policy::AllKeysLfu | Policy::VolatileLfu)
    }
}

/// What can be set about eviction.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Eviction {
    /// `maxmemory-policy`
    pub policy: Policy,
    /// `maxmemory-samples`: keys looked at for each that is forgotten.
    pub samples: u32,
    /// `lfu-log-factor`: how much harder each step of the counter is than the one before it.
    pub log_factor: u32,
    /// `lfu-decay-time`: minutes without a use that cost the counter one step; 0: it never falls.
    pub decay_minutes: u32,
}

impl Default for Eviction {
    fn default() -> Self {
        Eviction { policy: Policy::NoEviction, samples: 5, log_factor: 10, decay_minutes: 1 }
    }
}
