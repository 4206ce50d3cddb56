//! Phase 3: one thread, many connections, none of which may hold up another.

mod cost;
mod crowds;
mod isolation;
mod readiness;

use crate::check::{Check, Phase};

const LOOP: &[Phase] = &[Phase::EventLoop];

pub(super) const FAMILIES: &[&[Check]] =
    &[isolation::CHECKS, readiness::CHECKS, crowds::CHECKS, cost::CHECKS];
