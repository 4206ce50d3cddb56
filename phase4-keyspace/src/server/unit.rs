//! The end of a unit of execution: the one place that learns what changed.
//!
//! A unit is one command, one round of background work, or (when there are transactions) one `EXEC`. While it runs, the
//! keyspace writes down what happens to keys ([`Changes`](crate::keyspace::Changes)). Call [`end_unit`] when it is over,
//! and run nothing of the next unit before. Whatever has to learn of changes is told here and nowhere else: the
//! append-only file, the recorder of `DEBUG JOURNAL`, `WATCH`, blocked clients, and keyspace notifications. The dirty count needs no reader: it adds up in the journal itself.
use crate::command::logged::Ran;
use crate::deliver::Deliver;
use crate::state::State;

use super::logging::log_unit;
use super::tell::tell;
use super::wake;

/// What a unit was.
#[derive(Clone, Copy)]
pub enum Unit<'a> {
    /// A command.
    Command(Ran<'a>),
    /// `EXEC`: its commands have been logged one by one.
    Transaction,
    /// Background work: many small things that have nothing to do with each other.
    Background,
}

// ANCHOR: end-unit
/// Tells the readers of the journal what the unit did, empties it, and serves the clients that waited for a key of it. With
/// no reader it costs one branch. Whether there was one.
#[inline(always)]
pub fn end_unit(state: &mut State, deliver: &mut Deliver<'_>, unit: Unit<'_>) -> bool {
    let told = !state.keyspace.changes.is_empty();
    if told {
        match unit {
            Unit::Command(ran) => log_unit(state, Some(ran), true),
            Unit::Transaction => log_unit(state, None, true),
            Unit::Background => log_unit(state, None, false),
        }
        tell(state, deliver);
        wake::wake(state, deliver);
    }
    told
}
// ANCHOR_END: end-unit
