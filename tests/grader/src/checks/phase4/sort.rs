//! SORT: a query over other keys, long before there was a query language.

use super::elements::gone_for;
use super::talk::{KEYSPACE, Talk};
use crate::check::{Check, Context, Explain as _, Outcome};

const NUMBERS: &str = "SORT compares numbers as text, or text as numbers";
const PATTERNS: &str = "SORT's BY or GET is read otherwise than Redis reads it";
const LIMIT: &str = "SORT's LIMIT or DESC is applied to the wrong elements";
const STORE: &str = "SORT with STORE does not store what it would show";

pub(super) const CHECKS: &[Check] = &[Check {
    name: "sort",
    phases: KEYSPACE,
    title: "SORT orders by number, by text, or by what other keys say",
    lesson: "Elements are compared as numbers unless ALPHA is said. BY puts each element into a pattern and compares what is \
             at the keys so named; GET shows what is at others. First comes the order, then LIMIT, then GET.",
    chapter: "docs/src/phase4/packed-runs.md",
    points: 2,
    topic: "lists",
    blocked_by: &["list-ranges"],
    after: &["list-values"],
    commands: &["SET", "EXISTS", "TYPE", "MSET", "RPUSH", "LRANGE", "SORT"],
    hints: [
        "Sort 10, 9 and 1. Which comes first?",
        "BY w_* replaces the star by the element and reads that key; a missing key weighs 0. BY without a star does not sort.",
        "Collect (weight, element) pairs, sort, cut by LIMIT, and only then look up what GET asks for.",
    ],
    bugs: &[NUMBERS, PATTERNS, LIMIT, STORE],
    run: sort,
    ..Check::PLAIN
}];

fn sort(ctx: &mut Context) -> Outcome {
    let mut talk = Talk::resp(ctx)?;
    talk.rows(&[
        ("RPUSH ~l 10 9 1.5 -2 100", ":5"),
        ("SORT ~l", "[$-2 $1.5 $9 $10 $100]"),
        ("SORT ~l ALPHA", "[$-2 $1.5 $10 $100 $9]"),
        ("RPUSH ~t b a", ":2"),
        ("SORT ~t", "-ERR One or more scores can't be converted into double"),
        ("SORT ~t ALPHA", "[$a $b]"),
        ("SORT ~nothing", "[]"),
    ])
    .likely(NUMBERS)?;
    talk.rows(&[
        ("SORT ~l DESC", "[$100 $10 $9 $1.5 $-2]"),
        ("SORT ~l LIMIT 1 2", "[$1.5 $9]"),
        ("SORT ~l DESC LIMIT 0 1", "[$100]"),
        ("SORT ~l LIMIT 9 1", "[]"),
    ])
    .likely(LIMIT)?;
    talk.rows(&[
        ("RPUSH ~users 3 1 2", ":3"),
        ("MSET ~w:1 30 ~w:2 4 ~w:3 5 ~n:1 ann ~n:3 cy", "+OK"),
        ("SORT ~users BY ~w:*", "[$2 $3 $1]"),
        ("SORT ~users BY ~w:* GET ~n:*", "[nil $cy $ann]"),
        ("SORT ~users BY ~w:* DESC GET # GET ~n:*", "[$1 $ann $3 $cy $2 nil]"),
        ("SORT ~users BY nosort GET #", "[$3 $1 $2]"),
    ])
    .likely(PATTERNS)?;
    talk.rows(&[
        ("SET ~d text", "+OK"),
        ("SORT ~l LIMIT 0 2 STORE ~d", ":2"),
        ("LRANGE ~d 0 -1", "[$-2 $1.5]"),
        ("SORT ~nothing STORE ~d", ":0"),
    ])
    .likely(STORE)?;
    gone_for(&mut talk, "~d", STORE)
}
