//! WATCH: a transaction that runs only if certain keys are as they were.

use std::time::Duration;

use super::core::wait_gone;
use super::reply::Reply;
use super::talk::{KEYSPACE, Talk};
use crate::check::{Check, Context, Explain as _, Outcome};

const LOST: &str = "a watched key changes, and EXEC runs all the same";
const FALSE: &str = "EXEC fails although no watched key has changed";
const OUTLIVES: &str = "WATCH outlives its transaction";
const EXPIRY: &str = "WATCH does not see that a key has expired";
const FLUSH: &str = "WATCH does not see that the whole database was emptied";

pub(super) const CHECKS: &[Check] = &[Check {
    name: "watch",
    phases: KEYSPACE,
    title: "EXEC answers nil if a watched key has changed, and only then",
    lesson: "WATCH makes of MULTI a compare-and-swap: read, compute, write, unless somebody was faster. Whatever changes the \
             key counts: another client, this one before MULTI, a deadline, FLUSHALL. Reading does not, nor a command that \
             changes nothing. EXEC, DISCARD and UNWATCH forget all that is watched.",
    chapter: "docs/src/phase4/optimistic-locking.md",
    points: 3,
    topic: "transactions",
    blocked_by: &["multi-exec"],
    after: &["exec-errors", "expired-is-gone", "expired-is-swept", "set-options"],
    commands: &["SET", "SET PX", "SET NX", "GET", "DEL", "EXISTS", "FLUSHALL", "MULTI", "WATCH", "UNWATCH"],
    hints: [
        "Two clients read 5 and both write 6. Which of them has to be told?",
        "The second: keep for each key the clients that watch it, and mark them where keys are changed, in one place.",
        "The mark is cleared by EXEC, DISCARD and UNWATCH, not by MULTI. Expiry changes a key as well.",
    ],
    bugs: &[LOST, FALSE, OUTLIVES, EXPIRY, FLUSH],
    run: watch,
    ..Check::PLAIN
}];

fn watch(ctx: &mut Context) -> Outcome {
    let mut talk = Talk::resp_as(ctx, "A")?;
    let mut other = Talk::resp_as(ctx, "B")?;
    other.salt.clone_from(&talk.salt);
    talk.ask("SET ~k 5", "+OK")?;
    // Nothing changes: read by another, refused to another, another key.
    talk.rows(&[("WATCH ~k ~new", "+OK"), ("GET ~k", "$5")])?;
    other.rows(&[("GET ~k", "$5"), ("SET ~k x NX", "nil"), ("SET ~other 1", "+OK"), ("DEL ~new", ":0")])?;
    executes(&mut talk).likely(FALSE)?;
    // By another client, by this one, by being made, by being deleted; with a second key that stays.
    for (watched, by, command, reply) in [
        ("~k", 0, "SET ~k 6", "+OK"),
        ("~other ~k", 0, "SET ~k 6", "+OK"),
        ("~k", 1, "SET ~k 7", "+OK"),
        ("~fresh", 0, "SET ~fresh 1", "+OK"),
        ("~other ~fresh", 0, "DEL ~fresh", ":1"),
    ] {
        talk.ask(&format!("WATCH {watched}"), "+OK")?;
        [&mut other, &mut talk][by].ask(command, reply)?;
        fails(&mut talk).likely(LOST)?;
    }
    talk.ask("WATCH ~k", "+OK")?;
    other.ask("SET ~k 8", "+OK")?;
    fails(&mut talk).likely(LOST)?;
    executes(&mut talk).likely(OUTLIVES)?;
    for end in [
        &[("MULTI", "+OK"), ("EXEC", "[]")][..],
        &[("MULTI", "+OK"), ("DISCARD", "+OK")],
        &[("UNWATCH", "+OK")],
    ] {
        talk.ask("WATCH ~k", "+OK")?;
        talk.rows(end)?;
        other.ask("SET ~k 9", "+OK")?;
        executes(&mut talk).likely(OUTLIVES)?;
    }
    talk.rows(&[
        ("MULTI", "+OK"),
        ("WATCH ~k", "-ERR WATCH inside MULTI is not allowed"),
        ("DISCARD", "+OK"),
    ])?;
    expiry(&mut talk, &mut other).likely(EXPIRY)?;
    talk.ask("WATCH ~k", "+OK")?;
    other.ask("FLUSHALL", "+OK")?;
    fails(&mut talk).likely(FLUSH)
}

/// The deadline passes between WATCH and EXEC; when another client finds the key gone, it has passed.
fn expiry(talk: &mut Talk, other: &mut Talk) -> Outcome {
    talk.rows(&[("SET ~soon x PX 40", "+OK"), ("WATCH ~soon", "+OK")])?;
    wait_gone(other, "EXISTS ~soon", Duration::from_secs(3))?;
    fails(talk)
}

/// A transaction of one SET runs.
fn executes(talk: &mut Talk) -> Outcome {
    talk.rows(&[("MULTI", "+OK"), ("SET ~done 1", "+QUEUED"), ("EXEC", "[+OK]"), ("DEL ~done", ":1")])
}

/// It answers nil, as a string or as an array, and does nothing.
fn fails(talk: &mut Talk) -> Outcome {
    talk.rows(&[("MULTI", "+OK"), ("SET ~done 1", "+QUEUED")])?;
    let reply = talk.hear("EXEC")?;
    if reply != Reply::Nil {
        return Err(talk.wrong(&reply, "nil"));
    }
    talk.ask("EXISTS ~done", ":0")
}
