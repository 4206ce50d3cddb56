//! `BITFIELD`: integers of any width in a string, read, set and counted up.
use super::bits::{check, offset};
use crate::command::{Command, Context, Group, KeySpec};
use crate::error::Error;
use crate::keyspace::bits::{self, Field, Overflow};
use crate::keyspace::{Edit, Event};
use crate::text::integer;
use crate::wire::args::Args;
use crate::wire::reply::Reply;

/// The rows.
pub const COMMANDS: &[Command] = &[
    Command::data("bitfield", -2, "write denyoom", KeySpec::ONE, bitfield)
        .doc(Group::Bitmap, "3.2.0", "Reads, sets and counts up integers of any width in a string.")
        .access(&["RW access update variable_flags"])
        .note("This command allows both access and modification of the key"),
    Command::data("bitfield_ro", -2, "readonly fast", KeySpec::ONE, bitfield_ro).doc(
        Group::Bitmap,
        "6.0.0",
        "Reads integers of any width in a string.",
    ),
];

/// One thing to do.
enum Step {
    Get(Field),
    /// The value before is the result.
    Set(Field, i64, Overflow),
    /// The value after is the result.
    Add(Field, i64, Overflow),
}

fn bitfield(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    let steps = parse(ctx, args)?;
    let last = steps.iter().filter_map(|step| match step {
        Step::Get(_) => None,
        Step::Set(field, ..) | Step::Add(field, ..) => Some(field.last()),
    });
    match last.max() {
        None => read(ctx, args, &steps, reply),
        Some(last) => write(ctx, args, &steps, last, reply),
    }
}

fn bitfield_ro(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    let steps = parse(ctx, args)?;
    if steps.iter().any(|step| !matches!(step, Step::Get(_))) {
        return Err(Error::bad_argument("ERR BITFIELD_RO only supports the GET subcommand"));
    }
    read(ctx, args, &steps, reply)
}

/// `[GET type offset] [OVERFLOW WRAP|SAT|FAIL] [SET type offset value] [INCRBY type offset increment] …`
fn parse(ctx: &Context<'_>, args: Args<'_>) -> Result<Vec<Step>, Error> {
    let mut steps = Vec::new();
    let mut overflow = Overflow::Wrap;
    let mut at = 2;
    while at < args.len() {
        let left = args.len() - at - 1;
        let (get, set, add) = (args.is(at, "get"), args.is(at, "set"), args.is(at, "incrby"));
        if args.is(at, "overflow") && left >= 1 {
            overflow = match () {
                () if args.is(at + 1, "wrap") => Overflow::Wrap,
                () if args.is(at + 1, "sat") => Overflow::Saturate,
                () if args.is(at + 1, "fail") => Overflow::Fail,
                () => return Err(Error::bad_argument("ERR Invalid OVERFLOW type specified")),
            };
            at += 2;
        } else if get && left >= 2 {
            steps.push(Step::Get(field(ctx, args.get(at + 1), args.get(at + 2))?));
            at += 3;
        } else if (set || add) && left >= 3 {
            let field = field(ctx, args.get(at + 1), args.get(at + 2))?;
            let value = integer::parse(args.get(at + 3)).ok_or(Error::NotInteger)?;
            steps.push(if set {
                Step::Set(field, value, overflow)
            } else {
                Step::Add(field, value, overflow)
            });
            at += 4;
        } else {
            return Err(Error::Syntax);
        }
    }
    Ok(steps)
}

fn field(ctx: &Context<'_>, kind: &[u8], at: &[u8]) -> Result<Field, Error> {
    let wrong = Error::bad_argument(
        "ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.",
    );
    let (signed, bits) = match kind {
        [b'i', bits @ ..] => (true, bits),
        [b'u', bits @ ..] => (false, bits),
        _ => return Err(wrong),
    };
    let most = if signed { 64 } else { 63 };
    let bits = integer::parse(bits).filter(|bits| (1..=most).contains(bits)).ok_or(wrong)? as u32;
    Ok(Field { signed, bits, at: offset(ctx, at, Some(bits))? })
}

fn read(ctx: &mut Context<'_>, args: Args<'_>, steps: &[Step], reply: &mut Reply<'_>) -> Result<(), Error> {
    let key = ctx.first_key(args.get(1));
    let bytes = ctx.read_string(key)?.unwrap_or_default();
    reply.array(steps.len());
    for step in steps {
        if let Step::Get(field) = step {
            reply.integer(field.get(bytes));
        }
    }
    Ok(())
}

fn write(
    ctx: &mut Context<'_>,
    args: Args<'_>,
    steps: &[Step],
    last: u64,
    reply: &mut Reply<'_>,
) -> Result<(), Error> {
    check(ctx, args)?;
    let key = ctx.first_key(args.get(1));
    reply.array(steps.len());
    ctx.db().edit_string(key, Event::SetBit, |bytes| {
        let grown = bits::grow(bytes, last);
        let mut changes = 0;
        for step in steps {
            let (result, changed) = one(step, bytes);
            changes += u32::from(changed || grown && !matches!(step, Step::Get(_)) && result.is_some());
            match result {
                Some(result) => reply.integer(result),
                None => reply.nil(),
            }
        }
        if changes == 0 { Edit::Untouched(()) } else { Edit::Counted(changes, ()) }
    })
}

/// Does one thing; its result, and whether the field has another value now.
fn one(step: &Step, bytes: &mut [u8]) -> (Option<i64>, bool) {
    let (field, overflow) = match *step {
        Step::Get(field) => return (Some(field.get(bytes)), false),
        Step::Set(field, _, overflow) | Step::Add(field, _, overflow) => (field, overflow),
    };
    let old = field.get(bytes);
    let new = match *step {
        Step::Add(_, amount, _) => field.fit(old, amount, overflow),
        Step::Set(_, value, _) => field.fit(value, 0, overflow),
        Step::Get(_) => None,
    };
    let Some(new) = new else { return (None, false) };
    field.set(bytes, new);
    (Some(if matches!(step, Step::Set(..)) { old } else { new }), old != new)
}

#[cfg(test)]
mod tests {
    use crate::command::harness::Harness;

    #[test]
    fn integers_are_read_set_and_counted_up() {
        let mut h = Harness::new();
        for (line, reply) in [
            ("BITFIELD k INCRBY i5 100 1 GET u4 0", "*2 :1 :0"),
            ("BITFIELD k SET u8 #1 255 GET u8 #1", "*2 :0 :255"),
            ("BITFIELD k INCRBY u2 64 1 OVERFLOW SAT INCRBY u2 66 3", "*2 :1 :3"),
            ("BITFIELD k OVERFLOW SAT INCRBY u2 66 1 OVERFLOW FAIL INCRBY u2 66 1", "*2 :3 $-1"),
            ("BITFIELD k INCRBY u2 66 1", "*1 :0"),
            ("BITFIELD k SET i8 0 -1 GET i8 0 GET u8 0", "*3 :0 :-1 :255"),
            ("BITFIELD k OVERFLOW SAT SET u8 0 -1", "*1 :255"),
            ("BITFIELD none GET i64 100", "*1 :0"),
            ("BITFIELD none", "*0"),
            ("BITFIELD_RO k GET i8 0", "*1 :-1"),
            ("BITFIELD_RO k SET i8 0 1", "-ERR BITFIELD_RO only supports the GET subcommand"),
            (
                "BITFIELD k GET u64 0",
                "-ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.",
            ),
            ("BITFIELD k GET i8 #9223372036854775807", "-ERR bit offset is not an integer or out of range"),
            ("BITFIELD k GET i8", "-ERR syntax error"),
        ] {
            h.expect(line, reply);
        }
        h.expect("EXISTS none", ":0");
        assert_eq!(h.changes("BITFIELD n SET i8 0 1 SET i8 8 0 GET i8 0"), "new:n setbit:n 2");
        assert_eq!(h.changes("BITFIELD n SET i8 0 1 SET i8 8 2"), "setbit:n 1");
        assert_eq!(h.changes("BITFIELD n SET i8 0 1"), "0");
    }
}
