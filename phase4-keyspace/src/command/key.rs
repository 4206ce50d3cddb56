//! Keys of any type: whether they exist, what they hold, what they are called, and their end.
pub mod databases;
pub mod dump;
pub mod expire;
pub mod memory;
pub mod object;
pub mod scan;
pub mod sort;

use super::{Command, Context, Group, KeySpec};
use crate::error::Error;
use crate::keyspace::{Event, Key};
use crate::wire::args::Args;
use crate::wire::reply::Reply;

/// The rows.
pub const COMMANDS: &[Command] = &[
    Command::data("del", -2, "write", KeySpec::ALL, del)
        .doc(Group::Generic, "1.0.0", "Deletes keys and returns how many there were.")
        .access(&["RM delete"])
        .tips("request_policy:multi_shard response_policy:agg_sum"),
    // DEL, too, leaves what is large to `keyspace::lazyfree`, so the two are one.
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

/// How many of the arguments' keys `each` says yes to; a key named twice is asked about twice.
fn count(ctx: &mut Context<'_>, args: Args<'_>, each: fn(&mut Context<'_>, Key<'_>) -> bool) -> i64 {
    let mut count = 0;
    for (i, bytes) in args.from(1).enumerate() {
        let key = ctx.nth_key(i, bytes);
        count += i64::from(each(ctx, key));
    }
    count
}

fn del(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    let removed = count(ctx, args, |ctx, key| ctx.db().remove(key, Event::Del));
    reply.integer(removed);
    Ok(())
}

fn exists(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    let found = count(ctx, args, |ctx, key| ctx.peek(key).is_some());
    reply.integer(found);
    Ok(())
}

fn touch(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    let found = count(ctx, args, |ctx, key| ctx.read(key).is_some());
    reply.integer(found);
    Ok(())
}

fn type_of(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    let key = ctx.first_key(args.get(1));
    reply.simple(ctx.peek(key).map_or("none", |found| found.value.kind().name()));
    Ok(())
}

fn rename(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    let (from, to) = (ctx.first_key(args.get(1)), ctx.key(args.get(2)));
    give_name(ctx, from, to)?;
    reply.ok();
    Ok(())
}

fn renamenx(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    let (from, to) = (ctx.first_key(args.get(1)), ctx.key(args.get(2)));
    // The order matters for the reply: a missing key is an error even if the other name is taken.
    if ctx.db().find(from).is_some() && ctx.db().find(to).is_some() {
        reply.integer(0);
        return Ok(());
    }
    give_name(ctx, from, to)?;
    reply.integer(1);
    Ok(())
}

/// Renames; nothing happens if the key already has that name.
fn give_name(ctx: &mut Context<'_>, from: Key<'_>, to: Key<'_>) -> Result<(), Error> {
    let renamed = match from.bytes == to.bytes {
        true => ctx.db().find(from).is_some(),
        false => ctx.keyspace.rename(ctx.db, from, to),
    };
    if renamed { Ok(()) } else { Err(Error::NoSuchKey) }
}

fn randomkey(ctx: &mut Context<'_>, _args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    match ctx.db().random_key() {
        Some(key) => reply.bulk(key),
        None => reply.nil(),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
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
    fn changes_are_noted_with_their_event() {
        let mut h = Harness::new();
        for (line, changes) in [
            ("SET k v", "new:k set:k 1"),
            ("SET k v NX", "0"),
            ("SET k w EX 100", "set:k expire:k 1"),
            ("PERSIST k", "persist:k 1"),
            ("DEL other", "0"),
            ("EXPIRE other 1", "0"),
            ("RENAME k k", "0"),
            ("RENAME k l", "new:l rename_from:k rename_to:l 1"),
            ("COPY l m", "new:m copy_to:m 1"),
            ("MOVE m 1", "new:m move_from:m move_to:m 1"),
            ("MSET a 1 b 2 a 3", "new:a set:a new:b set:b set:a 3"),
            ("INCRBY a 4", "incrby:a 1"),
            ("APPEND c x", "new:c append:c 1"),
            ("SETRANGE c 1 yz", "setrange:c 1"),
            ("GETEX c PX 1", "expire:c 1"),
            ("DEL a b l none", "del:a del:b del:l 3"),
            ("SWAPDB 0 1", "swap: swap: 1"),
            ("FLUSHDB", "flush: 1"),
        ] {
            assert_eq!(h.changes(line), changes, "{line}");
        }
        h.keyspace.set_now(1_800_000_000_000);
        h.db = 1;
        assert_eq!(h.changes("SET c v"), "expired:c new:c set:c 1");
        assert_eq!(h.changes("EXPIRE c -1"), "del:c 1");
        assert_eq!(h.changes("FLUSHDB"), "flush: 0");
    }
}
