//! Sorted sets: counted, and asked about one member or several. ZADD is in [`add`], ranges in [`range`], removal in [`remove`],
//! popping in [`pop`], waiting for a member in [`blocking`], members by chance and ZSCAN in [`random`], unions and their kin in [`algebra`].
pub mod add;
pub mod algebra;
pub mod blocking;
pub mod pop;
pub mod random;
pub mod range;
pub mod remove;
#[cfg(test)]
mod tests;

use super::{Command, Context, DataFn, Group, KeySpec};
use crate::error::Error;
use crate::keyspace::zset::bounds::{self, Cut, End};
use crate::keyspace::{Key, Value, ZSetRef};
use crate::wire::args::Args;
use crate::wire::reply::{Reply, Wire};

/// The rows.
pub const COMMANDS: &[Command] = &[
    row("zcard", 2, "readonly fast", zcard, "1.2.0", "Returns the number of members of a sorted set.")
        .access(&["RO"]),
    row("zscore", 3, "readonly fast", zscore, "1.2.0", "Returns the score of a member."),
    row("zmscore", -3, "readonly fast", zmscore, "6.2.0", "Returns the scores of members."),
    row("zrank", 3, "readonly fast", zrank, "2.0.0", "Returns how many members have lower scores than one."),
    row(
        "zrevrank",
        3,
        "readonly fast",
        zrevrank,
        "2.0.0",
        "Returns how many members have higher scores than one.",
    ),
    row("zcount", 4, "readonly fast", zcount, "2.0.0", "Counts the members whose scores are within bounds."),
    row(
        "zlexcount",
        4,
        "readonly fast",
        zlexcount,
        "2.8.9",
        "Counts the members whose names are within bounds.",
    ),
];

/// A row of a command about one sorted set.
const fn row(
    name: &'static str,
    arity: i32,
    flags: &'static str,
    run: DataFn,
    since: &'static str,
    summary: &'static str,
) -> Command {
    Command::data(name, arity, flags, KeySpec::ONE, run).doc(Group::SortedSet, since, summary)
}

/// The sorted set at a key, on behalf of a reading command; any other type is refused.
#[inline]
fn read<'a>(ctx: &'a mut Context<'_>, key: Key<'_>) -> Result<Option<ZSetRef<'a>>, Error> {
    match ctx.read(key).map(|found| found.value) {
        Some(Value::ZSet(zset)) => Ok(Some(zset)),
        Some(_) => Err(Error::WrongType),
        None => Ok(None),
    }
}

/// Appends a member, with its score if that is asked for: as a pair in RESP3 and framed, else one behind the other.
fn member(reply: &mut Reply<'_>, name: &[u8], score: f64, with_scores: bool) {
    if with_scores && reply.wire() != Wire::Resp2 {
        reply.array(2);
    }
    reply.bulk(name);
    if with_scores {
        reply.score(score);
    }
}

/// Announces so many members for [`member`].
fn members(reply: &mut Reply<'_>, count: u64, with_scores: bool) {
    let flat = with_scores && reply.wire() == Wire::Resp2;
    reply.array(if flat { count as usize * 2 } else { count as usize });
}

/// The ends of a range by score, out of two arguments.
fn by_score<'a>(min: &[u8], max: &[u8]) -> Result<(Cut<'a>, Cut<'a>), Error> {
    let cuts = bounds::by_score(min, End::Min).zip(bounds::by_score(max, End::Max));
    cuts.ok_or(Error::bad_argument("ERR min or max is not a float"))
}

/// The same of a range by name.
fn by_name<'a>(min: &'a [u8], max: &'a [u8]) -> Result<(Cut<'a>, Cut<'a>), Error> {
    let cuts = bounds::by_name(min, End::Min).zip(bounds::by_name(max, End::Max));
    cuts.ok_or(Error::bad_argument("ERR min or max not valid string range item"))
}

fn zcard(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    let key = ctx.first_key(args.get(1));
    let len = read(ctx, key)?.map_or(0, |zset| zset.len());
    reply.integer(len as i64);
    Ok(())
}

fn zscore(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    let key = ctx.first_key(args.get(1));
    match read(ctx, key)?.and_then(|zset| zset.score(args.get(2))) {
        Some(score) => reply.score(score),
        None => reply.nil(),
    }
    Ok(())
}

fn zmscore(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    let key = ctx.first_key(args.get(1));
    let zset = read(ctx, key)?;
    reply.array(args.len() - 2);
    for member in args.from(2) {
        match zset.and_then(|zset| zset.score(member)) {
            Some(score) => reply.score(score),
            None => reply.nil(),
        }
    }
    Ok(())
}

fn zrank(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    rank(ctx, args, false, reply)
}

fn zrevrank(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    rank(ctx, args, true, reply)
}

fn rank(ctx: &mut Context<'_>, args: Args<'_>, reverse: bool, reply: &mut Reply<'_>) -> Result<(), Error> {
    let key = ctx.first_key(args.get(1));
    let zset = read(ctx, key)?;
    match zset.and_then(|zset| Some((zset, zset.rank(args.get(2))?.0))) {
        Some((zset, rank)) if reverse => reply.integer(zset.len() as i64 - 1 - rank as i64),
        Some((_, rank)) => reply.integer(rank as i64),
        None => reply.nil(),
    }
    Ok(())
}

fn zcount(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    let cuts = by_score(args.get(2), args.get(3))?;
    count(ctx, args, cuts, reply)
}

fn zlexcount(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    let cuts = by_name(args.get(2), args.get(3))?;
    count(ctx, args, cuts, reply)
}

fn count(
    ctx: &mut Context<'_>,
    args: Args<'_>,
    (min, max): (Cut<'_>, Cut<'_>),
    reply: &mut Reply<'_>,
) -> Result<(), Error> {
    let key = ctx.first_key(args.get(1));
    let span = read(ctx, key)?.map_or(0..0, |zset| zset.span(&min, &max));
    reply.integer((span.end - span.start) as i64);
    Ok(())
}
