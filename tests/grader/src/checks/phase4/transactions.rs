//! Transactions: what is queued, what EXEC answers, and what an error does to the rest.

use super::reply::Reply;
use super::talk::{KEYSPACE, Talk};
use crate::check::{Check, Context, Explain as _, Outcome};

const QUEUE: &str = "a command runs when it should be queued";
const REPLIES: &str = "EXEC does not answer with one reply for each queued command, in order";
const DISCARD: &str = "DISCARD runs what was queued, or keeps it";
const STATE: &str = "MULTI, EXEC or DISCARD is accepted where it makes no sense";
const ABORT: &str = "EXEC runs although a command could not be queued";
const STOPS: &str = "an error stops the commands behind it in EXEC";
const STAYS: &str = "a transaction that has failed does not end";

pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "multi-exec",
        phases: KEYSPACE,
        title: "MULTI queues, EXEC runs, DISCARD forgets",
        lesson: "Between MULTI and EXEC a client gets QUEUED for each command, and nothing happens. EXEC runs them as one \
                 unit and answers with an array of their replies. A MULTI inside MULTI is an error that changes nothing.",
        chapter: "docs/src/phase4/unit-of-execution.md",
        points: 2,
        topic: "transactions",
        blocked_by: &["set-get-del"],
        after: &["counters"],
        commands: &["SET", "GET", "INCR", "MULTI"],
        hints: [
            "What does another client read between your SET and your EXEC?",
            "The old value: keep a list of requests per client, and answer +QUEUED.",
            "EXEC: write *n, then run each of them with the same function that runs a command outside.",
        ],
        bugs: &[QUEUE, REPLIES, DISCARD, STATE],
        run: multi,
        ..Check::PLAIN
    },
    Check {
        name: "exec-errors",
        phases: KEYSPACE,
        title: "a command that can't be queued aborts EXEC, one that fails in it doesn't",
        lesson: "What is wrong with a request by itself shows when it is queued, and EXEC then runs nothing. What is wrong with \
                 the data shows only when it runs; then its error is one of the replies, and the others go on. There is no \
                 going back: a Redis transaction isn't one of SQL.",
        chapter: "docs/src/phase4/unit-of-execution.md",
        points: 2,
        topic: "transactions",
        blocked_by: &["multi-exec"],
        after: &["mistakes"],
        commands: &["SET", "GET", "INCR", "MULTI"],
        hints: [
            "MULTI, SET k 1, SET k, EXEC: is k set?",
            "No: -EXECABORT Transaction discarded because of previous errors. Remember in the client that one was refused.",
            "INCR of a text fails in EXEC; the SET behind it runs all the same.",
        ],
        bugs: &[ABORT, STOPS, STAYS],
        run: errors,
        ..Check::PLAIN
    },
];

fn multi(ctx: &mut Context) -> Outcome {
    let mut talk = Talk::resp_as(ctx, "A")?;
    let mut other = Talk::resp_as(ctx, "B")?;
    other.salt.clone_from(&talk.salt);
    talk.rows(&[
        ("SET ~k old", "+OK"),
        ("MULTI", "+OK"),
        ("SET ~k 1", "+QUEUED"),
        ("INCR ~k", "+QUEUED"),
        ("GET ~k", "+QUEUED"),
    ])
    .likely(QUEUE)?;
    other.ask("GET ~k", "$old").likely(QUEUE)?;
    talk.ask("EXEC", "[+OK :2 $2]").likely(REPLIES)?;
    other.ask("GET ~k", "$2").likely(REPLIES)?;
    talk.rows(&[("MULTI", "+OK"), ("EXEC", "[]"), ("GET ~k", "$2")]).likely(REPLIES)?;
    talk.rows(&[
        ("MULTI", "+OK"),
        ("SET ~k lost", "+QUEUED"),
        ("DISCARD", "+OK"),
        ("GET ~k", "$2"),
        ("MULTI", "+OK"),
        ("SET ~l x", "+QUEUED"),
        ("EXEC", "[+OK]"),
        ("GET ~k", "$2"),
    ])
    .likely(DISCARD)?;
    talk.rows(&[
        ("EXEC", "-ERR EXEC without MULTI"),
        ("DISCARD", "-ERR DISCARD without MULTI"),
        ("MULTI", "+OK"),
        ("SET ~k 3", "+QUEUED"),
        ("MULTI", "-ERR MULTI calls can not be nested"),
        ("GET ~k", "+QUEUED"),
        ("EXEC", "[+OK $3]"),
        ("EXEC", "-ERR EXEC without MULTI"),
    ])
    .likely(STATE)
}

fn errors(ctx: &mut Context) -> Outcome {
    let mut talk = Talk::resp(ctx)?;
    talk.rows(&[
        ("MULTI", "+OK"),
        ("SET ~a 1", "+QUEUED"),
        ("SET ~a", "-ERR wrong number of arguments for 'set' command"),
        ("SET ~b 1", "+QUEUED"),
        ("EXEC", "-EXECABORT Transaction discarded because of previous errors."),
    ])
    .likely(ABORT)?;
    talk.rows(&[("EXEC", "-ERR EXEC without MULTI"), ("SET ~c 0", "+OK")]).likely(STAYS)?;
    talk.rows(&[("GET ~a", "nil"), ("GET ~b", "nil")]).likely(ABORT)?;
    talk.rows(&[
        ("SET ~text abc", "+OK"),
        ("MULTI", "+OK"),
        ("SET ~c 1", "+QUEUED"),
        ("INCR ~text", "+QUEUED"),
        ("SET ~d 1", "+QUEUED"),
        ("INCR ~c", "+QUEUED"),
    ])?;
    let refused = Reply::Error("ERR value is not an integer or out of range".into());
    let replies = Reply::Array(vec![Reply::ok(), refused, Reply::ok(), Reply::Integer(2)]);
    let exec = talk.bytes_of("EXEC");
    talk.step("`EXEC`");
    talk.exchange(&exec, &replies).likely(STOPS)?;
    talk.rows(&[("GET ~d", "$1"), ("GET ~c", "$2"), ("GET ~text", "$abc")]).likely(STOPS)
}
