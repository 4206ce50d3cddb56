//! The core set: what any key-value server owes, in whichever of the two protocols it speaks.

use std::time::{Duration, Instant};

use super::talk::{KEYSPACE, Talk};
use crate::check::{Check, Context, Explain as _, Failure, Kind, Outcome};

const NOT_OK: &str = "SET does not answer +OK";
const NOT_NIL: &str = "GET of a missing key is not nil";
const LOST: &str = "GET does not return what SET stored";
const NOT_DELETED: &str = "DEL leaves the key or miscounts";
const NEVER_EXPIRES: &str = "a deadline is stored and never looked at";
const TOO_EARLY: &str = "a key expires before its time";
const UNIT: &str = "seconds and milliseconds are mixed up";
const OLD_DEADLINE: &str = "an old deadline survives the value it was set for";

pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "set-get-del",
        phases: KEYSPACE,
        catalogue: &[],
        title: "a value comes back until it is replaced or deleted",
        lesson: "A key-value store in three commands. SET stores and replaces, GET returns the value or nil, DEL removes \
                 keys and says how many were there. Every other check of this phase builds on them.",
        chapter: "docs/src/phase4/commands.md",
        points: 3,
        topic: "core",
        after: &["ping"],
        commands: &["SET", "GET", "DEL"],
        hints: [
            "Type the three commands by hand and look at each reply.",
            "A missing key is nil, which is not the empty string. DEL returns how many keys it really removed.",
            "SET: insert or replace, +OK. GET: $len and bytes, or $-1. DEL k1 k2: count what the table's delete found.",
        ],
        bugs: &[NOT_OK, NOT_NIL, LOST, NOT_DELETED],
        run: set_get_del,
        ..Check::PLAIN
    },
    Check {
        name: "deadline",
        phases: KEYSPACE,
        catalogue: &[],
        title: "a key with a deadline is there before it and gone after it",
        lesson: "A deadline is stored as a point in time, not as a countdown. Every access compares it with the clock, so \
                 that an expired key is gone at once, whether or not anything has swept it away yet.",
        chapter: "docs/src/phase4/ttl.md",
        points: 3,
        topic: "expiry",
        blocked_by: &["set-get-del"],
        commands: &["SET", "GET", "EXPIRE", "PEXPIRE", "TTL", "PTTL"],
        hints: [
            "Set a deadline of a tenth of a second by hand. When does GET stop answering?",
            "PEXPIRE and PTTL count milliseconds, EXPIRE and TTL seconds. TTL is -1 without deadline, -2 without key.",
            "In GET: if deadline != 0 && deadline <= now { delete; return nil }.",
        ],
        bugs: &[NEVER_EXPIRES, TOO_EARLY, UNIT],
        run: deadline,
        ..Check::PLAIN
    },
    Check {
        name: "overwrite-clears-deadline",
        phases: KEYSPACE,
        catalogue: &[47],
        title: "SET on a key with a deadline clears the deadline",
        lesson: "A deadline belongs to a value. When SET replaces the value, the old timer must go with it; a timer that \
                 is found by key alone fires later and deletes a value that was meant to stay.",
        chapter: "docs/src/phase4/ttl.md",
        points: 2,
        topic: "expiry",
        blocked_by: &["deadline"],
        commands: &["SET", "GET", "DEL", "PEXPIRE", "PTTL"],
        hints: [
            "SET k a, PEXPIRE k 100, SET k b. Who still knows about the 100 ms?",
            "Both the lazy check in GET and the sweep in the background can delete by a stale deadline.",
            "SET must cancel the timer, or the timer must compare its deadline with the entry's own before it deletes.",
        ],
        bugs: &[OLD_DEADLINE],
        run: overwrite,
        ..Check::PLAIN
    },
];

fn set_get_del(ctx: &mut Context) -> Outcome {
    let mut talk = Talk::either(ctx)?;
    talk.ask("GET ~a", "nil").likely_when(&[Kind::WrongBytes], NOT_NIL)?;
    for (command, reply) in [
        ("SET ~a one", "+OK"),
        ("GET ~a", "$one"),
        ("SET ~b two", "+OK"),
        ("SET ~a another", "+OK"),
        ("GET ~a", "$another"),
        ("GET ~b", "$two"),
        ("SET ~b ''", "+OK"),
        ("GET ~b", "$"),
    ] {
        let bug = if command.starts_with("SET") { NOT_OK } else { LOST };
        talk.ask(command, reply).likely_when(&[Kind::WrongBytes], bug)?;
    }
    for (command, reply) in [
        ("DEL ~a", ":1"),
        ("GET ~a", "nil"),
        ("DEL ~a", ":0"),
        ("GET ~b", "$"),
        ("SET ~a x", "+OK"),
        ("DEL ~a ~b ~c", ":2"),
        ("GET ~b", "nil"),
    ] {
        let bug = if command.starts_with("SET") { NOT_OK } else { NOT_DELETED };
        talk.ask(command, reply).likely_when(&[Kind::WrongBytes], bug)?;
    }
    Ok(())
}

fn deadline(ctx: &mut Context) -> Outcome {
    let mut talk = Talk::either(ctx)?;
    talk.rows(&[("PTTL ~k", ":-2"), ("SET ~k v", "+OK"), ("PTTL ~k", ":-1")]).likely(UNIT)?;
    talk.rows(&[("EXPIRE ~none 10", ":0"), ("EXPIRE ~k 100", ":1")]).likely(UNIT)?;
    for (command, low, high) in [("PTTL ~k", 70_000, 100_000), ("TTL ~k", 70, 100)] {
        let left = talk.integer(command)?;
        if !(low..=high).contains(&left) {
            let text = format!("100 s were set, and `{command}` says {left}");
            return Err(talk.client.fail(Kind::WrongBytes, text)).likely(UNIT);
        }
    }
    let begun = Instant::now();
    talk.ask("PEXPIRE ~k 120", ":1").likely(UNIT)?;
    talk.step("GET again and again until the key is gone, 120 ms after PEXPIRE");
    wait_gone(&mut talk, "GET ~k", Duration::from_secs(3)).likely(NEVER_EXPIRES)?;
    if begun.elapsed() < Duration::from_millis(118) {
        let text = format!("the key was gone after {} ms, 120 were set", begun.elapsed().as_millis());
        return Err(Failure::new(Kind::WrongBytes, text).likely(TOO_EARLY).into());
    }
    talk.ask("PTTL ~k", ":-2").likely(NEVER_EXPIRES)
}

/// Asks until the reply is nil or 0. The pauses only spare the server; nothing depends on their length.
pub(super) fn wait_gone(talk: &mut Talk, command: &str, patience: Duration) -> Outcome {
    use super::reply::Reply;
    let until = Instant::now() + patience;
    loop {
        let reply = talk.hear(command)?;
        if matches!(reply, Reply::Nil | Reply::Integer(0)) {
            return Ok(());
        }
        if Instant::now() > until {
            return Err(talk.wrong(&reply, "nil or 0, for the deadline has long passed"));
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn overwrite(ctx: &mut Context) -> Outcome {
    let mut talk = Talk::either(ctx)?;
    talk.rows(&[
        ("SET ~k old", "+OK"),
        ("PEXPIRE ~k 60", ":1"),
        ("SET ~witness old", "+OK"),
        ("PEXPIRE ~witness 90", ":1"),
    ])?;
    talk.rows(&[("SET ~k new", "+OK"), ("PTTL ~k", ":-1")]).likely(OLD_DEADLINE)?;
    // The witness has the later deadline: once it is gone, the old one of ~k has passed too. A sweep that finds it may come
    // some ticks later, ten of which a second are usual.
    wait_gone(&mut talk, "GET ~witness", Duration::from_secs(3))?;
    let until = Instant::now() + Duration::from_millis(250);
    while Instant::now() < until {
        talk.ask("GET ~k", "$new").likely(OLD_DEADLINE)?;
        std::thread::sleep(Duration::from_millis(5));
    }
    talk.rows(&[("PTTL ~k", ":-1"), ("DEL ~k", ":1")]).likely(OLD_DEADLINE)
}
