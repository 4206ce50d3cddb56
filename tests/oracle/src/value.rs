//! Replies as trees, read from RESP2 and RESP3 alike. The comparison is of raw bytes first; the tree is looked at only
//! where an argued exception says so.

use std::fmt;

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
pub fn parse(input: &[u8]) -> Result<Option<(Value, usize)>, String> {
    let Some(end) = input.windows(2).position(|pair| pair == b"\r\n") else { return Ok(None) };
    let (kind, line, body) = (input[0], &input[1..end], end + 2);
    let value = match kind {
        b'+' => Value::Simple(line.to_vec()),
        b'-' => Value::Error(line.to_vec()),
        b':' => Value::Integer(number(line)?),
        b',' | b'#' | b'(' => Value::Other(kind, line.to_vec()),
        b'_' => Value::Nil(b'_'),
        b'$' | b'=' => return parse_string(input, kind, number(line)?, body),
        b'*' | b'%' | b'~' | b'>' => return parse_aggregate(input, kind, number(line)?, body),
        _ => return Err(format!("no reply begins with byte {kind:#04x}: {}", input.escape_ascii())),
    };
    Ok(Some((value, body)))
}

fn parse_string(input: &[u8], kind: u8, length: i64, body: usize) -> Result<Option<(Value, usize)>, String> {
    if length < 0 {
        return Ok(Some((Value::Nil(b'$'), body)));
    }
    let end = body + length as usize;
    if input.len() < end + 2 {
        return Ok(None);
    }
    if &input[end..end + 2] != b"\r\n" {
        return Err("a bulk string does not end with CRLF".into());
    }
    let text = input[body..end].to_vec();
    let value = if kind == b'$' { Value::Bulk(text) } else { Value::Other(kind, text) };
    Ok(Some((value, end + 2)))
}

fn parse_aggregate(
    input: &[u8],
    kind: u8,
    count: i64,
    body: usize,
) -> Result<Option<(Value, usize)>, String> {
    if count < 0 {
        return Ok(Some((Value::Nil(b'*'), body)));
    }
    let count = if kind == b'%' { count * 2 } else { count };
    let mut members = Vec::new();
    let mut at = body;
    for _ in 0..count {
        match parse(&input[at..])? {
            Some((member, length)) => {
                members.push(member);
                at += length;
            }
            None => return Ok(None),
        }
    }
    Ok(Some((Value::Aggregate(kind, members), at)))
}

fn number(line: &[u8]) -> Result<i64, String> {
    std::str::from_utf8(line)
        .ok()
        .and_then(|text| text.parse().ok())
        .ok_or_else(|| format!("not a number: {}", line.escape_ascii()))
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
    }
}
