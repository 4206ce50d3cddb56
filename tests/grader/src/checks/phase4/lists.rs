//! Lists: two ends, positions counted from either, and a middle that can be changed.

use super::elements::{EMPTY, PLACES, TYPE, VALUE, edge_values, gone, refuses};
use super::reply::Reply;
use super::talk::{KEYSPACE, Talk};
use crate::check::{Check, Context, Explain as _, Outcome};

const ENDS: &str = "elements are pushed or popped at the wrong end, or in the wrong order";
const COUNT: &str = "LPOP or RPOP with a count takes other elements, or in another order";
const RANGE: &str = "a range of a list is off by one, or counts wrongly from the end";
const TRIM: &str = "LTRIM keeps what it should remove, or removes what it should keep";
const INDEX: &str = "an index outside the list is not told from one inside";
const LREM: &str = "LREM removes too many, or begins at the wrong end";
const LINSERT: &str = "LINSERT puts the element on the wrong side, or finds no pivot";
const LMOVE: &str = "LMOVE loses or duplicates an element";

pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "list-ends",
        phases: KEYSPACE,
        title: "elements come and go at either end of a list",
        lesson: "LPUSH l a b c pushes one after the other, each in front of the one before: the list is c, b, a. RPUSH \
                 keeps the order. A list that has lost its last element is no empty list but no key at all.",
        chapter: "docs/src/phase4/packed-runs.md",
        points: 2,
        topic: "lists",
        blocked_by: &["set-get-del"],
        commands: &[
            "SET", "GET", "EXISTS", "TYPE", "LPUSH", "RPUSH", "LPUSHX", "LPOP", "RPOP", "LLEN", "LRANGE",
        ],
        hints: [
            "In which order does LRANGE 0 -1 return the list after LPUSH l a b c?",
            "LPOP and RPOP with a count answer an array, of what there is if that is less; without a list, nil.",
            "Pop, then ask whether anything is left; if not, delete the key in the same command.",
        ],
        bugs: &[ENDS, COUNT, EMPTY, TYPE],
        run: ends,
        ..Check::PLAIN
    },
    Check {
        name: "list-ranges",
        phases: KEYSPACE,
        title: "LRANGE, LINDEX, LSET and LTRIM count from either end",
        lesson: "Both ends of a range are included, and -1 is the last element. What lies outside is cut off; what is empty \
                 then is an empty array, and LTRIM to an empty range leaves no list.",
        chapter: "docs/src/phase4/packed-runs.md",
        points: 2,
        topic: "lists",
        blocked_by: &["list-ends"],
        commands: &["EXISTS", "TYPE", "RPUSH", "LRANGE", "LINDEX", "LSET", "LTRIM", "LLEN"],
        hints: [
            "Which elements are LRANGE l -3 -2 of a list of five?",
            "Add the length to what is negative, cut the start at 0 and the end at the last index, then compare them.",
            "if start > stop: nothing; else stop - start + 1 elements. LTRIM uses the same function.",
        ],
        bugs: &[RANGE, TRIM, INDEX, EMPTY],
        run: ranges,
        ..Check::PLAIN
    },
    Check {
        name: "list-middle",
        phases: KEYSPACE,
        title: "LINSERT, LREM and LMOVE change the right element",
        lesson: "LREM's count has a sign: 2 removes the first two, -2 the last two, 0 all. LMOVE takes and puts in one step; \
                 where both names are one list, that rotates it.",
        chapter: "docs/src/phase4/packed-runs.md",
        points: 2,
        topic: "lists",
        blocked_by: &["list-ends"],
        commands: &["EXISTS", "TYPE", "RPUSH", "LRANGE", "LINSERT", "LREM", "LMOVE"],
        hints: [
            "What does LREM l -1 a remove of a b a?",
            "The last a. Walk from the end when the count is negative.",
            "LMOVE l l LEFT RIGHT of a list of one leaves it as it is; of the last element of another list, deletes that.",
        ],
        bugs: &[LINSERT, LREM, LMOVE, EMPTY],
        run: middle,
        ..Check::PLAIN
    },
    Check {
        name: "list-values",
        phases: KEYSPACE,
        title: "an element is any bytes, and comes back as it was sent",
        lesson: "To save memory a small collection keeps integers as integers and lengths in as few bytes as will do. At each \
                 edge, where one more byte or a sign is needed, an element can come back as another.",
        chapter: "docs/src/phase4/packed-runs.md",
        points: 2,
        topic: "lists",
        blocked_by: &["list-ends"],
        commands: &["RPUSH", "LRANGE", "DEL"],
        hints: [
            "Push 127, 128, -1, 4096, -4097, 01 and a string of 64 bytes. What comes back?",
            "Only text that is an integer in its one spelling may be kept as one: not 01, +1 or -0.",
            "Write each width's largest and smallest value into a test of the encoder alone.",
        ],
        bugs: &[VALUE],
        run: values,
        ..Check::PLAIN
    },
    Check {
        name: "list-long",
        phases: KEYSPACE,
        title: "a long list keeps its places while it is changed in the middle",
        lesson: "A long list is cut into chunks, and something counts how many elements stand in front of each. Every change \
                 has to mend these counts all the way up; a chunk that became empty has to go, and its count with it.",
        chapter: "docs/src/phase4/counted-tree.md",
        points: 3,
        topic: "lists",
        blocked_by: &["list-ranges", "list-middle", "list-values"],
        commands: &["RPUSH", "LRANGE", "LINDEX", "LLEN", "LTRIM", "LREM", "LSET", "LINSERT"],
        hints: [
            "Push 5,000 elements, remove some in the middle, compare LINDEX with a list of your own.",
            "After each change the sum of all counts must be LLEN. Assert that in a debug build.",
            "Mend one count per level on the way up, and do not forget a node that was joined, split or emptied.",
        ],
        bugs: &[PLACES],
        run: long,
        ..Check::PLAIN
    },
];

fn ends(ctx: &mut Context) -> Outcome {
    let mut talk = Talk::resp(ctx)?;
    talk.rows(&[
        ("LLEN ~l", ":0"),
        ("LPOP ~l", "nil"),
        ("LPUSHX ~l x", ":0"),
        ("RPUSH ~l c d e", ":3"),
        ("LPUSH ~l b a", ":5"),
        ("LPUSHX ~l z", ":6"),
        ("TYPE ~l", "+list"),
        ("LRANGE ~l 0 -1", "[$z $a $b $c $d $e]"),
        ("LPOP ~l", "$z"),
        ("RPOP ~l", "$e"),
        ("LLEN ~l", ":4"),
    ])
    .likely(ENDS)?;
    talk.rows(&[
        ("LPOP ~l 2", "[$a $b]"),
        ("RPUSH ~l f", ":3"),
        ("RPOP ~l 2", "[$f $d]"),
        ("LPOP ~l 9", "[$c]"),
    ])
    .likely(COUNT)?;
    gone(&mut talk, "~l")?;
    talk.rows(&[("RPUSH ~l one", ":1"), ("RPOP ~l", "$one")]).likely(ENDS)?;
    gone(&mut talk, "~l")?;
    talk.rows(&[("LLEN ~l", ":0"), ("LRANGE ~l 0 -1", "[]")]).likely(EMPTY)?;
    refuses(&mut talk, &["LPUSH ~string a", "RPOP ~string", "LLEN ~string", "LRANGE ~string 0 -1"])?;
    talk.rows(&[("RPUSH ~l one", ":1"), ("GET ~l", super::elements::WRONGTYPE)]).likely(TYPE)
}

fn ranges(ctx: &mut Context) -> Outcome {
    let mut talk = Talk::resp(ctx)?;
    talk.ask("RPUSH ~l a b c d e", ":5")?;
    talk.rows(&[
        ("LRANGE ~l 1 3", "[$b $c $d]"),
        ("LRANGE ~l -3 -2", "[$c $d]"),
        ("LRANGE ~l -100 1", "[$a $b]"),
        ("LRANGE ~l 3 100", "[$d $e]"),
        ("LRANGE ~l -1 -1", "[$e]"),
        ("LRANGE ~l 3 2", "[]"),
        ("LRANGE ~l 5 7", "[]"),
        ("LRANGE ~l 0 -6", "[]"),
        ("LRANGE ~nothing 0 -1", "[]"),
    ])
    .likely(RANGE)?;
    talk.rows(&[
        ("LINDEX ~l 0", "$a"),
        ("LINDEX ~l -1", "$e"),
        ("LINDEX ~l -5", "$a"),
        ("LINDEX ~l 5", "nil"),
        ("LINDEX ~l -6", "nil"),
        ("LSET ~l -2 D", "+OK"),
        ("LSET ~l 5 f", "-ERR index out of range"),
        ("LSET ~l -6 f", "-ERR index out of range"),
        ("LSET ~nothing 0 f", "-ERR no such key"),
        ("LRANGE ~l 0 -1", "[$a $b $c $D $e]"),
    ])
    .likely(INDEX)?;
    talk.rows(&[
        ("LTRIM ~l 1 -2", "+OK"),
        ("LRANGE ~l 0 -1", "[$b $c $D]"),
        ("LTRIM ~l -2 100", "+OK"),
        ("LRANGE ~l 0 -1", "[$c $D]"),
        ("LTRIM ~l 0 0", "+OK"),
        ("LRANGE ~l 0 -1", "[$c]"),
        ("LTRIM ~l 1 0", "+OK"),
    ])
    .likely(TRIM)?;
    talk.ask("LLEN ~l", ":0").likely(TRIM)?;
    gone(&mut talk, "~l")
}

fn middle(ctx: &mut Context) -> Outcome {
    let mut talk = Talk::resp(ctx)?;
    talk.rows(&[
        ("RPUSH ~l a c", ":2"),
        ("LINSERT ~l BEFORE c b", ":3"),
        ("LINSERT ~l AFTER c d", ":4"),
        ("LINSERT ~l BEFORE nothing x", ":-1"),
        ("LINSERT ~nothing AFTER a x", ":0"),
        ("LRANGE ~l 0 -1", "[$a $b $c $d]"),
    ])
    .likely(LINSERT)?;
    talk.rows(&[
        ("RPUSH ~r x 1 x 2 x 3 x", ":7"),
        ("LREM ~r 1 x", ":1"),
        ("LREM ~r -2 x", ":2"),
        ("LRANGE ~r 0 -1", "[$1 $x $2 $3]"),
        ("LREM ~r 0 nothing", ":0"),
        ("RPUSH ~r x", ":5"),
        ("LREM ~r 0 x", ":2"),
        ("LRANGE ~r 0 -1", "[$1 $2 $3]"),
    ])
    .likely(LREM)?;
    talk.rows(&[
        ("LMOVE ~l ~m RIGHT LEFT", "$d"),
        ("LMOVE ~l ~m LEFT RIGHT", "$a"),
        ("LRANGE ~m 0 -1", "[$d $a]"),
        ("LMOVE ~m ~m LEFT RIGHT", "$d"),
        ("LRANGE ~m 0 -1", "[$a $d]"),
        ("LMOVE ~nothing ~m LEFT LEFT", "nil"),
        ("RPUSH ~one x", ":1"),
        ("LMOVE ~one ~one LEFT LEFT", "$x"),
        ("LRANGE ~one 0 -1", "[$x]"),
        ("LMOVE ~one ~m LEFT LEFT", "$x"),
        ("LRANGE ~m 0 -1", "[$x $a $d]"),
    ])
    .likely(LMOVE)?;
    gone(&mut talk, "~one")?;
    talk.ask("LREM ~r 1 1", ":1")?;
    talk.rows(&[("LREM ~r 0 2", ":1"), ("LREM ~r 5 3", ":1")]).likely(LREM)?;
    gone(&mut talk, "~r")
}

fn values(ctx: &mut Context) -> Outcome {
    let mut talk = Talk::resp(ctx)?;
    let values = edge_values(ctx);
    for value in &values {
        talk.step(format!("one element: {}", shown(value)));
        talk.ask_bytes(&[b"RPUSH", b"one", value], &Reply::Integer(1)).likely(VALUE)?;
        let alone = Reply::Array(vec![Reply::bulk(value.as_slice())]);
        talk.ask_bytes(&[b"LRANGE", b"one", b"0", b"-1"], &alone).likely(VALUE)?;
        talk.ask_bytes(&[b"DEL", b"one"], &Reply::Integer(1))?;
    }
    talk.step(format!("{} elements in one list", values.len()));
    for (n, value) in values.iter().enumerate() {
        talk.ask_bytes(&[b"RPUSH", b"all", value], &Reply::Integer(n as i64 + 1)).likely(VALUE)?;
    }
    let all = Reply::Array(values.iter().map(|value| Reply::bulk(value.as_slice())).collect());
    talk.ask_bytes(&[b"LRANGE", b"all", b"0", b"-1"], &all).likely(VALUE)
}

/// A value for a heading.
fn shown(value: &[u8]) -> String {
    match value.len() {
        0..40 => format!("`{}`", value.escape_ascii()),
        len => format!("{len} bytes"),
    }
}

/// A list in the server beside one here: after some hundred changes everywhere in it, places and elements agree.
fn long(ctx: &mut Context) -> Outcome {
    const LONG: usize = 6_000;
    let mut talk = Talk::resp(ctx)?;
    let mut model: Vec<Vec<u8>> = Vec::new();
    let mut batch = talk.batch();
    for n in 0..LONG {
        // Of different lengths, so that chunks hold different numbers of them.
        let len = ctx.rng.below(30);
        let element = [format!("{n}:").into_bytes(), ctx.rng.text(len)].concat();
        batch.push(&[b"RPUSH", b"l", &element], &Reply::Integer(n as i64 + 1));
        model.push(element);
    }
    talk.step(format!("RPUSH of {LONG} elements, one by one"));
    talk.run(&batch)?;
    places(ctx, &mut talk, &model).likely(PLACES)?;
    for n in 0..300 {
        let at = ctx.rng.below(model.len());
        let index = at.to_string();
        let (len, element) = (model.len() as i64, model[at].clone());
        match ctx.rng.below(4) {
            0 => {
                let new = format!("new{n}").into_bytes();
                model.insert(at + 1, new.clone());
                talk.ask_bytes(&[b"LINSERT", b"l", b"AFTER", &element, &new], &Reply::Integer(len + 1))
            }
            1 => {
                model[at] = format!("set{n}").into_bytes();
                talk.ask_bytes(&[b"LSET", b"l", index.as_bytes(), &model[at]], &Reply::ok())
            }
            _ => {
                model.remove(at);
                talk.ask_bytes(&[b"LREM", b"l", b"1", &element], &Reply::Integer(1))
            }
        }
        .likely(PLACES)?;
    }
    places(ctx, &mut talk, &model).likely(PLACES)?;
    // From both ends, over the borders of chunks, until little is left.
    while model.len() > 20 {
        let (front, back) = (1 + ctx.rng.below(model.len() / 3), 1 + ctx.rng.below(model.len() / 3));
        model.truncate(model.len() - back);
        model.drain(..front);
        talk.ask(&format!("LTRIM l {front} {}", -1 - back as i64), "+OK").likely(PLACES)?;
        places(ctx, &mut talk, &model).likely(PLACES)?;
    }
    Ok(())
}

/// LLEN, LINDEX at some places from either end, and a range.
fn places(ctx: &mut Context, talk: &mut Talk, model: &[Vec<u8>]) -> Outcome {
    talk.ask("LLEN l", &format!(":{}", model.len()))?;
    for _ in 0..30 {
        let at = ctx.rng.below(model.len());
        let index = if ctx.rng.percent(50) { at as i64 } else { at as i64 - model.len() as i64 };
        talk.step(format!("`LINDEX l {index}`"));
        talk.ask_bytes(&[b"LINDEX", b"l", index.to_string().as_bytes()], &Reply::bulk(model[at].as_slice()))?;
    }
    let from = ctx.rng.below(model.len());
    let to = (from + ctx.rng.below(400)).min(model.len() - 1);
    let range = model[from..=to].iter().map(|element| Reply::bulk(element.as_slice())).collect();
    talk.step(format!("`LRANGE l {from} {to}`"));
    let (from, to) = (from.to_string(), to.to_string());
    talk.ask_bytes(&[b"LRANGE", b"l", from.as_bytes(), to.as_bytes()], &Reply::Array(range))
}
