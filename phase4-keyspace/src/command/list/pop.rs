//! Taking elements from the ends of lists.
use std::ops::Range;

use super::{elements, row};
use crate::command::element::{self, numkeys, positive_count};
use crate::command::{Command, Context, Group, KeySpec};
use crate::error::Error;
use crate::keyspace::{Edit, Event, Key, List};
use crate::text::integer;
use crate::wire::args::Args;
use crate::wire::reply::Reply;

/// The rows.
pub const COMMANDS: &[Command] = &[
    row("lpop", -2, "write fast", lpop, "1.0.0", "Takes the first elements of a list.")
        .access(&["RW access delete"]),
    row("rpop", -2, "write fast", rpop, "1.0.0", "Takes the last elements of a list.")
        .access(&["RW access delete"]),
    Command::data("lmpop", -4, "write movablekeys", KeySpec::Counted { count: 1, first: 2, also: 0 }, lmpop)
        .doc(Group::List, "7.0.0", "Takes elements of the first of several lists that has any.")
        .access(&["RW access delete"]),
];

/// One of a list's two ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum End {
    /// The front.
    Left,
    /// The back.
    Right,
}

impl End {
    /// What an argument says.
    pub fn of(args: Args<'_>, at: usize) -> Result<Self, Error> {
        match () {
            () if args.is(at, "left") => Ok(End::Left),
            () if args.is(at, "right") => Ok(End::Right),
            () => Err(Error::Syntax),
        }
    }

    /// What is noted of an element that was taken here.
    pub fn popped(self) -> Event {
        if self == End::Left { Event::LPop } else { Event::RPop }
    }
}

/// Takes up to `count` elements from an end of a list and hands them out in that order, after `announce` was told how many
/// there will be. `false` if there is no such key; nothing was called then.
///
/// # Errors
/// The key holds another type.
pub fn pop(
    ctx: &mut Context<'_>,
    key: Key<'_>,
    end: End,
    count: u64,
    reply: &mut Reply<'_>,
    announce: impl FnOnce(&mut Reply<'_>, u64),
) -> Result<bool, Error> {
    let popped = ctx.db().update::<List, _>(key, end.popped(), |list, rules| {
        let len = list.read().len();
        let count = count.min(len);
        announce(reply, count);
        if count == 1 {
            list.pop(end == End::Left, rules, |entry| element::bulk(reply, entry));
            return Edit::Changed(());
        }
        let first = if end == End::Left { 0 } else { len.saturating_sub(1) };
        elements(reply, list.read(), first, count, end == End::Right);
        if count == 0 {
            return Edit::Untouched(());
        }
        list.remove(if end == End::Left { 0 } else { len - count }, count, rules);
        Edit::Counted(count as u32, ())
    })?;
    Ok(popped.is_some())
}

fn lpop(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    pop_one_or_some(ctx, args, End::Left, reply)
}

fn rpop(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    pop_one_or_some(ctx, args, End::Right, reply)
}

/// `LPOP key [count]`: an element, or with a count an array.
fn pop_one_or_some(
    ctx: &mut Context<'_>,
    args: Args<'_>,
    end: End,
    reply: &mut Reply<'_>,
) -> Result<(), Error> {
    if args.len() > 3 {
        let name = if end == End::Left { "lpop" } else { "rpop" };
        return Err(Error::Arity(name.into()));
    }
    let key = ctx.first_key(args.get(1));
    if args.len() == 2 {
        if !pop(ctx, key, end, 1, reply, |_, _| {})? {
            reply.nil();
        }
        return Ok(());
    }
    let count = positive_count(args.get(2))?;
    if !pop(ctx, key, end, count, reply, |reply, count| reply.array(count as usize))? {
        reply.nil_array();
    }
    Ok(())
}

/// `LMPOP numkeys key [key ...] LEFT|RIGHT [COUNT count]`
fn lmpop(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    let (keys, end, count) = several(args, 1)?;
    if !pop_of_several(ctx, args, keys, (end, count), reply)? {
        reply.nil_array();
    }
    Ok(())
}

/// `numkeys key [key ...] LEFT|RIGHT [COUNT count]`: which arguments are the keys, which end, how many elements.
pub fn several(args: Args<'_>, at: usize) -> Result<(Range<usize>, End, u64), Error> {
    let behind = at + 1 + numkeys(args, at)?;
    let end = End::of(args, behind)?;
    Ok((at + 1..behind, end, count_option(args, behind + 1)?))
}

/// Takes elements of the first of several lists that there is, and hands them out with its name. `false` if there is none.
pub fn pop_of_several(
    ctx: &mut Context<'_>,
    args: Args<'_>,
    keys: Range<usize>,
    (end, count): (End, u64),
    reply: &mut Reply<'_>,
) -> Result<bool, Error> {
    for (n, at) in keys.enumerate() {
        let name = args.get(at);
        let key = ctx.nth_key(n, name);
        let popped = pop(ctx, key, end, count, reply, |reply, count| {
            reply.array(2);
            reply.bulk(name);
            reply.array(count as usize);
        })?;
        if popped {
            return Ok(true);
        }
    }
    Ok(false)
}

/// `[COUNT count]`, once; 1 without it.
pub fn count_option(args: Args<'_>, at: usize) -> Result<u64, Error> {
    if args.len() == at {
        return Ok(1);
    }
    if !args.is(at, "count") || args.len() < at + 2 {
        return Err(Error::Syntax);
    }
    let count = integer::parse(args.get(at + 1)).and_then(|count| u64::try_from(count).ok());
    let count = count.filter(|count| *count > 0);
    let count = count.ok_or(Error::bad_argument("ERR count should be greater than 0"))?;
    if args.len() > at + 2 { Err(Error::Syntax) } else { Ok(count) }
}
