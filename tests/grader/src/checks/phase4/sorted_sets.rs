//! Sorted sets: scores, options of ZADD, order and rank.

use super::elements::{EMPTY, PLACES, TYPE, VALUE, edge_values, gone, refuses};
use super::reply::Reply;
use super::talk::{KEYSPACE, Talk};
use crate::check::{Check, Context, Explain as _, Outcome};

const COUNT: &str = "ZADD counts members that it has not added";
const OPTIONS: &str = "ZADD's NX, XX, GT, LT, CH or INCR is ignored or misread";
const NUMBERS: &str = "a score is read or printed otherwise than Redis does it";
const NAN: &str = "a score that is not a number is accepted";
const AS_TEXT: &str = "scores are compared as text";
const TIES: &str = "members of one score do not stand in the order of their names";
const RANKS: &str = "a range or a rank counts wrongly from the end";
const ZERO: &str = "minus zero is another score than zero";
const HALF: &str = "scores that differ by little are taken for equal";

pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "zset-scores",
        phases: KEYSPACE,
        title: "ZADD sets scores under its conditions, and ZSCORE tells them",
        lesson: "ZADD answers how many members are new, with CH also how many have another score now. GT and LT never keep a \
                 new member out, NX and XX do. Infinite scores are fine; infinity minus infinity is not a number, and refused.",
        chapter: "docs/src/phase4/counted-tree.md",
        points: 2,
        topic: "sorted-sets",
        blocked_by: &["set-get-del"],
        commands: &["SET", "GET", "EXISTS", "TYPE", "ZADD", "ZSCORE", "ZMSCORE", "ZINCRBY", "ZREM", "ZCARD"],
        hints: [
            "ZADD z GT 5 a, where a has 7. What is the reply, and what is a's score?",
            "0 and 7. GT asks for a greater score than the present one; a member that is new is added all the same.",
            "Compute the score that the member would get (INCR adds), refuse NaN, then ask each option whether it may.",
        ],
        bugs: &[COUNT, OPTIONS, NUMBERS, NAN, EMPTY, TYPE],
        run: scores,
        ..Check::PLAIN
    },
    Check {
        name: "zset-order",
        phases: KEYSPACE,
        title: "members stand by score, and by name where scores are equal",
        lesson: "9 comes before 10, and -2 before 1: scores are numbers. Members with one score stand in the order of their \
                 bytes, which makes a sorted set of equal scores a dictionary. ZRANK counts from 0.",
        chapter: "docs/src/phase4/counted-tree.md",
        points: 2,
        topic: "sorted-sets",
        blocked_by: &["zset-scores"],
        after: &["list-values"],
        commands: &["ZADD", "ZRANGE", "ZREVRANGE", "ZRANK", "ZREVRANK", "ZINCRBY", "ZREM"],
        hints: [
            "Add b, a and c with one score, and 9 and 10 as scores. What does ZRANGE z 0 -1 return?",
            "Compare the numbers first, and the names only where they are equal.",
            "A changed score moves the member: take it out where it was, put it in where it belongs.",
        ],
        bugs: &[AS_TEXT, TIES, RANKS],
        run: order,
        ..Check::PLAIN
    },
    Check {
        name: "zset-values",
        phases: KEYSPACE,
        title: "a member is any bytes, and a score keeps all its bits",
        lesson: "A small sorted set packs members and scores as a list packs its elements, with the same edges. A score that is \
                 no whole number needs all its 64 bits.",
        chapter: "docs/src/phase4/counted-tree.md",
        points: 1,
        topic: "sorted-sets",
        blocked_by: &["zset-scores"],
        after: &["list-values"],
        commands: &["ZADD", "ZSCORE", "ZCARD"],
        hints: [
            "Add members named 127, 128, -1 and 01, each with another score. Is each found?",
            "Is the score 2251799813685248.5 what comes back?",
            "Pack a score as an integer only if it is one and the double can tell it from its neighbours.",
        ],
        bugs: &[VALUE, NUMBERS],
        run: values,
        ..Check::PLAIN
    },
    Check {
        name: "zset-large",
        phases: KEYSPACE,
        title: "a large sorted set knows each member's rank while members come, move and go",
        lesson: "Rank is what a plain tree cannot tell. Each link, or each node, has to say how many members lie below it, and \
                 every insert, move and removal mends that on its way. One that was missed shows much later, as a wrong rank.",
        chapter: "docs/src/phase4/counted-tree.md",
        points: 3,
        topic: "sorted-sets",
        blocked_by: &["zset-order", "zset-values"],
        after: &["list-long", "hash-large", "set-large"],
        commands: &["ZADD", "ZREM", "ZRANK", "ZRANGE", "ZCARD", "ZRANGEBYSCORE"],
        hints: [
            "Add 3,000 members, remove half, and compare ZRANK and ZRANGE with a sorted array.",
            "Does the count go down on the whole way from the root, or only in the leaf?",
            "0 and -0 are equal, so they tie and the names decide. Compare doubles as doubles.",
        ],
        bugs: &[PLACES, ZERO, HALF],
        run: large,
        ..Check::PLAIN
    },
];

fn scores(ctx: &mut Context) -> Outcome {
    let mut talk = Talk::resp(ctx)?;
    talk.rows(&[
        ("ZADD ~z 1 a 2 b 3 a", ":2"),
        ("ZADD ~z 5 a", ":0"),
        ("ZADD ~z CH 6 a 2 b 1 c", ":2"),
        ("ZCARD ~z", ":3"),
        ("ZCARD ~nothing", ":0"),
        ("TYPE ~z", "+zset"),
    ])
    .likely(COUNT)?;
    talk.rows(&[
        ("ZADD ~z NX 9 a 9 d", ":1"),
        ("ZADD ~z XX 7 a 7 nothing", ":0"),
        ("ZMSCORE ~z a d nothing", "[$7 $9 nil]"),
        ("ZADD ~z GT 5 a", ":0"),
        ("ZADD ~z GT CH 8 a 8 e", ":2"),
        ("ZADD ~z LT CH 9 a 2 d", ":1"),
        ("ZMSCORE ~z a d e", "[$8 $2 $8]"),
        ("ZADD ~z INCR 2 a", "$10"),
        ("ZADD ~z NX INCR 2 a", "nil"),
        ("ZADD ~z GT INCR -1 a", "nil"),
        ("ZADD ~z NX XX 1 a", "-ERR XX and NX options at the same time are not compatible"),
        ("ZADD ~z GT LT 1 a", "-ERR GT, LT, and/or NX options at the same time are not compatible"),
        ("ZSCORE ~z a", "$10"),
    ])
    .likely(OPTIONS)?;
    talk.rows(&[
        ("ZADD ~z 1.5 f -0.25 g 1e3 h +inf i -inf j", ":5"),
        ("ZMSCORE ~z f g h i j", "[$1.5 $-0.25 $1000 $inf $-inf]"),
        ("ZINCRBY ~z -1.25 f", "$0.25"),
        ("ZINCRBY ~z 3 new", "$3"),
        ("ZSCORE ~z nothing", "nil"),
        ("ZSCORE ~nothing a", "nil"),
        ("ZADD ~z 9007199254740993 k", ":1"),
        ("ZSCORE ~z k", "$9007199254740992"),
    ])
    .likely(NUMBERS)?;
    talk.rows(&[
        ("ZADD ~z nan a", "-ERR value is not a valid float"),
        ("ZADD ~z 1 l x m", "-ERR value is not a valid float"),
        ("ZSCORE ~z l", "nil"),
        ("ZINCRBY ~z -inf i", "-ERR resulting score is not a number (NaN)"),
        ("ZSCORE ~z i", "$inf"),
    ])
    .likely(NAN)?;
    talk.rows(&[("ZREM ~z a a nothing", ":1"), ("ZREM ~z b c d e f g h i j k new", ":11")]).likely(COUNT)?;
    gone(&mut talk, "~z")?;
    refuses(&mut talk, &["ZADD ~string 1 a", "ZSCORE ~string a", "ZREM ~string a", "ZCARD ~string"])?;
    talk.rows(&[("ZADD ~z 1 a", ":1"), ("GET ~z", super::elements::WRONGTYPE)]).likely(TYPE)
}

fn order(ctx: &mut Context) -> Outcome {
    let mut talk = Talk::resp(ctx)?;
    talk.rows(&[
        ("ZADD ~z 10 ten 9 nine -2 minus 1.5 half 100 hundred", ":5"),
        ("ZRANGE ~z 0 -1", "[$minus $half $nine $ten $hundred]"),
        ("ZRANK ~z ten", ":3"),
        ("ZINCRBY ~z 10 minus", "$8"),
        ("ZRANGE ~z 0 -1 WITHSCORES", "[$half $1.5 $minus $8 $nine $9 $ten $10 $hundred $100]"),
    ])
    .likely(AS_TEXT)?;
    talk.rows(&[
        ("ZADD ~t 1 b 1 a 1 c 1 B 1 aa 0 z", ":6"),
        ("ZRANGE ~t 0 -1", "[$z $B $a $aa $b $c]"),
        ("ZADD ~t 1 z", ":0"),
        ("ZRANGE ~t 0 -1", "[$B $a $aa $b $c $z]"),
        ("ZREVRANGE ~t 0 -1", "[$z $c $b $aa $a $B]"),
    ])
    .likely(TIES)?;
    talk.rows(&[
        ("ZRANGE ~t 1 2", "[$a $aa]"),
        ("ZRANGE ~t -2 -1", "[$c $z]"),
        ("ZRANGE ~t -100 0", "[$B]"),
        ("ZRANGE ~t 4 100", "[$c $z]"),
        ("ZRANGE ~t 3 2", "[]"),
        ("ZRANGE ~t 0 -7", "[]"),
        ("ZREVRANGE ~t 0 1", "[$z $c]"),
        ("ZREVRANGE ~t -2 -1", "[$a $B]"),
        ("ZRANGE ~t 0 1 REV", "[$z $c]"),
        ("ZRANK ~t a", ":1"),
        ("ZREVRANK ~t a", ":4"),
        ("ZREVRANK ~t z", ":0"),
        ("ZRANK ~t nothing", "nil"),
        ("ZREVRANK ~nothing a", "nil"),
        ("ZREM ~t aa", ":1"),
        ("ZRANK ~t c", ":3"),
    ])
    .likely(RANKS)
}

fn values(ctx: &mut Context) -> Outcome {
    let mut talk = Talk::resp(ctx)?;
    let scores =
        ["0.5", "-1.25", "2251799813685248.5", "-3", "1e+100", "127", "128", "4096", "65536", "-4097"];
    let members = edge_values(ctx);
    for (key, longest) in [(b"short", 64), (b"every", usize::MAX)] {
        let fitting: Vec<&Vec<u8>> = members.iter().filter(|member| member.len() <= longest).collect();
        let score = |n: usize| scores[n % scores.len()];
        for (n, member) in fitting.iter().enumerate() {
            talk.step("a member with its score");
            talk.ask_bytes(&[b"ZADD", key, score(n).as_bytes(), member], &Reply::Integer(1)).likely(VALUE)?;
            talk.ask_bytes(&[b"ZSCORE", key, member], &Reply::bulk(score(n))).likely(NUMBERS)?;
        }
        for (n, member) in fitting.iter().enumerate() {
            talk.step("the score of each member, when all are in");
            talk.ask_bytes(&[b"ZSCORE", key, member], &Reply::bulk(score(n))).likely(VALUE)?;
        }
        talk.ask_bytes(&[b"ZCARD", key], &Reply::Integer(fitting.len() as i64)).likely(VALUE)?;
    }
    Ok(())
}

/// A member of the model: its score in quarters, and its name.
type Member = (i64, String);

fn large(ctx: &mut Context) -> Outcome {
    const MEMBERS: usize = 2_500;
    let mut talk = Talk::resp(ctx)?;
    let mut model: Vec<Member> = Vec::new();
    let mut batch = talk.batch();
    for n in 0..MEMBERS {
        // Few scores for many members: most of them tie.
        let member = (ctx.rng.between(-40, 40), format!("{}{n}", ctx.rng.below(10)));
        batch.push(&[b"ZADD", b"z", score(member.0).as_bytes(), member.1.as_bytes()], &Reply::Integer(1));
        model.push(member);
    }
    talk.step(format!("ZADD of {MEMBERS} members, one by one"));
    talk.run(&batch).likely(PLACES)?;
    minus_zero(&mut talk)?;
    close_scores(&mut talk)?;
    model.sort();
    ranks(ctx, &mut talk, &model).likely(PLACES)?;
    while model.len() > 40 {
        for _ in 0..model.len() / 3 {
            let (_, name) = model.remove(ctx.rng.below(model.len()));
            talk.ask_bytes(&[b"ZREM", b"z", name.as_bytes()], &Reply::Integer(1)).likely(PLACES)?;
        }
        for _ in 0..model.len() / 10 {
            let (at, new) = (ctx.rng.below(model.len()), ctx.rng.between(-40, 40));
            model[at].0 = new;
            let (score, name) = (score(new), model[at].1.clone());
            talk.ask_bytes(&[b"ZADD", b"z", score.as_bytes(), name.as_bytes()], &Reply::Integer(0))
                .likely(PLACES)?;
        }
        model.sort();
        ranks(ctx, &mut talk, &model).likely(PLACES)?;
    }
    queue(ctx)
}

/// Quarters as text.
fn score(quarters: i64) -> String {
    (quarters as f64 / 4.0).to_string()
}

/// A queue by time: members that came in order go in order, and whole nodes become empty beside full ones.
fn queue(ctx: &mut Context) -> Outcome {
    const LAST: usize = 1_199;
    let mut talk = Talk::resp(ctx)?;
    let mut batch = talk.batch();
    for n in 0..=LAST {
        let n = n.to_string();
        batch.push(&[b"ZADD", b"ordered", n.as_bytes(), n.as_bytes()], &Reply::Integer(1));
    }
    talk.step(format!("ZADD of {} members in order", LAST + 1));
    talk.run(&batch).likely(PLACES)?;
    for n in 0..ctx.rng.range(300, 400) {
        talk.ask(&format!("ZREM ordered {n}"), ":1").likely(PLACES)?;
        talk.ask(&format!("ZRANK ordered {LAST}"), &format!(":{}", LAST - n - 1)).likely(PLACES)?;
        talk.ask("ZRANGE ordered 0 0", &format!("[${}]", n + 1)).likely(PLACES)?;
    }
    Ok(())
}

/// Both zeros stand at one place, in the order of their names.
fn minus_zero(talk: &mut Talk) -> Outcome {
    let wide = "7".repeat(100);
    talk.rows(&[
        (&format!("ZADD ~zero -1 {wide} 0 a -0 b 0 c -0 d"), ":5"),
        ("ZRANGEBYSCORE ~zero 0 0", "[$a $b $c $d]"),
        ("ZRANGEBYSCORE ~zero -0 -0", "[$a $b $c $d]"),
        ("ZRANK ~zero d", ":4"),
        ("ZADD ~zero -0 a", ":0"),
        ("ZRANK ~zero a", ":1"),
    ])
    .likely(ZERO)
}

/// Scores whose upper halves are the same.
fn close_scores(talk: &mut Talk) -> Outcome {
    let wide = "7".repeat(100);
    talk.rows(&[
        (&format!("ZADD ~near 5 {wide} 1.0000001 c 1.0000002 b 1.0000003 a"), ":4"),
        ("ZRANGE ~near 0 -1", &format!("[$c $b $a ${wide}]")),
        ("ZRANK ~near a", ":2"),
        ("ZRANGEBYSCORE ~near 1.0000002 1.0000002", "[$b]"),
    ])
    .likely(HALF)
}

/// ZCARD, and of some members the rank and the neighbours.
fn ranks(ctx: &mut Context, talk: &mut Talk, model: &[Member]) -> Outcome {
    talk.ask("ZCARD z", &format!(":{}", model.len()))?;
    for _ in 0..40 {
        let at = ctx.rng.below(model.len());
        talk.ask(&format!("ZRANK z {}", model[at].1), &format!(":{at}"))?;
    }
    for _ in 0..40 {
        let at = ctx.rng.below(model.len());
        let to = (at + ctx.rng.below(12)).min(model.len() - 1);
        let names: Vec<String> = model[at..=to].iter().map(|(_, name)| format!("${name}")).collect();
        talk.ask(&format!("ZRANGE z {at} {to}"), &format!("[{}]", names.join(" ")))?;
    }
    Ok(())
}
