//! Lists: pushed, counted, read and set by position. Changes in the middle are in [`edit`], LPOS in [`search`], popping in
//! [`pop`], from one list to another in [`transfer`], waiting for an element in [`blocking`].
pub mod blocking;
pub mod edit;
pub mod pop;
pub mod search;
#[cfg(test)]
mod tests;
pub mod transfer;

use super::{Command, Context, DataFn, Group, KeySpec, element};
use crate::error::Error;
use crate::keyspace::{Edit, Event, Key, List, ListRef, Value};
use crate::text::integer;
use crate::wire::args::Args;
use crate::wire::reply::Reply;

/// The rows.
pub const COMMANDS: &[Command] = &[
    row("lpush", -3, "write denyoom fast", lpush, "1.0.0", "Puts elements at the front of a list.")
        .access(&["RW insert"]),
    row("rpush", -3, "write denyoom fast", rpush, "1.0.0", "Puts elements at the end of a list.")
        .access(&["RW insert"]),
    row(
        "lpushx",
        -3,
        "write denyoom fast",
        lpushx,
        "2.2.0",
        "Puts elements at the front of a list that exists.",
    )
    .access(&["RW insert"]),
    row(
        "rpushx",
        -3,
        "write denyoom fast",
        rpushx,
        "2.2.0",
        "Puts elements at the end of a list that exists.",
    )
    .access(&["RW insert"]),
    row("llen", 2, "readonly fast", llen, "1.0.0", "Returns the number of elements of a list.")
        .access(&["RO"]),
    row("lindex", 3, "readonly", lindex, "1.0.0", "Returns the element at an index."),
    row("lrange", 4, "readonly", lrange, "1.0.0", "Returns the elements from one index to another."),
    row("lset", 4, "write denyoom", lset, "1.0.0", "Replaces the element at an index.")
        .access(&["RW update"]),
];

/// A row of a command about one list.
const fn row(
    name: &'static str,
    arity: i32,
    flags: &'static str,
    run: DataFn,
    since: &'static str,
    summary: &'static str,
) -> Command {
    Command::data(name, arity, flags, KeySpec::ONE, run).doc(Group::List, since, summary)
}

/// The list at a key, on behalf of a reading command; any other type is refused.
fn read<'a>(ctx: &'a mut Context<'_>, key: Key<'_>) -> Result<Option<ListRef<'a>>, Error> {
    match ctx.read(key).map(|found| found.value) {
        Some(Value::List(list)) => Ok(Some(list)),
        Some(_) => Err(Error::WrongType),
        None => Ok(None),
    }
}

/// The elements from `start` to `stop`, which may count from the end: the first and how many.
fn range(list: ListRef<'_>, start: i64, stop: i64) -> (u64, u64) {
    let len = list.len() as i64;
    let from_end = |index: i64| if index < 0 { index.saturating_add(len) } else { index };
    let (start, stop) = (from_end(start).max(0), from_end(stop).min(len - 1));
    if start > stop { (0, 0) } else { (start as u64, (stop - start) as u64 + 1) }
}

/// An argument that is an integer.
fn integer(args: Args<'_>, at: usize) -> Result<i64, Error> {
    integer::parse(args.get(at)).ok_or(Error::NotInteger)
}

fn lpush(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    let key = ctx.first_key(args.get(1));
    let len = ctx.db().edit::<List, _>(key, Event::LPush, |list, rules| {
        args.from(2).for_each(|element| list.push(element, true, rules));
        Edit::Counted((args.len() - 2) as u32, list.read().len())
    })?;
    reply.integer(len as i64);
    Ok(())
}

fn rpush(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    let key = ctx.first_key(args.get(1));
    let len = ctx.db().edit::<List, _>(key, Event::RPush, |list, rules| {
        args.from(2).for_each(|element| list.push(element, false, rules));
        Edit::Counted((args.len() - 2) as u32, list.read().len())
    })?;
    reply.integer(len as i64);
    Ok(())
}

fn lpushx(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    push_existing(ctx, args, true, reply)
}

fn rpushx(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    push_existing(ctx, args, false, reply)
}

fn push_existing(
    ctx: &mut Context<'_>,
    args: Args<'_>,
    front: bool,
    reply: &mut Reply<'_>,
) -> Result<(), Error> {
    let key = ctx.first_key(args.get(1));
    let event = if front { Event::LPush } else { Event::RPush };
    let len = ctx.db().update::<List, _>(key, event, |list, rules| {
        args.from(2).for_each(|element| list.push(element, front, rules));
        Edit::Counted((args.len() - 2) as u32, list.read().len())
    })?;
    reply.integer(len.unwrap_or(0) as i64);
    Ok(())
}

fn llen(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    let key = ctx.first_key(args.get(1));
    let len = read(ctx, key)?.map_or(0, |list| list.len());
    reply.integer(len as i64);
    Ok(())
}

fn lindex(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    let key = ctx.first_key(args.get(1));
    let Some(list) = read(ctx, key)? else {
        reply.nil();
        return Ok(());
    };
    let index = list.index(integer(args, 2)?);
    match index.and_then(|index| list.get(index)) {
        Some(entry) => element::bulk(reply, entry),
        None => reply.nil(),
    }
    Ok(())
}

fn lrange(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    let (start, stop) = (integer(args, 2)?, integer(args, 3)?);
    let key = ctx.first_key(args.get(1));
    let Some(list) = read(ctx, key)? else {
        reply.array(0);
        return Ok(());
    };
    let (first, count) = range(list, start, stop);
    reply.array(count as usize);
    elements(reply, list, first, count, false);
    Ok(())
}

/// Appends `count` elements from number `first` on; towards the front if `reverse`.
fn elements(reply: &mut Reply<'_>, list: ListRef<'_>, first: u64, count: u64, reverse: bool) {
    let mut left = count;
    if left > 0 {
        list.walk(first, reverse, |entry| {
            element::bulk(reply, entry);
            left -= 1;
            left > 0
        });
    }
}

fn lset(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    let key = ctx.first_key(args.get(1));
    let index = integer(args, 2);
    let set = ctx.db().update::<List, _>(key, Event::LSet, |list, rules| match &index {
        Err(error) => Edit::Untouched(Err(error.clone())),
        Ok(index) => match list.read().index(*index) {
            Some(index) => {
                list.set(index, args.get(3), rules);
                Edit::Changed(Ok(()))
            }
            None => Edit::Untouched(Err(Error::bad_argument("ERR index out of range"))),
        },
    })?;
    set.ok_or(Error::NoSuchKey)??;
    reply.ok();
    Ok(())
}
