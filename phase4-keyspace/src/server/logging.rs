//! A unit of execution on its way to the append-only file: what it did, as requests, whole or not at all.
use crate::command::logged::{self, Ran};
use crate::state::State;

/// Logs what one command of a unit did, with more to come: of a transaction.
#[cold]
pub(super) fn log_step(state: &mut State, ran: Ran<'_>) {
    if state.aof.is_on() {
        log(state, Some(ran));
    }
}

/// Logs the rest of what a unit did; `ran` is its command, if it was one that is not logged yet. `whole`: its parts belong
/// together.
#[cold]
pub(super) fn log_unit(state: &mut State, ran: Option<Ran<'_>>, whole: bool) {
    if state.aof.is_on() {
        log(state, ran);
        state.aof.log.end_unit(whole);
        // Its journal is emptied next.
        state.aof.mark = Default::default();
    }
}

fn log(state: &mut State, ran: Option<Ran<'_>>) {
    let State { aof, keyspace, config, .. } = state;
    if config.aof_timestamp_enabled {
        aof.log.stamp((keyspace.now() / 1000) as u64);
    }
    logged::append(&mut aof.log, keyspace, aof.mark, ran);
    aof.mark = keyspace.changes.mark();
}
