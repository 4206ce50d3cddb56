//! The end of a unit of execution: the one place that learns what changed.
//!
//! A unit is one command, one round of background work, or (when there are transactions) one `EXEC`. While it runs, the
//! keyspace writes down what happens to keys ([`Changes`](crate::keyspace::Changes)). Call [`end_unit`] when it is over,
//! and run nothing of the next unit before. Whatever has to learn of changes is told here and nowhere else: today the
//! recorder of `DEBUG JOURNAL`; `WATCH`, blocked clients, notifications and the command stream will take their places in
//! this function. The dirty count needs no reader: it adds up in the journal itself.
use crate::keyspace::{Change, Event};
use crate::state::State;

/// Tells the readers of the journal what the unit did, and empties it. With no reader it costs one branch.
#[inline(always)]
pub fn end_unit(state: &mut State) {
    if !state.keyspace.changes.is_empty() {
        tell(state);
    }
}

#[cold]
fn tell(state: &mut State) {
    let State { keyspace, clients, recorder, watchers, .. } = &mut *state;
    if let Some(recorder) = recorder {
        recorder.take_in(&keyspace.changes);
    }
    if !watchers.is_empty() {
        for Change { db, key, event } in keyspace.changes.iter() {
            let db = db as usize;
            match key {
                // The event that says why comes next.
                Some(_) if event == Event::New => {}
                Some(key) => watchers.key_changed(clients, db, key, event == Event::Expired),
                None => watchers
                    .database_changed(clients, db, |key| keyspace.db(db).standing(keyspace.hasher.key(key))),
            }
        }
    }
    state.keyspace.changes.clear();
    state.update_journal();
}
