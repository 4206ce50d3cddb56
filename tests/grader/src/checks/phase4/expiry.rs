//! Keys with deadlines: gone for every command at once, and in the end from memory too.

use std::time::{Duration, Instant};

use super::core::wait_gone;
use super::reply::Reply;
use super::talk::{KEYSPACE, Talk};
use crate::check::{Check, Context, Explain as _, Kind, Outcome, Verdict};
use crate::context::WhileStopped as _;
use crate::context::not_run;

const VISIBLE: &str = "an expired key is visible through some commands";
const REVIVED: &str = "a command works on an expired key as if it were alive";
const NEVER_SWEPT: &str = "expired keys that nobody asks for stay for ever";
const OLD_TIMER: &str = "the deadline that SET PX left behind fires later";
const NEGATIVE: &str = "a deadline in the past does not delete";
const PERSIST: &str = "PERSIST does not take the deadline away";

pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "expired-is-gone",
        phases: KEYSPACE,
        catalogue: &[53],
        title: "an expired key is gone for every command",
        lesson: "Between its deadline and the moment it is swept away, an expired key still lies in the table. One lookup \
                 that checks the deadline, used by every command, keeps it invisible; a command with a lookup of its own \
                 shows the dead.",
        chapter: "docs/src/phase4/ttl.md",
        points: 3,
        topic: "expiry",
        blocked_by: &["deadline"],
        after: &["resp-pipeline", "resp-split", "resp-missing-crlf", "rehash-lookup", "rehash-delete"],
        commands: &[
            "SET",
            "SET PX",
            "GET",
            "DEL",
            "EXISTS",
            "TYPE",
            "TOUCH",
            "RENAME",
            "COPY",
            "KEYS",
            "RANDOMKEY",
            "FLUSHALL",
            "SCAN",
            "EXPIRE",
            "TTL",
            "PERSIST",
            "APPEND",
            "STRLEN",
            "GETRANGE",
            "SETNX",
            "INCR",
        ],
        hints: [
            "How many places in your server look into the table?",
            "GET is not alone: EXISTS, TYPE, SCAN, KEYS, RANDOMKEY, RENAME, COPY, APPEND, INCR, SETNX, TTL.",
            "Let one function look up and check the deadline, and let nothing else touch the table.",
        ],
        bugs: &[VISIBLE, REVIVED],
        run: gone,
        ..Check::PLAIN
    },
    Check {
        name: "expired-is-swept",
        phases: KEYSPACE,
        catalogue: &[47],
        title: "expired keys that nobody asks for disappear, too",
        lesson: "If only access removes expired keys, those nobody asks for again fill the memory. A background sweep, in \
                 small shares so that it stops nobody, takes them away; DBSIZE shows it.",
        chapter: "docs/src/phase4/ttl.md",
        points: 2,
        topic: "expiry",
        blocked_by: &["deadline"],
        after: &["resp-pipeline", "resp-split", "resp-missing-crlf", "rehash-lookup", "rehash-delete"],
        commands: &["SET", "SET PX", "GET", "DBSIZE", "FLUSHALL"],
        hints: [
            "Set a thousand keys with a deadline, wait, ask DBSIZE.",
            "The loop's timeout must be the next deadline, or a tick that sweeps a bounded number of keys.",
            "Keep deadlines in a heap; on each tick pop what is due, at most N of them.",
        ],
        bugs: &[NEVER_SWEPT],
        run: swept,
        ..Check::PLAIN
    },
    Check {
        name: "replaced-deadline",
        phases: KEYSPACE,
        catalogue: &[47],
        title: "a replaced, renewed or removed deadline never fires",
        lesson: "A timer queue may hold entries of the past: a key was replaced, deleted and made again, or its deadline \
                 moved. Before a timer deletes it must ask the key for its deadline of now.",
        chapter: "docs/src/phase4/ttl.md",
        points: 2,
        topic: "expiry",
        blocked_by: &["deadline", "overwrite-clears-deadline"],
        commands: &["SET", "SET PX", "GET", "DEL", "EXISTS", "RENAME", "EXPIRE", "TTL", "PERSIST", "GETSET"],
        hints: [
            "Which of your commands change a deadline? Which end it?",
            "SET, GETSET, PERSIST, EXPIRE, DEL and SET again, RENAME onto the key: each makes the old timer stale.",
            "When the timer fires: entry.deadline == timer.deadline, or ignore it.",
        ],
        bugs: &[OLD_TIMER, PERSIST],
        run: replaced,
        ..Check::PLAIN
    },
    Check {
        name: "deadline-in-the-past",
        phases: KEYSPACE,
        catalogue: &[],
        title: "a deadline of zero, below zero or in the past deletes at once",
        lesson: "EXPIRE k -1 is not an error: it says that the key was over a second ago. The key goes, and the reply is 1 \
                 because there was one.",
        chapter: "docs/src/phase4/ttl.md",
        points: 1,
        topic: "expiry",
        blocked_by: &["deadline"],
        after: &["absolute-deadlines"],
        commands: &["SET", "EXISTS", "EXPIRE", "PEXPIRE", "EXPIREAT", "PEXPIREAT", "TTL"],
        hints: [
            "What does EXPIRE k 0 leave behind?",
            "Nothing: it deletes, and answers 1.",
            "if when <= now { delete(k) } else { set the deadline }; reply 1 in both cases.",
        ],
        bugs: &[NEGATIVE],
        run: past,
        ..Check::PLAIN
    },
];

/// What an expired key that nobody has swept away yet looks like to each command. A server's sweep would leave nothing to
/// look at, so it is given a backlog: the server is stopped while thousands of deadlines pass, those of the keys in
/// question last, and the questions wait when it goes on. A sweep takes a bounded share, and then they are answered.
fn gone(ctx: &mut Context) -> Outcome {
    let mut ahead = Duration::from_millis(300);
    for _ in 0..4 {
        if let Some(mut talk) = ask_after_the_deadline(ctx, ahead)? {
            return hear_of_the_dead(&mut talk);
        }
        ahead *= 4;
    }
    Err(not_run("the keys could not be set before their deadlines, however late those were"))
}

/// Commands on expired keys, their replies, and the diagnosis of another reply. Those that walk over all keys come last,
/// for on their way they may sweep.
const QUESTIONS: [(&str, &str, &str); 20] = [
    ("GET ~witness", "nil", VISIBLE),
    ("EXISTS ~exists", ":0", VISIBLE),
    ("TYPE ~type", "+none", VISIBLE),
    ("TTL ~ttl", ":-2", VISIBLE),
    ("TOUCH ~touch", ":0", VISIBLE),
    ("STRLEN ~strlen", ":0", VISIBLE),
    ("GETRANGE ~getrange 0 -1", "$", VISIBLE),
    ("RENAME ~rename ~target", "-ERR no such key", VISIBLE),
    ("COPY ~copy ~target", ":0", VISIBLE),
    ("GET ~get", "nil", VISIBLE),
    ("PERSIST ~persist", ":0", REVIVED),
    ("EXPIRE ~expire 100", ":0", REVIVED),
    ("APPEND ~append x", ":1", REVIVED),
    ("INCR ~incr", ":1", REVIVED),
    ("SETNX ~setnx new", ":1", REVIVED),
    ("TTL ~incr", ":-1", REVIVED),
    ("DEL ~append ~incr ~setnx", ":3", VISIBLE),
    ("SCAN 0 COUNT 1000000", "[]", VISIBLE),
    ("RANDOMKEY", "nil", VISIBLE),
    ("KEYS *", "[]", VISIBLE),
];

/// Sets the keys, stops the server, lets all deadlines pass, and leaves the questions in its socket. `None` when a deadline
/// may have passed before it was stopped.
fn ask_after_the_deadline(ctx: &mut Context, ahead: Duration) -> Outcome<Option<Talk>> {
    const BACKLOG: usize = 20_000;
    const KEYS: [&str; 15] = [
        "get", "exists", "type", "ttl", "rename", "copy", "append", "incr", "setnx", "strlen", "persist",
        "expire", "getrange", "touch", "witness",
    ];
    let mut talk = Talk::resp(ctx)?;
    talk.ask("FLUSHALL", "+OK")?;
    let px = ahead.as_millis().to_string();
    let mut batch = talk.batch();
    let backlog = (0..BACKLOG).map(|n| format!("backlog:{n}"));
    for key in backlog.chain(KEYS.map(|key| format!("{}{key}", talk.salt))) {
        batch.push(&[b"SET", key.as_bytes(), b"7", b"PX", px.as_bytes()], &Reply::ok());
    }
    let asked: Vec<u8> = QUESTIONS.iter().flat_map(|(command, ..)| talk.bytes_of(command)).collect();
    talk.step(format!("{} keys with a deadline {px} ms from now", BACKLOG + KEYS.len()));
    let begun = Instant::now();
    talk.run(&batch)?;
    let target = ctx.target()?;
    let set = target.while_stopped(|| {
        let set = Instant::now();
        talk.step("commands on keys whose deadlines have passed while the server was stopped");
        talk.client.send(&asked)?;
        // No key was set later than now, so by then every deadline has passed.
        std::thread::sleep(
            (set + ahead + Duration::from_millis(5)).saturating_duration_since(Instant::now()),
        );
        Ok(set)
    })?;
    Ok((set - begun < ahead).then_some(talk))
}

/// Compares the replies, one by one.
fn hear_of_the_dead(talk: &mut Talk) -> Outcome {
    for (command, wanted, bug) in QUESTIONS {
        let expected = Reply::shorthand(&wanted.replace('~', &talk.salt));
        let reply = match talk.read()? {
            // SCAN: the cursor may be any, the keys may not.
            Reply::Array(mut items) if items.len() == 2 && matches!(items[1], Reply::Array(_)) => {
                items.remove(1)
            }
            other => other,
        };
        if reply != expected {
            let said = format!("{wanted}, in reply to `{command}`,");
            return Err(talk.wrong(&reply, &said)).likely(bug);
        }
    }
    Ok(())
}

fn swept(ctx: &mut Context) -> Outcome {
    let mut talk = Talk::resp(ctx)?;
    talk.ask("FLUSHALL", "+OK")?;
    let count = 500 + ctx.rng.below(500);
    let mut batch = talk.batch();
    for n in 0..count {
        let px = (40 + n % 40).to_string();
        batch.push(&[b"SET", format!("idle:{n}").as_bytes(), b"v", b"PX", px.as_bytes()], &Reply::ok());
    }
    talk.run(&batch)?;
    talk.ask("SET stays v", "+OK")?;
    talk.step(format!("DBSIZE, until {count} keys with deadlines below 80 ms are swept"));
    let until = Instant::now() + Duration::from_secs(6);
    loop {
        let left = talk.integer("DBSIZE")?;
        if left == 1 {
            return talk.ask("GET stays", "$v").likely(NEVER_SWEPT);
        }
        if Instant::now() > until || left == 0 {
            let text =
                format!("after 6 s DBSIZE still says {left}; one key has no deadline, {count} had one");
            return Err(talk.client.fail(Kind::WrongBytes, text)).likely(NEVER_SWEPT);
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// The first deadlines must lie in the future until all of them are replaced. If the machine took longer than that, the
/// attempt says nothing, and one with four times as long follows.
fn replaced(ctx: &mut Context) -> Outcome {
    let mut soon = 80 + ctx.rng.below(40);
    for _ in 0..4 {
        let mut talk = Talk::resp(ctx)?;
        let begun = Instant::now();
        let outcome = replace_all(&mut talk, soon);
        if begun.elapsed() < Duration::from_millis(soon as u64) {
            outcome?;
            return stale_timers(&mut talk, soon);
        }
        // A wrong reply may come of being late; a hang or a death does not.
        if let Err(Verdict::Failed(failure)) = &outcome
            && failure.kind != Kind::WrongBytes
        {
            return outcome;
        }
        soon *= 4;
    }
    Err(not_run("six keys could not be set and replaced before their deadlines, however late those were"))
}

fn replace_all(talk: &mut Talk, soon: usize) -> Outcome {
    for key in ["set", "getset", "persist", "expire", "again", "target"] {
        talk.ask(&format!("SET ~{key} old PX {soon}"), "+OK")?;
    }
    talk.rows(&[
        ("SET ~set new", "+OK"),
        ("GETSET ~getset new", "$old"),
        ("DEL ~again", ":1"),
        ("SET ~again new", "+OK"),
        ("EXPIRE ~expire 1000", ":1"),
        ("SET ~source new", "+OK"),
        ("RENAME ~source ~target", "+OK"),
    ])
    .likely(OLD_TIMER)?;
    talk.ask("PERSIST ~persist", ":1").likely(PERSIST)
}

/// The old deadlines pass, and nothing may come of it.
fn stale_timers(talk: &mut Talk, soon: usize) -> Outcome {
    talk.ask(&format!("SET ~witness v PX {}", soon + 30), "+OK")?;
    wait_gone(talk, "EXISTS ~witness", Duration::from_millis(3_000 + soon as u64)).likely(OLD_TIMER)?;
    talk.rows(&[
        ("GET ~set", "$new"),
        ("GET ~getset", "$new"),
        ("GET ~again", "$new"),
        ("GET ~expire", "$old"),
        ("GET ~target", "$new"),
        ("TTL ~set", ":-1"),
        ("TTL ~again", ":-1"),
    ])
    .likely(OLD_TIMER)?;
    talk.rows(&[("GET ~persist", "$old"), ("TTL ~persist", ":-1"), ("PERSIST ~persist", ":0")])
        .likely(PERSIST)
}

fn past(ctx: &mut Context) -> Outcome {
    let mut talk = Talk::resp(ctx)?;
    for command in ["EXPIRE ~k 0", "EXPIRE ~k -1", "PEXPIRE ~k -1", "EXPIREAT ~k 1", "PEXPIREAT ~k 1000"] {
        talk.ask("SET ~k v", "+OK")?;
        talk.ask(command, ":1").likely(NEGATIVE)?;
        talk.rows(&[("EXISTS ~k", ":0"), ("TTL ~k", ":-2")]).likely(NEGATIVE)?;
    }
    talk.ask("EXPIRE ~k -1", ":0").likely(NEGATIVE)
}
