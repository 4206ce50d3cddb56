//! RESP from the client's side: requests out, replies in.
use std::io::{self, BufRead, Read};

use crate::value::{Kind, Value};

/// Aggregates inside aggregates, at most: every level is a call, and the stack is finite.
const MAX_DEPTH: usize = 64;

/// A request: an array of bulk strings.
pub fn encode(words: &[&[u8]]) -> Vec<u8> {
    let mut out = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        out.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
        out.extend_from_slice(word);
        out.extend_from_slice(b"\r\n");
    }
    out
}

/// Waits for one reply. An end of the stream is `UnexpectedEof`, anything that is not RESP `InvalidData`.
pub fn read(input: &mut impl BufRead) -> io::Result<Value> {
    read_nested(input, 0)
}

fn read_nested(input: &mut impl BufRead, depth: usize) -> io::Result<Value> {
    if depth > MAX_DEPTH {
        return Err(invalid(format!("a reply nested deeper than {MAX_DEPTH}")));
    }
    let line = read_line(input)?;
    let Some((&kind, rest)) = line.split_first() else {
        return Err(invalid("an empty line where a reply should begin".into()));
    };
    Ok(match kind {
        b'+' => Value::Status(rest.to_vec()),
        b'-' => Value::Error(rest.to_vec()),
        b':' => Value::Integer(number(rest)?),
        b',' => Value::Double(rest.to_vec()),
        b'(' => Value::String(rest.to_vec()),
        b'#' => Value::Boolean(rest == b"t"),
        b'_' => Value::Nil,
        b'$' => match length(rest)? {
            Some(len) => Value::String(read_bytes(input, len)?),
            None => Value::Nil,
        },
        b'!' => Value::Error(read_bytes(input, length(rest)?.unwrap_or(0))?),
        // Three letters and a colon say what the text is.
        b'=' => match read_bytes(input, length(rest)?.unwrap_or(0))? {
            text if text.len() >= 4 => Value::Verbatim(text[4..].to_vec()),
            _ => return Err(invalid("a text without its format".into())),
        },
        b'*' => match length(rest)? {
            Some(len) => Value::List(Kind::Array, read_elements(input, len, depth)?),
            None => Value::Nil,
        },
        b'~' => Value::List(Kind::Set, read_elements(input, length(rest)?.unwrap_or(0), depth)?),
        b'>' => Value::List(Kind::Push, read_elements(input, length(rest)?.unwrap_or(0), depth)?),
        b'%' => {
            let mut pairs = Vec::new();
            for _ in 0..length(rest)?.unwrap_or(0) {
                pairs.push((read_nested(input, depth + 1)?, read_nested(input, depth + 1)?));
            }
            Value::Map(pairs)
        }
        other => return Err(invalid(format!("a reply that begins with {:?}", other as char))),
    })
}

/// Elements are stored as they arrive: the announced number makes no room for any.
fn read_elements(input: &mut impl BufRead, len: u64, depth: usize) -> io::Result<Vec<Value>> {
    let mut elements = Vec::new();
    for _ in 0..len {
        elements.push(read_nested(input, depth + 1)?);
    }
    Ok(elements)
}

/// A line without its end.
fn read_line(input: &mut impl BufRead) -> io::Result<Vec<u8>> {
    let mut line = Vec::new();
    input.read_until(b'\n', &mut line)?;
    match line.as_slice() {
        [.., b'\r', b'\n'] => {
            line.truncate(line.len() - 2);
            Ok(line)
        }
        [.., b'\n'] => Err(invalid("a line that ends without a carriage return".into())),
        _ => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}

/// `len` bytes and the line end behind them.
fn read_bytes(input: &mut impl BufRead, len: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    input.take(len.saturating_add(2)).read_to_end(&mut bytes)?;
    if (bytes.len() as u64) < len.saturating_add(2) {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    if !bytes.ends_with(b"\r\n") {
        return Err(invalid("a string longer than announced".into()));
    }
    bytes.truncate(bytes.len() - 2);
    Ok(bytes)
}

/// A length; -1 is no value.
fn length(text: &[u8]) -> io::Result<Option<u64>> {
    match number(text)? {
        -1 => Ok(None),
        len => u64::try_from(len).map(Some).map_err(|_| invalid(format!("a length of {len}"))),
    }
}

fn number(text: &[u8]) -> io::Result<i64> {
    phase4_keyspace::text::integer::parse(text)
        .ok_or_else(|| invalid(format!("{:?} where a number belongs", String::from_utf8_lossy(text))))
}

fn invalid(what: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_type() {
        let bytes = b"*10\r\n+OK\r\n-ERR x\r\n:-5\r\n$3\r\na\r\n\r\n$-1\r\n_\r\n#t\r\n,1.5\r\n=7\r\ntxt:abc\r\n%1\r\n+k\r\n~1\r\n*-1\r\n";
        let expected = Value::List(
            Kind::Array,
            vec![
                Value::Status(b"OK".to_vec()),
                Value::Error(b"ERR x".to_vec()),
                Value::Integer(-5),
                Value::String(b"a\r\n".to_vec()),
                Value::Nil,
                Value::Nil,
                Value::Boolean(true),
                Value::Double(b"1.5".to_vec()),
                Value::Verbatim(b"abc".to_vec()),
                Value::Map(vec![(Value::Status(b"k".to_vec()), Value::List(Kind::Set, vec![Value::Nil]))]),
            ],
        );
        assert_eq!(read(&mut &bytes[..]).expect("this is RESP"), expected);
        for cut in 0..bytes.len() {
            let error = read(&mut &bytes[..cut]).expect_err("the end is missing");
            assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof, "cut at {cut}");
        }
    }

    #[test]
    fn refuses_what_is_not_resp() {
        let deep = b"*1\r\n".repeat(1000);
        for bytes in [
            &b"HTTP/1.1 400\r\n"[..],
            b"$x\r\n",
            b"$-2\r\n",
            b"$1\r\nabc\r\n",
            b":1\n",
            b"\r\n",
            b"=3\r\ntxt\r\n",
            &deep,
        ] {
            let error = read(&mut &bytes[..]).expect_err("this is not RESP");
            assert_eq!(error.kind(), io::ErrorKind::InvalidData, "{}", bytes.escape_ascii());
        }
    }

    #[test]
    fn requests_are_arrays_of_bulk_strings() {
        assert_eq!(encode(&[b"GET", b""]), b"*2\r\n$3\r\nGET\r\n$0\r\n\r\n");
    }
}
