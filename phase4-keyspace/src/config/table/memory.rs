//! How much memory, and what is forgotten when it is used up.
use super::super::value::{self, shown};
use super::Change::Anytime;
use super::{INT, Parameter, one, row, set};
use crate::keyspace::Policy;

/// The parameters.
pub static MEMORY: &[Parameter] = &[
    row(
        "maxmemory",
        Anytime,
        |c| shown(c.maxmemory),
        |c, w| {
            c.maxmemory = value::memory(one(w)?, 0..=u64::MAX)?;
            Ok(())
        },
    ),
    row(
        "maxmemory-policy",
        Anytime,
        |c| shown(c.eviction.policy.name()),
        |c, w| {
            c.eviction.policy = value::choice(one(w)?, Policy::NAMES)?;
            Ok(())
        },
    ),
    row(
        "maxmemory-samples",
        Anytime,
        |c| shown(c.eviction.samples),
        |c, w| {
            c.eviction.samples = value::number(one(w)?, 1..=i32::MAX as u64)? as u32;
            Ok(())
        },
    ),
    row(
        "maxmemory-eviction-tenacity",
        Anytime,
        |c| shown(c.eviction_tenacity),
        |c, w| set(&mut c.eviction_tenacity, w, 0..=100),
    ),
    row(
        "lfu-log-factor",
        Anytime,
        |c| shown(c.eviction.log_factor),
        |c, w| {
            c.eviction.log_factor = value::number(one(w)?, INT)? as u32;
            Ok(())
        },
    ),
    row(
        "lfu-decay-time",
        Anytime,
        |c| shown(c.eviction.decay_minutes),
        |c, w| {
            c.eviction.decay_minutes = value::number(one(w)?, INT)? as u32;
            Ok(())
        },
    ),
];
