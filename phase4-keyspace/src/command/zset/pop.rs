//! Taking the members with the lowest or the highest scores.
use std::ops::Range;

use super::row;
use crate::command::element::{numkeys, positive_count};
use crate::command::list::pop::count_option;
use crate::command::{Command, Context, Group, KeySpec};
use crate::error::Error;
use crate::keyspace::{Edit, Event, Key, ZSet};
use crate::wire::args::Args;
use crate::wire::reply::{Reply, Wire};

/// The rows.
pub const COMMANDS: &[Command] = &[
    row("zpopmin", -2, "write fast", zpopmin, "5.0.0", "Takes the members with the lowest scores.")
        .access(&["RW access delete"]),
    row("zpopmax", -2, "write fast", zpopmax, "5.0.0", "Takes the members with the highest scores.")
        .access(&["RW access delete"]),
    Command::data("zmpop", -4, "write movablekeys", KeySpec::Counted { count: 1, first: 2, also: 0 }, zmpop)
        .doc(Group::SortedSet, "7.0.0", "Takes members of the first of several sorted sets that has any.")
        .access(&["RW access delete"]),
];

/// One of a sorted set's two ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Side {
    /// The lowest scores.
    Min,
    /// The highest scores.
    Max,
}

impl Side {
    fn popped(self) -> Event {
        if self == Side::Min { Event::ZPopMin } else { Event::ZPopMax }
    }
}

/// Takes up to `count` members from a side of a sorted set and hands them out, after `announce` was told how many there will
/// be. `false` if there is no such key; nothing was called then.
///
/// # Errors
/// The key holds another type.
pub fn pop(
    ctx: &mut Context<'_>,
    key: Key<'_>,
    side: Side,
    count: u64,
    reply: &mut Reply<'_>,
    announce: impl FnOnce(&mut Reply<'_>, u64),
    mut each: impl FnMut(&mut Reply<'_>, &[u8], f64),
) -> Result<bool, Error> {
    let popped = ctx.db().update::<ZSet, _>(key, side.popped(), |zset, _| {
        let len = zset.read().len() as u64;
        let count = count.min(len);
        announce(reply, count);
        if count == 0 {
            return Edit::Untouched(());
        }
        let span = if side == Side::Min { 0..count } else { len - count..len };
        zset.remove_range(span, side == Side::Max, |name, score| each(reply, name, score));
        Edit::Counted(count as u32, ())
    })?;
    Ok(popped.is_some())
}

/// Appends a member and its score: one behind the other, or as a pair.
pub fn flat(reply: &mut Reply<'_>, name: &[u8], score: f64) {
    reply.bulk(name);
    reply.score(score);
}

fn pair(reply: &mut Reply<'_>, name: &[u8], score: f64) {
    reply.array(2);
    flat(reply, name, score);
}

fn zpopmin(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    pop_one_or_some(ctx, args, Side::Min, reply)
}

fn zpopmax(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    pop_one_or_some(ctx, args, Side::Max, reply)
}

/// `ZPOPMIN key [count]`: pairs only where there is a count, and not in RESP2.
fn pop_one_or_some(
    ctx: &mut Context<'_>,
    args: Args<'_>,
    side: Side,
    reply: &mut Reply<'_>,
) -> Result<(), Error> {
    if args.len() > 3 {
        return Err(Error::Syntax);
    }
    let count = args.at(2).map(positive_count).transpose()?;
    let pairs = count.is_some() && reply.wire() != Wire::Resp2;
    let key = ctx.first_key(args.get(1));
    let announce = |reply: &mut Reply<'_>, count: u64| {
        reply.array(if pairs { count as usize } else { 2 * count as usize });
    };
    if !pop(ctx, key, side, count.unwrap_or(1), reply, announce, if pairs { pair } else { flat })? {
        reply.array(0);
    }
    Ok(())
}

/// `ZMPOP numkeys key [key ...] MIN|MAX [COUNT count]`
fn zmpop(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    let (keys, side, count) = several(args, 1)?;
    if !pop_of_several(ctx, args, keys, (side, count), reply)? {
        reply.nil_array();
    }
    Ok(())
}

/// `numkeys key [key ...] MIN|MAX [COUNT count]`: which arguments are the keys, which side, how many members.
pub fn several(args: Args<'_>, at: usize) -> Result<(Range<usize>, Side, u64), Error> {
    let behind = at + 1 + numkeys(args, at)?;
    let side = match () {
        () if args.is(behind, "min") => Side::Min,
        () if args.is(behind, "max") => Side::Max,
        () => return Err(Error::Syntax),
    };
    Ok((at + 1..behind, side, count_option(args, behind + 1)?))
}

/// Takes members of the first of several sorted sets that there is, and hands them out with its name. `false` if there is
/// none.
pub fn pop_of_several(
    ctx: &mut Context<'_>,
    args: Args<'_>,
    keys: Range<usize>,
    (side, count): (Side, u64),
    reply: &mut Reply<'_>,
) -> Result<bool, Error> {
    for (n, at) in keys.enumerate() {
        let name = args.get(at);
        let key = ctx.nth_key(n, name);
        let announce = |reply: &mut Reply<'_>, count: u64| {
            reply.array(2);
            reply.bulk(name);
            reply.array(count as usize);
        };
        if pop(ctx, key, side, count, reply, announce, pair)? {
            return Ok(true);
        }
    }
    Ok(false)
}
