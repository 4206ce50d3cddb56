//! Phase 1, and what every later server must still keep: sockets, ends of streams, resources.

mod basics;
mod faults;
mod pressure;
mod resources;
mod streams;

use crate::check::Check;

pub(super) const FAMILIES: &[&[Check]] =
    &[basics::CHECKS, streams::CHECKS, pressure::CHECKS, resources::CHECKS, faults::CHECKS];
