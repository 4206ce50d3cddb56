//! The end of a unit of execution: the one place that learns what changed.
//!
//! A unit is one command, one round of background work, or (when there are transactions) one `EXEC`. While it runs, the
//! keyspace writes down what happens to keys ([`Changes`](crate::keyspace::Changes)). Call [`end_unit`] when it is over,
//! and run nothing of the next unit before. Whatever has to learn of changes is told here and nowhere else: the
//! recorder of `DEBUG JOURNAL`, `WATCH`, and keyspace notifications; blocked clients and the command stream will take their
//! places in this function. The dirty count needs no reader: it adds up in the journal itself.
use crate::deliver::{Deliver, publish};
use crate::keyspace::{Change, Event};
use crate::state::State;
use crate::state::subscriptions::Space;

/// Tells the readers of the journal what the unit did, and empties it. With no reader it costs one branch. Whether
/// there was one.
#[inline(always)]
pub fn end_unit(state: &mut State, deliver: &mut Deliver<'_>) -> bool {
    let told = !state.keyspace.changes.is_empty();
    if told {
        tell(state, deliver);
    }
    told
}

#[cold]
fn tell(state: &mut State, deliver: &mut Deliver<'_>) {
    let State { keyspace, clients, recorder, watchers, .. } = &mut *state;
    if let Some(recorder) = recorder {
        recorder.take_in(&keyspace.changes);
    }
    if !watchers.is_empty() {
        for Change { db, key, event } in keyspace.changes.iter() {
            let db = db as usize;
            match key {
                // No change; and the event that says why comes next.
                Some(_) if matches!(event, Event::New | Event::KeyMiss) => {}
                Some(key) => watchers.key_changed(clients, db, key, event == Event::Expired),
                None => watchers
                    .database_changed(clients, db, |key| keyspace.db(db).standing(keyspace.hasher.key(key))),
            }
        }
    }
    if state.config.notify.any() {
        let changes = std::mem::take(&mut state.keyspace.changes);
        for change in changes.iter() {
            notify(state, deliver, change);
        }
        state.keyspace.changes = changes;
    }
    state.keyspace.changes.clear();
    state.update_journal();
}

/// A keyspace notification: one message named after the key, one named after what happened to it.
fn notify(state: &mut State, deliver: &mut Deliver<'_>, Change { db, key, event }: Change<'_>) {
    let classes = state.config.notify;
    let (Some(key), true) = (key, classes.wants(event.class())) else { return };
    if classes.by_key() {
        let channel = [format!("__keyspace@{db}__:").as_bytes(), key].concat();
        publish(state, deliver, Space::Channel, &channel, event.name().as_bytes());
    }
    if classes.by_event() {
        let channel = format!("__keyevent@{db}__:{}", event.name());
        publish(state, deliver, Space::Channel, channel.as_bytes(), key);
    }
}
