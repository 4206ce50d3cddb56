//! Arguments of the commands of streams: IDs, ends of ranges, integers.
use crate::error::Error;
use crate::keyspace::stream::Id;
use crate::text::integer;
use crate::wire::args::Args;

/// What is said of a text that is no ID.
pub const INVALID: Error = Error::BadArgument(std::borrow::Cow::Borrowed(
    "ERR Invalid stream ID specified as stream command argument",
));

/// An argument that is an integer.
pub fn integer(args: Args<'_>, at: usize) -> Result<i64, Error> {
    integer::parse(args.get(at)).ok_or(Error::NotInteger)
}

/// An ID; `ms` alone is its first.
pub fn strict(args: Args<'_>, at: usize) -> Result<Id, Error> {
    Id::parse(args.get(at), 0).ok_or(INVALID)
}

/// An ID, or `-` or `+`, which are the first and the last that there can be.
pub fn id(text: &[u8], missing: u64) -> Result<Id, Error> {
    match text {
        b"-" => Ok(Id::MIN),
        b"+" => Ok(Id::MAX),
        _ => Id::parse(text, missing).ok_or(INVALID),
    }
}

/// An end of a range, and whether the ID itself does not belong to it.
fn end(text: &[u8], missing: u64) -> Result<(Id, bool), Error> {
    match text {
        [b'(', text @ ..] if !text.is_empty() => Id::parse(text, missing).map(|id| (id, true)).ok_or(INVALID),
        _ => id(text, missing).map(|id| (id, false)),
    }
}

/// Where a range begins: the first ID that belongs to it.
pub fn from(args: Args<'_>, at: usize) -> Result<Id, Error> {
    match end(args.get(at), 0)? {
        (id, false) => Ok(id),
        (id, true) => id.next().ok_or(Error::bad_argument("ERR invalid start ID for the interval")),
    }
}

/// Where a range ends: the last ID that belongs to it.
pub fn to(args: Args<'_>, at: usize) -> Result<Id, Error> {
    match end(args.get(at), u64::MAX)? {
        (id, false) => Ok(id),
        (id, true) => id.previous().ok_or(Error::bad_argument("ERR invalid end ID for the interval")),
    }
}

/// `text`, a name out of the request, `middle`, another name: as C prints them, up to a NUL.
pub fn naming(text: &str, first: &[u8], middle: &str, second: &[u8], end: &str) -> Error {
    let c_string = |bytes| crate::error::c_string(bytes, usize::MAX);
    let parts = [text.as_bytes(), c_string(first), middle.as_bytes(), c_string(second), end.as_bytes()];
    Error::bytes(parts.concat())
}

/// There is no such key, or no such group of its stream.
pub fn no_group(args: Args<'_>) -> Error {
    naming("NOGROUP No such key '", args.get(1), "' or consumer group '", args.get(2), "'")
}
