//! `COMMAND GETKEYS`: which arguments of a request are keys.
use super::describe::write_flags;
use crate::command::reach;
use crate::command::{Command, Context, KeySpec, find};
use crate::error::Error;
use crate::text::integer;
use crate::wire::args::{Args, OwnedArgs};
use crate::wire::reply::Reply;

/// Where the request begins among the arguments of `COMMAND GETKEYS`.
const REQUEST: usize = 2;

pub fn getkeys(_: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    let command = requested(args)?;
    let request = request(args);
    check_count(command.keys, request.as_args())?;
    let keys = reach::keys(command, request.as_args());
    reply.array(keys.len());
    keys.iter().for_each(|(at, _)| reply.bulk(request.as_args().get(*at)));
    Ok(())
}

pub fn getkeysandflags(_: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    let command = requested(args)?;
    let request = request(args);
    check_count(command.keys, request.as_args())?;
    let keys = reach::keys(command, request.as_args());
    reply.array(keys.len());
    for (at, flags) in keys {
        reply.array(2);
        reply.bulk(request.as_args().get(at));
        write_flags(reply, flags);
    }
    Ok(())
}

/// The command that the request names, if it has keys and the number of arguments is right.
fn requested(args: Args<'_>) -> Result<&'static Command, Error> {
    let row = match find(args.get(REQUEST)) {
        Some(top) if top.subcommands.is_empty() => Some(top),
        Some(container) => args.at(REQUEST + 1).and_then(|word| container.subcommand(word)),
        None => None,
    };
    let row = row.ok_or(Error::bad_argument("ERR Invalid command specified"))?;
    if row.keys == KeySpec::None {
        return Err(Error::bad_argument("ERR The command has no key arguments"));
    }
    if !row.takes(args.len() - REQUEST) {
        return Err(Error::bad_argument("ERR Invalid number of arguments specified for command"));
    }
    if !row.keys.is_whole(request(args).as_args()) {
        return Err(Error::bad_argument("ERR Invalid arguments specified for command"));
    }
    Ok(row)
}

/// Refuses a number of keys that is none, or that is more than there are arguments.
fn check_count(keys: KeySpec, request: Args<'_>) -> Result<(), Error> {
    let KeySpec::Counted { count, first, .. } = keys else { return Ok(()) };
    let possible = request.len().saturating_sub(first as usize);
    let stated = request.at(count as usize).map_or(0, integer::leading);
    match usize::try_from(stated) {
        Ok(1..) if stated as usize <= possible => Ok(()),
        _ => Err(Error::bad_argument("ERR Invalid arguments specified for command")),
    }
}

/// The arguments of the request behind `COMMAND GETKEYS`.
fn request(args: Args<'_>) -> OwnedArgs {
    OwnedArgs::words(&args.from(REQUEST).collect::<Vec<_>>())
}
