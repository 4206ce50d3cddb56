//! Keys of any type: whether they exist, what they hold, what they are called, and their end.
pub mod databases;
pub mod expire;
pub mod object;
pub mod scan;

use super::{Command, Context, Effect, Group, KeySpec};
use crate::error::Error;
use crate::keyspace::{Db, Key, Object, Value};
use crate::wire::args::Args;
use crate::wire::reply::Reply;

/// The rows.
pub const COMMANDS: &[Command] = &[
    Command::data("del", -2, "write", KeySpec::ALL, del)
        .doc(Group::Generic, "1.0.0", "Deletes keys and returns how many there were.")
        .access(&["RM delete"])
        .tips("request_policy:multi_shard response_policy:agg_sum"),
    // Deleting is never slow here (large values are freed a share at a time), so the two are one.
    Command::data("unlink", -2, "write fast", KeySpec::ALL, del)
        .doc(Group::Generic, "4.0.0", "Deletes keys, leaving the work of freeing them for later.")
        .access(&["RM delete"])
        .tips("request_policy:multi_shard response_policy:agg_sum"),
    Command::data("exists", -2, "readonly fast", KeySpec::ALL, exists)
        .doc(Group::Generic, "1.0.0", "Counts the keys that exist; one named twice counts twice.")
        .access(&["RO"])
        .tips("request_policy:multi_shard response_policy:agg_sum"),
    Command::data("touch", -2, "readonly fast", KeySpec::ALL, touch)
        .doc(Group::Generic, "3.2.1", "Marks keys as used now and counts those that exist.")
        .access(&["RO"])
        .tips("request_policy:multi_shard response_policy:agg_sum"),
    Command::data("type", 2, "readonly fast", KeySpec::ONE, type_of)
        .doc(Group::Generic, "1.0.0", "Returns the type of the value at a key.")
        .access(&["RO"]),
    Command::data("rename", 3, "write", KeySpec::TWO, rename)
        .doc(Group::Generic, "1.0.0", "Gives a key another name, replacing a key that has it.")
        .access(&["RW access delete", "OW update"]),
    Command::data("renamenx", 3, "write fast", KeySpec::TWO, renamenx)
        .doc(Group::Generic, "1.0.0", "Gives a key another name, if no key has it.")
        .access(&["RW access delete", "OW insert"]),
    Command::data("randomkey", 1, "readonly", KeySpec::NONE, randomkey)
        .doc(Group::Generic, "1.0.0", "Returns one of the keys, chosen by chance.")
        .tips("request_policy:all_shards nondeterministic_output"),
];

/// A value's type as `TYPE` and `SCAN TYPE` name it.
pub fn type_name(value: Value<'_>) -> &'static str {
    match value {
        Value::String(_) | Value::Object(Object::String(_)) => "string",
    }
}

/// How many of the arguments' keys `each` says yes to; a key named twice is asked about twice.
fn count(ctx: &mut Context<'_>, args: Args<'_>, each: fn(&mut Context<'_>, Key<'_>) -> bool) -> i64 {
    let mut count = 0;
    for (i, bytes) in args.from(1).enumerate() {
        let key = ctx.nth_key(i, bytes);
        count += i64::from(each(ctx, key));
    }
    count
}

fn del(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<Effect, Error> {
    let removed = count(ctx, args, |ctx, key| ctx.db().remove(key));
    reply.integer(removed);
    Ok(if removed > 0 { Effect::Wrote } else { Effect::Read })
}

fn exists(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<Effect, Error> {
    let found = count(ctx, args, |ctx, key| ctx.peek(key).is_some());
    reply.integer(found);
    Ok(Effect::Read)
}

fn touch(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<Effect, Error> {
    let found = count(ctx, args, |ctx, key| ctx.read(key).is_some());
    reply.integer(found);
    Ok(Effect::Read)
}

fn type_of(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<Effect, Error> {
    let key = ctx.first_key(args.get(1));
    reply.simple(ctx.peek(key).map_or("none", |found| type_name(found.value)));
    Ok(Effect::Read)
}

fn rename(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<Effect, Error> {
    let (from, to) = (ctx.first_key(args.get(1)), ctx.key(args.get(2)));
    let moved = give_name(ctx.db(), from, to)?;
    reply.ok();
    Ok(if moved { Effect::Wrote } else { Effect::Read })
}

fn renamenx(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<Effect, Error> {
    let (from, to) = (ctx.first_key(args.get(1)), ctx.key(args.get(2)));
    let db = ctx.db();
    // The order matters for the reply: a missing key is an error even if the other name is taken.
    if db.find(from).is_some() && db.find(to).is_some() {
        reply.integer(0);
        return Ok(Effect::Read);
    }
    give_name(db, from, to)?;
    reply.integer(1);
    Ok(Effect::Wrote)
}

/// Renames; `false` if it already has that name. The deadline moves along, that of a replaced key is gone with it.
fn give_name(db: &mut Db, from: Key<'_>, to: Key<'_>) -> Result<bool, Error> {
    if from.bytes == to.bytes {
        return if db.find(from).is_some() { Ok(false) } else { Err(Error::NoSuchKey) };
    }
    let taken = db.take(from).ok_or(Error::NoSuchKey)?;
    db.put(to, taken);
    Ok(true)
}

fn randomkey(ctx: &mut Context<'_>, _args: Args<'_>, reply: &mut Reply<'_>) -> Result<Effect, Error> {
    match ctx.db().random_key() {
        Some(key) => reply.bulk(key),
        None => reply.nil(),
    }
    Ok(Effect::Read)
}

#[cfg(test)]
mod tests {
    use crate::command::Effect;
    use crate::command::harness::Harness;

    #[test]
    fn counts_keys() {
        let mut h = Harness::new();
        h.expect("MSET a 1 b 2", "+OK");
        h.expect("EXISTS a b a c", ":3");
        h.expect("TOUCH a c", ":1");
        h.expect("DEL a a c", ":1");
        h.expect("UNLINK b", ":1");
        h.expect("RANDOMKEY", "$-1");
        h.expect("SET only v", "+OK");
        h.expect("RANDOMKEY", "$4 only");
        h.expect("TYPE only", "+string");
        h.expect("TYPE a", "+none");
    }

    #[test]
    fn renames_with_the_deadline() {
        let mut h = Harness::new();
        h.expect("RENAME a b", "-ERR no such key");
        h.expect("RENAME a a", "-ERR no such key");
        h.expect("SET a 1 PX 700", "+OK");
        h.expect("SET b 2", "+OK");
        h.expect("RENAMENX a b", ":0");
        h.expect("RENAMENX none b", "-ERR no such key");
        h.expect("RENAMENX a a", ":0");
        h.expect("RENAME a a", "+OK");
        h.expect("RENAME a b", "+OK");
        h.expect("PTTL b", ":700");
        h.expect("RENAMENX b c", ":1");
        h.expect("MGET a b c", "*3 $-1 $-1 $1 1");
    }

    #[test]
    fn tells_whether_anything_changed() {
        let mut h = Harness::new();
        let mut effect = |line: &str| {
            let words: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
            h.run(&words).1
        };
        assert_eq!(effect("SET k v"), Effect::Wrote);
        assert_eq!(effect("SET k v NX"), Effect::Read);
        assert_eq!(effect("DEL other"), Effect::Read);
        assert_eq!(effect("EXPIRE other 1"), Effect::Read);
        assert_eq!(effect("RENAME k k"), Effect::Read);
        assert_eq!(effect("DEL k"), Effect::Wrote);
    }
}
