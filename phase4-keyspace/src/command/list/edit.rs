//! Changes in the middle of a list: LINSERT, LREM, LTRIM.
use super::{integer, range, row};
use crate::command::{Command, Context};
use crate::error::Error;
use crate::keyspace::Entry;
use crate::keyspace::{Edit, Event, List};
use crate::wire::args::Args;
use crate::wire::reply::Reply;

/// The rows.
pub const COMMANDS: &[Command] = &[
    row("linsert", 5, "write denyoom", linsert, "2.2.0", "Puts an element before or after another one.")
        .access(&["RW insert"]),
    row("lrem", 4, "write", lrem, "1.0.0", "Removes elements that are the same as one.")
        .access(&["RW delete"]),
    row("ltrim", 4, "write", ltrim, "1.0.0", "Removes all elements but those from one index to another.")
        .access(&["RW delete"]),
];

/// `LINSERT key BEFORE|AFTER pivot element`
fn linsert(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    let after = match () {
        () if args.is(2, "after") => 1,
        () if args.is(2, "before") => 0,
        () => return Err(Error::Syntax),
    };
    let key = ctx.first_key(args.get(1));
    let len = ctx.db().update::<List, _>(key, Event::LInsert, |list, rules| {
        let pivot = Entry::of(args.get(3));
        let (mut index, mut found) = (0, false);
        list.read().walk(0, false, |entry| {
            found = entry == pivot;
            index += u64::from(!found);
            !found
        });
        if !found {
            return Edit::Untouched(-1);
        }
        list.insert(index + after, args.get(4), rules);
        Edit::Changed(list.read().len() as i64)
    })?;
    reply.integer(len.unwrap_or(0));
    Ok(())
}

/// `LREM key count element`: the first `count`, the last if it is negative, all if it is 0.
fn lrem(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    let count = integer(args, 2)?;
    let most = if count == 0 { u64::MAX } else { count.unsigned_abs() };
    let key = ctx.first_key(args.get(1));
    let removed = ctx.db().update::<List, _>(key, Event::LRem, |list, rules| {
        let indexes = matches(list, Entry::of(args.get(3)), count < 0, most);
        // From the last to the first, so that the others keep their numbers.
        let each = |index: &u64| list.remove(*index, 1, rules);
        match count < 0 {
            true => indexes.iter().for_each(each),
            false => indexes.iter().rev().for_each(each),
        }
        match indexes.len() {
            0 => Edit::Untouched(0),
            removed => Edit::Counted(removed as u32, removed),
        }
    })?;
    reply.integer(removed.unwrap_or(0) as i64);
    Ok(())
}

/// Indexes of up to `most` elements that are `sought`, in the order in which they are met.
fn matches(list: &List, sought: Entry<'_>, reverse: bool, most: u64) -> Vec<u64> {
    let (list, mut indexes) = (list.read(), Vec::new());
    let last = list.len().saturating_sub(1);
    let mut at = if reverse { last } else { 0 };
    list.walk(at, reverse, |entry| {
        if entry == sought {
            indexes.push(at);
        }
        at = if reverse { at.wrapping_sub(1) } else { at + 1 };
        (indexes.len() as u64) < most
    });
    indexes
}

fn ltrim(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    let (start, stop) = (integer(args, 2)?, integer(args, 3)?);
    let key = ctx.first_key(args.get(1));
    ctx.db().update::<List, _>(key, Event::LTrim, |list, rules| {
        let len = list.read().len();
        let (first, count) = range(list.read(), start, stop);
        list.remove(first + count, len - first - count, rules);
        list.remove(0, first, rules);
        // To Redis it is a change even if nothing goes.
        Edit::Counted((len - count) as u32, ())
    })?;
    reply.ok();
    Ok(())
}
