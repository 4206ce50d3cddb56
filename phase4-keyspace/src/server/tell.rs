//! Who is told what a unit of execution changed: the recorder of `DEBUG JOURNAL`, `WATCH`, blocked clients, keyspace
//! notifications. Clients that wait for a key are not served here: the key is marked, and [`wake`](super::wake) comes next.
use crate::deliver::{Deliver, publish};
use crate::keyspace::{Change, Class, Event};
use crate::state::State;
use crate::state::subscriptions::Space;

/// Tells the readers of the journal what the unit did, and empties it.
#[cold]
pub(super) fn tell(state: &mut State, deliver: &mut Deliver<'_>) {
    let State { keyspace, clients, recorder, watchers, waiting, .. } = &mut *state;
    if let Some(recorder) = recorder {
        recorder.take_in(&keyspace.changes);
    }
    if !watchers.is_empty() {
        let mut changes = keyspace.changes.iter().peekable();
        while let Some(Change { db, key, event }) = changes.next() {
            let db = db as usize;
            match key {
                // A stream that begins with a group, of which nothing is seen.
                Some(key) if event == Event::New && is_group(changes.peek()) => {
                    watchers.key_changed(clients, db, key, false);
                }
                // Of a key that is new, the event that says why comes next.
                Some(_) if !event.is_watched() => {}
                Some(key) => watchers.key_changed(clients, db, key, event == Event::Expired),
                None => watchers
                    .database_changed(clients, db, |key| keyspace.db(db).standing(keyspace.hasher.key(key))),
            }
        }
    }
    if !waiting.is_empty() {
        let mut changes = keyspace.changes.iter().peekable();
        while let Some(Change { db, key, event }) = changes.next() {
            match (key, event) {
                (Some(key), Event::New) if can_be_waited_for(changes.peek()) => {
                    waiting.key_appeared(db as usize, key);
                }
                (Some(key), event) if concerns_readers(event) => waiting.stream_changed(db as usize, key),
                (None, Event::Swap) => waiting.database_changed(db as usize),
                (None, Event::Flush) => waiting.database_emptied(db as usize),
                _ => {}
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

/// Whether a new key may hold what clients wait for, by the event that comes next and says why it is there. As in Redis, a
/// key that begins as a string is not announced, even if the same unit makes something else of it.
fn can_be_waited_for(why: Option<&Change<'_>>) -> bool {
    !why.is_some_and(|why| matches!(why.event.class(), Class::String | Class::Hash | Class::Set))
}

fn is_group(why: Option<&Change<'_>>) -> bool {
    why.is_some_and(|why| why.event == Event::XGroupCreate)
}

/// Whether readers of the stream at a key have to be told: of a new entry, of the end of a group, and of whatever may have
/// left something else there, or nothing.
fn concerns_readers(event: Event) -> bool {
    match event {
        Event::XAdd | Event::XGroupDestroy => true,
        Event::Expire | Event::Persist | Event::KeyMiss => false,
        event => !matches!(event.class(), Class::Stream | Class::Readers),
    }
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
