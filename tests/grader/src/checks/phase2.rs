//! Phase 2: where one message ends and the next begins. Phase 3 keeps all of it, so its servers meet these checks too.

mod boundaries;
mod endings;
mod lengths;

use crate::check::{Check, Phase};

/// Both phases speak frames.
const FRAMED: &[Phase] = &[Phase::Framing, Phase::EventLoop];

pub(super) const FAMILIES: &[&[Check]] = &[boundaries::CHECKS, lengths::CHECKS, endings::CHECKS];
