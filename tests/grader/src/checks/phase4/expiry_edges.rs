//! Deadlines at the edges of numbers, and the conditions under which they are set.

use super::talk::{KEYSPACE, Talk};
use crate::check::{Check, Context, Explain as _, Kind, Outcome};

const WRAPS: &str = "a huge deadline wraps around";
const CONDITIONS: &str = "EXPIRE's NX, XX, GT or LT is ignored or misread";
const ABSOLUTE: &str = "absolute deadlines are kept as relative ones";

pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "deadline-overflow",
        phases: KEYSPACE,
        catalogue: &[47],
        title: "a deadline beyond the largest integer is refused, not wrapped",
        lesson: "Seconds times 1,000 plus now: two chances to overflow. A wrapped deadline lies in the past and deletes the \
                 key that was meant to live for ever.",
        chapter: "docs/src/phase4/ttl.md",
        points: 2,
        topic: "expiry",
        blocked_by: &["deadline", "overwrite-clears-deadline"],
        after: &["absolute-deadlines"],
        commands: &["SET", "SET PX", "SET EX", "GET", "EXPIRE", "PEXPIRE", "EXPIREAT", "TTL"],
        hints: [
            "EXPIRE k 9223372036854775807: what is that in milliseconds?",
            "Check the multiplication and the addition, each before it happens.",
            "-ERR invalid expire time in 'expire' command, and the key stays as it was.",
        ],
        bugs: &[WRAPS],
        run: overflow,
        ..Check::PLAIN
    },
    Check {
        name: "expire-conditions",
        phases: KEYSPACE,
        catalogue: &[],
        title: "EXPIRE obeys NX, XX, GT and LT",
        lesson: "NX: only without deadline; XX: only with one; GT, LT: only later or earlier than the one there is, where no \
                 deadline counts as infinitely late.",
        chapter: "docs/src/phase4/ttl.md",
        points: 2,
        topic: "expiry",
        blocked_by: &["deadline"],
        after: &["replaced-deadline"],
        commands: &["SET", "DEL", "EXPIRE", "TTL", "PERSIST"],
        hints: [
            "What is GT on a key without a deadline?",
            "0: nothing is later than never. And LT sets it.",
            "NX excludes the three others, GT excludes LT; each contradiction has an error text of its own.",
        ],
        bugs: &[CONDITIONS],
        run: conditions,
        ..Check::PLAIN
    },
    Check {
        name: "absolute-deadlines",
        phases: KEYSPACE,
        catalogue: &[],
        title: "EXPIREAT, PEXPIREAT, EXPIRETIME and PEXPIRETIME speak of points in time",
        lesson: "A deadline is a point in time: what EXPIREAT sets, EXPIRETIME gives back to the millisecond, whatever has \
                 passed in between.",
        chapter: "docs/src/phase4/ttl.md",
        points: 1,
        topic: "expiry",
        blocked_by: &["deadline"],
        commands: &["SET", "SET PX", "SET EX", "DEL", "EXPIREAT", "PEXPIREAT", "EXPIRETIME", "PEXPIRETIME"],
        hints: [
            "What does your entry hold: the time left or the time it ends?",
            "The time it ends, in milliseconds since 1970.",
            "EXPIRETIME is -1 without a deadline and -2 without a key, as TTL is.",
        ],
        bugs: &[ABSOLUTE],
        run: absolute,
        ..Check::PLAIN
    },
];

fn overflow(ctx: &mut Context) -> Outcome {
    let mut talk = Talk::resp(ctx)?;
    talk.ask("SET ~k v", "+OK")?;
    for name in ["EXPIRE", "PEXPIRE", "EXPIREAT"] {
        let error = format!("-ERR invalid expire time in '{}' command", name.to_lowercase());
        talk.ask(&format!("{name} ~k 9223372036854775807"), &error).likely(WRAPS)?;
        if name != "PEXPIRE" {
            talk.ask(
                &format!("{name} ~k 9223372036854775"),
                &if name == "EXPIRE" { error } else { ":1".into() },
            )
            .likely(WRAPS)?;
        }
        talk.rows(&[("GET ~k", "$v"), ("SET ~k v", "+OK")]).likely(WRAPS)?;
    }
    let set = "-ERR invalid expire time in 'set' command";
    talk.rows(&[
        ("SET ~k w EX 9223372036854775807", set),
        ("SET ~k w PX 9223372036854775807", set),
        ("EXPIRE ~k 9223372036854775808", "-ERR value is not an integer or out of range"),
        ("GET ~k", "$v"),
        ("TTL ~k", ":-1"),
        ("EXPIRE ~k 4000000000000", ":1"),
        ("GET ~k", "$v"),
    ])
    .likely(WRAPS)
}

fn conditions(ctx: &mut Context) -> Outcome {
    let mut talk = Talk::resp(ctx)?;
    talk.rows(&[
        ("SET ~k v", "+OK"),
        ("EXPIRE ~k 1000 XX", ":0"),
        ("EXPIRE ~k 1000 GT", ":0"),
        ("TTL ~k", ":-1"),
        ("EXPIRE ~k 1000 NX", ":1"),
        ("EXPIRE ~k 2000 NX", ":0"),
        ("EXPIRE ~k 500 GT", ":0"),
        ("EXPIRE ~k 2000 LT", ":0"),
        ("EXPIRE ~k 2000 GT", ":1"),
        ("EXPIRE ~k 500 LT", ":1"),
        ("EXPIRE ~k 100 XX", ":1"),
        ("PERSIST ~k", ":1"),
        ("EXPIRE ~k 700 LT", ":1"),
        ("EXPIRE ~k 10 NX XX", "-ERR NX and XX, GT or LT options at the same time are not compatible"),
        ("EXPIRE ~k 10 GT LT", "-ERR GT and LT options at the same time are not compatible"),
        ("EXPIRE ~k 10 ZZ", "-ERR Unsupported option ZZ"),
    ])
    .likely(CONDITIONS)?;
    let left = talk.integer("TTL ~k")?;
    if !(600..=700).contains(&left) {
        let text = format!("700 s were set last, TTL says {left}");
        return Err(talk.client.fail(Kind::WrongBytes, text)).likely(CONDITIONS);
    }
    talk.ask("DEL ~k", ":1")
}

fn absolute(ctx: &mut Context) -> Outcome {
    let mut talk = Talk::resp(ctx)?;
    // The year 2100: far enough for any clock this runs under.
    talk.rows(&[
        ("EXPIRETIME ~k", ":-2"),
        ("SET ~k v", "+OK"),
        ("PEXPIRETIME ~k", ":-1"),
        ("EXPIREAT ~k 4102444800", ":1"),
        ("EXPIRETIME ~k", ":4102444800"),
        ("PEXPIREAT ~k 4102444800123", ":1"),
        ("PEXPIRETIME ~k", ":4102444800123"),
        ("SET ~k w PXAT 4102444800456", "+OK"),
        ("PEXPIRETIME ~k", ":4102444800456"),
        ("DEL ~k", ":1"),
    ])
    .likely(ABSOLUTE)
}
