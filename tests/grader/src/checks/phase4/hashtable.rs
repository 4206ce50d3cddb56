//! The table as it grows and shrinks: nothing is lost, and no single request pays for all of it.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use super::reply::Reply;
use super::talk::{Batch, KEYSPACE, Talk};
use crate::check::{Check, Context, Explain as _, Failure, Kind, Need, Outcome};
use crate::context::not_run;

const MISSES_OLD: &str = "a lookup during rehash misses the old table";
const LOST: &str = "a key is lost for good while the table grows";
const DELETE_MISSES: &str = "a delete during rehash misses the old table";
const TWICE: &str = "a key replaced during rehash stands in both tables";
const STOPS: &str = "stop-the-world rehash";

pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "rehash-lookup",
        phases: KEYSPACE,
        catalogue: &[54],
        title: "every key is found at every moment of the table's growth",
        lesson: "While a table is moved bucket by bucket, a key is in the new table or still in the old one. A lookup that \
                 asks only one of them loses keys for as long as the move lasts, and finds them again afterwards: a bug \
                 that a test at rest never sees.",
        chapter: "docs/src/phase4/incremental.md",
        points: 4,
        topic: "table",
        blocked_by: &["set-get-del"],
        after: &["resp-pipeline", "resp-split", "resp-missing-crlf"],
        commands: &["SET", "GET", "DEL"],
        hints: [
            "In which table is a key in the middle of a move?",
            "Look in the new table, then in the old one. Replace and delete wherever it is found.",
            "find(k) = new.find(k).or_else(|| old.find(k)); moving a bucket happens after or before, never in between.",
        ],
        bugs: &[MISSES_OLD, LOST, TWICE],
        run: rehash_lookup,
        ..Check::PLAIN
    },
    Check {
        name: "rehash-delete",
        phases: KEYSPACE,
        catalogue: &[54],
        title: "deletes during growth and shrinking remove exactly their keys",
        lesson: "DEL has to find its key as GET does, in both tables; and a table that shrinks moves its buckets a second \
                 time, the other way round, with all the same chances to lose something.",
        chapter: "docs/src/phase4/incremental.md",
        points: 3,
        topic: "table",
        blocked_by: &["rehash-lookup"],
        after: &["resp-pipeline", "resp-split", "resp-missing-crlf"],
        commands: &["SET", "GET", "DEL"],
        hints: [
            "Does DEL look where GET looks?",
            "Unlinking the first of a chain is not unlinking in its middle: test both.",
            "Delete from whichever table holds the key; then GET must say nil, and the neighbours in the bucket remain.",
        ],
        bugs: &[DELETE_MISSES, MISSES_OLD],
        run: rehash_delete,
        ..Check::PLAIN
    },
    Check {
        name: "rehash-pause",
        phases: KEYSPACE,
        catalogue: &[46],
        title: "no request pays for moving the whole table while a million keys go in",
        lesson: "A table that doubles by moving every key at once answers a million requests in microseconds each, and one \
                 in a tenth of a second or more; with one thread, everybody waits. Moving a few buckets with each request \
                 spreads the same work until nobody notices.",
        chapter: "docs/src/phase4/incremental.md",
        points: 4,
        topic: "table",
        blocked_by: &["rehash-lookup"],
        after: &["resp-pipeline", "resp-split", "resp-missing-crlf"],
        commands: &["SET"],
        hints: [
            "How long does the one insert take that makes the table double?",
            "Keep both tables and move a few buckets per request until the old one is empty.",
            "The new table's zeros cost too: calloc or mmap hand out zero pages that are only paid for when touched.",
        ],
        bugs: &[STOPS],
        needs: &[Need::Proc],
        run: rehash_pause,
        ..Check::PLAIN
    },
];

/// One past a power of two has just made most tables double; the last size is large enough for several moves.
const GROWTH: usize = 33_000;

fn key(salt: &str, n: usize) -> Vec<u8> {
    format!("{salt}:{n}").into_bytes()
}

fn value(n: usize) -> Vec<u8> {
    format!("v{}", n.wrapping_mul(2_654_435_761) % 1_000_003).into_bytes()
}

fn rehash_lookup(ctx: &mut Context) -> Outcome {
    let mut talk = Talk::either(ctx)?;
    let salt = talk.salt.clone();
    let mut batch = talk.batch();
    // The number whose `value` each key holds now; keys replaced on the way are noted.
    let mut holds: Vec<usize> = Vec::with_capacity(GROWTH);
    let mut replaced = Vec::new();
    for n in 0..GROWTH {
        batch.push(&[b"SET", &key(&salt, n), &value(n)], &Reply::ok());
        holds.push(n);
        if n % 8 == 7 {
            let old = ctx.rng.below(n);
            holds[old] += GROWTH;
            replaced.push(old);
            batch.push(&[b"SET", &key(&salt, old), &value(holds[old])], &Reply::ok());
        }
        // Two old keys per new one: whatever state the move is in, somebody asks for what it has not reached yet.
        for _ in 0..2 {
            let old = ctx.rng.below(n + 1);
            batch.push(&[b"GET", &key(&salt, old)], &Reply::bulk(value(holds[old])));
        }
        let all = n.is_power_of_two() && n >= 16;
        if all {
            for (old, number) in holds.iter().enumerate() {
                batch.push(&[b"GET", &key(&salt, old)], &Reply::bulk(value(*number)));
            }
        }
        if all || batch.sent.len() > 64 << 10 || n + 1 == GROWTH {
            talk.step(format!("{} keys in the table, old ones asked for while it grows", n + 1));
            if let Err(verdict) = talk.run(&batch) {
                let outcome: Outcome = Err(verdict);
                return outcome.likely_when(&[Kind::WrongBytes], kind_of_loss(ctx, &salt, n + 1));
            }
            batch.clear();
        }
    }
    replaced.sort_unstable();
    replaced.dedup();
    for n in replaced {
        batch.push(&[b"GET", &key(&salt, n)], &Reply::bulk(value(holds[n])));
        batch.push(&[b"DEL", &key(&salt, n)], &Reply::Integer(1));
        batch.push(&[b"GET", &key(&salt, n)], &Reply::Nil);
    }
    talk.step(
        "keys that were replaced while the table grew are deleted: none may come back with its old value",
    );
    talk.run(&batch).likely_when(&[Kind::WrongBytes], TWICE)
}

/// A key that a lookup merely misses is found again when the table has grown on; one that was lost stays lost. Told by
/// keys that nobody sets twice, for one that was missed may come back with a later SET. Most of them decide: a forgotten
/// bucket may be linked again by accident.
fn kind_of_loss(ctx: &mut Context, salt: &str, keys: usize) -> &'static str {
    const PROBES: usize = 2_000;
    /// So many steps of growth, to three times the keys in all: every move that is under way comes to its end.
    const STEPS: usize = 8;
    let Ok(mut talk) = Talk::either(ctx) else { return LOST };
    let mut batch = talk.batch();
    for n in 0..PROBES {
        batch.push(&[b"SET", &key(salt, GROWTH + n), b"v"], &Reply::ok());
    }
    let step = (PROBES + keys) * 2 / STEPS;
    let (mut missed, mut back) = (BTreeSet::new(), BTreeSet::new());
    for round in 0..STEPS {
        for n in 0..step {
            batch.push(&[b"SET", &key("more", round * step + n), b"v"], &Reply::ok());
        }
        if talk.run(&batch).is_err() {
            return LOST;
        }
        batch.clear();
        for n in 0..PROBES {
            match talk.hear(&format!("GET {salt}:{}", GROWTH + n)) {
                Ok(Reply::Nil) => _ = missed.insert(n),
                _ if missed.contains(&n) => _ = back.insert(n),
                _ => {}
            }
        }
    }
    if back.len() * 2 < missed.len() { LOST } else { MISSES_OLD }
}

fn rehash_delete(ctx: &mut Context) -> Outcome {
    let mut talk = Talk::either(ctx)?;
    let salt = talk.salt.clone();
    let mut batch = talk.batch();
    let mut alive: Vec<usize> = Vec::new();
    for n in 0..24_000 {
        batch.push(&[b"SET", &key(&salt, n), &value(n)], &Reply::ok());
        alive.push(n);
        if n % 3 == 0 {
            remove_one(ctx, &salt, &mut alive, &mut batch);
        }
        flush(&mut talk, &mut batch, "deletes while the table grows")?;
    }
    while !alive.is_empty() {
        remove_one(ctx, &salt, &mut alive, &mut batch);
        if !alive.is_empty() {
            let other = alive[ctx.rng.below(alive.len())];
            batch.push(&[b"GET", &key(&salt, other)], &Reply::bulk(value(other)));
        }
        flush(&mut talk, &mut batch, "deletes until the table is empty")?;
    }
    talk.run(&batch).likely(DELETE_MISSES)
}

fn remove_one(ctx: &mut Context, salt: &str, alive: &mut Vec<usize>, batch: &mut Batch) {
    let gone = alive.swap_remove(ctx.rng.below(alive.len()));
    batch.push(&[b"DEL", &key(salt, gone)], &Reply::Integer(1));
    batch.push(&[b"GET", &key(salt, gone)], &Reply::Nil);
}

fn flush(talk: &mut Talk, batch: &mut Batch, step: &str) -> Outcome {
    if batch.sent.len() > 64 << 10 {
        talk.step(step);
        talk.run(batch).likely_when(&[Kind::WrongBytes], DELETE_MISSES)?;
        batch.clear();
    }
    Ok(())
}

/// Load factors of 0.5, 0.75, 0.875, 1 and 8 all make a table of a power of two double between 2¹⁹ and this.
const MILLION: usize = 1_180_000;
const BATCH: usize = 256;
/// Enough keys for a pause that can be told from noise.
const ENOUGH: usize = 100_000;
/// A batch that costs as much CPU time as this many usual ones is suspected of moving the table. What costs less a black
/// box cannot tell from other work; moving half a million keys costs as much as thousands.
const PAUSE: u32 = 50;

/// The dear batches are compared with the usual one, in the same server's CPU time: no clock of the machine's, no limit
/// in milliseconds.
fn rehash_pause(ctx: &mut Context) -> Outcome {
    let first = dear_batches(ctx)?;
    if first.is_empty() {
        return Ok(());
    }
    // Page faults and a machine shared with others make spikes too, but not twice at the same place. A table grows by
    // its count, so the same keys make it grow at the same batch, or the next if other keys were there.
    let launch = ctx.launch.clone();
    ctx.restart(&launch)?;
    let second = dear_batches(ctx)?;
    let again = |pause: &Pause| second.iter().find(|other| other.at.abs_diff(pause.at) <= BATCH);
    let both = first.iter().filter_map(|pause| Some((pause, again(pause)?)));
    let Some((pause, again)) = both.max_by_key(|(pause, _)| pause.cost) else { return Ok(()) };
    let text = format!(
        "a batch of {BATCH} SETs usually took {} µs of the server's CPU time, but at {} keys one took {} ms",
        pause.median.as_micros(),
        pause.at,
        pause.cost.as_millis()
    );
    let failure = Failure::new(Kind::Resource, text).likely(STOPS).note(format!(
        "in a second run on a fresh server: {} ms at {} keys",
        again.cost.as_millis(),
        again.at
    ));
    Err(failure.into())
}

struct Pause {
    median: Duration,
    cost: Duration,
    at: usize,
}

/// Inserts a million keys in small batches and measures the server's CPU time for each, which other processes on the
/// machine cannot stretch. Returns the batches that stand out.
fn dear_batches(ctx: &mut Context) -> Outcome<Vec<Pause>> {
    let mut talk = Talk::either(ctx)?;
    let target = ctx.target()?;
    let cpu = || {
        crate::procfs::cpu_nanos(target.pid()).ok_or_else(|| not_run("the server's CPU time cannot be read"))
    };
    let salt = talk.salt.clone();
    let started = Instant::now();
    let mut costs: Vec<u64> = Vec::with_capacity(MILLION / BATCH);
    let mut batch = talk.batch();
    let mut before = cpu()?;
    while costs.len() * BATCH < MILLION {
        let from = costs.len() * BATCH;
        if started.elapsed() > Duration::from_secs(14) {
            break;
        }
        batch.clear();
        for n in from..from + BATCH {
            batch.push(&[b"SET", &key(&salt, n), b"v"], &Reply::ok());
        }
        if from.is_multiple_of(BATCH * 64) {
            talk.step(format!("SET, {BATCH} at a time, {from} keys so far"));
        }
        talk.run(&batch)?;
        let now = cpu()?;
        costs.push(now.saturating_sub(before));
        before = now;
    }
    if costs.len() * BATCH < ENOUGH {
        let text = format!("only {} keys went in within 14 s: too few to tell a pause", costs.len() * BATCH);
        return Err(not_run(text));
    }
    let mut sorted = costs.clone();
    sorted.sort_unstable();
    let median = Duration::from_nanos(sorted[sorted.len() / 2]);
    let batches = costs.iter().map(|cost| Duration::from_nanos(*cost)).enumerate();
    let dear = batches.filter(|(_, cost)| *cost > PAUSE * median);
    Ok(dear.map(|(index, cost)| Pause { median, cost, at: index * BATCH }).collect())
}
