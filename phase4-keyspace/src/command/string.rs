//! Strings as wholes: read them, write them, exchange them. Parts of strings are in [`range`], numbers in
//! [`counter`].
pub mod bitfield;
pub mod bits;
pub mod counter;
pub mod lcs;
pub mod range;
pub mod set_options;

use super::{Command, Context, Group, KeySpec};
use crate::error::Error;
use crate::keyspace::{Deadline, Event, Value};
use crate::wire::args::Args;
use crate::wire::reply::Reply;
use set_options::{Condition, Expiry, GetexOptions, SetOptions};

/// The rows.
pub const COMMANDS: &[Command] = &[
    Command::data("get", 2, "readonly fast", KeySpec::ONE, get).doc(
        Group::String,
        "1.0.0",
        "Returns the string at a key.",
    ),
    Command::data("set", -3, "write denyoom", KeySpec::ONE, set)
        .doc(
            Group::String,
            "1.0.0",
            "Stores a string at a key, whatever was there; on request only if one was or was not.",
        )
        .access(&["RW access update variable_flags"])
        .note("RW and ACCESS due to the optional `GET` argument"),
    Command::data("setnx", 3, "write denyoom fast", KeySpec::ONE, setnx)
        .doc(Group::String, "1.0.0", "Stores a string at a key that does not exist.")
        .access(&["OW insert"]),
    Command::data("setex", 4, "write denyoom", KeySpec::ONE, setex)
        .doc(Group::String, "2.0.0", "Stores a string that lives for some seconds.")
        .access(&["OW update"]),
    Command::data("psetex", 4, "write denyoom", KeySpec::ONE, psetex)
        .doc(Group::String, "2.6.0", "Stores a string that lives for some milliseconds.")
        .access(&["OW update"]),
    Command::data("getset", 3, "write denyoom fast", KeySpec::ONE, getset).doc(
        Group::String,
        "1.0.0",
        "Stores a string and returns the one before it.",
    ),
    Command::data("getdel", 2, "write fast", KeySpec::ONE, getdel)
        .doc(Group::String, "6.2.0", "Returns the string at a key and deletes the key.")
        .access(&["RW access delete"]),
    Command::data("getex", -2, "write fast", KeySpec::ONE, getex)
        .doc(Group::String, "6.2.0", "Returns the string at a key and changes how long the key lives.")
        .note("RW and UPDATE because it changes the TTL"),
    Command::data("mget", -2, "readonly fast", KeySpec::ALL, mget)
        .doc(Group::String, "1.0.0", "Returns the strings at several keys.")
        .tips("request_policy:multi_shard"),
    Command::data("mset", -3, "write denyoom", KeySpec::PAIRS, mset)
        .doc(Group::String, "1.0.1", "Stores several strings, all at once.")
        .access(&["OW update"])
        .tips("request_policy:multi_shard response_policy:all_succeeded"),
    Command::data("msetnx", -3, "write denyoom", KeySpec::PAIRS, msetnx)
        .doc(Group::String, "1.0.1", "Stores several strings if none of the keys exists.")
        .access(&["OW insert"])
        .tips("request_policy:multi_shard response_policy:agg_min"),
];

/// The bytes of a string value; any other type is refused.
pub fn string(value: Value<'_>) -> Result<&[u8], Error> {
    match value {
        Value::String(bytes) => Ok(bytes),
        _ => Err(Error::WrongType),
    }
}

fn get(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    // ANCHOR: get-body
    let key = ctx.first_key(args.get(1));
    match ctx.read_string(key)? {
        Some(value) => reply.bulk(value),
        None => reply.nil(),
    }
    Ok(())
    // ANCHOR_END: get-body
}

/// `SET key value [NX|XX] [GET] [EX s|PX ms|EXAT s|PXAT ms|KEEPTTL]`
fn set(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    // ANCHOR: set-body
    let key = ctx.first_key(args.get(1));
    if args.len() == 3 {
        ctx.db().set_string(key, args.get(2), Deadline::Clear, Event::Set);
        reply.ok();
        return Ok(());
    }
    let options = SetOptions::parse(args)?;
    let deadline = match options.expiry {
        Some(expiry) => Deadline::At(expiry.deadline(ctx.keyspace.now(), "set")?),
        None if options.keep_ttl => Deadline::Keep,
        None => Deadline::Clear,
    };
    if options.get {
        match ctx.read(key) {
            Some(found) => reply.bulk(string(found.value)?),
            None => reply.nil(),
        }
    }
    let allowed = match options.condition {
        Condition::Always => true,
        Condition::IfAbsent => ctx.db().find(key).is_none(),
        Condition::IfPresent => ctx.db().find(key).is_some(),
    };
    if allowed {
        ctx.db().set_string(key, args.get(2), deadline, Event::Set);
    }
    match (options.get, allowed) {
        (true, _) => {}
        (false, true) => reply.ok(),
        (false, false) => reply.nil(),
    }
    Ok(())
    // ANCHOR_END: set-body
}

fn setnx(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    let key = ctx.first_key(args.get(1));
    let absent = ctx.db().find(key).is_none();
    if absent {
        ctx.db().set_string(key, args.get(2), Deadline::Clear, Event::Set);
    }
    reply.integer(i64::from(absent));
    Ok(())
}

fn setex(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    set_for(ctx, args, Expiry::Seconds(args.get(2)), "setex", reply)
}

fn psetex(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    set_for(ctx, args, Expiry::Millis(args.get(2)), "psetex", reply)
}

fn set_for(
    ctx: &mut Context<'_>,
    args: Args<'_>,
    expiry: Expiry<'_>,
    name: &'static str,
    reply: &mut Reply<'_>,
) -> Result<(), Error> {
    let deadline = expiry.deadline(ctx.keyspace.now(), name)?;
    let key = ctx.first_key(args.get(1));
    ctx.db().set_string(key, args.get(3), Deadline::At(deadline), Event::Set);
    reply.ok();
    Ok(())
}

fn getset(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    get(ctx, args, reply)?;
    let key = ctx.first_key(args.get(1));
    ctx.db().set_string(key, args.get(2), Deadline::Clear, Event::Set);
    Ok(())
}

fn getdel(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    get(ctx, args, reply)?;
    let key = ctx.first_key(args.get(1));
    ctx.db().remove(key, Event::Del);
    Ok(())
}

fn getex(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    let options = GetexOptions::parse(args)?;
    let key = ctx.first_key(args.get(1));
    let now = ctx.keyspace.now();
    let Some(found) = ctx.read(key) else {
        reply.nil();
        return Ok(());
    };
    let value = string(found.value)?;
    let had_deadline = found.deadline.is_some();
    let deadline = match options.expiry {
        Some(expiry) => Some(expiry.deadline(now, "getex")?),
        None => None,
    };
    reply.bulk(value);
    match deadline {
        Some(at) if at <= now => {
            ctx.db().remove(key, Event::Del);
        }
        Some(at) => {
            ctx.db().set_deadline(key, Some(at), Event::Expire);
        }
        None if options.persist && had_deadline => {
            ctx.db().set_deadline(key, None, Event::Persist);
        }
        None => return Ok(()),
    }
    Ok(())
}

/// A key of another type reads as no value: one wrong key does not spoil the others.
fn mget(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    reply.array(args.len() - 1);
    for (i, bytes) in args.from(1).enumerate() {
        let key = ctx.nth_key(i, bytes);
        match ctx.read_string(key) {
            Ok(Some(value)) => reply.bulk(value),
            Ok(None) | Err(_) => reply.nil(),
        }
    }
    Ok(())
}

fn mset(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    check_pairs(args, "mset")?;
    store_pairs(ctx, args);
    reply.ok();
    Ok(())
}

fn msetnx(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    check_pairs(args, "msetnx")?;
    for (i, bytes) in args.from(1).step_by(2).enumerate() {
        let key = ctx.nth_key(i, bytes);
        if ctx.db().find(key).is_some() {
            reply.integer(0);
            return Ok(());
        }
    }
    store_pairs(ctx, args);
    reply.integer(1);
    Ok(())
}

fn check_pairs(args: Args<'_>, name: &'static str) -> Result<(), Error> {
    if args.len().is_multiple_of(2) { Err(Error::Arity(name.into())) } else { Ok(()) }
}

fn store_pairs(ctx: &mut Context<'_>, args: Args<'_>) {
    for i in (1..args.len()).step_by(2) {
        let key = ctx.nth_key(i / 2, args.get(i));
        ctx.db().set_string(key, args.get(i + 1), Deadline::Clear, Event::Set);
    }
}

#[cfg(test)]
mod tests {
    use crate::command::harness::Harness;

    #[test]
    fn set_has_every_option() {
        let mut h = Harness::new();
        h.expect("SET k v", "+OK");
        h.expect("SET k w NX", "$-1");
        h.expect("SET k w XX GET", "$1 v");
        h.expect("SET new w XX", "$-1");
        h.expect("SET new w NX GET", "$-1");
        h.expect("GET new", "$1 w");
        h.expect("SET k v EX 10", "+OK");
        h.expect("PTTL k", ":10000");
        h.expect("SET k w KEEPTTL", "+OK");
        h.expect("PTTL k", ":10000");
        h.expect("SET k v", "+OK");
        h.expect("PTTL k", ":-1");
        h.expect("SET k v EXAT 1", "+OK");
        h.expect("GET k", "$-1");
    }

    #[test]
    fn set_refuses_before_it_changes_anything() {
        let mut h = Harness::new();
        h.expect("SET k v", "+OK");
        for (line, error) in [
            ("SET k w NX XX", "-ERR syntax error"),
            ("SET k w EX", "-ERR syntax error"),
            ("SET k w EX 1 PX 1", "-ERR syntax error"),
            ("SET k w EX 1 KEEPTTL", "-ERR syntax error"),
            ("SET k w KEEPTTL EX 1", "-ERR syntax error"),
            ("SET k w PERSIST", "-ERR syntax error"),
            ("SET k w EX x NX", "-ERR value is not an integer or out of range"),
            ("SET k w EX x FOO", "-ERR syntax error"),
            ("SET k w EX 0", "-ERR invalid expire time in 'set' command"),
            ("SET k w PXAT -1", "-ERR invalid expire time in 'set' command"),
            ("SET k w EX 9223372036854776", "-ERR invalid expire time in 'set' command"),
            ("SET k w PX 9223372036854775807", "-ERR invalid expire time in 'set' command"),
            ("SETEX k -1 w", "-ERR invalid expire time in 'setex' command"),
            ("PSETEX k 0 w", "-ERR invalid expire time in 'psetex' command"),
            ("MSET a b c", "-ERR wrong number of arguments for 'mset' command"),
        ] {
            h.expect(line, error);
        }
        h.expect("GET k", "$1 v");
        h.expect("SET k v NX NX EX 1 EX 20", "$-1");
        h.expect("SET k v EX 1 EX 20", "+OK");
        h.expect("TTL k", ":20");
    }

    #[test]
    fn exchanges() {
        let mut h = Harness::new();
        h.expect("GETSET k v", "$-1");
        h.expect("GETSET k w", "$1 v");
        h.expect("GETEX k EX 5", "$1 w");
        h.expect("TTL k", ":5");
        h.expect("GETEX k PERSIST", "$1 w");
        h.expect("TTL k", ":-1");
        h.expect("GETEX k KEEPTTL", "-ERR syntax error");
        h.expect("GETEX k EX 0", "-ERR invalid expire time in 'getex' command");
        h.expect("GETEX none EX 0", "$-1");
        h.expect("GETEX k EXAT 1", "$1 w");
        h.expect("EXISTS k", ":0");
        h.expect("SET k v", "+OK");
        h.expect("GETDEL k", "$1 v");
        h.expect("GETDEL k", "$-1");
        h.expect("MSETNX a 1 b 2", ":1");
        h.expect("MSETNX c 1 b 2", ":0");
        h.expect("MGET a c b", "*3 $1 1 $-1 $1 2");
        h.expect("MSET a 3 a 4", "+OK");
        h.expect("GET a", "$1 4");
    }
}
