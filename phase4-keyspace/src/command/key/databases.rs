//! Whole databases, and what passes between them.
use crate::command::{Command, Context, Group, KeySpec};
use crate::error::Error;
use crate::text::integer;
use crate::wire::args::Args;
use crate::wire::reply::Reply;

/// The rows.
pub const COMMANDS: &[Command] = &[
    Command::data("copy", -3, "write denyoom", KeySpec::TWO, copy)
        .doc(
            Group::Generic,
            "6.2.0",
            "Copies a key's value and deadline to another key, here or in another database.",
        )
        .access(&["RO access", "OW update"]),
    Command::data("move", 3, "write fast", KeySpec::ONE, move_key).doc(
        Group::Generic,
        "1.0.0",
        "Moves a key to another database.",
    ),
    Command::data("swapdb", 3, "write fast", KeySpec::NONE, swapdb)
        .doc(Group::Server, "4.0.0", "Exchanges two databases, for all clients at once.")
        .categories("keyspace dangerous"),
    Command::data("dbsize", 1, "readonly fast", KeySpec::NONE, dbsize)
        .doc(Group::Server, "1.0.0", "Returns the number of keys.")
        .categories("keyspace")
        .tips("request_policy:all_shards response_policy:agg_sum"),
    Command::data("flushdb", -1, "write", KeySpec::NONE, flushdb)
        .doc(Group::Server, "1.0.0", "Deletes all keys of the database.")
        .categories("keyspace dangerous")
        .tips("request_policy:all_shards response_policy:all_succeeded"),
    Command::data("flushall", -1, "write", KeySpec::NONE, flushall)
        .doc(Group::Server, "1.0.0", "Deletes all keys of all databases.")
        .categories("keyspace dangerous")
        .tips("request_policy:all_shards response_policy:all_succeeded"),
];

/// The database that an argument names.
fn index(ctx: &Context<'_>, argument: &[u8]) -> Result<usize, Error> {
    let number = integer::parse(argument).ok_or(Error::NotInteger)?;
    if i32::try_from(number).is_err() {
        let text = "ERR value is out of range, value must between -2147483648 and 2147483647";
        return Err(Error::bad_argument(text));
    }
    in_range(ctx, number)
}

fn in_range(ctx: &Context<'_>, number: i64) -> Result<usize, Error> {
    usize::try_from(number)
        .ok()
        .filter(|&index| index < ctx.keyspace.databases())
        .ok_or(Error::bad_argument("ERR DB index is out of range"))
}

/// `COPY source destination [DB index] [REPLACE]`
fn copy(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    let mut target = ctx.db;
    let mut replace = false;
    let mut at = 3;
    while at < args.len() {
        if args.is(at, "replace") {
            replace = true;
        } else if args.is(at, "db") && at + 1 < args.len() {
            at += 1;
            target = index(ctx, args.get(at))?;
        } else {
            return Err(Error::Syntax);
        }
        at += 1;
    }
    let (from, to) = (ctx.first_key(args.get(1)), ctx.key(args.get(2)));
    if target == ctx.db && from.bytes == to.bytes {
        return Err(same_object());
    }
    let copied = ctx.read(from).is_some() && (replace || ctx.keyspace.db_mut(target).find(to).is_none());
    if copied {
        ctx.keyspace.copy((ctx.db, from), (target, to));
    }
    reply.integer(i64::from(copied));
    Ok(())
}

fn move_key(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    let target = index(ctx, args.get(2))?;
    if target == ctx.db {
        return Err(same_object());
    }
    let key = ctx.first_key(args.get(1));
    let moves = ctx.db().find(key).is_some() && ctx.keyspace.db_mut(target).find(key).is_none();
    if moves {
        ctx.keyspace.move_key(ctx.db, target, key);
    }
    reply.integer(i64::from(moves));
    Ok(())
}

fn same_object() -> Error {
    Error::bad_argument("ERR source and destination objects are the same")
}

fn swapdb(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    let number = |at, text: &'static str| {
        let number = integer::parse(args.get(at)).filter(|&n| i32::try_from(n).is_ok());
        number.ok_or(Error::bad_argument(text))
    };
    let first = number(1, "ERR invalid first DB index")?;
    let second = number(2, "ERR invalid second DB index")?;
    let (first, second) = (in_range(ctx, first)?, in_range(ctx, second)?);
    ctx.keyspace.swap(first, second);
    reply.ok();
    Ok(())
}

fn dbsize(ctx: &mut Context<'_>, _args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    reply.integer(ctx.db().len() as i64);
    Ok(())
}

fn flushdb(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    check_flush(args)?;
    ctx.db().clear();
    reply.ok();
    Ok(())
}

fn flushall(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    check_flush(args)?;
    for index in 0..ctx.keyspace.databases() {
        ctx.keyspace.db_mut(index).clear();
    }
    reply.ok();
    Ok(())
}

/// `[ASYNC|SYNC]`: both are understood and neither makes a difference, for emptying never waits for the freeing.
fn check_flush(args: Args<'_>) -> Result<(), Error> {
    match args.len() {
        1 => Ok(()),
        2 if args.is(1, "async") || args.is(1, "sync") => Ok(()),
        _ => Err(Error::Syntax),
    }
}

#[cfg(test)]
mod tests {
    use crate::command::harness::Harness;

    #[test]
    fn keys_pass_between_databases() {
        let mut h = Harness::new();
        h.expect("SET a 1 PX 900", "+OK");
        h.expect("MOVE a 1", ":1");
        h.expect("MOVE a 1", ":0");
        h.expect("EXISTS a", ":0");
        h.expect("SWAPDB 0 1", "+OK");
        h.expect("PTTL a", ":900");
        h.expect("COPY a b", ":1");
        h.expect("COPY a b", ":0");
        h.expect("SET b 2", "+OK");
        h.expect("COPY a b REPLACE", ":1");
        h.expect("PTTL b", ":900");
        h.expect("COPY a a DB 3", ":1");
        h.expect("COPY none a DB 3 REPLACE", ":0");
        h.db = 3;
        h.expect("GET a", "$1 1");
        h.expect("FLUSHDB ASYNC", "+OK");
        h.expect("DBSIZE", ":0");
        h.db = 0;
        h.expect("DBSIZE", ":2");
        h.db = 5;
        h.expect("FLUSHALL", "+OK");
        h.db = 0;
        h.expect("DBSIZE", ":0");
    }

    #[test]
    fn a_taken_name_stops_a_move() {
        let mut h = Harness::new();
        h.expect("SET a 1", "+OK");
        h.db = 1;
        h.expect("SET a 2", "+OK");
        h.expect("MOVE a 0", ":0");
        h.expect("GET a", "$1 2");
    }

    #[test]
    fn wrong_databases_are_refused() {
        let mut h = Harness::new();
        let range = "-ERR value is out of range, value must between -2147483648 and 2147483647";
        h.expect("MOVE a 0", "-ERR source and destination objects are the same");
        h.expect("COPY a a", "-ERR source and destination objects are the same");
        h.expect("MOVE a 16", "-ERR DB index is out of range");
        h.expect("MOVE a -1", "-ERR DB index is out of range");
        h.expect("MOVE a 3000000000", range);
        h.expect("COPY a b DB x", "-ERR value is not an integer or out of range");
        h.expect("COPY a b DB", "-ERR syntax error");
        h.expect("SWAPDB x y", "-ERR invalid first DB index");
        h.expect("SWAPDB 1 3000000000", "-ERR invalid second DB index");
        h.expect("SWAPDB 1 16", "-ERR DB index is out of range");
        h.expect("FLUSHDB NOW", "-ERR syntax error");
        h.expect("FLUSHALL ASYNC SYNC", "-ERR syntax error");
    }
}
