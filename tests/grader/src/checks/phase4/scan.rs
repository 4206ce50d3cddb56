//! SCAN: every key that is there from the first call to the last is returned, whatever the table does in between.

use std::collections::HashSet;

use super::reply::Reply;
use super::talk::{KEYSPACE, Talk};
use crate::check::{Check, Context, Explain as _, Kind, Outcome};

const MISSES: &str = "SCAN misses keys that were there all the time";
const GROWS: &str = "SCAN loses its place when the table grows";
const SHRINKS: &str = "SCAN loses its place when the table shrinks";
const NEVER_ENDS: &str = "SCAN does not come back to cursor 0";
const FILTER: &str = "SCAN's MATCH, TYPE or COUNT is misread";
const CURSOR: &str = "a bad cursor is accepted";

pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "scan",
        phases: KEYSPACE,
        catalogue: &[],
        title: "SCAN returns every key, filters, and ends",
        lesson: "KEYS answers everything at once and stops the server for as long. SCAN gives a few keys and a cursor; the \
                 server remembers nothing, the cursor holds all there is to know.",
        chapter: "docs/src/phase4/scan.md",
        points: 2,
        topic: "scan",
        blocked_by: &["set-get-del"],
        after: &["resp-pipeline", "resp-split", "resp-missing-crlf", "whole-keyspace", "rehash-lookup"],
        commands: &["SET", "FLUSHALL", "SCAN"],
        hints: [
            "What does the cursor stand for in a table of buckets?",
            "COUNT is about effort, not results: a call may return none, and only cursor 0 ends the scan.",
            "MATCH filters what was visited; the walk itself does not depend on it.",
        ],
        bugs: &[MISSES, NEVER_ENDS, FILTER, CURSOR],
        run: scan,
        ..Check::PLAIN
    },
    Check {
        name: "scan-while-growing",
        phases: KEYSPACE,
        catalogue: &[54],
        title: "SCAN misses no key while the table grows",
        lesson: "A cursor that is a bucket's number means another place once the table has doubled. Counting with reversed \
                 bits visits a bucket and all it will split into together, so that the guarantee survives every resize.",
        chapter: "docs/src/phase4/scan.md",
        points: 3,
        topic: "scan",
        blocked_by: &["scan"],
        after: &["rehash-lookup"],
        commands: &["SET", "FLUSHALL", "SCAN"],
        hints: [
            "Where do the keys of bucket 3 of 8 go when the table doubles?",
            "To 3 and 11 of 16. What must a cursor count so that both count as visited?",
            "Increment the cursor's high bit first: reverse, add one, reverse back.",
        ],
        bugs: &[GROWS, NEVER_ENDS],
        run: growing,
        ..Check::PLAIN
    },
    Check {
        name: "scan-while-shrinking",
        phases: KEYSPACE,
        catalogue: &[54],
        title: "SCAN misses no key while the table shrinks",
        lesson: "When the table halves, two buckets become one, of which one may have been visited and the other not. \
                 Returning keys twice is allowed; missing them is not.",
        chapter: "docs/src/phase4/scan.md",
        points: 2,
        topic: "scan",
        blocked_by: &["scan"],
        after: &["rehash-delete"],
        commands: &["SET", "DEL", "FLUSHALL", "SCAN"],
        hints: [
            "Which half of a merged bucket has your cursor seen?",
            "Better twice than never: go back to the start of the merged bucket.",
            "Mask the cursor to the smaller table; the reversed-bit order makes that safe.",
        ],
        bugs: &[SHRINKS, NEVER_ENDS],
        run: shrinking,
        ..Check::PLAIN
    },
];

/// One call; adds what came to `seen` and returns the next cursor.
fn call(talk: &mut Talk, command: &str, seen: &mut HashSet<Vec<u8>>) -> Outcome<String> {
    let reply = talk.hear(command)?;
    if let Reply::Array(parts) = &reply
        && let [Reply::Bulk(cursor), Reply::Array(keys)] = parts.as_slice()
    {
        for key in keys {
            let Reply::Bulk(key) = key else {
                return Err(talk.wrong(key, "the name of a key"));
            };
            seen.insert(key.clone());
        }
        return Ok(String::from_utf8_lossy(cursor).into_owned());
    }
    Err(talk.wrong(&reply, "an array of a cursor and an array of keys"))
}

/// A whole scan; `between` is called after each call.
fn walk(
    talk: &mut Talk,
    options: &str,
    mut between: impl FnMut(&mut Talk, usize) -> Outcome,
) -> Outcome<HashSet<Vec<u8>>> {
    let (mut cursor, mut seen) = ("0".to_owned(), HashSet::new());
    for calls in 0..60_000 {
        cursor = call(talk, &format!("SCAN {cursor}{options}"), &mut seen)?;
        if cursor == "0" {
            return Ok(seen);
        }
        between(talk, calls)?;
    }
    Err(talk.client.fail(Kind::NotClosed, "after 60,000 calls the cursor is still not 0")).likely(NEVER_ENDS)
}

fn fill(talk: &mut Talk, prefix: &str, range: std::ops::Range<usize>) -> Outcome {
    let mut batch = talk.batch();
    for n in range {
        batch.push(&[b"SET", format!("{prefix}{n}").as_bytes(), b"v"], &Reply::ok());
    }
    talk.run(&batch)
}

fn complete(talk: &mut Talk, seen: &HashSet<Vec<u8>>, count: usize, bug: &'static str) -> Outcome {
    let missing: Vec<String> =
        (0..count).map(|n| format!("stay:{n}")).filter(|key| !seen.contains(key.as_bytes())).collect();
    match missing.first() {
        None => Ok(()),
        Some(first) => {
            let text = format!(
                "{} of {count} keys that were there all the time never came, {first} first",
                missing.len()
            );
            Err(talk.client.fail(Kind::WrongBytes, text)).likely(bug)
        }
    }
}

fn scan(ctx: &mut Context) -> Outcome {
    let mut talk = Talk::resp(ctx)?;
    talk.ask("FLUSHALL", "+OK")?;
    let seen = walk(&mut talk, "", |_, _| Ok(()))?;
    if !seen.is_empty() {
        return Err(talk.client.fail(Kind::WrongBytes, "SCAN of an empty database returns keys"))
            .likely(MISSES);
    }
    let count = 1_500 + ctx.rng.below(1_500);
    fill(&mut talk, "stay:", 0..count)?;
    for options in ["", " COUNT 1", " COUNT 100000", " TYPE string", " MATCH stay:*"] {
        let seen = walk(&mut talk, options, |_, _| Ok(()))?;
        complete(&mut talk, &seen, count, MISSES).note(format!("options:{options}"))?;
        if seen.len() != count {
            let text = format!("{} different names came, {count} keys are there", seen.len());
            return Err(talk.client.fail(Kind::WrongBytes, text)).likely(MISSES);
        }
    }
    for (options, wanted) in [(" MATCH stay:7?", 10), (" MATCH none*", 0), (" TYPE list", 0)] {
        let seen = walk(&mut talk, options, |_, _| Ok(()))?;
        if seen.len() != wanted {
            let text = format!("SCAN{options}: {} keys came, {wanted} fit", seen.len());
            return Err(talk.client.fail(Kind::WrongBytes, text)).likely(FILTER);
        }
    }
    talk.rows(&[("SCAN 0 COUNT 0", "-ERR syntax error"), ("SCAN 0 NONSENSE", "-ERR syntax error")])
        .likely(FILTER)?;
    talk.ask("SCAN nonsense", "-ERR invalid cursor").likely(CURSOR)
}

fn growing(ctx: &mut Context) -> Outcome {
    let mut talk = Talk::resp(ctx)?;
    talk.ask("FLUSHALL", "+OK")?;
    let count = 400 + ctx.rng.below(300);
    fill(&mut talk, "stay:", 0..count)?;
    let mut added = 0;
    let seen = walk(&mut talk, " COUNT 10", |talk, calls| {
        // Growth in small steps, so that some calls fall into the middle of a move.
        let more = if calls < 60 { 150 } else { 0 };
        added += more;
        fill(talk, "more:", added - more..added)
    })?;
    complete(&mut talk, &seen, count, GROWS).note(format!("meanwhile {added} keys were added"))
}

fn shrinking(ctx: &mut Context) -> Outcome {
    let mut talk = Talk::resp(ctx)?;
    talk.ask("FLUSHALL", "+OK")?;
    let count = 200 + ctx.rng.below(200);
    let chaff = 20_000;
    fill(&mut talk, "stay:", 0..count)?;
    fill(&mut talk, "chaff:", 0..chaff)?;
    let mut deleted = 0;
    let seen = walk(&mut talk, " COUNT 20", |talk, _| {
        let until = (deleted + 400).min(chaff);
        let mut batch = talk.batch();
        for n in deleted..until {
            batch.push(&[b"DEL", format!("chaff:{n}").as_bytes()], &Reply::Integer(1));
        }
        deleted = until;
        talk.run(&batch)
    })?;
    complete(&mut talk, &seen, count, SHRINKS).note(format!("meanwhile {deleted} keys were deleted"))
}
