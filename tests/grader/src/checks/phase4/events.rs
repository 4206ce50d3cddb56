//! Keyspace notifications: what happens to keys, told on channels.

use std::time::Duration;

use super::core::wait_gone;
use super::pubsub::{clients, owed};
use super::talk::KEYSPACE;
use crate::check::{Check, Context, Explain as _, Outcome};

const EVENTS: &str = "a change to a key is not announced, or under another name";
const CHANNELS: &str = "an event's two channels are mixed up";
const EXPIRED: &str = "it is not announced that a key has expired";
const CLASSES: &str = "what is announced does not follow notify-keyspace-events";

pub(super) const CHECKS: &[Check] = &[Check {
    name: "keyspace-events",
    phases: KEYSPACE,
    title: "changes to keys are announced on two channels each",
    lesson: "An event has two names: __keyspace@0__:KEY with what happened, and __keyevent@0__:WHAT with the key. Which are \
             sent, notify-keyspace-events says. An expired key is announced when it is removed, by whoever finds it.",
    chapter: "docs/src/phase4/pubsub.md",
    points: 2,
    topic: "pubsub",
    blocked_by: &["psubscribe"],
    after: &["expired-is-gone", "expired-is-swept", "rename"],
    commands: &["SET", "SET PX", "EXISTS", "DEL", "EXPIRE", "RENAME", "CONFIG", "PSUBSCRIBE"],
    hints: [
        "Which two messages does SET k v cause, with notify-keyspace-events KEA?",
        "__keyspace@0__:k with the payload set, then __keyevent@0__:set with the payload k.",
        "Publish where the change is made, behind the command, with the same function that PUBLISH uses.",
    ],
    bugs: &[EVENTS, CHANNELS, EXPIRED, CLASSES],
    run: events,
    ..Check::PLAIN
}];

fn events(ctx: &mut Context) -> Outcome {
    let [mut listener, mut client] = clients(ctx, ["the listener", "B"])?;
    client.ask("CONFIG SET notify-keyspace-events KEA", "+OK")?;
    listener.ask("PSUBSCRIBE __key*__:*", "[$psubscribe $__key*__:* :1]")?;
    client.ask("SET ~k v", "+OK")?;
    owed(&mut listener, "[$pmessage $__key*__:* $__keyspace@0__:~k $set]").likely(CHANNELS)?;
    owed(&mut listener, "[$pmessage $__key*__:* $__keyevent@0__:set $~k]").likely(CHANNELS)?;
    client.rows(&[("EXPIRE ~k 100", ":1"), ("RENAME ~k ~l", "+OK"), ("DEL ~l", ":1"), ("DEL ~l", ":0")])?;
    for (event, key) in [("expire", "~k"), ("rename_from", "~k"), ("rename_to", "~l"), ("del", "~l")] {
        let by_key = format!("[$pmessage $__key*__:* $__keyspace@0__:{key} ${event}]");
        let by_event = format!("[$pmessage $__key*__:* $__keyevent@0__:{event} ${key}]");
        owed(&mut listener, &by_key).likely(EVENTS)?;
        owed(&mut listener, &by_event).likely(EVENTS)?;
    }
    client.ask("CONFIG SET notify-keyspace-events Ex", "+OK")?;
    client.ask("SET ~soon v PX 40", "+OK")?;
    wait_gone(&mut client, "EXISTS ~soon", Duration::from_secs(3))?;
    let expired = "[$pmessage $__key*__:* $__keyevent@0__:expired $~soon]";
    owed(&mut listener, expired).likely_when(&[crate::check::Kind::WrongBytes], CLASSES).likely(EXPIRED)?;
    client.rows(&[("CONFIG SET notify-keyspace-events ''", "+OK"), ("SET ~k v", "+OK")])?;
    listener.client.expect_silence().likely(CLASSES)
}
