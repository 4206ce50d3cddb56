//! Strings as rows of bits. Integers among them are in [`super::bitfield`].
use super::string;
use crate::command::{Command, Context, Group, KeySpec};
use crate::error::Error;
use crate::keyspace::bits::{self, Operation};
use crate::keyspace::{Edit, Event};
use crate::text::integer;
use crate::wire::args::Args;
use crate::wire::reply::Reply;

/// The rows.
pub const COMMANDS: &[Command] = &[
    Command::data("setbit", 4, "write denyoom", KeySpec::ONE, setbit).doc(
        Group::Bitmap,
        "2.2.0",
        "Sets or clears a bit of a string and returns what it was.",
    ),
    Command::data("getbit", 3, "readonly fast", KeySpec::ONE, getbit).doc(
        Group::Bitmap,
        "2.2.0",
        "Returns a bit of a string.",
    ),
    Command::data("bitcount", -2, "readonly", KeySpec::ONE, bitcount).doc(
        Group::Bitmap,
        "2.6.0",
        "Counts the ones in a string or in a part of it.",
    ),
    Command::data("bitpos", -3, "readonly", KeySpec::ONE, bitpos).doc(
        Group::Bitmap,
        "2.8.7",
        "Finds the first one, or the first zero, in a string or in a part of it.",
    ),
    Command::data("bitop", -4, "write denyoom", KeySpec::Range { first: 2, last: -1, step: 1 }, bitop)
        .doc(Group::Bitmap, "2.6.0", "Combines strings bit by bit and stores the result.")
        .access(&["OW update", "RO access"]),
];

/// The position of a bit; with a `unit`, `#n` means `n` of these.
pub fn offset(ctx: &Context<'_>, text: &[u8], unit: Option<u32>) -> Result<u64, Error> {
    let (number, unit) = match (text, unit) {
        ([b'#', number @ ..], Some(unit)) => (number, i64::from(unit)),
        _ => (text, 1),
    };
    let offset = integer::parse(number).and_then(|number| u64::try_from(number.wrapping_mul(unit)).ok());
    let offset = offset.filter(|offset| offset / 8 < ctx.max_string as u64);
    offset.ok_or(Error::bad_argument("ERR bit offset is not an integer or out of range"))
}

/// Refuses a key of another type.
pub fn check(ctx: &mut Context<'_>, args: Args<'_>) -> Result<(), Error> {
    let key = ctx.first_key(args.get(1));
    match ctx.db().find(key) {
        Some(found) => string(found.value).map(|_| ()),
        None => Ok(()),
    }
}

fn setbit(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    let offset = offset(ctx, args.get(2), None)?;
    let on = match args.get(3) {
        b"0" => false,
        b"1" => true,
        _ => return Err(Error::bad_argument("ERR bit is not an integer or out of range")),
    };
    let key = ctx.first_key(args.get(1));
    let before = ctx.db().edit_string(key, Event::SetBit, |bytes| {
        let grown = bits::grow(bytes, offset);
        let before = bits::set(bytes, offset, on);
        if grown || before != on { Edit::Changed(before) } else { Edit::Untouched(before) }
    })?;
    reply.integer(i64::from(before));
    Ok(())
}

fn getbit(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    let offset = offset(ctx, args.get(2), None)?;
    let key = ctx.first_key(args.get(1));
    let bit = ctx.read_string(key)?.is_some_and(|bytes| bits::get(bytes, offset));
    reply.integer(i64::from(bit));
    Ok(())
}

/// Whether a part of a string is meant in bits; the word is at `at`, if it is there.
fn unit_is_bit(args: Args<'_>, at: usize) -> Result<bool, Error> {
    match args.at(at) {
        None => Ok(false),
        Some(_) if args.is(at, "bit") => Ok(true),
        Some(_) if args.is(at, "byte") => Ok(false),
        Some(_) => Err(Error::Syntax),
    }
}

/// The range of bits that `start` and `end` mean, both included and counted from the end if negative; `None`: it is empty.
fn range(len: usize, start: i64, end: i64, in_bits: bool) -> Option<std::ops::Range<u64>> {
    let (total, unit) = if in_bits { (len as i64 * 8, 1) } else { (len as i64, 8) };
    let position = |at: i64| if at < 0 { (total + at).max(0) } else { at };
    let (start, end) = (position(start), position(end).min(total - 1));
    (start <= end).then(|| start as u64 * unit..(end as u64 + 1) * unit)
}

/// `BITCOUNT key [start end [BYTE|BIT]]`
fn bitcount(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    let key = ctx.first_key(args.get(1));
    let Some(bytes) = ctx.read_string(key)? else {
        reply.integer(0);
        return Ok(());
    };
    let range = match args.len() {
        2 => Some(0..bytes.len() as u64 * 8),
        4 | 5 => {
            let start = integer::parse(args.get(2)).ok_or(Error::NotInteger)?;
            let end = integer::parse(args.get(3)).ok_or(Error::NotInteger)?;
            if start < 0 && end < 0 && start > end {
                None
            } else {
                range(bytes.len(), start, end, unit_is_bit(args, 4)?)
            }
        }
        _ => return Err(Error::Syntax),
    };
    reply.integer(range.map_or(0, |range| bits::count(bytes, range)) as i64);
    Ok(())
}

/// `BITPOS key bit [start [end [BYTE|BIT]]]`
fn bitpos(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    let on = match integer::parse(args.get(2)).ok_or(Error::NotInteger)? {
        0 => false,
        1 => true,
        _ => return Err(Error::bad_argument("ERR The bit argument must be 1 or 0.")),
    };
    let key = ctx.first_key(args.get(1));
    let Some(bytes) = ctx.read_string(key)? else {
        reply.integer(if on { -1 } else { 0 });
        return Ok(());
    };
    if args.len() > 6 {
        return Err(Error::Syntax);
    }
    let start = args.at(3).map_or(Ok(0), |text| integer::parse(text).ok_or(Error::NotInteger))?;
    let in_bits = unit_is_bit(args, 5)?;
    let end = args.at(4).map_or(Ok(-1), |text| integer::parse(text).ok_or(Error::NotInteger))?;
    let range = range(bytes.len(), start, end, in_bits);
    let position = range.and_then(|range| {
        // Without an end of its own the range goes on behind the string, where there are zeros.
        let behind = (!on && args.len() < 5).then_some(bytes.len() as u64 * 8);
        bits::position(bytes, range, on).or(behind)
    });
    reply.integer(position.map_or(-1, |position| position as i64));
    Ok(())
}

/// `BITOP AND|OR|XOR|NOT destination key [key …]`
fn bitop(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    let operation = match () {
        () if args.is(1, "and") => Operation::And,
        () if args.is(1, "or") => Operation::Or,
        () if args.is(1, "xor") => Operation::Xor,
        () if args.is(1, "not") => Operation::Not,
        () => return Err(Error::Syntax),
    };
    if operation == Operation::Not && args.len() != 4 {
        return Err(Error::bad_argument("ERR BITOP NOT must be called with a single source key."));
    }
    let keys: Vec<_> = args.from(3).enumerate().map(|(n, bytes)| ctx.nth_key(n + 1, bytes)).collect();
    for key in &keys {
        ctx.read_string(*key)?;
    }
    let db = ctx.keyspace.db(ctx.db);
    let strings = keys.iter().map(|key| db.value(*key).map_or(Ok(&b""[..]), string));
    let result = bits::combine(operation, &strings.collect::<Result<Vec<_>, _>>()?);
    let len = result.len();
    let destination = ctx.first_key(args.get(2));
    match len {
        0 => _ = ctx.db().remove(destination, Event::Del),
        _ => ctx.db().store_string(destination, result, Event::Set),
    }
    reply.integer(len as i64);
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::command::harness::Harness;

    #[test]
    fn bits_are_set_counted_and_found() {
        let mut h = Harness::new();
        h.expect("SETBIT b 7 1", ":0");
        h.expect("SETBIT b 7 1", ":1");
        h.expect("GETBIT b 7", ":1");
        h.expect("GETBIT b 4294967295", ":0");
        h.args(&[b"GET", b"b"], "$1 \u{1}");
        h.expect("SETBIT b 23 0", ":0");
        h.expect("STRLEN b", ":3");
        h.expect("OBJECT ENCODING b", "$3 raw");
        h.expect("SET k foobar", "+OK");
        for (line, reply) in [
            ("BITCOUNT k", ":26"),
            ("BITCOUNT k 0 0", ":4"),
            ("BITCOUNT k 1 1 BYTE", ":6"),
            ("BITCOUNT k 5 30 BIT", ":17"),
            ("BITCOUNT k -1 -2", ":0"),
            ("BITCOUNT k -9 99", ":26"),
            ("BITCOUNT k 0", "-ERR syntax error"),
            ("BITCOUNT none 0", ":0"),
            ("BITPOS k 1", ":1"),
            ("BITPOS k 0", ":0"),
            ("BITPOS k 1 2", ":17"),
            ("BITPOS k 1 -1 -1 BIT", "-1"),
            ("BITPOS none 0", ":0"),
            ("BITPOS none 1", ":-1"),
        ] {
            h.expect(line, if reply == "-1" { ":-1" } else { reply });
        }
        h.args(&[b"SET", b"ones", b"\xff\xff"], "+OK");
        h.expect("BITPOS ones 0", ":16");
        h.expect("BITPOS ones 0 0 -1", ":-1");
        h.expect("BITPOS ones 0 1", ":16");
        h.expect("BITPOS ones 0 5", ":-1");
    }

    #[test]
    fn strings_are_combined() {
        let mut h = Harness::new();
        h.expect("SET a abcdef", "+OK");
        h.expect("SET b foo", "+OK");
        assert_eq!(h.changes("BITOP AND d a b"), "new:d set:d 1");
        h.args(&[b"GET", b"d"], "$6 `bc\0\0\0");
        assert_eq!(h.changes("BITOP OR d none other"), "del:d 1");
        h.expect("BITOP NOT d a b", "-ERR BITOP NOT must be called with a single source key.");
        h.expect("BITOP NAND d a b", "-ERR syntax error");
        h.expect("BITOP XOR a a a", ":6");
        h.args(&[b"GET", b"a"], "$6 \0\0\0\0\0\0");
        assert_eq!(h.changes("SETBIT a 0 1"), "setbit:a 1");
        assert_eq!(h.changes("SETBIT a 0 1"), "0");
    }
}
