//! Strings that hold numbers.
use super::string;
use crate::command::{Command, Context, DataFn, Group, KeySpec};
use crate::error::Error;
use crate::keyspace::{Deadline, Event};
use crate::text::extended::Extended;
use crate::text::integer::{self, Decimal};
use crate::wire::args::Args;
use crate::wire::reply::Reply;

/// The rows.
pub const COMMANDS: &[Command] = &[
    row("incr", 2, incr, "1.0.0", "Adds one to an integer, which starts at zero."),
    row("decr", 2, decr, "1.0.0", "Takes one from an integer, which starts at zero."),
    row("incrby", 3, incrby, "1.0.0", "Adds to an integer, which starts at zero."),
    row("decrby", 3, decrby, "1.0.0", "Subtracts from an integer, which starts at zero."),
    row("incrbyfloat", 3, incrbyfloat, "2.6.0", "Adds to a decimal number, which starts at zero."),
];

const fn row(
    name: &'static str,
    arity: i32,
    run: DataFn,
    since: &'static str,
    summary: &'static str,
) -> Command {
    Command::data(name, arity, "write denyoom fast", KeySpec::ONE, run).doc(Group::String, since, summary)
}

fn incr(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    add(ctx, args, 1, reply)
}

fn decr(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    add(ctx, args, -1, reply)
}

fn incrby(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    let amount = integer::parse(args.get(2)).ok_or(Error::NotInteger)?;
    add(ctx, args, amount, reply)
}

fn decrby(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    let amount = integer::parse(args.get(2)).ok_or(Error::NotInteger)?;
    let amount = amount.checked_neg().ok_or(Error::bad_argument("ERR decrement would overflow"))?;
    add(ctx, args, amount, reply)
}

/// The sum replaces the number; the deadline stays.
fn add(ctx: &mut Context<'_>, args: Args<'_>, amount: i64, reply: &mut Reply<'_>) -> Result<(), Error> {
    // ANCHOR: incr-body
    let key = ctx.first_key(args.get(1));
    let old = match ctx.db().find(key) {
        Some(found) => integer::parse(string(found.value)?).ok_or(Error::NotInteger)?,
        None => 0,
    };
    let sum = old.checked_add(amount).ok_or(Error::other("ERR increment or decrement would overflow"))?;
    ctx.db().set_string(key, Decimal::new(sum).as_bytes(), Deadline::Keep, Event::IncrBy);
    reply.integer(sum);
    Ok(())
    // ANCHOR_END: incr-body
}

fn incrbyfloat(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    let key = ctx.first_key(args.get(1));
    let old = match ctx.db().find(key) {
        Some(found) => Extended::parse(string(found.value)?).ok_or(Error::NotFloat)?,
        None => Extended::ZERO,
    };
    let amount = Extended::parse(args.get(2)).ok_or(Error::NotFloat)?;
    let sum = old.checked_add(amount).ok_or(Error::other("ERR increment would produce NaN or Infinity"))?;
    let text = sum.to_text();
    ctx.db().set_string(key, text.as_bytes(), Deadline::Keep, Event::IncrByFloat);
    reply.bulk(text.as_bytes());
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::command::harness::Harness;

    #[test]
    fn counts_and_keeps_the_deadline() {
        let mut h = Harness::new();
        h.expect("INCR n", ":1");
        h.expect("INCRBY n 41", ":42");
        h.expect("DECRBY n 2", ":40");
        h.expect("DECR n", ":39");
        h.expect("PEXPIRE n 500", ":1");
        h.expect("INCR n", ":40");
        h.expect("PTTL n", ":500");
        h.expect("INCRBYFLOAT n 0.5", "$4 40.5");
        h.expect("PTTL n", ":500");
        h.expect("INCR n", "-ERR value is not an integer or out of range");
    }

    #[test]
    fn overflows_are_refused_and_change_nothing() {
        let mut h = Harness::new();
        h.expect("SET n 9223372036854775807", "+OK");
        h.expect("INCR n", "-ERR increment or decrement would overflow");
        h.expect("DECRBY n -1", "-ERR increment or decrement would overflow");
        h.expect("DECRBY n -9223372036854775808", "-ERR decrement would overflow");
        h.expect("INCRBY n 9223372036854775808", "-ERR value is not an integer or out of range");
        h.expect("GET n", "$19 9223372036854775807");
        h.expect("SET n -9223372036854775808", "+OK");
        h.expect("DECR n", "-ERR increment or decrement would overflow");
        h.expect("INCRBYFLOAT n inf", "-ERR increment would produce NaN or Infinity");
        h.expect("INCRBYFLOAT n nan", "-ERR value is not a valid float");
        h.expect("SET n x", "+OK");
        h.expect("INCRBYFLOAT n 1", "-ERR value is not a valid float");
    }
}
