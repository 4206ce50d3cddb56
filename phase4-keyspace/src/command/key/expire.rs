//! How long keys live: setting, reading and removing deadlines.
use crate::command::{Command, Context, DataFn, Group, KeySpec};
use crate::error::Error;
use crate::error::c_string;
use crate::keyspace::{Event, Millis};
use crate::text::integer;
use crate::wire::args::Args;
use crate::wire::reply::Reply;

/// The rows.
pub const COMMANDS: &[Command] = &[
    setter("expire", expire, "1.0.0", "Lets a key die some seconds from now."),
    setter("pexpire", pexpire, "2.6.0", "Lets a key die some milliseconds from now."),
    setter("expireat", expireat, "1.2.0", "Lets a key die at a Unix time in seconds."),
    setter("pexpireat", pexpireat, "2.6.0", "Lets a key die at a Unix time in milliseconds."),
    getter("ttl", ttl, "1.0.0", "Returns the seconds that a key has left.").tips("nondeterministic_output"),
    getter("pttl", pttl, "2.6.0", "Returns the milliseconds that a key has left.")
        .tips("nondeterministic_output"),
    getter("expiretime", expiretime, "7.0.0", "Returns the Unix time in seconds at which a key dies."),
    getter("pexpiretime", pexpiretime, "7.0.0", "Returns the Unix time in milliseconds at which a key dies."),
    Command::data("persist", 2, "write fast", KeySpec::ONE, persist)
        .doc(Group::Generic, "2.2.0", "Lets a key live for ever.")
        .access(&["RW update"]),
];

const fn setter(name: &'static str, run: DataFn, since: &'static str, summary: &'static str) -> Command {
    Command::data(name, -3, "write fast", KeySpec::ONE, run)
        .doc(Group::Generic, since, summary)
        .access(&["RW update"])
}

const fn getter(name: &'static str, run: DataFn, since: &'static str, summary: &'static str) -> Command {
    Command::data(name, 2, "readonly fast", KeySpec::ONE, run).doc(Group::Generic, since, summary)
}

/// Milliseconds in the unit of the seconds commands.
const SECONDS: i64 = 1000;
/// And in that of the milliseconds commands.
const MILLIS: i64 = 1;

fn expire(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    let now = ctx.keyspace.now();
    set_deadline(ctx, args, SECONDS, now, "expire", reply)
}

fn pexpire(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    let now = ctx.keyspace.now();
    set_deadline(ctx, args, MILLIS, now, "pexpire", reply)
}

fn expireat(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    set_deadline(ctx, args, SECONDS, 0, "expireat", reply)
}

fn pexpireat(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    set_deadline(ctx, args, MILLIS, 0, "pexpireat", reply)
}

/// `EXPIRE key time [NX|XX|GT|LT]` and its kin. A deadline that has passed deletes the key at once.
fn set_deadline(
    ctx: &mut Context<'_>,
    args: Args<'_>,
    unit: i64,
    base: Millis,
    name: &'static str,
    reply: &mut Reply<'_>,
) -> Result<(), Error> {
    // ANCHOR: expire-body
    let conditions = Conditions::parse(args)?;
    let time = integer::parse(args.get(2)).ok_or(Error::NotInteger)?;
    let deadline = time
        .checked_mul(unit)
        .and_then(|millis| millis.checked_add(base))
        .ok_or(Error::InvalidExpire(name))?;
    let key = ctx.first_key(args.get(1));
    let past = ctx.keyspace.is_past(deadline);
    let mut db = ctx.db();
    let applies = db.find(key).is_some_and(|found| conditions.hold(found.deadline, deadline));
    if applies && past {
        db.remove(key, Event::Del);
    } else if applies {
        db.set_deadline(key, Some(deadline), Event::Expire);
    }
    reply.integer(i64::from(applies));
    Ok(())
    // ANCHOR_END: expire-body
}

/// On which deadlines a new one may follow.
#[derive(Default)]
struct Conditions {
    nx: bool,
    xx: bool,
    gt: bool,
    lt: bool,
}

impl Conditions {
    fn parse(args: Args<'_>) -> Result<Conditions, Error> {
        let mut given = Conditions::default();
        for at in 3..args.len() {
            let flag = if args.is(at, "nx") {
                &mut given.nx
            } else if args.is(at, "xx") {
                &mut given.xx
            } else if args.is(at, "gt") {
                &mut given.gt
            } else if args.is(at, "lt") {
                &mut given.lt
            } else {
                return Err(Error::bytes(
                    [b"ERR Unsupported option ", c_string(args.get(at), usize::MAX)].concat(),
                ));
            };
            *flag = true;
        }
        if given.nx && (given.xx || given.gt || given.lt) {
            let text = "ERR NX and XX, GT or LT options at the same time are not compatible";
            return Err(Error::bad_argument(text));
        }
        if given.gt && given.lt {
            return Err(Error::bad_argument("ERR GT and LT options at the same time are not compatible"));
        }
        Ok(given)
    }

    /// A key without a deadline lives for ever, and no time is later than that.
    fn hold(&self, old: Option<Millis>, new: Millis) -> bool {
        !(self.nx && old.is_some()
            || self.xx && old.is_none()
            || self.gt && old.is_none_or(|old| new <= old)
            || self.lt && old.is_some_and(|old| new >= old))
    }
}

fn ttl(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    let now = ctx.keyspace.now();
    tell(ctx, args, reply, |deadline| to_seconds((deadline - now).max(0)))
}

fn pttl(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    let now = ctx.keyspace.now();
    tell(ctx, args, reply, |deadline| (deadline - now).max(0))
}

fn expiretime(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    tell(ctx, args, reply, to_seconds)
}

fn pexpiretime(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    tell(ctx, args, reply, |deadline| deadline)
}

/// What `show` makes of a key's deadline; -1 for a key that lives for ever, -2 for no key.
fn tell(
    ctx: &mut Context<'_>,
    args: Args<'_>,
    reply: &mut Reply<'_>,
    show: impl FnOnce(Millis) -> i64,
) -> Result<(), Error> {
    let key = ctx.first_key(args.get(1));
    reply.integer(match ctx.peek(key) {
        Some(found) => found.deadline.map_or(-1, show),
        None => -2,
    });
    Ok(())
}

/// To the nearest second. Never negative: a live key's deadline is ahead.
fn to_seconds(millis: Millis) -> i64 {
    ((millis as u64 + 500) / 1000) as i64
}

fn persist(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    let key = ctx.first_key(args.get(1));
    let mut db = ctx.db();
    let had_deadline = db.find(key).is_some_and(|found| found.deadline.is_some());
    if had_deadline {
        db.set_deadline(key, None, Event::Persist);
    }
    reply.integer(i64::from(had_deadline));
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::command::harness::Harness;

    #[test]
    fn a_key_dies_at_its_deadline() {
        let mut h = Harness::new();
        h.expect("EXPIRE k 10", ":0");
        h.expect("TTL k", ":-2");
        h.expect("SET k v", "+OK");
        h.expect("TTL k", ":-1");
        h.expect("PEXPIRE k 1500", ":1");
        h.expect("TTL k", ":2");
        h.expect("PTTL k", ":1500");
        h.expect("PEXPIRETIME k", ":1700000001500");
        h.expect("EXPIRETIME k", ":1700000002");
        h.keyspace.set_now(1_700_000_001_499);
        h.expect("GET k", "$1 v");
        h.keyspace.set_now(1_700_000_001_500);
        h.expect("GET k", "$-1");
        h.expect("TTL k", ":-2");
    }

    #[test]
    fn conditions_compare_with_the_old_deadline() {
        let mut h = Harness::new();
        h.expect("SET k v", "+OK");
        h.expect("EXPIRE k 10 XX", ":0");
        h.expect("EXPIRE k 10 GT", ":0");
        h.expect("EXPIRE k 10 LT", ":1");
        h.expect("EXPIRE k 20 NX", ":0");
        h.expect("EXPIRE k 10 GT", ":0");
        h.expect("EXPIRE k 20 GT", ":1");
        h.expect("EXPIRE k 20 LT", ":0");
        h.expect("EXPIRE k 15 XX LT LT", ":1");
        h.expect("PERSIST k", ":1");
        h.expect("PERSIST k", ":0");
        h.expect("EXPIRE k 10 NX", ":1");
    }

    #[test]
    fn a_time_that_has_passed_deletes_at_once() {
        for line in ["EXPIRE k 0", "EXPIRE k -1", "PEXPIREAT k 1", "PEXPIRE k -9223372036854775808"] {
            let mut h = Harness::new();
            h.expect("SET k v", "+OK");
            h.expect(line, ":1");
            assert_eq!(h.keyspace.db_mut(0).len(), 0, "{line}");
        }
    }

    #[test]
    fn refuses_what_64_bits_cannot_hold() {
        let mut h = Harness::new();
        h.expect("SET k v", "+OK");
        h.expect("EXPIRE k 9223372036854775", "-ERR invalid expire time in 'expire' command");
        h.expect("EXPIRE k -9223372036854776", "-ERR invalid expire time in 'expire' command");
        h.expect("PEXPIRE k 9223372036854775807", "-ERR invalid expire time in 'pexpire' command");
        h.expect("EXPIREAT k 9223372036854776", "-ERR invalid expire time in 'expireat' command");
        h.expect("EXPIRE k x", "-ERR value is not an integer or out of range");
        h.expect("EXPIRE k x FOO", "-ERR Unsupported option FOO");
        h.expect("EXPIRE k 1 NX GT", "-ERR NX and XX, GT or LT options at the same time are not compatible");
        h.expect("EXPIRE k 1 GT LT", "-ERR GT and LT options at the same time are not compatible");
        h.expect("TTL k", ":-1");
        h.expect("PEXPIREAT k 9223372036854775807", ":1");
        h.expect("PEXPIRETIME k", ":9223372036854775807");
        h.expect("EXPIRETIME k", ":9223372036854776");
    }
}
