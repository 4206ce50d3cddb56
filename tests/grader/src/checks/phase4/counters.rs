//! Commands that count.

use super::talk::{KEYSPACE, Talk};
use crate::check::{Check, Context, Explain as _, Outcome};

const COUNTS: &str = "INCR and its kin miscount";
const WRAPS: &str = "integer overflow wraps around";
const LAX: &str = "text that is no integer is counted as one";
const FLOAT: &str = "INCRBYFLOAT formats or adds wrongly";

pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "counters",
        phases: KEYSPACE,
        catalogue: &[],
        title: "INCR, DECR, INCRBY and DECRBY count, and keep the deadline",
        lesson: "A counter is a string that happens to hold an integer; a missing key counts from 0. Because one thread runs \
                 one command at a time, two clients' INCRs never lose each other's step.",
        chapter: "docs/src/phase4/one-thread.md",
        points: 1,
        topic: "counters",
        blocked_by: &["set-get-del"],
        commands: &["GET", "DEL", "EXPIRE", "PERSIST", "INCR", "DECR", "INCRBY", "DECRBY"],
        hints: [
            "What is a counter that was never set?",
            "Parse the string, add, store the decimal text, answer the number. The deadline stays.",
            "DECRBY k n is INCRBY k -n, except that -n does not exist for the smallest integer.",
        ],
        bugs: &[COUNTS],
        run: counters,
        ..Check::PLAIN
    },
    Check {
        name: "counter-overflow",
        phases: KEYSPACE,
        catalogue: &[57],
        title: "a counter at the largest integer refuses to go on",
        lesson: "2⁶³−1 plus 1 is not a number this type has. In C it is undefined, in Rust it panics or wraps by build mode, \
                 in Java it turns negative in silence. A server checks before it adds, and leaves the value as it was.",
        chapter: "docs/src/phase4/commands.md",
        points: 2,
        topic: "counters",
        blocked_by: &["counters"],
        commands: &["SET", "GET", "INCR", "DECR", "INCRBY", "DECRBY"],
        hints: [
            "Set a counter to 9223372036854775807 and INCR it.",
            "The addition itself can tell: checked_add, __builtin_add_overflow.",
            "-ERR increment or decrement would overflow; the value stays.",
        ],
        bugs: &[WRAPS],
        run: overflow,
        ..Check::PLAIN
    },
    Check {
        name: "counter-text",
        phases: KEYSPACE,
        catalogue: &[],
        title: "only the canonical decimal form is an integer",
        lesson: "` 1`, `+1`, `1.0`, `01` and `0x1` are no integers to Redis. A lenient parser counts what another client \
                 meant as text.",
        chapter: "docs/src/phase4/commands.md",
        points: 1,
        topic: "counters",
        blocked_by: &["counters"],
        commands: &["SET", "GET", "INCR", "INCRBY"],
        hints: [
            "Does your language's parser accept blanks, a plus sign or leading zeros?",
            "Accept exactly what printing the number would give back.",
            "-ERR value is not an integer or out of range, and the value stays.",
        ],
        bugs: &[LAX],
        run: text,
        ..Check::PLAIN
    },
    Check {
        name: "counter-float",
        phases: KEYSPACE,
        catalogue: &[],
        title: "INCRBYFLOAT adds and answers without exponent or trailing zeros",
        lesson: "The sum is stored as text, so its form is part of the contract: no exponent, no trailing zeros, no `.0`; \
                 and neither infinity nor NaN may ever be stored.",
        chapter: "docs/src/phase4/commands.md",
        points: 1,
        topic: "counters",
        blocked_by: &["counters"],
        commands: &["SET", "GET", "DEL", "INCRBYFLOAT"],
        hints: [
            "What does INCRBYFLOAT answer for 3.0 + 1?",
            "Format with 17 significant digits, then take trailing zeros and the point off.",
            "Refuse inf and nan: -ERR increment would produce NaN or Infinity.",
        ],
        bugs: &[FLOAT],
        run: float,
        ..Check::PLAIN
    },
];

fn counters(ctx: &mut Context) -> Outcome {
    let mut talk = Talk::resp(ctx)?;
    talk.rows(&[
        ("INCR ~n", ":1"),
        ("INCR ~n", ":2"),
        ("DECR ~n", ":1"),
        ("INCRBY ~n 41", ":42"),
        ("DECRBY ~n 50", ":-8"),
        ("INCRBY ~n -2", ":-10"),
        ("GET ~n", "$-10"),
        ("DECR ~m", ":-1"),
        ("EXPIRE ~n 1000", ":1"),
        ("INCR ~n", ":-9"),
        ("PERSIST ~n", ":1"),
        ("DEL ~n ~m", ":2"),
    ])
    .likely(COUNTS)
}

fn overflow(ctx: &mut Context) -> Outcome {
    let mut talk = Talk::resp(ctx)?;
    let error = "-ERR increment or decrement would overflow";
    talk.rows(&[
        ("SET ~n 9223372036854775806", "+OK"),
        ("INCR ~n", ":9223372036854775807"),
        ("INCR ~n", error),
        ("INCRBY ~n 1", error),
        ("INCRBY ~n 9223372036854775807", error),
        ("GET ~n", "$9223372036854775807"),
        ("DECRBY ~n -1", error),
        ("SET ~n -9223372036854775807", "+OK"),
        ("DECR ~n", ":-9223372036854775808"),
        ("DECR ~n", error),
        ("INCRBY ~n -1", error),
        ("GET ~n", "$-9223372036854775808"),
        ("DECRBY ~n -9223372036854775808", "-ERR decrement would overflow"),
        ("INCRBY ~n 9223372036854775808", "-ERR value is not an integer or out of range"),
    ])
    .likely(WRAPS)
}

fn text(ctx: &mut Context) -> Outcome {
    let mut talk = Talk::resp(ctx)?;
    let error = "-ERR value is not an integer or out of range";
    for value in ["abc", "+1", "01", "1.0", "0x1", "1a", "-", "-0", "9223372036854775808", "''"] {
        talk.ask(&format!("SET ~n {value}"), "+OK")?;
        talk.ask("INCR ~n", error).likely(LAX)?;
    }
    for amount in ["abc", "1.5", "+1", "''"] {
        talk.ask(&format!("INCRBY ~m {amount}"), error).likely(LAX)?;
    }
    for value in [&b" 1"[..], b"1 ", b"1\n", b"1\0"] {
        use super::reply::Reply;
        talk.step(format!("INCR of the text `{}`", value.escape_ascii()));
        talk.ask_bytes(&[b"SET", b"blank", value], &Reply::ok())?;
        talk.ask_bytes(&[b"INCR", b"blank"], &Reply::shorthand(error)).likely(LAX)?;
    }
    talk.ask("GET ~m", "nil").likely(LAX)
}

fn float(ctx: &mut Context) -> Outcome {
    let mut talk = Talk::resp(ctx)?;
    talk.rows(&[
        ("INCRBYFLOAT ~f 10.5", "$10.5"),
        ("INCRBYFLOAT ~f 0.5", "$11"),
        ("INCRBYFLOAT ~f -1.25", "$9.75"),
        ("SET ~f 5.0e3", "+OK"),
        ("INCRBYFLOAT ~f 200", "$5200"),
        ("GET ~f", "$5200"),
        ("SET ~f 0.1", "+OK"),
        ("INCRBYFLOAT ~f 0.2", "$0.3"),
        ("INCRBYFLOAT ~f abc", "-ERR value is not a valid float"),
        ("SET ~f text", "+OK"),
        ("INCRBYFLOAT ~f 1", "-ERR value is not a valid float"),
        ("DEL ~f", ":1"),
    ])
    .likely(FLOAT)
}
