//! Sorted sets by score and by name: ranges, removal, popping, and several of them combined.

use super::elements::{EMPTY, gone};
use super::talk::{KEYSPACE, Talk};
use crate::check::{Check, Context, Explain as _, Outcome};

const BOUNDS: &str = "a bound in parentheses includes its score, or an infinite one does not reach the end";
const LIMIT: &str = "LIMIT counts from the wrong end, or over the wrong members";
const NAMES: &str = "a range by name includes or leaves out the wrong ends";
const REMOVE: &str = "ZREMRANGEBY… removes other members than its range has";
const POP: &str = "ZPOPMIN or ZPOPMAX takes the wrong members, or in the wrong order";
const WEIGHTS: &str = "a weight is given to the wrong set";
const AGGREGATE: &str = "AGGREGATE makes the wrong score of several";
const SETS: &str = "ZUNION, ZINTER or ZDIFF has the wrong members";

pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "zset-ranges",
        phases: KEYSPACE,
        title: "ranges by score and by name include exactly what they say",
        lesson: "A parenthesis excludes the bound itself, and only that. LIMIT is applied to what the range has left, from \
                 the end at which it begins. Ranges by name are for members with one score.",
        chapter: "docs/src/phase4/counted-tree.md",
        points: 2,
        topic: "sorted-sets",
        blocked_by: &["zset-order"],
        commands: &[
            "EXISTS",
            "TYPE",
            "ZADD",
            "ZRANGE",
            "ZRANGEBYSCORE",
            "ZREVRANGEBYSCORE",
            "ZRANGEBYLEX",
            "ZCOUNT",
            "ZLEXCOUNT",
            "ZREMRANGEBYSCORE",
            "ZREMRANGEBYRANK",
            "ZREMRANGEBYLEX",
        ],
        hints: [
            "ZRANGEBYSCORE z (1 3: which of the scores 1, 2 and 3 are in it?",
            "2 and 3. A range is what lies between two cuts; a parenthesis moves a cut to the other side of a score.",
            "Find both positions, cut them by LIMIT (from the upper one when reversed), then walk.",
        ],
        bugs: &[BOUNDS, LIMIT, NAMES, REMOVE, EMPTY],
        run: ranges,
        ..Check::PLAIN
    },
    Check {
        name: "zset-pop",
        phases: KEYSPACE,
        title: "ZPOPMIN and ZPOPMAX take the ends",
        lesson: "ZPOPMAX begins with the highest score, and of equal scores with the last name: it is ZREVRANGE that removes.",
        chapter: "docs/src/phase4/counted-tree.md",
        points: 1,
        topic: "sorted-sets",
        blocked_by: &["zset-order"],
        commands: &["EXISTS", "TYPE", "ZADD", "ZPOPMIN", "ZPOPMAX", "ZRANGE"],
        hints: [
            "What is ZPOPMAX z 2 of a 1, b 2, c 2?",
            "c 2 b 2, in this order.",
            "Without a set the reply is an empty array, and with the last member the key goes.",
        ],
        bugs: &[POP, EMPTY],
        run: pop,
        ..Check::PLAIN
    },
    Check {
        name: "zset-algebra",
        phases: KEYSPACE,
        title: "ZUNIONSTORE and ZINTERSTORE weigh and add",
        lesson: "Each set has its weight, by the order in which the keys were named, even if the sets are worked on in \
                 another order. A plain set takes part, each of its members with the score 1.",
        chapter: "docs/src/phase4/set-algebra.md",
        points: 2,
        topic: "sorted-sets",
        blocked_by: &["zset-order"],
        commands: &[
            "EXISTS",
            "TYPE",
            "SADD",
            "ZADD",
            "ZRANGE",
            "ZUNIONSTORE",
            "ZINTERSTORE",
            "ZDIFF",
            "ZINTERCARD",
        ],
        hints: [
            "ZUNIONSTORE d 2 large small WEIGHTS 1 10, if you begin with the smaller set: who gets the 10?",
            "Sort pairs of set and weight, not the sets alone.",
            "AGGREGATE MIN takes the least of the weighted scores; without it they are added.",
        ],
        bugs: &[WEIGHTS, AGGREGATE, SETS, EMPTY],
        run: algebra,
        ..Check::PLAIN
    },
];

fn ranges(ctx: &mut Context) -> Outcome {
    let mut talk = Talk::resp(ctx)?;
    talk.ask("ZADD ~z 1 a 2 b 2 c 3 d +inf e", ":5")?;
    talk.rows(&[
        ("ZRANGEBYSCORE ~z 2 3", "[$b $c $d]"),
        ("ZRANGEBYSCORE ~z (2 3", "[$d]"),
        ("ZRANGEBYSCORE ~z 1 (2", "[$a]"),
        ("ZRANGEBYSCORE ~z (2 (3", "[]"),
        ("ZRANGEBYSCORE ~z 3 1", "[]"),
        ("ZRANGEBYSCORE ~z -inf +inf", "[$a $b $c $d $e]"),
        ("ZRANGEBYSCORE ~z (3 (+inf", "[]"),
        ("ZRANGEBYSCORE ~z -inf (2 WITHSCORES", "[$a $1]"),
        ("ZREVRANGEBYSCORE ~z 3 (1", "[$d $c $b]"),
        ("ZCOUNT ~z (1 3", ":3"),
        ("ZCOUNT ~z 5 6", ":0"),
        ("ZCOUNT ~nothing 0 1", ":0"),
        ("ZRANGEBYSCORE ~z x 1", "-ERR min or max is not a float"),
    ])
    .likely(BOUNDS)?;
    talk.rows(&[
        ("ZRANGEBYSCORE ~z -inf +inf LIMIT 1 2", "[$b $c]"),
        ("ZRANGEBYSCORE ~z 2 +inf LIMIT 2 -1", "[$d $e]"),
        ("ZREVRANGEBYSCORE ~z +inf -inf LIMIT 1 2", "[$d $c]"),
        ("ZRANGE ~z +inf 1 BYSCORE REV LIMIT 0 1", "[$e]"),
        ("ZRANGEBYSCORE ~z 1 3 LIMIT 9 1", "[]"),
    ])
    .likely(LIMIT)?;
    talk.rows(&[
        ("ZADD ~n 0 a 0 b 0 bb 0 c", ":4"),
        ("ZRANGEBYLEX ~n - +", "[$a $b $bb $c]"),
        ("ZRANGEBYLEX ~n [b (c", "[$b $bb]"),
        ("ZRANGEBYLEX ~n (b +", "[$bb $c]"),
        ("ZRANGEBYLEX ~n + -", "[]"),
        ("ZRANGE ~n [c [b BYLEX REV", "[$c $bb $b]"),
        ("ZLEXCOUNT ~n - [bb", ":3"),
        ("ZRANGEBYLEX ~n b c", "-ERR min or max not valid string range item"),
    ])
    .likely(NAMES)?;
    talk.rows(&[
        ("ZREMRANGEBYSCORE ~z (1 2", ":2"),
        ("ZRANGE ~z 0 -1", "[$a $d $e]"),
        ("ZREMRANGEBYRANK ~z -1 -1", ":1"),
        ("ZRANGE ~z 0 -1", "[$a $d]"),
        ("ZREMRANGEBYRANK ~z 2 5", ":0"),
        ("ZREMRANGEBYLEX ~n (a [bb", ":2"),
        ("ZRANGE ~n 0 -1", "[$a $c]"),
        ("ZREMRANGEBYSCORE ~z -inf +inf", ":2"),
    ])
    .likely(REMOVE)?;
    gone(&mut talk, "~z")
}

fn pop(ctx: &mut Context) -> Outcome {
    let mut talk = Talk::resp(ctx)?;
    talk.rows(&[
        ("ZADD ~z 1 a 2 b 2 c 3 d 4 e 4 f", ":6"),
        ("ZPOPMIN ~z", "[$a $1]"),
        ("ZPOPMAX ~z", "[$f $4]"),
        ("ZPOPMAX ~z 2", "[$e $4 $d $3]"),
        ("ZRANGE ~z 0 -1", "[$b $c]"),
        ("ZPOPMIN ~z 0", "[]"),
        ("ZPOPMIN ~z 9", "[$b $2 $c $2]"),
        ("ZPOPMIN ~nothing", "[]"),
        ("ZPOPMAX ~nothing 3", "[]"),
    ])
    .likely(POP)?;
    gone(&mut talk, "~z")
}

fn algebra(ctx: &mut Context) -> Outcome {
    let mut talk = Talk::resp(ctx)?;
    // The larger one first: worked on from the smallest, they change places.
    talk.rows(&[("ZADD ~a 1 x 2 y 3 z", ":3"), ("ZADD ~b 10 y 20 w", ":2"), ("SADD ~s x y", ":2")])?;
    talk.rows(&[
        ("ZUNIONSTORE ~d 2 ~a ~b", ":4"),
        ("ZRANGE ~d 0 -1 WITHSCORES", "[$x $1 $z $3 $y $12 $w $20]"),
        ("ZINTERSTORE ~d 2 ~a ~b", ":1"),
        ("ZRANGE ~d 0 -1 WITHSCORES", "[$y $12]"),
        ("ZINTERSTORE ~d 2 ~a ~s", ":2"),
        ("ZRANGE ~d 0 -1 WITHSCORES", "[$x $2 $y $3]"),
        ("ZDIFF 2 ~a ~b", "[$x $z]"),
        ("ZDIFF 2 ~a ~nothing WITHSCORES", "[$x $1 $y $2 $z $3]"),
        ("ZINTERCARD 3 ~a ~b ~s", ":1"),
        ("ZINTERCARD 2 ~a ~s LIMIT 1", ":1"),
    ])
    .likely(SETS)?;
    talk.rows(&[
        ("ZUNIONSTORE ~d 2 ~a ~b WEIGHTS 1 100", ":4"),
        ("ZRANGE ~d 0 -1 WITHSCORES", "[$x $1 $z $3 $y $1002 $w $2000]"),
        ("ZINTERSTORE ~d 2 ~a ~b WEIGHTS 0.5 2", ":1"),
        ("ZRANGE ~d 0 -1 WITHSCORES", "[$y $21]"),
    ])
    .likely(WEIGHTS)?;
    talk.rows(&[
        ("ZUNIONSTORE ~d 2 ~a ~b AGGREGATE MIN", ":4"),
        ("ZRANGE ~d 0 -1 WITHSCORES", "[$x $1 $y $2 $z $3 $w $20]"),
        ("ZINTERSTORE ~d 2 ~a ~b AGGREGATE MAX", ":1"),
        ("ZRANGE ~d 0 -1 WITHSCORES", "[$y $10]"),
    ])
    .likely(AGGREGATE)?;
    talk.ask("ZINTERSTORE ~d 2 ~a ~nothing", ":0").likely(SETS)?;
    gone(&mut talk, "~d")
}
