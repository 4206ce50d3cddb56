//! Commands that wait until there is something in a sorted set.
use super::pop::{Side, flat, pop, pop_of_several, several};
use crate::command::element::{keys_or_one, timeout};
use crate::command::{Command, Context, Group, KeySpec, Tried};
use crate::error::Error;
use crate::keyspace::Kind;
use crate::state::waiting::Wait;
use crate::wire::args::Args;
use crate::wire::reply::Reply;

/// The rows.
pub const COMMANDS: &[Command] = &[
    Command::blocking("bzpopmin", -3, "write noscript blocking fast", KeySpec::ALL_BUT_LAST, bzpopmin)
        .doc(Group::SortedSet, "5.0.0", "Takes the member with the lowest score, or waits for one.")
        .access(&["RW access delete"]),
    Command::blocking("bzpopmax", -3, "write noscript blocking fast", KeySpec::ALL_BUT_LAST, bzpopmax)
        .doc(Group::SortedSet, "5.0.0", "Takes the member with the highest score, or waits for one.")
        .access(&["RW access delete"]),
    Command::blocking(
        "bzmpop",
        -5,
        "write blocking movablekeys",
        KeySpec::Counted { count: 2, first: 3, also: 0 },
        bzmpop,
    )
    .doc(
        Group::SortedSet,
        "7.0.0",
        "Takes members of the first of several sorted sets that has any, or waits.",
    )
    .access(&["RW access delete"]),
];

fn bzpopmin(
    ctx: &mut Context<'_>,
    args: Args<'_>,
    only: Option<usize>,
    reply: &mut Reply<'_>,
) -> Result<Tried, Error> {
    pop_first(ctx, args, Side::Min, only, reply)
}

fn bzpopmax(
    ctx: &mut Context<'_>,
    args: Args<'_>,
    only: Option<usize>,
    reply: &mut Reply<'_>,
) -> Result<Tried, Error> {
    pop_first(ctx, args, Side::Max, only, reply)
}

/// `BZPOPMIN key [key ...] timeout`
fn pop_first(
    ctx: &mut Context<'_>,
    args: Args<'_>,
    side: Side,
    only: Option<usize>,
    reply: &mut Reply<'_>,
) -> Result<Tried, Error> {
    let keys = 1..args.len() - 1;
    let timeout = timeout(args.get(keys.end))?;
    for at in keys_or_one(&keys, only) {
        let name = args.get(at);
        let key = ctx.nth_key(at - 1, name);
        let announce = |reply: &mut Reply<'_>, _| {
            reply.array(3);
            reply.bulk(name);
        };
        if pop(ctx, key, side, 1, reply, announce, flat)? {
            return Ok(Tried::Done);
        }
    }
    Ok(Tried::Nothing(Wait { keys, kind: Kind::ZSet, timeout, again: None }))
}

/// `BZMPOP timeout numkeys key [key ...] MIN|MAX [COUNT count]`
fn bzmpop(
    ctx: &mut Context<'_>,
    args: Args<'_>,
    only: Option<usize>,
    reply: &mut Reply<'_>,
) -> Result<Tried, Error> {
    let (keys, side, count) = several(args, 2)?;
    let timeout = timeout(args.get(1))?;
    if pop_of_several(ctx, args, keys_or_one(&keys, only), (side, count), reply)? {
        return Ok(Tried::Done);
    }
    Ok(Tried::Nothing(Wait { keys, kind: Kind::ZSet, timeout, again: None }))
}
