//! Commands that wait until there is something in a list.
use super::pop::{End, pop, pop_of_several, several};
use super::transfer::transfer;
use crate::command::element::{keys_or_one, timeout};
use crate::command::{Command, Context, Group, KeySpec, Tried};
use crate::error::Error;
use crate::keyspace::Kind;
use crate::state::waiting::Wait;
use crate::wire::args::Args;
use crate::wire::reply::Reply;

/// The rows.
pub const COMMANDS: &[Command] = &[
    Command::blocking("blpop", -3, "write noscript blocking", KeySpec::ALL_BUT_LAST, blpop)
        .doc(Group::List, "2.0.0", "Takes the first element of a list; waits until one of several has any.")
        .access(&["RW access delete"]),
    Command::blocking("brpop", -3, "write noscript blocking", KeySpec::ALL_BUT_LAST, brpop)
        .doc(Group::List, "2.0.0", "Takes the last element of a list; waits until one of several has any.")
        .access(&["RW access delete"]),
    Command::blocking(
        "blmpop",
        -5,
        "write blocking movablekeys",
        KeySpec::Counted { count: 2, first: 3, also: 0 },
        blmpop,
    )
    .doc(Group::List, "7.0.0", "Takes elements of the first of several lists that has any, or waits.")
    .access(&["RW access delete"]),
    Command::blocking("blmove", 6, "write denyoom noscript blocking", KeySpec::TWO, blmove)
        .doc(Group::List, "6.2.0", "Takes an element of one list and puts it into another, or waits for one.")
        .access(&["RW access delete", "RW insert"]),
    Command::blocking("brpoplpush", 4, "write denyoom noscript blocking", KeySpec::TWO, brpoplpush)
        .doc(
            Group::List,
            "2.2.0",
            "Takes the last element of a list, or waits for one, and puts it at the front of another.",
        )
        .access(&["RW access delete", "RW insert"]),
];

fn blpop(
    ctx: &mut Context<'_>,
    args: Args<'_>,
    only: Option<usize>,
    reply: &mut Reply<'_>,
) -> Result<Tried, Error> {
    pop_first(ctx, args, End::Left, only, reply)
}

fn brpop(
    ctx: &mut Context<'_>,
    args: Args<'_>,
    only: Option<usize>,
    reply: &mut Reply<'_>,
) -> Result<Tried, Error> {
    pop_first(ctx, args, End::Right, only, reply)
}

/// `BLPOP key [key ...] timeout`
fn pop_first(
    ctx: &mut Context<'_>,
    args: Args<'_>,
    end: End,
    only: Option<usize>,
    reply: &mut Reply<'_>,
) -> Result<Tried, Error> {
    let keys = 1..args.len() - 1;
    let timeout = timeout(args.get(keys.end))?;
    for at in keys_or_one(&keys, only) {
        let name = args.get(at);
        let key = ctx.nth_key(at - 1, name);
        let popped = pop(ctx, key, end, 1, reply, |reply, _| {
            reply.array(2);
            reply.bulk(name);
        })?;
        if popped {
            return Ok(Tried::Done);
        }
    }
    Ok(Tried::Nothing(Wait { keys, kind: Kind::List, timeout, again: None }))
}

/// `BLMPOP timeout numkeys key [key ...] LEFT|RIGHT [COUNT count]`
fn blmpop(
    ctx: &mut Context<'_>,
    args: Args<'_>,
    only: Option<usize>,
    reply: &mut Reply<'_>,
) -> Result<Tried, Error> {
    let (keys, end, count) = several(args, 2)?;
    let timeout = timeout(args.get(1))?;
    if pop_of_several(ctx, args, keys_or_one(&keys, only), (end, count), reply)? {
        return Ok(Tried::Done);
    }
    Ok(Tried::Nothing(Wait { keys, kind: Kind::List, timeout, again: None }))
}

/// `BLMOVE source destination LEFT|RIGHT LEFT|RIGHT timeout`
fn blmove(
    ctx: &mut Context<'_>,
    args: Args<'_>,
    _: Option<usize>,
    reply: &mut Reply<'_>,
) -> Result<Tried, Error> {
    let ends = (End::of(args, 3)?, End::of(args, 4)?);
    transfer_or_wait(ctx, args, ends, 5, reply)
}

/// `BRPOPLPUSH source destination timeout`
fn brpoplpush(
    ctx: &mut Context<'_>,
    args: Args<'_>,
    _: Option<usize>,
    reply: &mut Reply<'_>,
) -> Result<Tried, Error> {
    transfer_or_wait(ctx, args, (End::Right, End::Left), 3, reply)
}

/// Only the source is waited for.
fn transfer_or_wait(
    ctx: &mut Context<'_>,
    args: Args<'_>,
    (from, to): (End, End),
    timeout_at: usize,
    reply: &mut Reply<'_>,
) -> Result<Tried, Error> {
    let timeout = timeout(args.get(timeout_at))?;
    if transfer(ctx, args, from, to, reply)? {
        return Ok(Tried::Done);
    }
    Ok(Tried::Nothing(Wait { keys: 1..2, kind: Kind::List, timeout, again: None }))
}
