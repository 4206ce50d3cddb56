//! Fields that hold numbers.
use crate::command::Context;
use crate::command::{Command, Group, KeySpec};
use crate::error::Error;
use crate::keyspace::Entry;
use crate::keyspace::{Edit, Event, Hash};
use crate::text::extended::Extended;
use crate::text::integer::{self, Decimal};
use crate::wire::args::Args;
use crate::wire::reply::Reply;

/// The rows.
pub const COMMANDS: &[Command] = &[
    Command::data("hincrby", 4, "write denyoom fast", KeySpec::ONE, hincrby).doc(
        Group::Hash,
        "2.0.0",
        "Adds to the integer in a field, which starts at zero.",
    ),
    Command::data("hincrbyfloat", 4, "write denyoom fast", KeySpec::ONE, hincrbyfloat).doc(
        Group::Hash,
        "2.6.0",
        "Adds to the decimal number in a field, which starts at zero.",
    ),
];

fn hincrby(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    let amount = integer::parse(args.get(3)).ok_or(Error::NotInteger)?;
    let key = ctx.first_key(args.get(1));
    let sum = ctx.db().edit::<Hash, _>(key, Event::HIncrBy, |hash, rules| {
        let old = match hash.read().get(args.get(2)) {
            Some(value) => value.with(integer::parse).ok_or(Error::other("ERR hash value is not an integer")),
            None => Ok(0),
        };
        let overflow = Error::other("ERR increment or decrement would overflow");
        match old.and_then(|old| old.checked_add(amount).ok_or(overflow)) {
            Ok(sum) => {
                hash.set(args.get(2), Decimal::new(sum).as_bytes(), rules);
                Edit::Changed(Ok(sum))
            }
            Err(error) => Edit::Untouched(Err(error)),
        }
    })??;
    reply.integer(sum);
    Ok(())
}

fn hincrbyfloat(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    let amount = Extended::parse(args.get(3)).ok_or(Error::NotFloat)?;
    if !amount.is_finite() {
        return Err(Error::bad_argument("ERR value is NaN or Infinity"));
    }
    let key = ctx.first_key(args.get(1));
    let sum = ctx.db().edit::<Hash, _>(key, Event::HIncrByFloat, |hash, rules| {
        match sum_of(hash.read().get(args.get(2)), amount) {
            Ok(sum) => {
                hash.set(args.get(2), sum.as_bytes(), rules);
                Edit::Changed(Ok(sum))
            }
            Err(error) => Edit::Untouched(Err(error)),
        }
    })??;
    reply.bulk(sum.as_bytes());
    Ok(())
}

fn sum_of(old: Option<Entry<'_>>, amount: Extended) -> Result<String, Error> {
    let old = match old {
        Some(value) => value.with(Extended::parse).ok_or(Error::other("ERR hash value is not a float"))?,
        None => Extended::ZERO,
    };
    let sum = old.checked_add(amount).filter(|sum| sum.is_finite());
    Ok(sum.ok_or(Error::other("ERR increment would produce NaN or Infinity"))?.to_text())
}

#[cfg(test)]
mod tests {
    use crate::command::harness::Harness;

    #[test]
    fn numbers_grow_and_stay_what_they_are_on_errors() {
        let mut h = Harness::new();
        h.expect("HINCRBY h n 5", ":5");
        h.expect("HINCRBY h n -7", ":-2");
        h.expect("HINCRBY h n 9223372036854775807", ":9223372036854775805");
        h.expect("HINCRBY h n 3", "-ERR increment or decrement would overflow");
        h.expect("HGET h n", "$19 9223372036854775805");
        h.expect("HINCRBY h n x", "-ERR value is not an integer or out of range");
        h.expect("HSET h t text", ":1");
        h.expect("HINCRBY h t 1", "-ERR hash value is not an integer");
        h.expect("HINCRBYFLOAT h t 1", "-ERR hash value is not a float");
        h.expect("HINCRBYFLOAT h f 1.5", "$3 1.5");
        h.expect("HINCRBYFLOAT h f 1e1", "$4 11.5");
        h.expect("HINCRBYFLOAT h f inf", "-ERR value is NaN or Infinity");
        h.expect("HINCRBYFLOAT h f x", "-ERR value is not a valid float");
        h.expect("HSET h i inf", ":1");
        h.expect("HINCRBYFLOAT h i 1", "-ERR increment would produce NaN or Infinity");
        h.expect("HINCRBY none n x", "-ERR value is not an integer or out of range");
        h.expect("EXISTS none", ":0");
    }
}
