//! Sets as algebra: what is in all of them, in any, in the first and no other.

use super::elements::{gone_for, unordered};
use super::reply::Reply;
use super::talk::{KEYSPACE, Talk};
use crate::check::{Check, Context, Explain as _, Outcome};

const INTER: &str = "SINTER returns members that not every set has, or misses some";
const UNION: &str = "SUNION misses a member, or returns one twice";
const DIFF: &str = "SDIFF subtracts the wrong sets";
const MISSING: &str = "a set that is not there is passed over instead of counting as empty";
const CHANGES: &str = "a command that only reads changes a set";
const CARD: &str = "SINTERCARD counts wrongly, or ignores its LIMIT";
const STORE: &str = "a STORE form does not replace what was there";
const SOURCE: &str = "a destination that is one of the sources is emptied before it is read";

pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "set-algebra",
        phases: KEYSPACE,
        title: "SINTER, SUNION, SDIFF and SINTERCARD do what their names say",
        lesson: "A key that is not there is an empty set: an intersection with it is empty, and a union or a difference is not \
                 bothered. The smallest set is walked through and the others are asked, but the order of the keys never \
                 decides what comes out, except for SDIFF.",
        chapter: "docs/src/phase4/set-algebra.md",
        points: 2,
        topic: "sets",
        blocked_by: &["set-members"],
        commands: &["SADD", "SMEMBERS", "SINTER", "SUNION", "SDIFF", "SINTERCARD"],
        hints: [
            "What is SINTER of a set and of a key that does not exist?",
            "Empty. Look every key up first; one that is missing ends an intersection.",
            "Sort copies of the references by size, not the sets; never write into one of the sources.",
        ],
        bugs: &[INTER, UNION, DIFF, MISSING, CHANGES, CARD],
        run: algebra,
        ..Check::PLAIN
    },
    Check {
        name: "set-store",
        phases: KEYSPACE,
        title: "SINTERSTORE and its kin replace their destination",
        lesson: "The result replaces whatever was at the destination, of whatever type and with its deadline. An empty result \
                 removes the key. The destination may be one of the sources: so compute first, then store.",
        chapter: "docs/src/phase4/set-algebra.md",
        points: 1,
        topic: "sets",
        blocked_by: &["set-algebra"],
        commands: &[
            "SET",
            "SET EX",
            "EXISTS",
            "TYPE",
            "SADD",
            "SMEMBERS",
            "SINTERSTORE",
            "SUNIONSTORE",
            "SDIFFSTORE",
        ],
        hints: [
            "SDIFFSTORE a a b: when is a cleared?",
            "After the difference is known. Build the result aside, then put it in place of the old value.",
            "If the result is empty, delete the destination; the reply is 0.",
        ],
        bugs: &[STORE, SOURCE],
        run: store,
        ..Check::PLAIN
    },
];

fn algebra(ctx: &mut Context) -> Outcome {
    let mut talk = Talk::resp(ctx)?;
    // The first is the largest, so that an order by size is another one than that of the keys.
    talk.rows(&[("SADD ~a 1 2 3 4 x y", ":6"), ("SADD ~b 2 3 x z", ":4"), ("SADD ~c 3 x z", ":3")])?;
    unordered(&mut talk, "SINTER ~a ~b", "2 3 x").likely(INTER)?;
    unordered(&mut talk, "SMEMBERS ~a", "1 2 3 4 x y").likely(CHANGES)?;
    unordered(&mut talk, "SINTER ~a ~b ~c", "3 x").likely(INTER)?;
    unordered(&mut talk, "SINTER ~a", "1 2 3 4 x y").likely(INTER)?;
    unordered(&mut talk, "SUNION ~a ~b ~c", "1 2 3 4 x y z").likely(UNION)?;
    unordered(&mut talk, "SUNION ~c ~c", "3 x z").likely(UNION)?;
    unordered(&mut talk, "SDIFF ~a ~b ~c", "1 4 y").likely(DIFF)?;
    unordered(&mut talk, "SDIFF ~b ~a", "z").likely(DIFF)?;
    unordered(&mut talk, "SDIFF ~a ~a", "").likely(DIFF)?;
    unordered(&mut talk, "SINTER ~a ~nothing ~b", "").likely(MISSING)?;
    unordered(&mut talk, "SUNION ~nothing ~c", "3 x z").likely(MISSING)?;
    unordered(&mut talk, "SDIFF ~nothing ~c", "").likely(MISSING)?;
    unordered(&mut talk, "SDIFF ~c ~nothing", "3 x z").likely(MISSING)?;
    talk.rows(&[
        ("SINTERCARD 2 ~a ~b", ":3"),
        ("SINTERCARD 2 ~a ~b LIMIT 2", ":2"),
        ("SINTERCARD 2 ~a ~b LIMIT 0", ":3"),
        ("SINTERCARD 2 ~a ~nothing", ":0"),
    ])
    .likely(CARD)?;
    unordered(&mut talk, "SMEMBERS ~a", "1 2 3 4 x y").likely(CHANGES)?;
    unordered(&mut talk, "SMEMBERS ~b", "2 3 x z").likely(CHANGES)?;
    unordered(&mut talk, "SMEMBERS ~c", "3 x z").likely(CHANGES)?;
    large(ctx, &mut talk).likely(INTER)
}

/// Two sets with many members, of which the smaller one stands second.
fn large(ctx: &mut Context, talk: &mut Talk) -> Outcome {
    let (from, to) = (ctx.rng.range(500, 600), ctx.rng.range(800, 900));
    let mut batch = talk.batch();
    for (key, range) in [(b"many", 0..1_000), (b"some", from..to + 500)] {
        for n in range {
            batch.push(&[b"SADD", key, n.to_string().as_bytes()], &Reply::Integer(1));
        }
    }
    talk.step("two sets with more than a thousand members between them");
    talk.run(&batch)?;
    let common: Vec<String> = (from..1_000.min(to + 500)).map(|n| n.to_string()).collect();
    unordered(talk, "SINTER many some", &common.join(" "))?;
    talk.ask("SINTERCARD 2 many some", &format!(":{}", common.len()))
}

fn store(ctx: &mut Context) -> Outcome {
    let mut talk = Talk::resp(ctx)?;
    talk.rows(&[("SADD ~a 1 2 3", ":3"), ("SADD ~b 3 4", ":2"), ("SET ~d text EX 1000", "+OK")])?;
    talk.rows(&[("SUNIONSTORE ~d ~a ~b", ":4"), ("TYPE ~d", "+set")]).likely(STORE)?;
    unordered(&mut talk, "SMEMBERS ~d", "1 2 3 4").likely(STORE)?;
    talk.ask("SDIFFSTORE ~d ~a ~b", ":2").likely(STORE)?;
    unordered(&mut talk, "SMEMBERS ~d", "1 2").likely(STORE)?;
    talk.ask("SINTERSTORE ~d ~a ~nothing", ":0").likely(STORE)?;
    gone_for(&mut talk, "~d", STORE)?;
    talk.ask("SUNIONSTORE ~a ~a ~b", ":4").likely(SOURCE)?;
    unordered(&mut talk, "SMEMBERS ~a", "1 2 3 4").likely(SOURCE)?;
    talk.ask("SDIFFSTORE ~a ~a ~b", ":2").likely(SOURCE)?;
    unordered(&mut talk, "SMEMBERS ~a", "1 2").likely(SOURCE)?;
    talk.ask("SINTERSTORE ~b ~a ~b", ":0").likely(SOURCE)?;
    gone_for(&mut talk, "~b", STORE)
}
