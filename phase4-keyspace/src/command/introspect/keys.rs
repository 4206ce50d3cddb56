//! `COMMAND GETKEYS`: which arguments of a request are keys.
use super::describe::{access, write_flags};
use crate::command::{Command, Context, Effect, KeySpec, find};
use crate::error::Error;
use crate::wire::args::Args;
use crate::wire::reply::Reply;

/// Where the request begins among the arguments of `COMMAND GETKEYS`.
const REQUEST: usize = 2;

pub fn getkeys(_: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<Effect, Error> {
    let command = requested(args)?;
    let keys = positions(command.keys, args.len() - REQUEST);
    reply.array(keys.len());
    for at in keys {
        reply.bulk(args.get(REQUEST + at));
    }
    Ok(Effect::Read)
}

pub fn getkeysandflags(_: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<Effect, Error> {
    let command = requested(args)?;
    let keys = positions(command.keys, args.len() - REQUEST);
    reply.array(keys.len());
    for (i, at) in keys.enumerate() {
        let texts = access(command);
        let flags = texts[i.min(texts.len() - 1)];
        reply.array(2);
        reply.bulk(args.get(REQUEST + at));
        write_flags(reply, actual(flags, args));
    }
    Ok(Effect::Read)
}

/// The command that the request names, if it has keys and the number of arguments is right.
fn requested(args: Args<'_>) -> Result<&'static Command, Error> {
    let row = match find(args.get(REQUEST)) {
        Some(top) if top.subcommands.is_empty() => Some(top),
        Some(container) => args.at(REQUEST + 1).and_then(|word| container.subcommand(word)),
        None => None,
    };
    let row = row.ok_or(Error::bad_argument("ERR Invalid command specified"))?;
    if row.keys.first == 0 {
        return Err(Error::bad_argument("ERR The command has no key arguments"));
    }
    if !row.takes(args.len() - REQUEST) {
        return Err(Error::bad_argument("ERR Invalid number of arguments specified for command"));
    }
    Ok(row)
}

/// The places of the keys in a request of `len` arguments.
fn positions(keys: KeySpec, len: usize) -> impl ExactSizeIterator<Item = usize> {
    let last = if keys.last < 0 { len as i32 + keys.last } else { keys.last };
    (keys.first as usize..last as usize + 1).step_by(keys.step as usize)
}

/// What a request really does where its options decide: `SET` reads only if it is asked to `GET`.
fn actual<'a>(flags: &'a str, args: Args<'_>) -> &'a str {
    if !flags.ends_with("variable_flags") {
        return flags;
    }
    let gets = (REQUEST + 3..args.len()).any(|at| args.is(at, "get"));
    if gets { "RW access update" } else { "OW update" }
}
