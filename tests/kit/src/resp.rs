//! RESP: requests written, and replies read as trees, of RESP2 and RESP3 alike. Written here a second time on purpose: a
//! grader that shared the server's codec would share its bugs.

use std::fmt;

/// Deeper than any reply of a correct server: a tree must not end the stack of its reader.
const DEEPEST: usize = 64;

/// A request of these arguments.
pub fn request(args: &[&[u8]], out: &mut Vec<u8>) {
    out.extend(format!("*{}\r\n", args.len()).bytes());
    for arg in args {
        out.extend(format!("${}\r\n", arg.len()).bytes());
        out.extend(*arg);
        out.extend(b"\r\n");
    }
}

/// One reply.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Value {
    /// `+text`
    Simple(Vec<u8>),
    /// `-CODE text`
    Error(Vec<u8>),
    /// `:number`
    Integer(i64),
    /// `$length`
    Bulk(Vec<u8>),
    /// `$-1`, `*-1` or `_`: which of them is told by the byte.
    Nil(u8),
    /// Array `*`, map `%` (keys and values in turn), set `~` or push `>`.
    Aggregate(u8, Vec<Value>),
    /// Double `,`, boolean `#`, big number `(`, verbatim text `=`.
    Other(u8, Vec<u8>),
}

impl Value {
    /// The text of a string of any kind.
    pub fn text(&self) -> Option<&[u8]> {
        match self {
            Value::Simple(s) | Value::Bulk(s) | Value::Other(b'=', s) => Some(s),
            _ => None,
        }
    }

    /// The members of an array, map, set or push.
    pub fn members(&self) -> Option<&[Value]> {
        match self {
            Value::Aggregate(_, members) => Some(members),
            _ => None,
        }
    }

    /// What a reply is, without what it says: two replies of one kind have the same.
    pub fn kind(&self) -> u8 {
        match self {
            Value::Simple(_) => b'+',
            Value::Error(_) => b'-',
            Value::Integer(_) => b':',
            Value::Bulk(_) => b'$',
            Value::Nil(_) => b'_',
            Value::Aggregate(kind, _) | Value::Other(kind, _) => *kind,
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Integer(number) => write!(f, ":{number}"),
            Value::Nil(_) => write!(f, "nil"),
            Value::Aggregate(kind, members) => {
                write!(f, "{}[", *kind as char)?;
                for (at, member) in members.iter().enumerate() {
                    write!(f, "{}{member}", if at == 0 { "" } else { ", " })?;
                }
                write!(f, "]")
            }
            Value::Simple(text) | Value::Error(text) | Value::Bulk(text) | Value::Other(_, text) => {
                write!(f, "{}{}", self.kind() as char, text.escape_ascii())
            }
        }
    }
}

/// Reads one reply from the front of `input`: the reply and its length in bytes, or `None` if it is not whole yet.
///
/// # Errors
/// No more bytes can make this a reply; the text says why.
pub fn parse(input: &[u8]) -> Result<Option<(Value, usize)>, String> {
    parse_at(input, 0)
}

fn parse_at(input: &[u8], depth: usize) -> Result<Option<(Value, usize)>, String> {
    let Some(end) = input.windows(2).position(|pair| pair == b"\r\n") else { return Ok(None) };
    let whole = &input[..end];
    let malformed = || format!("`{}` is no RESP", whole.escape_ascii());
    let Some((&kind, line)) = whole.split_first() else { return Err(malformed()) };
    let number = || {
        let digits = std::str::from_utf8(line).ok();
        digits.and_then(|text| text.parse::<i64>().ok()).ok_or_else(malformed)
    };
    let body = end + 2;
    let value = match kind {
        b'+' => Value::Simple(line.to_vec()),
        b'-' => Value::Error(line.to_vec()),
        b':' => Value::Integer(number()?),
        b',' | b'#' | b'(' => Value::Other(kind, line.to_vec()),
        b'_' => Value::Nil(b'_'),
        b'$' | b'=' => return parse_string(input, kind, number()?, body),
        b'*' | b'%' | b'~' | b'>' if depth == DEEPEST => {
            return Err(format!("a reply is nested deeper than {DEEPEST} levels"));
        }
        b'*' | b'%' | b'~' | b'>' => return parse_aggregate(input, kind, number()?, body, depth),
        _ => return Err(malformed()),
    };
    Ok(Some((value, body)))
}

fn parse_string(input: &[u8], kind: u8, length: i64, body: usize) -> Result<Option<(Value, usize)>, String> {
    let Ok(length) = usize::try_from(length) else { return Ok(Some((Value::Nil(b'$'), body))) };
    let Some(text) = input[body..].get(..length) else { return Ok(None) };
    let end = body + length;
    let Some(closing) = input.get(end..end + 2) else { return Ok(None) };
    if closing != b"\r\n" {
        return Err("a bulk string does not end with CRLF".into());
    }
    let text = text.to_vec();
    let value = if kind == b'$' { Value::Bulk(text) } else { Value::Other(kind, text) };
    Ok(Some((value, end + 2)))
}

fn parse_aggregate(
    input: &[u8],
    kind: u8,
    count: i64,
    body: usize,
    depth: usize,
) -> Result<Option<(Value, usize)>, String> {
    if count < 0 {
        return Ok(Some((Value::Nil(b'*'), body)));
    }
    let count = if kind == b'%' { count.saturating_mul(2) } else { count };
    let mut members = Vec::new();
    let mut at = body;
    for _ in 0..count {
        match parse_at(&input[at..], depth + 1)? {
            Some((member, length)) => {
                members.push(member);
                at += length;
            }
            None => return Ok(None),
        }
    }
    Ok(Some((Value::Aggregate(kind, members), at)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAMPLE: &[u8] = b"*3\r\n%1\r\n+a\r\n:1\r\n=5\r\ntxt:x\r\n*2\r\n$-1\r\n_\r\n";

    #[test]
    fn nested_reply_at_every_split_point() {
        for cut in 0..SAMPLE.len() {
            assert_eq!(parse(&SAMPLE[..cut]), Ok(None), "cut at {cut}");
        }
        let (value, length) = parse(SAMPLE).unwrap().unwrap();
        assert_eq!(length, SAMPLE.len());
        assert_eq!(value.members().unwrap().len(), 3);
    }

    #[test]
    fn rubbish_is_refused() {
        assert!(parse(b"hello\r\n").is_err());
        assert!(parse(b":one\r\n").is_err());
        assert!(parse(b"$1\r\nabc\r\n").is_err());
        assert!(parse(b"\r\n").is_err());
        assert_eq!(parse(b"$9223372036854775807\r\nabc\r\n"), Ok(None));
        assert_eq!(parse(b"%9223372036854775807\r\n"), Ok(None));
        assert!(parse(&b"*1\r\n".repeat(1_000_000)).unwrap_err().contains("nested"));
    }

    #[test]
    fn a_request_is_an_array_of_bulk_strings() {
        let mut out = Vec::new();
        request(&[b"GET", b"k"], &mut out);
        assert_eq!(out, b"*2\r\n$3\r\nGET\r\n$1\r\nk\r\n");
    }
}
