//! `XINFO`: a stream, its groups and their consumers, for people who look inside.
use super::args::integer;
use super::groups::{KEY, no_group};
use super::{bulk_id, entries, entry, read};
use crate::command::{Command, Context, DataFn, Group as Chapter, KeySpec, help};
use crate::error::{Error, wrong_subcommand};
use crate::keyspace::Stream;
use crate::keyspace::stream::{Group, Id, Tally};
use crate::wire::args::Args;
use crate::wire::reply::Reply;

/// The rows.
pub const COMMANDS: &[Command] = &[Command::data("xinfo", -2, "", KeySpec::NONE, help_lines)
    .doc(Chapter::Stream, "5.0.0", "Looks inside streams; the subcommand says at what.")
    .subcommands(&[
        row("stream", -3, info_stream, "Tells about a stream."),
        row("groups", 3, info_groups, "Tells about the groups of a stream."),
        row("consumers", 4, info_consumers, "Tells about the consumers of a group.")
            .tips("nondeterministic_output"),
        Command::data("help", 2, "loading stale", KeySpec::NONE, help_lines).doc(
            Chapter::Stream,
            "5.0.0",
            "Lists the subcommands.",
        ),
    ])];

const fn row(name: &'static str, arity: i32, run: DataFn, summary: &'static str) -> Command {
    Command::data(name, arity, "readonly", KEY, run).doc(Chapter::Stream, "5.0.0", summary)
}

/// The stream at the key behind the subcommand.
fn stream<'a>(ctx: &'a mut Context<'_>, args: Args<'_>) -> Result<&'a Stream, Error> {
    let key = ctx.first_key(args.get(2));
    read(ctx, key)?.ok_or(Error::NoSuchKey)
}

fn number(reply: &mut Reply<'_>, name: &str, value: u64) {
    reply.bulk(name.as_bytes());
    reply.integer(value as i64);
}

fn id(reply: &mut Reply<'_>, name: &str, id: Id) {
    reply.bulk(name.as_bytes());
    bulk_id(reply, id);
}

/// `XINFO STREAM key [FULL [COUNT count]]`
fn info_stream(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    /// So many entries and pending ones are shown if nothing else is said.
    const USUAL: u64 = 10;
    let stream = stream(ctx, args)?;
    let refuse = || Err(wrong_subcommand("XINFO", args.get(1)));
    let count = match args.len() {
        3 => return show(reply, stream),
        4 if args.is(3, "FULL") => USUAL,
        6 if args.is(3, "FULL") && args.is(4, "COUNT") => u64::try_from(integer(args, 5)?).unwrap_or(USUAL),
        _ => return refuse(),
    };
    show_all(reply, stream, count)
}

/// What both forms begin with.
fn numbers(reply: &mut Reply<'_>, stream: &Stream) {
    let (chunks, tally) = (stream.log().chunk_count() as u64, stream.tally());
    number(reply, "length", stream.len());
    // There is no radix tree here. The keys of Redis's are the chunks.
    number(reply, "radix-tree-keys", chunks);
    number(reply, "radix-tree-nodes", chunks + 1);
    id(reply, "last-generated-id", tally.last);
    id(reply, "max-deleted-entry-id", tally.max_deleted);
    number(reply, "entries-added", tally.added);
    id(reply, "recorded-first-entry-id", stream.log().first().unwrap_or_default());
}

fn show(reply: &mut Reply<'_>, stream: &Stream) -> Result<(), Error> {
    reply.map(10);
    numbers(reply, stream);
    number(reply, "groups", stream.groups().len() as u64);
    for (name, id) in [("first-entry", stream.log().first()), ("last-entry", stream.log().last())] {
        reply.bulk(name.as_bytes());
        match id {
            Some(id) => _ = stream.log().get(id, |fields| entry(reply, id, fields)),
            None => reply.nil(),
        }
    }
    Ok(())
}

fn show_all(reply: &mut Reply<'_>, stream: &Stream, count: u64) -> Result<(), Error> {
    reply.map(9);
    numbers(reply, stream);
    reply.bulk(b"entries");
    entries(reply, stream, (Id::MIN, Id::MAX), count, false);
    reply.bulk(b"groups");
    reply.array(stream.groups().len());
    let most = if count == 0 { usize::MAX } else { count as usize };
    for group in stream.groups() {
        reply.map(7);
        reply.bulk(b"name");
        reply.bulk(group.name());
        progress(reply, stream.tally(), group);
        number(reply, "pel-count", group.pending_count());
        reply.bulk(b"pending");
        reply.array(most.min(group.pending_count() as usize));
        for pending in group.pending_from(Id::MIN).take(most) {
            reply.array(4);
            bulk_id(reply, pending.id);
            reply.bulk(group.consumer(pending.consumer).name());
            reply.integer(pending.delivered);
            reply.integer(pending.count as i64);
        }
        consumers(reply, group, most);
    }
    Ok(())
}

/// The consumers of a group, with what is pending for each.
fn consumers(reply: &mut Reply<'_>, group: &Group, most: usize) {
    reply.bulk(b"consumers");
    reply.array(group.consumers().len());
    for (_, consumer) in group.consumers() {
        reply.map(4);
        reply.bulk(b"name");
        reply.bulk(consumer.name());
        reply.bulk(b"seen-time");
        reply.integer(consumer.seen);
        number(reply, "pel-count", consumer.pending_count());
        reply.bulk(b"pending");
        reply.array(most.min(consumer.pending_count() as usize));
        for pending in consumer.pending_from(Id::MIN).filter_map(|id| group.pending(id)).take(most) {
            reply.array(3);
            bulk_id(reply, pending.id);
            reply.integer(pending.delivered);
            reply.integer(pending.count as i64);
        }
    }
}

/// How far a group has got.
fn progress(reply: &mut Reply<'_>, tally: Tally<'_>, group: &Group) {
    id(reply, "last-delivered-id", group.last);
    let counts = [("entries-read", group.read.map(|read| read as i64)), ("lag", tally.lag(group))];
    for (name, count) in counts {
        reply.bulk(name.as_bytes());
        match count {
            Some(count) => reply.integer(count),
            None => reply.nil(),
        }
    }
}

/// `XINFO GROUPS key`
fn info_groups(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    let stream = stream(ctx, args)?;
    reply.array(stream.groups().len());
    for group in stream.groups() {
        reply.map(6);
        reply.bulk(b"name");
        reply.bulk(group.name());
        number(reply, "consumers", group.consumers().len() as u64);
        number(reply, "pending", group.pending_count());
        progress(reply, stream.tally(), group);
    }
    Ok(())
}

/// `XINFO CONSUMERS key group`
fn info_consumers(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    let now = ctx.keyspace.now();
    let stream = stream(ctx, args)?;
    let group = stream.group(args.get(3)).ok_or_else(|| no_group(args.get(2), args.get(3)))?;
    reply.array(group.consumers().len());
    for (_, consumer) in group.consumers() {
        reply.map(3);
        reply.bulk(b"name");
        reply.bulk(consumer.name());
        number(reply, "pending", consumer.pending_count());
        reply.bulk(b"idle");
        reply.integer(now.saturating_sub(consumer.seen).max(0));
    }
    Ok(())
}

fn help_lines(_: &mut Context<'_>, _: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    help(
        reply,
        "XINFO",
        &[
            "CONSUMERS <key> <groupname>",
            "    Show consumers of <groupname>.",
            "GROUPS <key>",
            "    Show the stream consumer groups.",
            "STREAM <key> [FULL [COUNT <count>]",
            "    Show information about the stream.",
        ],
    );
    Ok(())
}
