//! Commands on strings.

use super::talk::{KEYSPACE, Talk};
use crate::check::{Check, Context, Explain as _, Outcome};

const CONDITION: &str = "SET's NX, XX or GET is ignored";
const SYNTAX: &str = "SET accepts options that contradict each other";
const DEADLINE: &str = "SET's deadline options are mistaken";
const RANGE: &str = "GETRANGE counts negative or far offsets wrongly";
const PADDING: &str = "SETRANGE does not fill the gap with zero bytes";
const MANY: &str = "MGET or MSET treats its keys one-sidedly";
const NOT_ATOMIC: &str = "MSETNX sets some keys although one exists";
const APPEND: &str = "APPEND or STRLEN miscounts";
const FETCH: &str = "GETSET, GETDEL or GETEX does half of its work";

pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "set-options",
        phases: KEYSPACE,
        catalogue: &[47],
        title: "SET honours NX, XX, GET, KEEPTTL, EX and PX, and refuses contradictions",
        lesson: "SET with options is the atomic `if absent` from which locks are built. An option that is read and not \
                 obeyed is worse than one that is refused.",
        chapter: "docs/src/phase4/commands.md",
        points: 3,
        topic: "strings",
        blocked_by: &["set-get-del", "overwrite-clears-deadline"],
        commands: &["SET", "SET PX", "SET EX", "SET NX", "GET", "DEL", "TTL", "SETNX", "SETEX", "PSETEX"],
        hints: [
            "What does SET answer when its condition does not hold?",
            "nil, and nothing changes; with GET it answers the old value either way.",
            "NX with XX, EX with PX, KEEPTTL with EX: syntax errors. A deadline of 0 or less: invalid expire time.",
        ],
        bugs: &[CONDITION, SYNTAX, DEADLINE],
        run: set_options,
        ..Check::PLAIN
    },
    Check {
        name: "ranges",
        phases: KEYSPACE,
        catalogue: &[26],
        title: "GETRANGE and SETRANGE at their edges",
        lesson: "Offsets count from the end when negative and may lie anywhere. Each is clamped before it becomes a slice; \
                 one that is not takes the server down or shows foreign memory.",
        chapter: "docs/src/phase4/commands.md",
        points: 2,
        topic: "strings",
        blocked_by: &["set-get-del"],
        commands: &["SET", "GET", "DEL", "GETRANGE", "SETRANGE"],
        hints: [
            "What is GETRANGE k -100 100 of a value of five bytes?",
            "Add the length to a negative offset, clamp to 0, clamp the end to the last byte; start > end is empty.",
            "SETRANGE beyond the end fills the gap with zero bytes; an empty value changes nothing, not even the length.",
        ],
        bugs: &[RANGE, PADDING],
        run: ranges,
        ..Check::PLAIN
    },
    Check {
        name: "many-keys",
        phases: KEYSPACE,
        catalogue: &[],
        title: "MGET, MSET and MSETNX treat all their keys as one",
        lesson: "One command, many keys, one moment: nobody sees half of an MSET, and MSETNX sets all or none.",
        chapter: "docs/src/phase4/one-thread.md",
        points: 2,
        topic: "strings",
        blocked_by: &["set-get-del"],
        commands: &["GET", "DEL", "MGET", "MSET", "MSETNX"],
        hints: [
            "What must MSETNX do when its last key exists?",
            "Look at every key first, then write.",
            "if any exists { return 0 } set all; return 1. MSET takes the last value of a key named twice.",
        ],
        bugs: &[MANY, NOT_ATOMIC],
        run: many,
        ..Check::PLAIN
    },
    Check {
        name: "append-and-fetch",
        phases: KEYSPACE,
        catalogue: &[],
        title: "APPEND, STRLEN, GETSET, GETDEL and GETEX",
        lesson: "Read-and-change commands exist so that nobody can come between the two halves. Both halves must happen, \
                 in one command.",
        chapter: "docs/src/phase4/commands.md",
        points: 2,
        topic: "strings",
        blocked_by: &["set-get-del", "overwrite-clears-deadline"],
        commands: &["GET", "EXPIRE", "TTL", "PERSIST", "APPEND", "STRLEN", "GETSET", "GETDEL", "GETEX"],
        hints: [
            "What does each of them answer for a key that is missing?",
            "APPEND answers the new length, GETSET the old value and clears the deadline, GETDEL deletes what it returns.",
            "GETEX without option is GET; with PERSIST or EX it changes the deadline only.",
        ],
        bugs: &[APPEND, FETCH],
        run: append_and_fetch,
        ..Check::PLAIN
    },
];

fn set_options(ctx: &mut Context) -> Outcome {
    let mut talk = Talk::resp(ctx)?;
    talk.rows(&[
        ("SET ~k a XX", "nil"),
        ("GET ~k", "nil"),
        ("SET ~k a NX", "+OK"),
        ("SET ~k b NX", "nil"),
        ("GET ~k", "$a"),
        ("SET ~k b XX", "+OK"),
        ("SET ~k c GET", "$b"),
        ("SET ~k d NX GET", "$c"),
        ("GET ~k", "$c"),
        ("SET ~new d NX GET", "nil"),
        ("GET ~new", "$d"),
        ("SETNX ~k e", ":0"),
        ("SETNX ~other e", ":1"),
        ("DEL ~k ~new ~other", ":3"),
    ])
    .likely(CONDITION)?;
    talk.rows(&[
        ("SET ~k v NX XX", "-ERR syntax error"),
        ("SET ~k v EX 10 PX 10", "-ERR syntax error"),
        ("SET ~k v EX 10 KEEPTTL", "-ERR syntax error"),
        ("SET ~k v EX", "-ERR syntax error"),
        ("GET ~k", "nil"),
    ])
    .likely(SYNTAX)?;
    talk.rows(&[
        ("SET ~k v EX 0", "-ERR invalid expire time in 'set' command"),
        ("SET ~k v PX -5", "-ERR invalid expire time in 'set' command"),
        ("SET ~k v EX ten", "-ERR value is not an integer or out of range"),
        ("SETEX ~k 0 v", "-ERR invalid expire time in 'setex' command"),
        ("GET ~k", "nil"),
        ("SET ~k v EX 1000", "+OK"),
        ("SET ~k w KEEPTTL", "+OK"),
    ])
    .likely(DEADLINE)?;
    for command in ["SET ~k w KEEPTTL", "SET ~k w PX 1000000", "SETEX ~k 1000 w", "PSETEX ~k 1000000 w"] {
        talk.ask(command, "+OK").likely(DEADLINE)?;
        let left = talk.integer("TTL ~k")?;
        if !(900..=1_000).contains(&left) {
            let text = format!("after `{command}` 1,000 s should be left, TTL says {left}");
            return Err(talk.client.fail(crate::check::Kind::WrongBytes, text)).likely(DEADLINE);
        }
    }
    talk.rows(&[("SET ~k plain", "+OK"), ("TTL ~k", ":-1"), ("DEL ~k", ":1")]).likely(DEADLINE)
}

fn ranges(ctx: &mut Context) -> Outcome {
    let mut talk = Talk::resp(ctx)?;
    talk.rows(&[
        ("SET ~k hello", "+OK"),
        ("GETRANGE ~k 0 -1", "$hello"),
        ("GETRANGE ~k 1 3", "$ell"),
        ("GETRANGE ~k -3 -2", "$ll"),
        ("GETRANGE ~k -100 100", "$hello"),
        ("GETRANGE ~k 3 1", "$"),
        ("GETRANGE ~k 5 10", "$"),
        ("GETRANGE ~k -1 -5", "$"),
        ("GETRANGE ~k -9223372036854775808 9223372036854775807", "$hello"),
        ("GETRANGE ~none 0 -1", "$"),
        ("GETRANGE ~k a 2", "-ERR value is not an integer or out of range"),
    ])
    .likely(RANGE)?;
    talk.rows(&[
        ("SETRANGE ~k 1 u", ":5"),
        ("GET ~k", "$hullo"),
        ("SETRANGE ~k 7 x", ":8"),
        ("GET ~k", "$hullo\0\0x"),
        ("SETRANGE ~none 0 ''", ":0"),
        ("GET ~none", "nil"),
        ("SETRANGE ~k 100 ''", ":8"),
        ("SETRANGE ~none 3 x", ":4"),
        ("GET ~none", "$\0\0\0x"),
        ("SETRANGE ~k -1 x", "-ERR offset is out of range"),
        (
            "SETRANGE ~k 9223372036854775807 x",
            "-ERR string exceeds maximum allowed size (proto-max-bulk-len)",
        ),
        ("DEL ~k ~none", ":2"),
    ])
    .likely(PADDING)
}

fn many(ctx: &mut Context) -> Outcome {
    let mut talk = Talk::resp(ctx)?;
    talk.rows(&[
        ("MSET ~a 1 ~b 2 ~c 3", "+OK"),
        ("MGET ~c ~none ~a ~a", "[$3 nil $1 $1]"),
        ("MSET ~a x ~a y", "+OK"),
        ("GET ~a", "$y"),
    ])
    .likely(MANY)?;
    talk.rows(&[
        ("MSETNX ~d 4 ~e 5 ~b 6", ":0"),
        ("MGET ~d ~e ~b", "[nil nil $2]"),
        ("MSETNX ~d 4 ~e 5", ":1"),
        ("MGET ~d ~e", "[$4 $5]"),
        ("DEL ~a ~b ~c ~d ~e", ":5"),
    ])
    .likely(NOT_ATOMIC)
}

fn append_and_fetch(ctx: &mut Context) -> Outcome {
    let mut talk = Talk::resp(ctx)?;
    talk.rows(&[
        ("STRLEN ~k", ":0"),
        ("APPEND ~k abc", ":3"),
        ("APPEND ~k ''", ":3"),
        ("APPEND ~k def", ":6"),
        ("GET ~k", "$abcdef"),
        ("STRLEN ~k", ":6"),
    ])
    .likely(APPEND)?;
    talk.rows(&[
        ("GETSET ~none x", "nil"),
        ("GETDEL ~none", "$x"),
        ("GETDEL ~none", "nil"),
        ("EXPIRE ~k 1000", ":1"),
        ("GETEX ~k PERSIST", "$abcdef"),
        ("TTL ~k", ":-1"),
        ("GETEX ~k EX 1000", "$abcdef"),
        ("PERSIST ~k", ":1"),
        ("EXPIRE ~k 1000", ":1"),
        ("GETSET ~k new", "$abcdef"),
        ("TTL ~k", ":-1"),
        ("GETEX ~none EX 10", "nil"),
        ("GETDEL ~k", "$new"),
    ])
    .likely(FETCH)
}
