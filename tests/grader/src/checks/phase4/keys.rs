//! Commands on keys, whatever their values.

use super::reply::Reply;
use super::talk::{KEYSPACE, Talk};
use crate::check::{Check, Context, Explain as _, Kind, Outcome};

const EXISTS: &str = "EXISTS, TOUCH or UNLINK miscounts";
const RENAME: &str = "RENAME loses or duplicates a key";
const RENAME_SELF: &str = "RENAME of a key to itself deletes it";
const RENAME_DEADLINE: &str = "RENAME or COPY mixes up the deadlines";
const COPY: &str = "COPY shares or overwrites what it should not";
const RANDOM: &str = "RANDOMKEY never returns some of the keys";
const SIZE: &str = "DBSIZE or FLUSHALL miscounts";
const GLOB: &str = "KEYS reads its pattern otherwise than Redis";

pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "exists-and-kin",
        phases: KEYSPACE,
        catalogue: &[],
        title: "EXISTS, TOUCH, UNLINK and TYPE tell what is there",
        lesson: "Counting commands count arguments, not distinct keys: a key named twice counts twice. TYPE answers `none` \
                 for a missing key instead of an error.",
        chapter: "docs/src/phase4/commands.md",
        points: 1,
        topic: "keys",
        blocked_by: &["set-get-del"],
        commands: &["EXISTS", "TYPE", "TOUCH", "UNLINK", "MSET"],
        hints: [
            "What is EXISTS a a when a exists?",
            "2: each argument is asked for by itself. DEL a a is 1, for the second finds nothing.",
            "TYPE answers a status line: +string or +none.",
        ],
        bugs: &[EXISTS],
        run: exists,
        ..Check::PLAIN
    },
    Check {
        name: "rename",
        phases: KEYSPACE,
        catalogue: &[],
        title: "RENAME moves value and deadline, even onto itself",
        lesson: "Renaming takes the old key out, puts the new one in and drops whatever stood there, deadline included. In \
                 the wrong order, a key renamed to itself is gone.",
        chapter: "docs/src/phase4/commands.md",
        points: 2,
        topic: "keys",
        blocked_by: &["exists-and-kin"],
        after: &["many-keys"],
        commands: &["SET", "SET EX", "GET", "DEL", "RENAME", "RENAMENX", "TTL", "PERSIST", "MGET"],
        hints: [
            "What happens in your code when both names are equal?",
            "The source's deadline moves with it; the target's old deadline disappears with the target's old value.",
            "RENAME a a is +OK if a exists; RENAMENX a a is 0; a missing source is -ERR no such key.",
        ],
        bugs: &[RENAME, RENAME_SELF, RENAME_DEADLINE],
        run: rename,
        ..Check::PLAIN
    },
    Check {
        name: "copy",
        phases: KEYSPACE,
        catalogue: &[],
        title: "COPY makes a second value that lives by itself",
        lesson: "A copy that shares its bytes with the original changes when the original does.",
        chapter: "docs/src/phase4/commands.md",
        points: 1,
        topic: "keys",
        blocked_by: &["exists-and-kin"],
        after: &["append-and-fetch", "rename"],
        commands: &["SET", "GET", "DEL", "COPY", "EXPIRE", "PERSIST", "APPEND"],
        hints: [
            "Copy a key, append to the original, read the copy.",
            "COPY without REPLACE refuses an existing target with 0. The deadline is copied, too.",
            "Copy the bytes, not a pointer to them.",
        ],
        bugs: &[COPY, RENAME_DEADLINE],
        run: copy,
        ..Check::PLAIN
    },
    Check {
        name: "whole-keyspace",
        phases: KEYSPACE,
        catalogue: &[],
        title: "DBSIZE, KEYS, RANDOMKEY and FLUSHALL see every key",
        lesson: "Commands over the whole keyspace walk the table itself, both halves of it while it is moved. DBSIZE must \
                 not walk: it is a number that is kept up to date.",
        chapter: "docs/src/phase4/hashtable.md",
        points: 2,
        topic: "keys",
        blocked_by: &["exists-and-kin"],
        commands: &["SET", "GET", "DEL", "KEYS", "DBSIZE", "RANDOMKEY", "FLUSHALL", "FLUSHDB", "MSET"],
        hints: [
            "Does DBSIZE change when SET replaces a value?",
            "RANDOMKEY picks a random non-empty bucket, then a random entry in it: every key has a chance.",
            "KEYS knows ?, *, [abc], [a-c], [^a] and the backslash.",
        ],
        bugs: &[SIZE, GLOB, RANDOM],
        run: whole,
        ..Check::PLAIN
    },
];

fn exists(ctx: &mut Context) -> Outcome {
    let mut talk = Talk::resp(ctx)?;
    talk.rows(&[
        ("TYPE ~a", "+none"),
        ("MSET ~a 1 ~b 2", "+OK"),
        ("TYPE ~a", "+string"),
        ("EXISTS ~a ~b ~c", ":2"),
        ("EXISTS ~a ~a", ":2"),
        ("TOUCH ~a ~c ~b", ":2"),
        ("UNLINK ~a ~a ~c", ":1"),
        ("EXISTS ~a", ":0"),
        ("UNLINK ~b", ":1"),
        ("EXISTS ~a ~b", ":0"),
    ])
    .likely(EXISTS)
}

fn rename(ctx: &mut Context) -> Outcome {
    let mut talk = Talk::resp(ctx)?;
    talk.rows(&[
        ("RENAME ~a ~b", "-ERR no such key"),
        ("SET ~a 1", "+OK"),
        ("RENAME ~a ~b", "+OK"),
        ("MGET ~a ~b", "[nil $1]"),
        ("SET ~a 2", "+OK"),
        ("RENAMENX ~a ~b", ":0"),
        ("MGET ~a ~b", "[$2 $1]"),
        ("RENAME ~a ~b", "+OK"),
        ("MGET ~a ~b", "[nil $2]"),
        ("RENAMENX ~b ~a", ":1"),
        ("MGET ~a ~b", "[$2 nil]"),
    ])
    .likely(RENAME)?;
    talk.rows(&[("RENAME ~a ~a", "+OK"), ("GET ~a", "$2"), ("RENAMENX ~a ~a", ":0"), ("GET ~a", "$2")])
        .likely(RENAME_SELF)?;
    talk.rows(&[
        ("SET ~b old EX 1000", "+OK"),
        ("RENAME ~a ~b", "+OK"),
        ("TTL ~b", ":-1"),
        ("SET ~a new EX 1000", "+OK"),
        ("RENAME ~a ~b", "+OK"),
        ("PERSIST ~b", ":1"),
        ("SET ~a plain", "+OK"),
        ("TTL ~a", ":-1"),
        ("DEL ~a ~b", ":2"),
    ])
    .likely(RENAME_DEADLINE)
}

fn copy(ctx: &mut Context) -> Outcome {
    let mut talk = Talk::resp(ctx)?;
    talk.rows(&[
        ("COPY ~a ~b", ":0"),
        ("SET ~a one", "+OK"),
        ("COPY ~a ~b", ":1"),
        ("APPEND ~a more", ":7"),
        ("GET ~b", "$one"),
        ("COPY ~a ~b", ":0"),
        ("GET ~b", "$one"),
        ("COPY ~a ~b REPLACE", ":1"),
        ("GET ~b", "$onemore"),
        ("DEL ~a", ":1"),
        ("GET ~b", "$onemore"),
    ])
    .likely(COPY)?;
    talk.rows(&[
        ("EXPIRE ~b 1000", ":1"),
        ("COPY ~b ~a", ":1"),
        ("PERSIST ~a", ":1"),
        ("PERSIST ~b", ":1"),
        ("DEL ~a ~b", ":2"),
    ])
    .likely(RENAME_DEADLINE)
}

fn whole(ctx: &mut Context) -> Outcome {
    let mut talk = Talk::resp(ctx)?;
    talk.rows(&[
        ("FLUSHALL", "+OK"),
        ("DBSIZE", ":0"),
        ("RANDOMKEY", "nil"),
        ("MSET hello 1 hallo 2 hxllo 3 hllo 4 other 5", "+OK"),
        ("SET hello again", "+OK"),
        ("DBSIZE", ":5"),
    ])
    .likely(SIZE)?;
    let patterns: &[(&str, &[&str])] = &[
        ("*", &["hello", "hallo", "hxllo", "hllo", "other"]),
        ("h?llo", &["hello", "hallo", "hxllo"]),
        ("h*llo", &["hello", "hallo", "hxllo", "hllo"]),
        ("h[ae]llo", &["hello", "hallo"]),
        ("h[^e]llo", &["hallo", "hxllo"]),
        ("h[a-f]llo", &["hello", "hallo"]),
        ("h\\?llo", &[]),
        ("*e*", &["hello", "other"]),
    ];
    for (pattern, names) in patterns {
        let reply = talk.hear(&format!("KEYS {pattern}"))?;
        let mut wanted: Vec<Reply> = names.iter().map(|name| Reply::bulk(*name)).collect();
        let Reply::Array(mut got) = reply.clone() else {
            return Err(talk.wrong(&reply, "an array")).likely(GLOB);
        };
        let text = |reply: &Reply| format!("{reply:?}");
        got.sort_by_key(text);
        wanted.sort_by_key(text);
        if got != wanted {
            return Err(talk.wrong(&reply, &format!("the keys {names:?}"))).likely(GLOB);
        }
    }
    let mut seen = std::collections::HashSet::new();
    for _ in 0..500 {
        match talk.hear("RANDOMKEY")? {
            Reply::Bulk(key) => seen.insert(key),
            other => return Err(talk.wrong(&other, "the name of a key")).likely(RANDOM),
        };
    }
    // With fair draws each of five keys is missed in 500 with a chance below 10⁻⁴⁷; a skewed draw may still pass.
    if seen.len() != 5 {
        let text = format!("500 draws of RANDOMKEY returned {} of the 5 keys", seen.len());
        return Err(talk.client.fail(Kind::WrongBytes, text)).likely(RANDOM);
    }
    talk.rows(&[
        ("DEL hello nothing", ":1"),
        ("DBSIZE", ":4"),
        ("FLUSHDB", "+OK"),
        ("DBSIZE", ":0"),
        ("GET other", "nil"),
    ])
    .likely(SIZE)
}
