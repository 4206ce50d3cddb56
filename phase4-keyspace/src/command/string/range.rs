//! Parts of strings: length, byte ranges, appending.
use super::string;
use crate::command::{Command, Context, Group, KeySpec};
use crate::error::Error;
use crate::keyspace::{Deadline, Edit, Event};
use crate::text::integer;
use crate::wire::args::Args;
use crate::wire::reply::Reply;

/// The rows.
pub const COMMANDS: &[Command] = &[
    Command::data("append", 3, "write denyoom fast", KeySpec::ONE, append)
        .doc(Group::String, "2.0.0", "Adds bytes to the end of a string, which starts empty.")
        .access(&["RW insert"]),
    Command::data("strlen", 2, "readonly fast", KeySpec::ONE, strlen)
        .doc(Group::String, "2.2.0", "Returns a string's length in bytes.")
        .access(&["RO"]),
    Command::data("getrange", 4, "readonly", KeySpec::ONE, getrange).doc(
        Group::String,
        "2.4.0",
        "Returns the bytes between two positions, both included.",
    ),
    Command::data("substr", 4, "readonly", KeySpec::ONE, getrange).doc(
        Group::String,
        "1.0.0",
        "The old name of GETRANGE.",
    ),
    Command::data("setrange", 4, "write denyoom", KeySpec::ONE, setrange)
        .doc(
            Group::String,
            "2.2.0",
            "Overwrites bytes from a position on, with zero bytes up to it if need be.",
        )
        .access(&["RW update"]),
];

/// Refuses to build a string of `len` bytes and `more` if that is above `max`.
fn check_length(len: usize, more: usize, max: usize) -> Result<(), Error> {
    match len.checked_add(more) {
        Some(total) if total <= max => Ok(()),
        _ => Err(Error::TooBig("ERR string exceeds maximum allowed size (proto-max-bulk-len)".into())),
    }
}

fn append(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    let key = ctx.first_key(args.get(1));
    let more = args.get(2);
    let max = ctx.max_string;
    let len = match ctx.db().find(key) {
        Some(found) => {
            let old = string(found.value)?.len();
            check_length(old, more.len(), max)?;
            ctx.db().edit_string(key, Event::Append, |bytes| {
                bytes.extend_from_slice(more);
                Edit::Changed(bytes.len())
            })?
        }
        None => {
            ctx.db().set_string(key, more, Deadline::Clear, Event::Append);
            more.len()
        }
    };
    reply.integer(len as i64);
    Ok(())
}

fn strlen(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    let key = ctx.first_key(args.get(1));
    let len = match ctx.read(key) {
        Some(found) => string(found.value)?.len(),
        None => 0,
    };
    reply.integer(len as i64);
    Ok(())
}

fn getrange(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    let start = integer::parse(args.get(2)).ok_or(Error::NotInteger)?;
    let end = integer::parse(args.get(3)).ok_or(Error::NotInteger)?;
    let key = ctx.first_key(args.get(1));
    match ctx.read(key) {
        Some(found) => reply.bulk(slice(string(found.value)?, start, end)),
        None => reply.bulk(b""),
    }
    Ok(())
}

/// The bytes from `start` to `end`, both included; negative positions count from the end, -1 being the last byte. What lies
/// outside is cut off, and a range the wrong way round is empty. Two negative positions in order, both before the
/// first byte, give that first byte: an oddity of Redis, kept.
fn slice(bytes: &[u8], start: i64, end: i64) -> &[u8] {
    let len = bytes.len() as i64;
    if len == 0 || (start < 0 && end < 0 && start > end) {
        return b"";
    }
    let position = |at: i64| if at < 0 { (len + at).max(0) } else { at };
    let (start, end) = (position(start), position(end).min(len - 1));
    if start > end { b"" } else { &bytes[start as usize..=end as usize] }
}

fn setrange(ctx: &mut Context<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    let offset = integer::parse(args.get(2)).ok_or(Error::NotInteger)?;
    let Ok(offset) = usize::try_from(offset) else {
        return Err(Error::bad_argument("ERR offset is out of range"));
    };
    let part = args.get(3);
    let key = ctx.first_key(args.get(1));
    let old = match ctx.db().find(key) {
        Some(found) => string(found.value)?.len(),
        None => 0,
    };
    if part.is_empty() {
        reply.integer(old as i64);
        return Ok(());
    }
    check_length(offset, part.len(), ctx.max_string)?;
    let len = ctx.db().edit_string(key, Event::SetRange, |bytes| {
        let end = offset + part.len();
        if bytes.len() < end {
            bytes.resize(end, 0);
        }
        bytes[offset..end].copy_from_slice(part);
        Edit::Changed(bytes.len())
    })?;
    reply.integer(len as i64);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::slice;
    use crate::command::harness::Harness;

    #[test]
    fn slices_as_redis_does() {
        for (start, end, part) in [
            (0, -1, "hello"),
            (1, 3, "ell"),
            (-3, -1, "llo"),
            (3, 1, ""),
            (-1, -3, ""),
            (5, 9, ""),
            (-100, -50, "h"),
            (-50, -100, ""),
            (0, i64::MAX, "hello"),
            (i64::MIN, i64::MAX, "hello"),
            (i64::MIN, i64::MIN, "h"),
            (i64::MAX, i64::MIN, ""),
            (2, -100, ""),
        ] {
            assert_eq!(slice(b"hello", start, end), part.as_bytes(), "{start} {end}");
        }
        assert_eq!(slice(b"", 0, -1), b"");
    }

    #[test]
    fn edits_parts() {
        let mut h = Harness::new();
        h.expect("APPEND k ab", ":2");
        h.expect("APPEND k cd", ":4");
        h.expect("STRLEN k", ":4");
        h.expect("STRLEN none", ":0");
        h.expect("SETRANGE k 1 XY", ":4");
        h.expect("GET k", "$4 aXYd");
        h.expect("SETRANGE k 5 z", ":6");
        h.expect("GET k", "$6 aXYd\0z");
        h.expect("GETRANGE k 0 2", "$3 aXY");
        h.expect("SUBSTR k -1 -1", "$1 z");
        h.expect("GETRANGE none 0 -1", "$0 ");
        h.expect("GETRANGE k x 1", "-ERR value is not an integer or out of range");
    }

    #[test]
    fn refuses_strings_beyond_the_limit() {
        let mut h = Harness::new();
        let too_long = "-ERR string exceeds maximum allowed size (proto-max-bulk-len)";
        h.expect("SETRANGE k -1 x", "-ERR offset is out of range");
        h.expect("SETRANGE k 536870912 x", too_long);
        h.expect("SETRANGE k 9223372036854775807 x", too_long);
        h.expect("EXISTS k", ":0");
        h.args(&[b"SETRANGE", b"k", b"536870912", b""], ":0");
        h.max_string = 10;
        h.expect("SETRANGE k 8 ab", ":10");
        h.expect("APPEND k c", too_long);
        h.expect("STRLEN k", ":10");
        h.expect("DEL k", ":1");
        h.expect("EXISTS k", ":0");
    }
}
