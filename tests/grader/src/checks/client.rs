//! The client under test: the grader is its server, a slow one, a rude one, one that leaves. Phases 1 and 2.

mod basics;
mod ends;
mod frames;
mod streams;

use crate::check::{Check, Context};
use crate::wire::Wire;

pub(super) const FAMILIES: &[&[Check]] = &[basics::CHECKS, frames::CHECKS, streams::CHECKS, ends::CHECKS];

/// Named where the end of the stream does not end a loop.
const EOF_LOOP: &str = "read returning 0 is looped on";

/// Named where the end of the input ends both directions.
const CLOSES_BOTH: &str = "close() instead of shutdown(): the reply finds nobody";

/// A line of input as it is typed, and as it comes to stand on standard output.
fn typed(line: &[u8]) -> Vec<u8> {
    [line, b"\n"].concat()
}

/// The same as it stands on the wire, in either direction: phase 1 sends the line end along.
fn on_wire(ctx: &Context, line: &[u8]) -> Vec<u8> {
    match ctx.wire {
        Wire::Raw => typed(line),
        Wire::Framed => ctx.wire.encode(line),
    }
}
