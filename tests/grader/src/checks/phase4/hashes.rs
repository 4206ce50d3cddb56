//! Hashes: fields with values under one key.

use super::elements::{
    EMPTY, LOST, TYPE, VALUE, edge_values, gone, refuses, same_elements, scan_all, unordered,
};
use super::reply::Reply;
use super::talk::{KEYSPACE, Talk};
use crate::check::{Check, Context, Explain as _, Kind, Outcome};

const NEW: &str = "HSET, HSETNX or HDEL counts what it should not";
const FIELD: &str = "a value is taken for a field, or one field for another";
const MISSING: &str = "a field that is not there is not answered with nil or 0";
const ALL: &str = "HGETALL, HKEYS or HVALS does not list each field once, with its own value";
const WRAPS: &str = "HINCRBY wraps around at the end of 64 bits";
const NO_NUMBER: &str = "a field that is no number is counted up, or a new one does not start at 0";
const SCAN: &str = "HSCAN ends before it has shown every field";

pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "hash-fields",
        phases: KEYSPACE,
        title: "fields are set, read, listed and removed",
        lesson: "HSET answers how many fields are new, not how many it has set. In a small hash, fields and values lie in one \
                 row by turns: a search that looks at every entry finds a value and takes it for a field.",
        chapter: "docs/src/phase4/packed-runs.md",
        points: 2,
        topic: "hashes",
        blocked_by: &["set-get-del"],
        commands: &[
            "SET", "GET", "EXISTS", "TYPE", "HSET", "HGET", "HMGET", "HGETALL", "HKEYS", "HVALS", "HLEN",
            "HDEL", "HEXISTS", "HSETNX", "HSTRLEN",
        ],
        hints: [
            "HSET h a b, then HGET h b. What comes?",
            "nil: b is a value. Search every other entry, beginning with the first.",
            "Count a field as new only if the search did not find it; HDEL h a a removes one.",
        ],
        bugs: &[NEW, FIELD, MISSING, ALL, EMPTY, TYPE],
        run: fields,
        ..Check::PLAIN
    },
    Check {
        name: "hash-counters",
        phases: KEYSPACE,
        title: "HINCRBY counts in a field, and refuses what it can't",
        lesson: "A counter in a field obeys the rules of INCR: a new one starts at 0, text that is no integer is refused, and a \
                 sum beyond 64 bits is an error that leaves the field as it was.",
        chapter: "docs/src/phase4/packed-runs.md",
        points: 1,
        topic: "hashes",
        blocked_by: &["hash-fields"],
        commands: &["HSET", "HGET", "HINCRBY", "HINCRBYFLOAT", "HEXISTS"],
        hints: [
            "HINCRBY h n 9223372036854775807, then HINCRBY h n 1?",
            "An error, and n is what it was. Use the same checked addition as INCR.",
            "Parse the field strictly: no spaces, no plus sign, no leading zeros; else -ERR hash value is not an integer.",
        ],
        bugs: &[WRAPS, NO_NUMBER],
        run: counters,
        ..Check::PLAIN
    },
    Check {
        name: "hash-values",
        phases: KEYSPACE,
        title: "a field and its value are any bytes",
        lesson: "What holds for the elements of a list holds for fields and values: each width of an integer and each length of \
                 a string has an edge where an encoder can go wrong. A value that grows may also move the whole hash.",
        chapter: "docs/src/phase4/packed-runs.md",
        points: 1,
        topic: "hashes",
        blocked_by: &["hash-fields"],
        after: &["list-values"],
        commands: &["HSET", "HGET", "HLEN"],
        hints: [
            "Set fields named 127, 128, -1 and 01, with values of 63 and 64 bytes. What comes back?",
            "Replace a short value by a long one in the middle of a small hash, and read its neighbours.",
            "Move what stands behind the value by the difference of the lengths, in the right direction.",
        ],
        bugs: &[VALUE],
        run: values,
        ..Check::PLAIN
    },
    Check {
        name: "hash-large",
        phases: KEYSPACE,
        title: "a hash keeps every field when it becomes large, and when it shrinks",
        lesson: "Small and large hashes are kept in different ways, and on one HSET everything moves from the one to the other. \
                 The field that caused it is easily forgotten, or written twice. HSCAN walks through the large one in steps.",
        chapter: "docs/src/phase4/member-table.md",
        points: 2,
        topic: "hashes",
        blocked_by: &["hash-values"],
        after: &["scan", "scan-while-shrinking"],
        commands: &["HSET", "HGET", "HDEL", "HLEN", "HKEYS", "HSCAN"],
        hints: [
            "Set 3,000 fields one by one and ask HLEN and HGET along the way.",
            "At which field does it go wrong? 129, 513: that is your threshold.",
            "Convert first, then set the field in the new form; HSCAN is SCAN over the hash's own table.",
        ],
        bugs: &[LOST, SCAN],
        run: large,
        ..Check::PLAIN
    },
];

fn fields(ctx: &mut Context) -> Outcome {
    let mut talk = Talk::resp(ctx)?;
    talk.rows(&[
        ("HSET ~h a 1 b two a 3", ":2"),
        ("HSET ~h a 4 c b", ":1"),
        ("HSETNX ~h a 5", ":0"),
        ("HSETNX ~h d x", ":1"),
        ("HLEN ~h", ":4"),
    ])
    .likely(NEW)?;
    talk.rows(&[
        ("TYPE ~h", "+hash"),
        ("HGET ~h a", "$4"),
        ("HGET ~h c", "$b"),
        ("HGET ~h two", "nil"),
        ("HGET ~h x", "nil"),
        ("HEXISTS ~h b", ":1"),
        ("HEXISTS ~h 4", ":0"),
        ("HSTRLEN ~h b", ":3"),
    ])
    .likely(FIELD)?;
    talk.rows(&[
        ("HMGET ~h a nothing b", "[$4 nil $two]"),
        ("HMGET ~nothing a b", "[nil nil]"),
        ("HGET ~nothing a", "nil"),
        ("HLEN ~nothing", ":0"),
        ("HSTRLEN ~h nothing", ":0"),
        ("HDEL ~nothing a", ":0"),
    ])
    .likely(MISSING)?;
    pairs(&mut talk).likely(ALL)?;
    unordered(&mut talk, "HKEYS ~h", "a b c d").likely(ALL)?;
    unordered(&mut talk, "HVALS ~h", "4 two b x").likely(ALL)?;
    talk.ask("HGETALL ~nothing", "[]").likely(ALL)?;
    talk.rows(&[
        ("HDEL ~h a a nothing", ":1"),
        ("HDEL ~h b c", ":2"),
        ("HLEN ~h", ":1"),
        ("HDEL ~h d", ":1"),
    ])
    .likely(NEW)?;
    gone(&mut talk, "~h")?;
    refuses(&mut talk, &["HSET ~string a 1", "HGET ~string a", "HGETALL ~string", "HDEL ~string a"])?;
    talk.rows(&[("HSET ~h a 1", ":1"), ("GET ~h", super::elements::WRONGTYPE), ("HGET ~h a", "$1")])
        .likely(TYPE)
}

/// Which value follows which field matters, and not the order of the pairs.
fn pairs(talk: &mut Talk) -> Outcome {
    let reply = talk.hear("HGETALL ~h")?;
    let mut got = super::elements::bulks(&reply).unwrap_or_default();
    let mut pairs: Vec<&mut [Vec<u8>]> = got.chunks_mut(2).collect();
    pairs.sort();
    let wanted = ["a", "4", "b", "two", "c", "b", "d", "x"];
    if pairs.concat() == wanted.map(|text| text.as_bytes().to_vec()) {
        return Ok(());
    }
    Err(talk.wrong(&reply, "a 4 b two c b d x, the pairs in any order,"))
}

fn counters(ctx: &mut Context) -> Outcome {
    let mut talk = Talk::resp(ctx)?;
    talk.rows(&[
        ("HINCRBY ~h n 5", ":5"),
        ("HINCRBY ~h n -7", ":-2"),
        ("HSET ~h text abc blank ''", ":2"),
        ("HINCRBY ~h text 1", "-ERR hash value is not an integer"),
        ("HINCRBY ~h blank 1", "-ERR hash value is not an integer"),
        ("HINCRBY ~h fresh x", "-ERR value is not an integer or out of range"),
        ("HEXISTS ~h fresh", ":0"),
        ("HGET ~h text", "$abc"),
        ("HINCRBYFLOAT ~h f 1.5", "$1.5"),
        ("HINCRBYFLOAT ~h f -0.25", "$1.25"),
        ("HINCRBYFLOAT ~h text 1", "-ERR hash value is not a float"),
    ])
    .likely(NO_NUMBER)?;
    talk.rows(&[
        ("HSET ~h big 9223372036854775806", ":1"),
        ("HINCRBY ~h big 1", ":9223372036854775807"),
        ("HINCRBY ~h big 1", "-ERR increment or decrement would overflow"),
        ("HGET ~h big", "$9223372036854775807"),
        ("HSET ~h low -9223372036854775807", ":1"),
        ("HINCRBY ~h low -2", "-ERR increment or decrement would overflow"),
    ])
    .likely(WRAPS)
}

fn values(ctx: &mut Context) -> Outcome {
    let mut talk = Talk::resp(ctx)?;
    let values = edge_values(ctx);
    // Short ones keep the hash small; with the long ones it becomes large.
    for (key, longest) in [(b"short", 64), (b"every", usize::MAX)] {
        let fitting: Vec<&Vec<u8>> = values.iter().filter(|value| value.len() <= longest).collect();
        for round in [0, 1] {
            talk.step(format!("{} fields, each with another one's name as its value", fitting.len()));
            let value_of = |n: usize| fitting[(n + 1 + round) % fitting.len()];
            for (n, field) in fitting.iter().enumerate() {
                let new = Reply::Integer(i64::from(round == 0));
                talk.ask_bytes(&[b"HSET", key, field, value_of(n)], &new).likely(VALUE)?;
            }
            for (n, field) in fitting.iter().enumerate() {
                let value = Reply::bulk(value_of(n).as_slice());
                talk.ask_bytes(&[b"HGET", key, field], &value).likely(VALUE)?;
            }
        }
        let len = Reply::Integer(fitting.len() as i64);
        talk.ask_bytes(&[b"HLEN", key], &len).likely(VALUE)?;
    }
    Ok(())
}

fn large(ctx: &mut Context) -> Outcome {
    const FIELDS: usize = 2_000;
    let mut talk = Talk::resp(ctx)?;
    let name = |n: usize| format!("field:{n}").into_bytes();
    for n in 0..FIELDS {
        talk.step(format!("field {n} of a hash"));
        let value = n.to_string();
        talk.ask_bytes(&[b"HSET", b"h", &name(n), value.as_bytes()], &Reply::Integer(1)).likely(LOST)?;
        talk.ask_bytes(&[b"HGET", b"h", &name(n)], &Reply::bulk(value)).likely(LOST)?;
        let (other, length) = (ctx.rng.below(n + 1), Reply::Integer(n as i64 + 1));
        talk.ask_bytes(&[b"HGET", b"h", &name(other)], &Reply::bulk(other.to_string())).likely(LOST)?;
        talk.ask_bytes(&[b"HLEN", b"h"], &length).likely(LOST)?;
    }
    let fields: Vec<Vec<u8>> = (0..FIELDS).map(name).collect();
    same_elements(&mut talk, "HKEYS h", fields.clone()).likely(LOST)?;
    shows_all(&mut talk, &fields, "COUNT 50")?;
    shows_all(&mut talk, &fields[..1], "MATCH field:0")?;
    let mut left: Vec<usize> = (0..FIELDS).collect();
    ctx.rng.shuffle(&mut left);
    for n in left.split_off(100) {
        talk.ask_bytes(&[b"HDEL", b"h", &name(n)], &Reply::Integer(1)).likely(LOST)?;
    }
    same_elements(&mut talk, "HKEYS h", left.into_iter().map(name).collect()).likely(LOST)
}

/// HSCAN with these options shows exactly these fields, each with its number.
fn shows_all(talk: &mut Talk, fields: &[Vec<u8>], options: &str) -> Outcome {
    let shown = scan_all(talk, "HSCAN h", options).likely(SCAN)?;
    let mut shown: Vec<&[Vec<u8>]> = shown.chunks(2).collect();
    shown.sort();
    shown.dedup();
    let right = shown.iter().all(|pair| fields.contains(&pair[0]) && pair[0].ends_with(&pair[1]));
    if right && shown.len() == fields.len() {
        return Ok(());
    }
    let text = format!("HSCAN has shown {} pairs of {}", shown.len(), fields.len());
    Err(talk.client.fail(Kind::WrongBytes, text)).likely(SCAN)
}
