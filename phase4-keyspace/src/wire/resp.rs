//! RESP requests, parsed where they lie: an array of bulk strings, `*2\r\n$3\r\nGET\r\n$3\r\nkey\r\n`.
//!
//! A request nests exactly one level deep, so there is no recursion to exhaust. Nothing is allocated by the word of a
//! header: the list of spans grows by arguments that have arrived. As Redis does, two bytes are skipped behind an
//! argument without looking at them, and a NUL hides the end of its line. Beyond Redis, a bare `\n` ends a line as well,
//! because that is what `nc` sends; behind an argument only if its length's line has ended so.
use super::args::Span;
use super::limits::{Limits, MAX_LINE, Parsed, ProtocolError};
use crate::text::integer;

/// How far the request at the front of the input has been understood. It makes the parser resumable: a large argument
/// that arrives in a thousand reads costs a thousand comparisons, not a thousand scans.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Progress {
    /// Everything before this offset is understood.
    pub pos: usize,
    /// Arguments still to come; 0: the `*` line has not been read.
    left: usize,
    /// Length of the argument at `pos`, if its `$` line has been read, and whether a bare `\n` ended that line.
    bulk: Option<(usize, bool)>,
}

impl Progress {
    /// A request that begins at `pos`.
    pub fn at(pos: usize) -> Self {
        Progress { pos, ..Progress::default() }
    }

    /// The same progress when `bytes` have been cut off the input's front.
    pub fn cut(mut self, bytes: usize) -> Self {
        self.pos -= bytes;
        self
    }
}

/// Parses on from `progress`, appending one span per argument. After [`Parsed::NeedMore`], call it again with the same
/// progress and spans, and a longer input.
#[inline]
pub fn parse(
    input: &[u8],
    progress: &mut Progress,
    limits: &Limits,
    spans: &mut Vec<Span>,
) -> Result<Parsed, ProtocolError> {
    // Nearly every request is whole, small and well-formed. Everything else takes the careful way, from its start.
    if progress.left == 0 && !limits.unauthenticated {
        let before = spans.len();
        if let Some(end) = parse_plain(input, progress.pos, limits, spans) {
            return Ok(Parsed::Request(end));
        }
        spans.truncate(before);
    }
    parse_carefully(input, progress, limits, spans)
}

/// A whole request from the plain way of writing one: short numbers, lines that end in `\r\n`; `None` for any other.
#[inline]
pub fn parse_plain(input: &[u8], pos: usize, limits: &Limits, spans: &mut Vec<Span>) -> Option<usize> {
    let (count, pos) = short_line(input, pos, b'*')?;
    if count == 0 { None } else { parse_plain_args(input, pos, count, limits, spans) }
}

/// `count` arguments, written in the same way.
#[inline(always)]
fn parse_plain_args(
    input: &[u8],
    mut pos: usize,
    count: usize,
    limits: &Limits,
    spans: &mut Vec<Span>,
) -> Option<usize> {
    for _ in 0..count {
        let (len, start) = short_line(input, pos, b'$')?;
        let end = start + len;
        // Two bytes behind the argument are skipped.
        if len > limits.max_bulk || end + 2 > input.len() {
            return None;
        }
        spans.push(Span { start: start as u32, end: end as u32 });
        pos = end + 2;
    }
    Some(pos)
}

/// How a request began, up to the end of its name, when that is at most sixteen bytes: `*2\r\n$3\r\nGET\r\n`. The next one in
/// a pipeline mostly begins alike, and then one comparison replaces parsing it.
#[derive(Clone, Copy, Debug)]
pub struct RequestPrefix {
    bytes: u128,
    mask: u128,
    len: usize,
    /// Arguments, without the name.
    args: usize,
    /// The name, counted from the request's first byte.
    name: Span,
}

impl RequestPrefix {
    /// No request begins like this.
    pub const NONE: RequestPrefix =
        RequestPrefix { bytes: 1, mask: 0, len: 0, args: 0, name: Span { start: 0, end: 0 } };

    /// The head of a plain request at `pos`, whose arguments are at `spans`; [`RequestPrefix::NONE`] if it is long.
    pub fn of(input: &[u8], pos: usize, spans: &[Span]) -> RequestPrefix {
        let (Some(first), Some(name)) = (input[pos..].first_chunk::<16>(), spans.first()) else {
            return RequestPrefix::NONE;
        };
        let name = Span { start: name.start - pos as u32, end: name.end - pos as u32 };
        let len = name.end as usize + 2;
        if len > 16 {
            return RequestPrefix::NONE;
        }
        let mask = u128::MAX >> (128 - 8 * len);
        RequestPrefix { bytes: u128::from_le_bytes(*first) & mask, mask, len, args: spans.len() - 1, name }
    }

    /// The same as [`parse_plain`], for a request that begins like this; `None` for any other.
    #[inline(always)]
    pub fn parse(&self, input: &[u8], pos: usize, limits: &Limits, spans: &mut Vec<Span>) -> Option<usize> {
        let first = input.get(pos..)?.first_chunk::<16>()?;
        if u128::from_le_bytes(*first) & self.mask != self.bytes {
            return None;
        }
        let base = pos as u32;
        spans.push(Span { start: base + self.name.start, end: base + self.name.end });
        parse_plain_args(input, pos + self.len, self.args, limits, spans)
    }
}

/// The number on a line of this kind, and the offset behind the line. A line is never the last thing in a request, so five
/// bytes may be asked for at once, and the four that a line of one digit has are compared as one word.
#[inline(always)]
fn short_line(input: &[u8], pos: usize, kind: u8) -> Option<(usize, usize)> {
    let line = input.get(pos..)?.first_chunk::<5>()?;
    let [first, tens, ones, end, _] = *line;
    let frame = u32::from_le_bytes([first, 0, ones, end]);
    let tens = tens.wrapping_sub(b'0');
    if frame == u32::from_le_bytes([kind, 0, b'\r', b'\n']) && tens <= 9 {
        return Some((usize::from(tens), pos + 4));
    }
    let ones = ones.wrapping_sub(b'0');
    if first == kind && [end, line[4]] == *b"\r\n" && ones <= 9 && (1..=9).contains(&tens) {
        return Some((usize::from(tens * 10 + ones), pos + 5));
    }
    longer_line(input, pos, kind)
}

/// The same for three to seven digits.
#[inline(never)]
fn longer_line(input: &[u8], pos: usize, kind: u8) -> Option<(usize, usize)> {
    let line = input.get(pos..)?.first_chunk::<10>()?;
    let digits = line[1..8].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let plain = line[0] == kind && digits >= 3 && line[1] != b'0' && line[digits + 1..].starts_with(b"\r\n");
    let number = line[1..=digits].iter().fold(0, |number, digit| number * 10 + usize::from(digit - b'0'));
    plain.then_some((number, pos + digits + 3))
}

fn parse_carefully(
    input: &[u8],
    progress: &mut Progress,
    limits: &Limits,
    spans: &mut Vec<Span>,
) -> Result<Parsed, ProtocolError> {
    // ANCHOR: parse-resp-body
    if progress.left == 0 {
        let Some((count, next)) = count_line(input, progress.pos, limits)? else {
            return Ok(Parsed::NeedMore);
        };
        progress.pos = next;
        if count <= 0 {
            return Ok(Parsed::Nothing(next));
        }
        progress.left = count as usize;
    }
    while progress.left > 0 {
        let (len, bare) = match progress.bulk {
            Some(bulk) => bulk,
            None => {
                let Some((len, next)) = bulk_line(input, progress.pos, limits)? else {
                    return Ok(Parsed::NeedMore);
                };
                progress.pos = next;
                // The line's end is `\r` and a byte, or `\n`.
                *progress.bulk.insert((len, input[next - 2] != b'\r'))
            }
        };
        let end = progress.pos + len;
        let next = match input.get(end) {
            Some(b'\n') if bare => end + 1,
            Some(_) if end + 2 <= input.len() => end + 2,
            _ => return Ok(Parsed::NeedMore),
        };
        spans.push(Span { start: progress.pos as u32, end: end as u32 });
        *progress = Progress { pos: next, left: progress.left - 1, bulk: None };
    }
    Ok(Parsed::Request(progress.pos))
    // ANCHOR_END: parse-resp-body
}

/// Reads `*N`; the caller has seen the `*`.
fn count_line(input: &[u8], pos: usize, limits: &Limits) -> Result<Option<(i64, usize)>, ProtocolError> {
    let Some((value, next)) = number_line(input, pos + 1, ProtocolError::MultibulkLine)? else {
        return Ok(None);
    };
    match value {
        Some(count) if limits.refuses_count(count) => Err(ProtocolError::UnauthenticatedMultibulk),
        Some(count) if count <= i64::from(i32::MAX) => Ok(Some((count, next))),
        _ => Err(ProtocolError::MultibulkLength),
    }
}

/// Reads `$N`.
fn bulk_line(input: &[u8], pos: usize, limits: &Limits) -> Result<Option<(usize, usize)>, ProtocolError> {
    let Some(&kind) = input.get(pos) else { return Ok(None) };
    // Redis looks at the whole line before it looks at the first byte, so a wrong byte is reported when its line ends.
    let Some((value, next)) = number_line(input, pos + 1, ProtocolError::BulkLine)? else { return Ok(None) };
    if kind != b'$' {
        return Err(ProtocolError::ExpectedDollar(kind));
    }
    match value {
        Some(len) if len < 0 || len as u64 > limits.max_bulk as u64 => Err(ProtocolError::BulkLength),
        Some(len) if limits.refuses_bulk(len) => Err(ProtocolError::UnauthenticatedBulk),
        Some(len) => Ok(Some((len as usize, next))),
        None => Err(ProtocolError::BulkLength),
    }
}

/// The number on the line at `pos` and the offset behind the line; `Some((None, _))` if the line is no number, `None`
/// if it is not whole yet.
fn number_line(
    input: &[u8],
    pos: usize,
    too_long: ProtocolError,
) -> Result<Option<(Option<i64>, usize)>, ProtocolError> {
    let rest = input.get(pos..).unwrap_or_default();
    match rest.iter().position(|byte| matches!(byte, b'\r' | b'\n' | 0)).filter(|at| rest[*at] != 0) {
        // The kind byte counts too, as in Redis.
        None if rest.len() + 1 > MAX_LINE => Err(too_long),
        None => Ok(None),
        Some(at) if rest[at] == b'\n' => Ok(Some((integer::parse(&rest[..at]), pos + at + 1))),
        Some(at) if at + 2 > rest.len() => Ok(None),
        Some(at) => Ok(Some((integer::parse(&rest[..at]), pos + at + 2))),
    }
}

#[cfg(test)]
#[path = "resp_tests.rs"]
mod tests;
