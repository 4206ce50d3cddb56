//! `DUMP` and `RESTORE`: a value as bytes that another server understands.
use crate::command::{Command, Context, Group, KeySpec};
use crate::error::Error;
use crate::keyspace::{Event, History, Millis};
use crate::persist::rdb::dump::{self, Refused};
use crate::text::integer;
use crate::wire::args::Args;
use crate::wire::reply::Reply;

/// The rows.
pub static COMMANDS: &[Command] = &[
    Command::data("dump", 2, "readonly", KeySpec::ONE, dump)
        .doc(Group::Generic, "2.6.0", "Returns a value as bytes that RESTORE understands.")
        .tips("nondeterministic_output"),
    Command::data("restore", -4, "write denyoom", KeySpec::ONE, restore)
        .doc(Group::Generic, "2.6.0", "Stores a value that DUMP has returned.")
        .categories("dangerous"),
];

fn dump(context: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    let key = context.first_key(args.get(1));
    match context.read(key) {
        Some(found) => reply.bulk(&dump::dump(found.value, true)),
        None => reply.nil(),
    }
    Ok(())
}

#[derive(Default)]
struct Options {
    replace: bool,
    absolute: bool,
    idle_secs: Option<i64>,
    frequency: Option<i64>,
}

fn options(args: Args<'_>) -> Result<Options, Error> {
    let (mut options, mut at) = (Options::default(), 4);
    while at < args.len() {
        let number = || args.at(at + 1).map(|text| integer::parse(text).ok_or(Error::NotInteger)).transpose();
        if args.is(at, "replace") {
            options.replace = true;
        } else if args.is(at, "absttl") {
            options.absolute = true;
        } else if args.is(at, "idletime") && options.frequency.is_none() && at + 1 < args.len() {
            options.idle_secs = number()?;
            if options.idle_secs.is_some_and(|idle| idle < 0) {
                return Err(Error::other("ERR Invalid IDLETIME value, must be >= 0"));
            }
            at += 1;
        } else if args.is(at, "freq") && options.idle_secs.is_none() && at + 1 < args.len() {
            options.frequency = number()?;
            if options.frequency.is_some_and(|frequency| !(0..=255).contains(&frequency)) {
                return Err(Error::other("ERR Invalid FREQ value, must be >= 0 and <= 255"));
            }
            at += 1;
        } else {
            return Err(Error::Syntax);
        }
        at += 1;
    }
    Ok(options)
}

fn restore(context: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    let options = options(args)?;
    let key = context.first_key(args.get(1));
    let exists = context.db().find(key).is_some();
    if exists && !options.replace {
        return Err(Error::other("BUSYKEY Target key name already exists."));
    }
    let ttl = integer::parse(args.get(2)).ok_or(Error::NotInteger)?;
    if ttl < 0 {
        return Err(Error::other("ERR Invalid TTL value, must be >= 0"));
    }
    let object = dump::restore(args.get(3), context.db().rules()).map_err(|refused| match refused {
        Refused::Footer => Error::other("ERR DUMP payload version or checksum are wrong"),
        Refused::Format => Error::other("ERR Bad data format"),
    })?;
    let now = context.keyspace.now();
    let deadline = (ttl > 0).then(|| if options.absolute { ttl } else { ttl.saturating_add(now) });
    if deadline.is_some_and(|deadline: Millis| context.keyspace.is_past(deadline)) {
        context.db().remove(key, Event::Del);
    } else {
        let idle = options.idle_secs.map(|idle| History::Idle(idle as u64));
        let history = idle.or(options.frequency.map(|count| History::Frequency(count as u8)));
        context.db().restore(key, object, deadline, history);
    }
    reply.ok();
    Ok(())
}
