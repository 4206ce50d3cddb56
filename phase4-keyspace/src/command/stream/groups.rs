//! `XGROUP`: groups of readers and their consumers, made and removed.
use super::args::{integer, naming, strict};
use crate::command::{Command, Context, DataFn, Group as Chapter, KeySpec, help};
use crate::error::{Error, wrong_subcommand};
use crate::keyspace::stream::{Group, Id};
use crate::keyspace::{Edit, Event, Key, Stream};
use crate::wire::args::Args;
use crate::wire::reply::Reply;

/// The rows.
pub const COMMANDS: &[Command] = &[Command::data("xgroup", -2, "", KeySpec::NONE, help_lines)
    .doc(
        Chapter::Stream,
        "5.0.0",
        "Makes and removes groups of a stream's readers; the subcommand says which.",
    )
    .subcommands(&[
        row("create", -5, "write denyoom", create, "5.0.0", "Makes a group.").access(&["RW insert"]),
        row("setid", -5, "write", setid, "5.0.0", "Says which entry a group has been given last."),
        row("destroy", 4, "write", destroy, "5.0.0", "Removes a group.").access(&["RW delete"]),
        row("createconsumer", 5, "write denyoom", createconsumer, "6.2.0", "Makes a consumer of a group.")
            .access(&["RW insert"]),
        row("delconsumer", 5, "write", delconsumer, "5.0.0", "Removes a consumer of a group.")
            .access(&["RW delete"]),
        Command::data("help", 2, "loading stale", KeySpec::NONE, help_lines).doc(
            Chapter::Stream,
            "5.0.0",
            "Lists the subcommands.",
        ),
    ])];

/// The key is the argument behind the subcommand.
pub const KEY: KeySpec = KeySpec::Range { first: 2, last: 2, step: 1 };

const fn row(
    name: &'static str,
    arity: i32,
    flags: &'static str,
    run: DataFn,
    since: &'static str,
    summary: &'static str,
) -> Command {
    Command::data(name, arity, flags, KEY, run).doc(Chapter::Stream, since, summary)
}

/// Options of `CREATE` and `SETID`, which stand behind the ID.
struct Options {
    make: bool,
    read: Option<u64>,
}

impl Options {
    fn parse(args: Args<'_>, creates: bool) -> Result<Options, Error> {
        let mut options = Options { make: false, read: None };
        let mut at = 5;
        while at < args.len() {
            if creates && args.is(at, "MKSTREAM") {
                options.make = true;
                at += 1;
            } else if args.is(at, "ENTRIESREAD") && at + 1 < args.len() {
                options.read = match integer(args, at + 1)? {
                    -1 => None,
                    read => Some(u64::try_from(read).map_err(|_| {
                        Error::bad_argument("ERR value for ENTRIESREAD must be positive or -1")
                    })?),
                };
                at += 2;
            } else {
                return Err(wrong_subcommand("XGROUP", args.get(1)));
            }
        }
        Ok(options)
    }
}

/// Edits the stream, which has to be there.
fn update<R>(
    ctx: &mut Context<'_>,
    key: Key<'_>,
    event: Event,
    edit: impl FnOnce(&mut Stream) -> Edit<Result<R, Error>>,
) -> Result<R, Error> {
    let edited = ctx.db().update::<Stream, _>(key, event, |stream, _| edit(stream))?;
    edited.ok_or(Error::other(
        "ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to use the MKSTREAM \
         option to create an empty stream automatically.",
    ))?
}

/// Edits a group, which has to be there.
fn update_group<R>(
    ctx: &mut Context<'_>,
    args: Args<'_>,
    event: Event,
    edit: impl FnOnce(&mut Group, Id) -> Edit<Result<R, Error>>,
) -> Result<R, Error> {
    let (key, name) = (ctx.first_key(args.get(2)), args.get(3));
    update(ctx, key, event, |stream| {
        let last = stream.last;
        match stream.group_mut(name) {
            Some(group) => edit(group, last),
            None => Edit::Untouched(Err(no_group(key.bytes, name))),
        }
    })
}

/// There is no such group of the stream at a key.
pub fn no_group(key: &[u8], group: &[u8]) -> Error {
    naming("NOGROUP No such consumer group '", group, "' for key name '", key, "'")
}

/// `XGROUP CREATE key group id|$ [MKSTREAM] [ENTRIESREAD entries-read]`
fn create(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    let options = Options::parse(args, true)?;
    let key = ctx.first_key(args.get(2));
    let add = |stream: &mut Stream| {
        let last = match args.get(4) {
            b"$" => Ok(stream.last),
            _ => strict(args, 4),
        };
        match last {
            // More options than there are: one of them came twice.
            _ if args.len() > 8 => Edit::Untouched(Err(wrong_subcommand("XGROUP", args.get(1)))),
            Err(error) => Edit::Untouched(Err(error)),
            Ok(last) => match stream.add_group(Group::new(args.get(3), last, options.read)) {
                true => Edit::Changed(Ok(())),
                false => Edit::Untouched(Err(Error::other("BUSYGROUP Consumer Group name already exists"))),
            },
        }
    };
    match options.make {
        true => ctx.db().edit::<Stream, _>(key, Event::XGroupCreate, |stream, _| add(stream))??,
        false => update(ctx, key, Event::XGroupCreate, add)?,
    }
    reply.ok();
    Ok(())
}

/// `XGROUP SETID key group id|$ [ENTRIESREAD entries-read]`
fn setid(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    let options = Options::parse(args, false)?;
    update_group(ctx, args, Event::XGroupSetId, |group, last| {
        if !matches!(args.len(), 5 | 7) {
            return Edit::Untouched(Err(wrong_subcommand("XGROUP", args.get(1))));
        }
        let id = match args.get(4) {
            b"$" => Ok(last),
            text => super::args::id(text, 0),
        };
        match id {
            Err(error) => Edit::Untouched(Err(error)),
            Ok(id) => {
                (group.last, group.read) = (id, options.read);
                Edit::Changed(Ok(()))
            }
        }
    })?;
    reply.ok();
    Ok(())
}

/// `XGROUP DESTROY key group`
fn destroy(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    let key = ctx.first_key(args.get(2));
    let destroyed =
        update(ctx, key, Event::XGroupDestroy, |stream| match stream.remove_group(args.get(3)) {
            true => Edit::Changed(Ok(1)),
            false => Edit::Untouched(Ok(0)),
        })?;
    reply.integer(destroyed);
    Ok(())
}

/// `XGROUP CREATECONSUMER key group consumer`
fn createconsumer(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    let (now, name) = (ctx.keyspace.now(), args.get(4));
    let made = update_group(ctx, args, Event::XGroupCreateConsumer, |group, _| match group.find(name) {
        Some(_) => Edit::Untouched(Ok(0)),
        None => {
            group.add(name, now);
            Edit::Changed(Ok(1))
        }
    })?;
    reply.integer(made);
    Ok(())
}

/// `XGROUP DELCONSUMER key group consumer`
fn delconsumer(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    let pending =
        update_group(ctx, args, Event::XGroupDelConsumer, |group, _| match group.remove(args.get(4)) {
            Some(pending) => Edit::Changed(Ok(pending)),
            None => Edit::Untouched(Ok(0)),
        })?;
    reply.integer(pending as i64);
    Ok(())
}

fn help_lines(_: &mut Context<'_>, _: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    help(
        reply,
        "XGROUP",
        &[
            "CREATE <key> <groupname> <id|$> [option]",
            "    Create a new consumer group. Options are:",
            "    * MKSTREAM",
            "      Create the empty stream if it does not exist.",
            "    * ENTRIESREAD entries_read",
            "      Set the group's entries_read counter (internal use).",
            "CREATECONSUMER <key> <groupname> <consumer>",
            "    Create a new consumer in the specified group.",
            "DELCONSUMER <key> <groupname> <consumer>",
            "    Remove the specified consumer.",
            "DESTROY <key> <groupname>",
            "    Remove the specified group.",
            "SETID <key> <groupname> <id|$> [ENTRIESREAD entries_read]",
            "    Set the current group ID and entries_read counter.",
        ],
    );
    Ok(())
}
