//! From one list to another: LMOVE, and RPOPLPUSH, which came first.
use super::pop::End;
use crate::command::{Command, Context, Group, KeySpec};
use crate::error::Error;
use crate::keyspace::{Edit, Event, List};
use crate::wire::args::Args;
use crate::wire::reply::Reply;

/// The rows.
pub const COMMANDS: &[Command] = &[
    Command::data("lmove", 5, "write denyoom", KeySpec::TWO, lmove)
        .doc(Group::List, "6.2.0", "Takes an element of one list and puts it into another.")
        .access(&["RW access delete", "RW insert"]),
    Command::data("rpoplpush", 3, "write denyoom", KeySpec::TWO, rpoplpush)
        .doc(Group::List, "1.2.0", "Takes the last element of a list and puts it at the front of another.")
        .access(&["RW access delete", "RW insert"]),
];

/// `LMOVE source destination LEFT|RIGHT LEFT|RIGHT`
fn lmove(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    let (from, to) = (End::of(args, 3)?, End::of(args, 4)?);
    transfer_or_nil(ctx, args, from, to, reply)
}

fn rpoplpush(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    transfer_or_nil(ctx, args, End::Right, End::Left, reply)
}

fn transfer_or_nil(
    ctx: &mut Context<'_>,
    args: Args<'_>,
    from: End,
    to: End,
    reply: &mut Reply<'_>,
) -> Result<(), Error> {
    if !transfer(ctx, args, from, to, reply)? {
        reply.nil();
    }
    Ok(())
}

/// Puts the element into the one list before it is taken from the other: in this order Redis tells of it, and where both are
/// the same list, it comes to the same. `false` if there is none to take.
pub fn transfer(
    ctx: &mut Context<'_>,
    args: Args<'_>,
    from: End,
    to: End,
    reply: &mut Reply<'_>,
) -> Result<bool, Error> {
    let (source, destination) = (ctx.first_key(args.get(1)), ctx.nth_key(1, args.get(2)));
    let element = ctx.db().update::<List, _>(source, from.popped(), |list, _| {
        let list = list.read();
        let index = if from == End::Left { 0 } else { list.len() - 1 };
        Edit::Untouched(list.get(index).map(|entry| entry.to_vec()))
    })?;
    let Some(element) = element.flatten() else {
        return Ok(false);
    };
    let event = if to == End::Left { Event::LPush } else { Event::RPush };
    ctx.db().edit::<List, _>(destination, event, |list, rules| {
        list.push(&element, to == End::Left, rules);
        Edit::Counted(0, ())
    })?;
    ctx.db().update::<List, _>(source, from.popped(), |list, rules| {
        list.remove(if from == End::Left { 0 } else { list.read().len() - 1 }, 1, rules);
        Edit::Changed(())
    })?;
    reply.bulk(&element);
    Ok(true)
}
