//! Removing members by name, and those in a range.
use super::{by_name, by_score, row};
use crate::command::{Command, Context};
use crate::error::Error;
use crate::keyspace::zset::bounds;
use crate::keyspace::{Edit, Event, ZSet, ZSetRef};
use crate::text::integer;
use crate::wire::args::Args;
use crate::wire::reply::Reply;
use std::ops::Range;

/// The rows.
pub const COMMANDS: &[Command] = &[
    row("zrem", -3, "write fast", zrem, "1.2.0", "Removes members and returns how many there were.")
        .access(&["RW delete"]),
    row("zremrangebyrank", 4, "write", zremrangebyrank, "2.0.0", "Removes the members in a range of ranks.")
        .access(&["RW delete"]),
    row(
        "zremrangebyscore",
        4,
        "write",
        zremrangebyscore,
        "1.2.0",
        "Removes the members whose scores are within bounds.",
    )
    .access(&["RW delete"]),
    row(
        "zremrangebylex",
        4,
        "write",
        zremrangebylex,
        "2.8.9",
        "Removes the members whose names are within bounds.",
    )
    .access(&["RW delete"]),
];

fn zrem(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    let key = ctx.first_key(args.get(1));
    let removed = ctx.db().update::<ZSet, _>(key, Event::ZRem, |zset, _| {
        match args.from(2).filter(|member| zset.remove(member)).count() {
            0 => Edit::Untouched(0),
            removed => Edit::Counted(removed as u32, removed),
        }
    })?;
    reply.integer(removed.unwrap_or(0) as i64);
    Ok(())
}

fn zremrangebyrank(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    let rank = |at| integer::parse(args.get(at)).ok_or(Error::NotInteger);
    let (start, stop) = (rank(2)?, rank(3)?);
    remove_range(ctx, args, Event::ZRemRangeByRank, reply, |zset| {
        bounds::by_rank(start, stop, zset.len() as u64)
    })
}

fn zremrangebyscore(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    let (min, max) = by_score(args.get(2), args.get(3))?;
    remove_range(ctx, args, Event::ZRemRangeByScore, reply, |zset| zset.span(&min, &max))
}

fn zremrangebylex(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    let (min, max) = by_name(args.get(2), args.get(3))?;
    remove_range(ctx, args, Event::ZRemRangeByLex, reply, |zset| zset.span(&min, &max))
}

fn remove_range(
    ctx: &mut Context<'_>,
    args: Args<'_>,
    event: Event,
    reply: &mut Reply<'_>,
    span: impl FnOnce(ZSetRef<'_>) -> Range<u64>,
) -> Result<(), Error> {
    let key = ctx.first_key(args.get(1));
    let removed = ctx.db().update::<ZSet, _>(key, event, |zset, _| {
        let span = span(zset.read());
        let count = span.end - span.start;
        if count == 0 {
            return Edit::Untouched(0);
        }
        zset.remove_range(span, false, |_, _| {});
        Edit::Counted(count as u32, count)
    })?;
    reply.integer(removed.unwrap_or(0) as i64);
    Ok(())
}
