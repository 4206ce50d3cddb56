//! Sets: members added, asked for, removed, moved, drawn by chance.

use super::elements::{
    EMPTY, LOST, TYPE, VALUE, bulks, edge_values, gone, refuses, same_elements, scan_all, unordered,
};
use super::reply::Reply;
use super::talk::{KEYSPACE, Talk};
use crate::check::{Check, Context, Explain as _, Kind, Outcome};

const COUNT: &str = "SADD or SREM counts members that it has not changed";
const IS_IN: &str = "SISMEMBER or SMISMEMBER is wrong about a member";
const MOVE: &str = "SMOVE loses or duplicates a member";
const BIASED: &str = "members are not drawn with the same chance";
const REPEATS: &str = "a draw of several repeats a member, or returns another number of them";
const STAYS: &str = "SPOP returns a member and leaves it in the set";
const SCAN: &str = "SSCAN ends before it has shown every member";

pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "set-members",
        phases: KEYSPACE,
        title: "members are added once, found, moved and removed",
        lesson: "SADD and SREM answer how many members they have changed. SMOVE is one step: nobody sees the member in both \
                 sets, or in none; from a set to itself it changes nothing and answers 1.",
        chapter: "docs/src/phase4/member-table.md",
        points: 2,
        topic: "sets",
        blocked_by: &["set-get-del"],
        commands: &[
            "SET",
            "GET",
            "EXISTS",
            "TYPE",
            "SADD",
            "SREM",
            "SISMEMBER",
            "SMISMEMBER",
            "SCARD",
            "SMEMBERS",
            "SMOVE",
        ],
        hints: [
            "What is SADD s a a? And SMOVE s s a?",
            "1 and 1: a member named twice is new once; a set can be its own destination, and keeps the member.",
            "Remove first and add then; if the set is empty in between, the key has to come back.",
        ],
        bugs: &[COUNT, IS_IN, MOVE, EMPTY, TYPE],
        run: members,
        ..Check::PLAIN
    },
    Check {
        name: "set-values",
        phases: KEYSPACE,
        title: "a member is any bytes, and 01 is not 1",
        lesson: "A set of integers can be kept in a fifth of the memory, if only texts that are integers in their one spelling \
                 count as such. Between two widths a sign gets lost; a large set keeps them in another way than a small one.",
        chapter: "docs/src/phase4/member-table.md",
        points: 2,
        topic: "sets",
        blocked_by: &["set-members"],
        after: &["list-values"],
        commands: &["SADD", "SREM", "SISMEMBER", "SMEMBERS", "SCARD"],
        hints: [
            "SADD s 1 01 +1. How many members has it?",
            "Three. Turn the integer back into text and compare with what was sent before you keep it as one.",
            "Test -2^30 - 1, -2^30, 2^30 - 1, 2^30 and the edges of 16, 32 and 64 bits, in a set of 1,000 others.",
        ],
        bugs: &[VALUE],
        run: values,
        ..Check::PLAIN
    },
    Check {
        name: "set-chance",
        phases: KEYSPACE,
        title: "SPOP and SRANDMEMBER draw fairly",
        lesson: "Whoever draws lots with SPOP trusts that each has the same chance. SRANDMEMBER with a positive count draws \
                 different members, with a negative one the same may come again, and exactly so many come.",
        chapter: "docs/src/phase4/member-table.md",
        points: 2,
        topic: "sets",
        blocked_by: &["set-members"],
        commands: &["EXISTS", "TYPE", "SADD", "SREM", "SPOP", "SRANDMEMBER", "SCARD"],
        hints: [
            "Pop one of eight 1,600 times, putting it back each time. How often did each come?",
            "About 200 times. The first entry, or the first in a random bucket, is not a fair draw.",
            "Draw an index below the number of members; in a table draw a slot until one is full.",
        ],
        bugs: &[BIASED, REPEATS, STAYS, EMPTY],
        run: chance,
        ..Check::PLAIN
    },
    Check {
        name: "set-large",
        phases: KEYSPACE,
        title: "a set keeps every member when it becomes large, and when it shrinks",
        lesson: "One SADD turns a small set into a large one, and everything in it moves. SSCAN then walks in steps, under the \
                 promise of SCAN: what is there all the time is shown.",
        chapter: "docs/src/phase4/member-table.md",
        points: 2,
        topic: "sets",
        blocked_by: &["set-values"],
        after: &["scan", "scan-while-shrinking"],
        commands: &["SADD", "SREM", "SISMEMBER", "SCARD", "SMEMBERS", "SSCAN"],
        hints: [
            "Add 2,000 members one by one, integers and texts, and ask SCARD along the way.",
            "Where the set is converted, is the member that caused it in the new form, and once?",
            "Convert first, then add; SSCAN is SCAN over the set's own table.",
        ],
        bugs: &[LOST, SCAN],
        run: large,
        ..Check::PLAIN
    },
];

fn members(ctx: &mut Context) -> Outcome {
    let mut talk = Talk::resp(ctx)?;
    talk.rows(&[
        ("SADD ~s a b a", ":2"),
        ("SADD ~s b c", ":1"),
        ("SCARD ~s", ":3"),
        ("SREM ~s c c nothing", ":1"),
        ("SREM ~nothing a", ":0"),
        ("SCARD ~s", ":2"),
        ("SCARD ~nothing", ":0"),
    ])
    .likely(COUNT)?;
    talk.rows(&[
        ("TYPE ~s", "+set"),
        ("SISMEMBER ~s a", ":1"),
        ("SISMEMBER ~s c", ":0"),
        ("SISMEMBER ~nothing a", ":0"),
        ("SMISMEMBER ~s a c b", "[:1 :0 :1]"),
        ("SMISMEMBER ~nothing a b", "[:0 :0]"),
        ("SMEMBERS ~nothing", "[]"),
    ])
    .likely(IS_IN)?;
    unordered(&mut talk, "SMEMBERS ~s", "a b").likely(IS_IN)?;
    talk.rows(&[
        ("SMOVE ~s ~t a", ":1"),
        ("SMOVE ~s ~t a", ":0"),
        ("SISMEMBER ~s a", ":0"),
        ("SISMEMBER ~t a", ":1"),
        ("SMOVE ~s ~s b", ":1"),
        ("SISMEMBER ~s b", ":1"),
        ("SADD ~t b", ":1"),
        ("SMOVE ~s ~t b", ":1"),
        ("SCARD ~t", ":2"),
        ("SMOVE ~nothing ~t a", ":0"),
    ])
    .likely(MOVE)?;
    gone(&mut talk, "~s")?;
    talk.ask("SREM ~t a b", ":2").likely(COUNT)?;
    gone(&mut talk, "~t")?;
    refuses(&mut talk, &["SADD ~string a", "SISMEMBER ~string a", "SMEMBERS ~string", "SREM ~string text"])?;
    talk.rows(&[("SADD ~s a", ":1"), ("GET ~s", super::elements::WRONGTYPE)]).likely(TYPE)
}

fn values(ctx: &mut Context) -> Outcome {
    let mut talk = Talk::resp(ctx)?;
    let mut values = edge_values(ctx);
    for n in [1_i64 << 30, (1 << 30) - 1, -(1 << 30), -(1 << 30) - 1] {
        values.push(n.to_string().into_bytes());
    }
    // Alone they make a small set; among a thousand others, a large one.
    for (key, others) in [("small", 0), ("large", 1_000)] {
        for n in 0..others {
            let other = format!("other:{n}");
            talk.ask_bytes(&[b"SADD", key.as_bytes(), other.as_bytes()], &Reply::Integer(1)).likely(VALUE)?;
        }
        let fitting: Vec<&Vec<u8>> = values.iter().filter(|value| others > 0 || value.len() <= 64).collect();
        for value in &fitting {
            talk.step("a member, which is new, and then is not");
            talk.ask_bytes(&[b"SADD", key.as_bytes(), value], &Reply::Integer(1)).likely(VALUE)?;
            talk.ask_bytes(&[b"SADD", key.as_bytes(), value], &Reply::Integer(0)).likely(VALUE)?;
            talk.ask_bytes(&[b"SISMEMBER", key.as_bytes(), value], &Reply::Integer(1)).likely(VALUE)?;
        }
        talk.ask(&format!("SCARD {key}"), &format!(":{}", fitting.len() + others)).likely(VALUE)?;
        let all = (0..others).map(|n| format!("other:{n}").into_bytes());
        let all = all.chain(fitting.iter().map(|value| value.to_vec())).collect();
        same_elements(&mut talk, &format!("SMEMBERS {key}"), all).likely(VALUE)?;
        for value in &fitting {
            talk.step("a member is removed, and removed again");
            talk.ask_bytes(&[b"SREM", key.as_bytes(), value], &Reply::Integer(1)).likely(VALUE)?;
            talk.ask_bytes(&[b"SREM", key.as_bytes(), value], &Reply::Integer(0)).likely(VALUE)?;
        }
        talk.ask(&format!("SCARD {key}"), &format!(":{others}")).likely(VALUE)?;
    }
    Ok(())
}

fn chance(ctx: &mut Context) -> Outcome {
    const NAMES: [&str; 8] = ["ann", "bob", "cy", "dee", "eve", "fay", "gus", "hal"];
    let mut talk = Talk::resp(ctx)?;
    talk.ask(&format!("SADD ~s {}", NAMES.join(" ")), ":8")?;
    for (count, wanted) in [("7", 7), ("7", 7), ("7", 7), ("99", 8), ("-20", 20), ("0", 0)] {
        let reply = talk.hear(&format!("SRANDMEMBER ~s {count}"))?;
        let mut drawn = bulks(&reply).unwrap_or_default();
        let number = drawn.len();
        drawn.sort();
        drawn.dedup();
        let known = drawn.iter().all(|name| NAMES.iter().any(|known| known.as_bytes() == *name));
        if number != wanted || !known || (!count.starts_with('-') && drawn.len() != wanted) {
            let wanted = format!("{wanted} members");
            return Err(talk.wrong(&reply, &wanted)).likely(REPEATS);
        }
    }
    // With a fair draw the chance of fewer than 100 or more than 320 of 1,600, where 200 are due, is below 10⁻¹³.
    for draw in ["SPOP ~s", "SRANDMEMBER ~s"] {
        let mut times = [0; NAMES.len()];
        for _ in 0..1_600 {
            let reply = talk.hear(draw)?;
            let Reply::Bulk(name) = &reply else { return Err(talk.wrong(&reply, "a member")).likely(STAYS) };
            let Some(at) = NAMES.iter().position(|known| known.as_bytes() == *name) else {
                return Err(talk.wrong(&reply, "a member")).likely(STAYS);
            };
            times[at] += 1;
            if draw.starts_with("SPOP") {
                talk.ask(&format!("SADD ~s {}", NAMES[at]), ":1").likely(STAYS)?;
            }
        }
        if times.iter().any(|times| !(100..=320).contains(times)) {
            let text = format!("of 1,600 draws by {draw} the eight members had {times:?}");
            return Err(talk.client.fail(Kind::WrongBytes, text)).likely(BIASED);
        }
    }
    talk.rows(&[("SPOP ~nothing", "nil"), ("SRANDMEMBER ~nothing", "nil"), ("SPOP ~nothing 3", "[]")])?;
    let reply = talk.hear("SPOP ~s 5")?;
    let popped = bulks(&reply).map_or(0, |popped| popped.len());
    if popped != 5 {
        return Err(talk.wrong(&reply, "five members")).likely(REPEATS);
    }
    talk.ask("SCARD ~s", ":3").likely(STAYS)?;
    talk.hear("SPOP ~s 5")?;
    gone(&mut talk, "~s")?;
    talk.rows(&[("SADD ~s last", ":1"), ("SPOP ~s", "$last")]).likely(STAYS)?;
    gone(&mut talk, "~s")
}

fn large(ctx: &mut Context) -> Outcome {
    const MEMBERS: usize = 2_000;
    let mut talk = Talk::resp(ctx)?;
    // All integers at first, as long as a small set may be; then texts among them.
    let name = |n: usize| {
        if n < 700 || n.is_multiple_of(3) { n.to_string() } else { format!("member:{n}") }.into_bytes()
    };
    for n in 0..MEMBERS {
        talk.step(format!("member {n} of a set"));
        talk.ask_bytes(&[b"SADD", b"s", &name(n)], &Reply::Integer(1)).likely(LOST)?;
        let other = ctx.rng.below(n + 1);
        talk.ask_bytes(&[b"SISMEMBER", b"s", &name(other)], &Reply::Integer(1)).likely(LOST)?;
        talk.ask_bytes(&[b"SCARD", b"s"], &Reply::Integer(n as i64 + 1)).likely(LOST)?;
    }
    let mut all: Vec<Vec<u8>> = (0..MEMBERS).map(name).collect();
    same_elements(&mut talk, "SMEMBERS s", all.clone()).likely(LOST)?;
    let mut shown = scan_all(&mut talk, "SSCAN s", "COUNT 30").likely(SCAN)?;
    shown.sort();
    shown.dedup();
    all.sort();
    if shown != all {
        let text = format!("SSCAN has shown {} members of {MEMBERS}", shown.len());
        return Err(talk.client.fail(Kind::WrongBytes, text)).likely(SCAN);
    }
    ctx.rng.shuffle(&mut all);
    for member in all.split_off(100) {
        talk.ask_bytes(&[b"SREM", b"s", &member], &Reply::Integer(1)).likely(LOST)?;
    }
    same_elements(&mut talk, "SMEMBERS s", all).likely(LOST)
}
