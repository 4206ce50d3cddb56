//! Streams: entries counted, read and removed by their IDs. Adding and trimming are in [`add`], what groups of readers need
//! in [`groups`], [`pending`] and [`claim`], waiting for entries in [`read`], looking inside in [`info`].
pub mod add;
pub mod args;
pub mod claim;
pub mod groups;
pub mod info;
pub mod pending;
pub mod read;
#[cfg(test)]
mod tests;
pub mod trim;

use super::{Command, Context, DataFn, Group, KeySpec, element};
use crate::error::Error;
use crate::keyspace::stream::{Fields, Id, IdText};
use crate::keyspace::{Edit, Event, Key, Stream, Value};
use crate::wire::args::Args;
use crate::wire::reply::Reply;
use args::{from, integer, strict, to};

/// The rows.
pub const COMMANDS: &[Command] = &[
    row("xlen", 2, "readonly fast", xlen, "5.0.0", "Returns the number of entries of a stream.")
        .access(&["RO"]),
    row("xrange", -4, "readonly", xrange, "5.0.0", "Returns the entries between two IDs."),
    row(
        "xrevrange",
        -4,
        "readonly",
        xrevrange,
        "5.0.0",
        "Returns the entries between two IDs, the last one first.",
    ),
    row("xdel", -3, "write fast", xdel, "5.0.0", "Removes entries and returns how many there were.")
        .access(&["RW delete"]),
];

/// A row of a command about one stream.
const fn row(
    name: &'static str,
    arity: i32,
    flags: &'static str,
    run: DataFn,
    since: &'static str,
    summary: &'static str,
) -> Command {
    Command::data(name, arity, flags, KeySpec::ONE, run).doc(Group::Stream, since, summary)
}

/// The stream that a value is; any other type is refused.
fn stream(value: Value<'_>) -> Result<&Stream, Error> {
    match value {
        Value::Stream(stream) => Ok(stream),
        _ => Err(Error::WrongType),
    }
}

/// The stream at a key, on behalf of a reading command.
fn read<'a>(ctx: &'a mut Context<'_>, key: Key<'_>) -> Result<Option<&'a Stream>, Error> {
    ctx.read(key).map(|found| stream(found.value)).transpose()
}

/// Appends an ID as a string.
fn bulk_id(reply: &mut Reply<'_>, id: Id) {
    id.with_text(|text| reply.bulk(text));
}

/// Appends entries one after another. Neighbours often share their time, which is written down once then.
#[derive(Default)]
struct Writer {
    id: IdText,
}

impl Writer {
    fn entry(&mut self, reply: &mut Reply<'_>, id: Id, fields: Fields<'_>) {
        reply.array(2);
        reply.bulk(self.id.of(id));
        pairs(reply, fields);
    }
}

/// Appends an entry: its ID, and its fields with their values.
fn entry(reply: &mut Reply<'_>, id: Id, fields: Fields<'_>) {
    reply.array(2);
    bulk_id(reply, id);
    pairs(reply, fields);
}

#[inline(always)]
fn pairs(reply: &mut Reply<'_>, fields: Fields<'_>) {
    reply.array(fields.len() * 2);
    for (field, value) in fields.pairs() {
        element::bulk(reply, field);
        element::bulk(reply, value);
    }
}

fn xlen(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    let key = ctx.first_key(args.get(1));
    let len = read(ctx, key)?.map_or(0, Stream::len);
    reply.integer(len as i64);
    Ok(())
}

/// `XRANGE key start end [COUNT count]`
fn xrange(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    range(ctx, args, (2, 3), false, reply)
}

/// `XREVRANGE key end start [COUNT count]`
fn xrevrange(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    range(ctx, args, (3, 2), true, reply)
}

fn range(
    ctx: &mut Context<'_>,
    args: Args<'_>,
    (start, end): (usize, usize),
    reverse: bool,
    reply: &mut Reply<'_>,
) -> Result<(), Error> {
    let (from, to) = (from(args, start)?, to(args, end)?);
    let (mut at, mut count) = (4, None);
    while at < args.len() {
        if !args.is(at, "COUNT") || at + 1 == args.len() {
            return Err(Error::Syntax);
        }
        count = Some(integer(args, at + 1)?.max(0));
        at += 2;
    }
    let key = ctx.first_key(args.get(1));
    let Some(stream) = read(ctx, key)? else {
        reply.array(0);
        return Ok(());
    };
    if count == Some(0) {
        reply.nil_array();
        return Ok(());
    }
    entries(reply, stream, (from, to), count.unwrap_or(0) as u64, reverse);
    Ok(())
}

/// Appends an array of the entries between two IDs, `count` at most (0: all).
fn entries(reply: &mut Reply<'_>, stream: &Stream, (from, to): (Id, Id), count: u64, reverse: bool) {
    // Mostly there are as many as are asked for.
    let guess = count.min(stream.len()) as usize;
    let mut writer = Writer::default();
    reply.guessed_array(guess, |reply| {
        let mut written = 0;
        let visit = |id: Id, fields: Fields<'_>| {
            writer.entry(reply, id, fields);
            written += 1;
            written != count
        };
        match reverse {
            true => stream.log().range_back(from, to, visit),
            false => stream.log().range(from, to, visit),
        }
        written as usize
    });
}

/// `XDEL key id [id ...]`
fn xdel(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    let key = ctx.first_key(args.get(1));
    // The IDs are looked at only if there is a stream, and all of them before anything is removed.
    let ids: Result<Vec<Id>, Error> = (2..args.len()).map(|at| strict(args, at)).collect();
    let deleted = ctx.db().update::<Stream, _>(key, Event::XDel, |stream, _| match &ids {
        Err(error) => Edit::Untouched(Err(error.clone())),
        Ok(ids) => match ids.iter().filter(|id| stream.delete(**id)).count() {
            0 => Edit::Untouched(Ok(0)),
            deleted => Edit::Counted(deleted as u32, Ok(deleted)),
        },
    })?;
    reply.integer(deleted.unwrap_or(Ok(0))? as i64);
    Ok(())
}
