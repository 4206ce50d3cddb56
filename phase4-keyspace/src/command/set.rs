//! Sets: members added, asked for, removed, moved. Unions and the like are in [`algebra`], walks and chance in [`walk`].
pub mod algebra;
pub mod walk;

use super::element::bulk;
use super::{Command, Context, Group, KeySpec};
use crate::error::Error;
use crate::keyspace::{Edit, Entry, Event, Set, SetRef, Value};
use crate::wire::args::Args;
use crate::wire::reply::Reply;

/// The rows.
pub const COMMANDS: &[Command] = &[
    Command::data("sadd", -3, "write denyoom fast", KeySpec::ONE, sadd)
        .doc(Group::Set, "1.0.0", "Adds members and returns how many are new.")
        .access(&["RW insert"]),
    Command::data("srem", -3, "write fast", KeySpec::ONE, srem)
        .doc(Group::Set, "1.0.0", "Removes members and returns how many there were.")
        .access(&["RW delete"]),
    Command::data("smove", 4, "write fast", KeySpec::TWO, smove)
        .doc(Group::Set, "1.0.0", "Moves a member to another set.")
        .access(&["RW access delete", "RW insert"]),
    Command::data("sismember", 3, "readonly fast", KeySpec::ONE, sismember)
        .doc(Group::Set, "1.0.0", "Tells whether a set has a member.")
        .access(&["RO"]),
    Command::data("smismember", -3, "readonly fast", KeySpec::ONE, smismember).doc(
        Group::Set,
        "6.2.0",
        "Tells of several members whether a set has them.",
    ),
    Command::data("smembers", 2, "readonly", KeySpec::ONE, smembers)
        .doc(Group::Set, "1.0.0", "Returns every member.")
        .tips("nondeterministic_output_order"),
    Command::data("scard", 2, "readonly fast", KeySpec::ONE, scard)
        .doc(Group::Set, "1.0.0", "Returns the number of members.")
        .access(&["RO"]),
];

/// A set value; any other type is refused.
pub fn set(value: Value<'_>) -> Result<SetRef<'_>, Error> {
    match value {
        Value::Set(set) => Ok(set),
        _ => Err(Error::WrongType),
    }
}

/// The set at the command's key, on behalf of a reading command.
pub fn read<'a>(ctx: &'a mut Context<'_>, args: Args<'_>) -> Result<Option<SetRef<'a>>, Error> {
    let key = ctx.first_key(args.get(1));
    ctx.read(key).map(|found| set(found.value)).transpose()
}

fn sadd(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    let key = ctx.first_key(args.get(1));
    let added = ctx.db().edit::<Set, _>(key, Event::SAdd, |set, rules| {
        match args.from(2).map(|member| u32::from(set.add(Entry::of(member), rules))).sum() {
            0 => Edit::Untouched(0),
            added => Edit::Counted(added, added),
        }
    })?;
    reply.integer(added.into());
    Ok(())
}

fn srem(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    let key = ctx.first_key(args.get(1));
    let removed = ctx.db().update::<Set, _>(key, Event::SRem, |set, _| {
        match args.from(2).map(|member| u32::from(set.remove(Entry::of(member)))).sum() {
            0 => Edit::Untouched(0),
            removed => Edit::Counted(removed, removed),
        }
    })?;
    reply.integer(removed.unwrap_or(0).into());
    Ok(())
}

/// `SMOVE source destination member`
fn smove(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    let (from, to) = (ctx.first_key(args.get(1)), ctx.nth_key(1, args.get(2)));
    let member = Entry::of(args.get(3));
    let other = ctx.db().find(to).map(|found| set(found.value).map(|_| ())).transpose();
    let found = ctx.db().into_found(from).map(|found| set(found.value)).transpose()?;
    let there = found.is_some_and(|set| set.contains(member));
    if found.is_some() {
        // A source that is not there hides what is wrong with the destination.
        other?;
    }
    if there && from.bytes != to.bytes {
        ctx.db().update::<Set, _>(from, Event::SRem, |set, _| {
            set.remove(member);
            Edit::Changed(())
        })?;
        ctx.db().edit::<Set, _>(to, Event::SAdd, |set, rules| match set.add(member, rules) {
            true => Edit::Changed(()),
            false => Edit::Untouched(()),
        })?;
    }
    reply.integer(i64::from(there));
    Ok(())
}

fn sismember(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    let found = read(ctx, args)?.is_some_and(|set| set.contains(Entry::of(args.get(2))));
    reply.integer(i64::from(found));
    Ok(())
}

fn smismember(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    let set = read(ctx, args)?;
    reply.array(args.len() - 2);
    for member in args.from(2) {
        reply.integer(i64::from(set.is_some_and(|set| set.contains(Entry::of(member)))));
    }
    Ok(())
}

fn smembers(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    let set = read(ctx, args)?;
    reply.set(set.map_or(0, SetRef::len));
    if let Some(set) = set {
        set.for_each(|member| bulk(reply, member));
    }
    Ok(())
}

fn scard(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    let len = read(ctx, args)?.map_or(0, SetRef::len);
    reply.integer(len as i64);
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::command::harness::Harness;
    use crate::wire::reply::Wire;

    #[test]
    fn members_come_and_go() {
        let mut h = Harness::new();
        h.expect("SADD s a 1 a", ":2");
        h.expect("SADD s a", ":0");
        h.expect("SISMEMBER s 1", ":1");
        h.expect("SISMEMBER s 01", ":0");
        h.expect("SMISMEMBER s a b 1", "*3 :1 :0 :1");
        h.expect("SMISMEMBER none a b", "*2 :0 :0");
        h.expect("SCARD s", ":2");
        h.expect("SCARD none", ":0");
        h.expect("SREM s a b", ":1");
        h.expect("SMEMBERS s", "*1 $1 1");
        h.wire = Wire::Resp3;
        h.expect("SMEMBERS s", "~1 $1 1");
        h.expect("SMEMBERS none", "~0");
        h.expect("SREM s 1", ":1");
        h.expect("EXISTS s", ":0");
        h.expect("SREM s 1", ":0");
    }

    #[test]
    fn members_move() {
        let mut h = Harness::new();
        h.expect("SADD a 1 2", ":2");
        h.expect("SET s text", "+OK");
        let wrong = "-WRONGTYPE Operation against a key holding the wrong kind of value";
        h.expect("SMOVE a s 1", wrong);
        h.expect("SMOVE s a 1", wrong);
        h.expect("SMOVE none s 1", ":0");
        h.expect("SMOVE a a 1", ":1");
        h.expect("SMOVE a a 3", ":0");
        h.expect("SMOVE a b 3", ":0");
        h.expect("EXISTS b", ":0");
        h.expect("SMOVE a b 1", ":1");
        h.expect("SMOVE a b 2", ":1");
        h.expect("EXISTS a", ":0");
        h.expect("SCARD b", ":2");
    }

    #[test]
    fn changes_are_noted_as_redis_counts_them() {
        let mut h = Harness::new();
        for (line, changes) in [
            ("SADD s 1 2 2 3", "new:s sadd:s 3"),
            ("SADD s 1", "0"),
            ("SREM s 1 9", "srem:s 1"),
            ("SMOVE s t 2", "srem:s new:t sadd:t 2"),
            ("SADD t 3", "sadd:t 1"),
            ("SMOVE s t 3", "srem:s del:s 1"),
            ("SREM t 2 3", "srem:t del:t 2"),
        ] {
            assert_eq!(h.changes(line), changes, "{line}");
        }
    }

    #[test]
    fn encodings_are_told_as_redis_has_them() {
        let mut h = Harness::new();
        h.expect("SADD s 1 2", ":2");
        h.expect("OBJECT ENCODING s", "$6 intset");
        h.expect("SADD s x", ":1");
        h.expect("SREM s x", ":1");
        h.expect("OBJECT ENCODING s", "$9 hashtable");
        h.expect("COPY s t", ":1");
        h.expect("OBJECT ENCODING t", "$9 hashtable");
        for n in 0..512 {
            h.expect(&format!("SADD many {n}"), ":1");
        }
        h.expect("OBJECT ENCODING many", "$6 intset");
        h.expect("SADD many 512", ":1");
        h.expect("OBJECT ENCODING many", "$9 hashtable");
    }
}
