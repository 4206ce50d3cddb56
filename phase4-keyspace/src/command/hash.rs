//! Hashes: fields set, read and removed. Numbers in fields are in [`counter`], walks and chance in [`walk`].
pub mod counter;
pub mod walk;

use super::element::bulk;
use super::{Command, Context, Group, KeySpec};
use crate::error::Error;
use crate::keyspace::Entry;
use crate::keyspace::{Edit, Event, Hash, HashRef, Value};
use crate::wire::args::Args;
use crate::wire::reply::Reply;

/// The rows.
pub const COMMANDS: &[Command] = &[
    Command::data("hset", -4, "write denyoom fast", KeySpec::ONE, hset)
        .doc(Group::Hash, "2.0.0", "Sets fields of a hash and returns how many are new.")
        .access(&["RW update"]),
    Command::data("hmset", -4, "write denyoom fast", KeySpec::ONE, hmset)
        .doc(Group::Hash, "2.0.0", "The old form of HSET, which says OK.")
        .access(&["RW update"]),
    Command::data("hsetnx", 4, "write denyoom fast", KeySpec::ONE, hsetnx)
        .doc(Group::Hash, "2.0.0", "Sets a field of a hash that has no such field.")
        .access(&["RW insert"]),
    Command::data("hget", 3, "readonly fast", KeySpec::ONE, hget).doc(
        Group::Hash,
        "2.0.0",
        "Returns the value of a field.",
    ),
    Command::data("hmget", -3, "readonly fast", KeySpec::ONE, hmget).doc(
        Group::Hash,
        "2.0.0",
        "Returns the values of several fields.",
    ),
    all("hgetall", hgetall, "Returns every field with its value."),
    all("hkeys", hkeys, "Returns every field."),
    all("hvals", hvals, "Returns every value."),
    Command::data("hlen", 2, "readonly fast", KeySpec::ONE, hlen)
        .doc(Group::Hash, "2.0.0", "Returns the number of fields.")
        .access(&["RO"]),
    Command::data("hstrlen", 3, "readonly fast", KeySpec::ONE, hstrlen)
        .doc(Group::Hash, "3.2.0", "Returns the length of a field's value in bytes.")
        .access(&["RO"]),
    Command::data("hexists", 3, "readonly fast", KeySpec::ONE, hexists)
        .doc(Group::Hash, "2.0.0", "Tells whether a hash has a field.")
        .access(&["RO"]),
    Command::data("hdel", -3, "write fast", KeySpec::ONE, hdel)
        .doc(Group::Hash, "2.0.0", "Removes fields and returns how many there were.")
        .access(&["RW delete"]),
];

const fn all(name: &'static str, run: super::DataFn, summary: &'static str) -> Command {
    Command::data(name, 2, "readonly", KeySpec::ONE, run)
        .doc(Group::Hash, "2.0.0", summary)
        .tips("nondeterministic_output_order")
}

/// A hash value; any other type is refused.
pub fn hash(value: Value<'_>) -> Result<HashRef<'_>, Error> {
    match value {
        Value::Hash(hash) => Ok(hash),
        _ => Err(Error::WrongType),
    }
}

/// The hash at the command's key, on behalf of a reading command.
pub fn read<'a>(ctx: &'a mut Context<'_>, args: Args<'_>) -> Result<Option<HashRef<'a>>, Error> {
    let key = ctx.first_key(args.get(1));
    ctx.read(key).map(|found| hash(found.value)).transpose()
}

fn hset(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    let added = set_all(ctx, args, "hset")?;
    reply.integer(added);
    Ok(())
}

fn hmset(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    set_all(ctx, args, "hmset")?;
    reply.ok();
    Ok(())
}

/// Sets every pair; how many fields are new.
fn set_all(ctx: &mut Context<'_>, args: Args<'_>, name: &'static str) -> Result<i64, Error> {
    if !args.len().is_multiple_of(2) {
        return Err(Error::Arity(name.into()));
    }
    let key = ctx.first_key(args.get(1));
    ctx.db().edit::<Hash, _>(key, Event::HSet, |hash, rules| {
        let pairs = (2..args.len()).step_by(2);
        let mut added = 0;
        for at in pairs.clone() {
            added += i64::from(hash.set(args.get(at), args.get(at + 1), rules));
        }
        Edit::Counted(pairs.len() as u32, added)
    })
}

fn hsetnx(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    let key = ctx.first_key(args.get(1));
    let added = ctx.db().edit::<Hash, _>(key, Event::HSet, |hash, rules| {
        if hash.read().get(args.get(2)).is_some() {
            return Edit::Untouched(0);
        }
        hash.set(args.get(2), args.get(3), rules);
        Edit::Changed(1)
    })?;
    reply.integer(added);
    Ok(())
}

fn hget(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    let found = read(ctx, args)?.and_then(|hash| hash.get(args.get(2)));
    match found {
        Some(value) => bulk(reply, value),
        None => reply.nil(),
    }
    Ok(())
}

fn hmget(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    let hash = read(ctx, args)?;
    reply.array(args.len() - 2);
    for field in args.from(2) {
        match hash.and_then(|hash| hash.get(field)) {
            Some(value) => bulk(reply, value),
            None => reply.nil(),
        }
    }
    Ok(())
}

fn hgetall(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    let hash = read(ctx, args)?;
    reply.map(hash.map_or(0, HashRef::len));
    each(hash, |field, value| {
        bulk(reply, field);
        bulk(reply, value);
    });
    Ok(())
}

fn hkeys(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    let hash = read(ctx, args)?;
    reply.array(hash.map_or(0, HashRef::len));
    each(hash, |field, _| bulk(reply, field));
    Ok(())
}

fn hvals(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    let hash = read(ctx, args)?;
    reply.array(hash.map_or(0, HashRef::len));
    each(hash, |_, value| bulk(reply, value));
    Ok(())
}

fn each<'a>(hash: Option<HashRef<'a>>, visit: impl FnMut(Entry<'a>, Entry<'a>)) {
    if let Some(hash) = hash {
        hash.for_each(visit);
    }
}

fn hlen(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    let len = read(ctx, args)?.map_or(0, HashRef::len);
    reply.integer(len as i64);
    Ok(())
}

fn hstrlen(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    let value = read(ctx, args)?.and_then(|hash| hash.get(args.get(2)));
    reply.integer(value.map_or(0, Entry::len) as i64);
    Ok(())
}

fn hexists(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    let found = read(ctx, args)?.is_some_and(|hash| hash.get(args.get(2)).is_some());
    reply.integer(i64::from(found));
    Ok(())
}

fn hdel(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    let key = ctx.first_key(args.get(1));
    let removed = ctx.db().update::<Hash, _>(key, Event::HDel, |hash, _| {
        match args.from(2).map(|field| u32::from(hash.remove(field))).sum() {
            0 => Edit::Untouched(0),
            removed => Edit::Counted(removed, removed),
        }
    })?;
    reply.integer(removed.unwrap_or(0).into());
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::command::harness::Harness;
    use crate::wire::reply::Wire;

    #[test]
    fn fields_are_set_read_and_removed() {
        let mut h = Harness::new();
        h.expect("HSET h a 1 b two a 3", ":2");
        h.expect("HMSET h c x", "+OK");
        h.expect("HSETNX h c y", ":0");
        h.expect("HSETNX h d y", ":1");
        h.expect("HGET h a", "$1 3");
        h.expect("HGET h none", "$-1");
        h.expect("HGET none a", "$-1");
        h.expect("HMGET h a none b", "*3 $1 3 $-1 $3 two");
        h.expect("HMGET none a b", "*2 $-1 $-1");
        h.expect("HLEN h", ":4");
        h.expect("HSTRLEN h b", ":3");
        h.expect("HSTRLEN h a", ":1");
        h.expect("HSTRLEN h none", ":0");
        h.expect("HEXISTS h b", ":1");
        h.expect("HDEL h b none b", ":1");
        h.expect("HDEL h c d", ":2");
        h.expect("HGETALL h", "*2 $1 a $1 3");
        h.expect("HKEYS h", "*1 $1 a");
        h.expect("HVALS h", "*1 $1 3");
        h.expect("TYPE h", "+hash");
        h.expect("OBJECT ENCODING h", "$8 listpack");
        h.wire = Wire::Resp3;
        h.expect("HGETALL h", "%1 $1 a $1 3");
        h.expect("HGETALL none", "%0");
        h.expect("HDEL h a", ":1");
        h.expect("EXISTS h", ":0");
    }

    #[test]
    fn what_is_wrong_is_refused_and_changes_nothing() {
        let mut h = Harness::new();
        h.expect("HSET h a", "-ERR wrong number of arguments for 'hset' command");
        h.expect("HSET h a 1 b", "-ERR wrong number of arguments for 'hset' command");
        h.expect("HMSET h a 1 b", "-ERR wrong number of arguments for 'hmset' command");
        h.expect("EXISTS h", ":0");
        h.expect("SET s text", "+OK");
        h.expect("HSET h a 1", ":1");
        let wrong = "-WRONGTYPE Operation against a key holding the wrong kind of value";
        for line in [
            "HSET s a 1",
            "HMSET s a 1",
            "HSETNX s a 1",
            "HGET s a",
            "HMGET s a",
            "HGETALL s",
            "HKEYS s",
            "HVALS s",
            "HLEN s",
            "HSTRLEN s a",
            "HEXISTS s a",
            "HDEL s a",
            "HINCRBY s a 1",
            "HINCRBYFLOAT s a 1",
            "HRANDFIELD s",
            "HRANDFIELD s 1",
            "HSCAN s 0",
            "GET h",
            "APPEND h x",
            "INCR h",
            "INCRBYFLOAT h 1",
            "GETRANGE h 0 1",
            "SETRANGE h 0 x",
            "STRLEN h",
            "GETSET h x",
            "GETDEL h",
            "GETEX h",
            "SET h x GET",
            "LCS h s",
        ] {
            h.expect(
                line,
                if line.starts_with("LCS") {
                    "-ERR The specified keys must contain string values"
                } else {
                    wrong
                },
            );
        }
        h.expect("GET s", "$4 text");
        h.expect("HGETALL h", "*2 $1 a $1 1");
        h.expect("MGET h s", "*2 $-1 $4 text");
        h.expect("SET h x", "+OK");
        h.expect("GET h", "$1 x");
    }

    #[test]
    fn changes_are_noted_as_redis_counts_them() {
        let mut h = Harness::new();
        for (line, changes) in [
            ("HSET h a 1 b 2 a 3", "new:h hset:h 3"),
            ("HSETNX h a 1", "0"),
            ("HSETNX h c 1", "hset:h 1"),
            ("HINCRBY h a 1", "hincrby:h 1"),
            ("HINCRBYFLOAT h a 1", "hincrbyfloat:h 1"),
            ("HINCRBY h a x", "0"),
            ("HDEL h none", "0"),
            ("HDEL h a b", "hdel:h 2"),
            ("HDEL h c", "hdel:h del:h 1"),
            ("HDEL h c", "0"),
        ] {
            assert_eq!(h.changes(line), changes, "{line}");
        }
    }
}
