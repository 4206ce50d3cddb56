//! Clients that wait for an element: who is woken, when, and in which order.

use std::time::{Duration, Instant};

use super::pubsub::{clients, owed};
use super::reply::Reply;
use super::talk::{KEYSPACE, Talk};
use crate::check::{Check, Context, Explain as _, Kind, Outcome};

const AT_ONCE: &str = "a blocking pop does not take an element that is there";
const WAKE: &str = "a waiting client is not woken by what it waits for";
const FALSELY: &str = "a waiting client is answered by something that it does not wait for";
const TIMEOUT: &str = "a timeout ends the waiting too early, or not at all";
const QUEUE: &str = "the client that has waited longest is not served first";
const HERD: &str = "one element wakes more than one client";
const STOLEN: &str = "what a waiting client should get is taken by a later command";
const CHAIN: &str = "what a served client puts into another list wakes nobody";
const DEAD: &str = "an element is lost to a client that has left";
const INSIDE: &str = "a blocking command waits inside a transaction";
const MIDDLE: &str = "a waiting client is served in the middle of a transaction";

pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "blocking-pop",
        phases: KEYSPACE,
        title: "BLPOP takes what is there, or waits for it, or for its time to run out",
        lesson: "A blocking command holds its client and not the server. Any change that makes the key hold a list wakes the \
                 client: a push, but a RENAME as well. A timeout is in seconds, with fractions, and 0 is for ever.",
        chapter: "docs/src/phase4/waiting.md",
        points: 2,
        topic: "blocking",
        blocked_by: &["list-ends"],
        after: &["rename", "list-values"],
        commands: &["SET", "DEL", "RENAME", "RPUSH", "LPUSH", "LLEN", "BLPOP", "BRPOP"],
        hints: [
            "A client waits for k, and RENAME other k. Is it woken?",
            "It must be: look at the waiting clients where keys appear, not in the push commands.",
            "Compute the deadline when the command comes, and let it be one of those that the loop's wait ends for.",
        ],
        bugs: &[AT_ONCE, WAKE, FALSELY, TIMEOUT],
        run: pop,
        ..Check::PLAIN
    },
    Check {
        name: "blocking-order",
        phases: KEYSPACE,
        title: "who has waited longest is served first, by one element each",
        lesson: "Each key has a queue of clients. One element wakes one client; if three come at once, three are served, in \
                 the order in which they came to wait. And nobody's next command may run in between, not even one from the \
                 pusher's own pipeline.",
        chapter: "docs/src/phase4/waiting.md",
        points: 2,
        topic: "blocking",
        blocked_by: &["blocking-pop"],
        commands: &["RPUSH", "LPOP", "LLEN", "BLPOP"],
        hints: [
            "Three clients wait, one element comes. What do the other two see?",
            "Nothing. Take the first from the queue, pop for it, and go on while there are elements.",
            "Serve the waiting clients at the end of each command, before the next of the same batch.",
        ],
        bugs: &[QUEUE, HERD, STOLEN],
        run: order,
        ..Check::PLAIN
    },
    Check {
        name: "blocking-chain",
        phases: KEYSPACE,
        title: "a client that is served may feed others; one that has left is passed over",
        lesson: "BLMOVE waits on one list and pushes to another, for which others may wait: serving goes on until nothing is \
                 ready. Inside MULTI nothing waits, and what a transaction pushes is handed out when it is over.",
        chapter: "docs/src/phase4/waiting.md",
        points: 2,
        topic: "blocking",
        blocked_by: &["blocking-pop"],
        after: &["blocking-order", "list-middle", "multi-exec"],
        commands: &["RPUSH", "LPOP", "LLEN", "LRANGE", "BLPOP", "BLMOVE", "MULTI"],
        hints: [
            "A waits with BLMOVE x y, B with BLPOP y. RPUSH x v: who has v in the end?",
            "B. Keep a list of keys that became ready, and serve until it is empty.",
            "A client whose connection has ended leaves all queues at once, and its element stays.",
        ],
        bugs: &[CHAIN, DEAD, INSIDE, MIDDLE],
        run: chain,
        ..Check::PLAIN
    },
];

/// Sends a command that has to wait.
fn waits(talk: &mut Talk, command: &str) -> Outcome {
    let bytes = talk.bytes_of(command);
    talk.step(format!("`{}`, which has to wait", command.replace('~', &talk.salt)));
    talk.client.send(&bytes)?;
    talk.client.expect_silence()
}

/// Expects nil, as a string or as an array.
fn nil(talk: &mut Talk) -> Outcome {
    match talk.read()? {
        Reply::Nil => Ok(()),
        other => Err(talk.wrong(&other, "nil")),
    }
}

fn pop(ctx: &mut Context) -> Outcome {
    let [mut a, mut b] = clients(ctx, ["A", "B"])?;
    a.rows(&[
        ("RPUSH ~l x y z", ":3"),
        ("BLPOP ~l 0", "[$~l $x]"),
        ("BRPOP ~none ~l 0", "[$~l $z]"),
        ("RPUSH ~m w", ":1"),
        ("BLPOP ~none ~m ~l 0", "[$~m $w]"),
        ("LLEN ~l", ":1"),
        ("BLPOP ~l -1", "-ERR timeout is negative"),
        ("BLPOP ~l x", "-ERR timeout is not a float or out of range"),
    ])
    .likely(AT_ONCE)?;
    waits(&mut a, "BLPOP ~p ~q 0").likely(FALSELY)?;
    b.rows(&[("SET ~q text", "+OK"), ("DEL ~q", ":1"), ("RPUSH ~other x", ":1")])?;
    a.client.expect_silence().likely(FALSELY)?;
    b.ask("LPUSH ~q v", ":1")?;
    owed(&mut a, "[$~q $v]").likely(WAKE)?;
    b.ask("LLEN ~q", ":0").likely(WAKE)?;
    waits(&mut a, "BRPOP ~p 0").likely(FALSELY)?;
    b.ask("RENAME ~other ~p", "+OK")?;
    owed(&mut a, "[$~p $x]").likely(WAKE)?;
    timeouts(&mut a)?;
    a.rows(&[("RPUSH ~l end", ":2"), ("BRPOP ~l 0", "[$~l $end]")]).likely(WAKE)
}

/// Not before its time, and not long after it.
fn timeouts(talk: &mut Talk) -> Outcome {
    for (timeout, at_least) in [("0.05", 45), ("0.2", 190)] {
        let (began, asked) = (Instant::now(), talk.bytes_of(&format!("BLPOP ~none {timeout}")));
        talk.step(format!("`BLPOP` with a timeout of {timeout} s"));
        talk.client.send(&asked)?;
        nil(talk).likely(TIMEOUT)?;
        let took = began.elapsed();
        if took < Duration::from_millis(at_least) || took > Duration::from_secs(5) {
            let text = format!("a timeout of {timeout} s ended after {took:.3?}");
            return Err(talk.client.fail(Kind::WrongBytes, text)).likely(TIMEOUT);
        }
    }
    Ok(())
}

fn order(ctx: &mut Context) -> Outcome {
    let [mut a, mut b, mut c, mut from] = clients(ctx, ["A", "B", "C", "the pusher"])?;
    for talk in [&mut a, &mut b, &mut c] {
        waits(talk, "BLPOP ~q 0")?;
    }
    from.ask("RPUSH ~q 1", ":1")?;
    owed(&mut a, "[$~q $1]").likely(QUEUE)?;
    for talk in [&mut b, &mut c] {
        talk.client.expect_silence().likely(HERD)?;
    }
    from.ask("RPUSH ~q 2 3 4", ":3")?;
    owed(&mut b, "[$~q $2]").likely(QUEUE)?;
    owed(&mut c, "[$~q $3]").likely(QUEUE)?;
    from.ask("LPOP ~q", "$4").likely(HERD)?;
    waits(&mut a, "BLPOP ~q 0")?;
    let both = [from.bytes_of("RPUSH ~q mine"), from.bytes_of("LPOP ~q")].concat();
    from.step("`RPUSH` and `LPOP` in one go, while another client waits");
    from.client.exchange(&both, b":1\r\n$-1\r\n").likely(STOLEN)?;
    owed(&mut a, "[$~q $mine]").likely(STOLEN)?;
    // Who comes again stands at the end.
    for talk in [&mut c, &mut a, &mut b] {
        waits(talk, "BLPOP ~q ~r 0")?;
    }
    let pushes = [from.bytes_of("RPUSH ~r 5"), from.bytes_of("RPUSH ~q 6"), from.bytes_of("RPUSH ~r 7")];
    from.step("three pushes in one go");
    from.client.exchange(&pushes.concat(), b":1\r\n:1\r\n:1\r\n")?;
    owed(&mut c, "[$~r $5]").likely(QUEUE)?;
    owed(&mut a, "[$~q $6]").likely(QUEUE)?;
    owed(&mut b, "[$~r $7]").likely(QUEUE)
}

fn chain(ctx: &mut Context) -> Outcome {
    let [mut a, mut b, mut from] = clients(ctx, ["A", "B", "the pusher"])?;
    waits(&mut a, "BLMOVE ~x ~y LEFT RIGHT 0")?;
    waits(&mut b, "BLPOP ~y 0")?;
    from.ask("RPUSH ~x v", ":1")?;
    a.exchange(&[], &Reply::bulk("v")).likely(CHAIN)?;
    owed(&mut b, "[$~y $v]").likely(CHAIN)?;
    from.rows(&[("LLEN ~x", ":0"), ("LLEN ~y", ":0")]).likely(CHAIN)?;
    from.rows(&[
        ("MULTI", "+OK"),
        ("BLPOP ~none 0", "+QUEUED"),
        ("RPUSH ~z 1", "+QUEUED"),
        ("BLPOP ~z 0", "+QUEUED"),
    ])?;
    from.step("`EXEC` of a BLPOP that finds nothing, and of one that finds something");
    let exec = from.bytes_of("EXEC");
    from.client.send(&exec)?;
    let found = Reply::shorthand(&"[nil :1 [$~z $1]]".replace('~', &from.salt));
    let reply = from.read().likely(INSIDE)?;
    if reply != found {
        return Err(from.wrong(&reply, "nil, 1 and the element")).likely(INSIDE);
    }
    waits(&mut a, "BLPOP ~q 0")?;
    from.rows(&[
        ("MULTI", "+OK"),
        ("RPUSH ~q 1", "+QUEUED"),
        ("RPUSH ~q 2", "+QUEUED"),
        ("LPOP ~q", "+QUEUED"),
        ("EXEC", "[:1 :2 $1]"),
    ])
    .likely(MIDDLE)?;
    owed(&mut a, "[$~q $2]").likely(MIDDLE)?;
    // One leaves while it waits, and the next in the queue has its turn.
    waits(&mut a, "BLPOP ~q 0")?;
    waits(&mut b, "BLPOP ~q 0")?;
    a.client.reset();
    from.client.wait_read()?;
    let _ = ctx.target()?.wait_idle(Duration::from_millis(500));
    from.ask("RPUSH ~q kept", ":1")?;
    owed(&mut b, "[$~q $kept]").likely(DEAD)?;
    waits(&mut b, "BLPOP ~q 0")?;
    b.client.reset();
    let _ = ctx.target()?.wait_idle(Duration::from_millis(500));
    from.rows(&[("RPUSH ~q left", ":1"), ("LRANGE ~q 0 -1", "[$left]")]).likely(DEAD)
}
