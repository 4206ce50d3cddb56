//! Phase 1, and what every later server must still keep: sockets, ends of streams, resources.

mod basics;
mod faults;
mod pressure;
mod resources;
mod strangers;
mod streams;

use crate::check::Check;
pub(super) use pressure::{EAGAIN_FATAL, RESET_FATAL, WRITE_LOST};
pub(super) use strangers::OTHER_PROTOCOL;
pub(super) use streams::{BELOW, FULL_IS_EOF, HANG_UP_FIRST, NOT_DRAINED, STALE};

pub(super) const FAMILIES: &[&[Check]] =
    &[basics::CHECKS, streams::CHECKS, pressure::CHECKS, resources::CHECKS, faults::CHECKS];
