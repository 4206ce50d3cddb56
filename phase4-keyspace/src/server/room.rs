//! Room before a command runs: as long as more memory is in use than may be, keys are forgotten.
//!
//! It happens before the command that needs the room, never behind the one that took it: what was just written is not
//! what goes, and what is watched, published and recorded shows the evictions first. A command waits for them for a
//! moment at most (`maxmemory-eviction-tenacity`); what is left to evict then goes in the background, a share a tick.
use std::time::Instant;

use crate::deliver::Deliver;
use crate::keyspace::Round;
use crate::state::State;

use super::unit::{Unit, end_unit};

/// Keys forgotten between two looks at the clock.
const BETWEEN_LOOKS: usize = 16;

/// Makes room if there is too little. Whether there is none to be had: the policy finds nothing to forget.
#[inline(always)]
pub(super) fn is_out_of_memory(state: &mut State, deliver: &mut Deliver<'_>) -> bool {
    if state.is_full() { !make_room(state, deliver) } else { false }
}

/// Forgets keys until there is room, or for as long as a command may wait; `false` if that finds nothing more to forget.
#[cold]
pub(super) fn make_room(state: &mut State, deliver: &mut Deliver<'_>) -> bool {
    // While writes are paused nothing changes, not even by eviction.
    if state.pause.is_some() {
        return true;
    }
    let found = forget(state);
    end_unit(state, deliver, Unit::Background);
    let now = deliver.outbox.now();
    let full = state.lacks_room();
    state.room.settle(now, full, found);
    found || !full
}

// ANCHOR: make-room
/// Whether there is room now, or might be later.
fn forget(state: &mut State) -> bool {
    let patience = state.eviction_patience();
    let mut start = None;
    for round in 1.. {
        if !state.lacks_room() {
            break;
        }
        // What is no longer wanted goes first: a large value takes many rounds to be freed, and is room already.
        if !state.keyspace.free_piece() && state.keyspace.evict() == Round::Nothing {
            return false;
        }
        let look = round % BETWEEN_LOOKS == 0 || patience.is_some_and(|patience| patience.is_zero());
        if look
            && patience.is_some_and(|patience| start.get_or_insert_with(Instant::now).elapsed() >= patience)
        {
            break;
        }
    }
    true
}
// ANCHOR_END: make-room
