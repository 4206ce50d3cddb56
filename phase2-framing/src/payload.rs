//! What phase 4 puts inside a frame, for the `frame` tool: requests and tagged replies. All numbers are little-endian.
//!
//! Request: `u32 n | n × (u32 len | bytes)`. Reply, one tagged value: `0` nil, `1` error `u32 code | u32 len | bytes`,
//! `2` string `u32 len | bytes`, `3` integer `i64`, `4` double `f64`, `5` array `u32 n | n values`.
use std::fmt;
use std::ops::Range;

/// Arrays inside arrays, at most. Every level is a call, and the stack is finite.
const MAX_DEPTH: usize = 32;

/// One reply.
#[derive(Clone, PartialEq, Debug)]
pub enum Value {
    /// Tag 0.
    Nil,
    /// Tag 1: a code and a text.
    Error(u32, Vec<u8>),
    /// Tag 2.
    String(Vec<u8>),
    /// Tag 3.
    Integer(i64),
    /// Tag 4.
    Double(f64),
    /// Tag 5.
    Array(Vec<Value>),
}

/// A stretch of bytes and what it means.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Field {
    /// Where it stands.
    pub at: Range<usize>,
    /// What it is.
    pub meaning: String,
}

/// Bytes that are no request or no reply: what was expected, and where.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PayloadError {
    /// Offset into the payload.
    pub at: usize,
    /// What is wrong there.
    pub what: String,
}

impl fmt::Display for PayloadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at byte {} of the payload: {}", self.at, self.what)
    }
}

impl std::error::Error for PayloadError {}

// ANCHOR: payload-encode
/// The payload that asks for a command: its name and its arguments.
pub fn encode_request<'a>(words: impl ExactSizeIterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut out = (words.len() as u32).to_le_bytes().to_vec();
    for word in words {
        out.extend_from_slice(&(word.len() as u32).to_le_bytes());
        out.extend_from_slice(word);
    }
    out
}
// ANCHOR_END: payload-encode

// ANCHOR: payload-decode
/// Takes a request apart: its words, and every field for a hexdump.
pub fn decode_request(payload: &[u8]) -> Result<(Vec<Vec<u8>>, Vec<Field>), PayloadError> {
    let mut cursor = Cursor::new(payload);
    let n = cursor.u32("number of words")?;
    // `n` is a claim: room is made for words as they are found.
    let mut words = Vec::new();
    for i in 1..=n {
        words.push(cursor.string(&format!("word {i}"))?);
    }
    Ok((words, cursor.finish()?))
}
// ANCHOR_END: payload-decode

/// Takes a reply apart: its value, and every field for a hexdump.
pub fn decode_reply(payload: &[u8]) -> Result<(Value, Vec<Field>), PayloadError> {
    let mut cursor = Cursor::new(payload);
    let value = cursor.value(0)?;
    Ok((value, cursor.finish()?))
}

/// Walks over a payload and notes what it sees.
struct Cursor<'a> {
    payload: &'a [u8],
    at: usize,
    fields: Vec<Field>,
}

impl<'a> Cursor<'a> {
    fn new(payload: &'a [u8]) -> Self {
        Cursor { payload, at: 0, fields: Vec::new() }
    }

    fn error<T>(&self, what: String) -> Result<T, PayloadError> {
        Err(PayloadError { at: self.at, what })
    }

    fn take(&mut self, n: usize, what: &str) -> Result<&'a [u8], PayloadError> {
        match self.payload[self.at..].get(..n) {
            Some(bytes) => {
                self.at += n;
                Ok(bytes)
            }
            None => {
                self.error(format!("{what} needs {n} bytes, only {} are left", self.payload.len() - self.at))
            }
        }
    }

    fn array<const N: usize>(&mut self, what: &str) -> Result<[u8; N], PayloadError> {
        let mut bytes = [0; N];
        bytes.copy_from_slice(self.take(N, what)?);
        Ok(bytes)
    }

    /// Notes that the last `len` bytes mean this.
    fn note(&mut self, len: usize, meaning: String) {
        self.fields.push(Field { at: self.at - len..self.at, meaning });
    }

    fn u32(&mut self, what: &str) -> Result<u32, PayloadError> {
        let n = u32::from_le_bytes(self.array(what)?);
        self.note(4, format!("{what}: {n}"));
        Ok(n)
    }

    fn string(&mut self, what: &str) -> Result<Vec<u8>, PayloadError> {
        let len = self.u32(&format!("length of {what}"))? as usize;
        let bytes = self.take(len, what)?;
        if len > 0 {
            self.note(len, format!("{what}: {}", quoted(bytes)));
        }
        Ok(bytes.to_vec())
    }

    fn value(&mut self, depth: usize) -> Result<Value, PayloadError> {
        if depth > MAX_DEPTH {
            return self.error(format!("arrays nested deeper than {MAX_DEPTH}"));
        }
        let [tag] = self.array("a tag")?;
        let name = ["nil", "error", "string", "integer", "double", "array"].get(usize::from(tag));
        let Some(name) = name else {
            self.at -= 1;
            return self
                .error(format!("{tag} is no tag (0 nil, 1 error, 2 string, 3 integer, 4 double, 5 array)"));
        };
        self.note(1, format!("tag {tag}: {name}"));
        Ok(match tag {
            0 => Value::Nil,
            1 => Value::Error(self.u32("error code")?, self.string("the text")?),
            2 => Value::String(self.string("the string")?),
            3 => {
                let n = i64::from_le_bytes(self.array("an integer")?);
                self.note(8, format!("integer: {n}"));
                Value::Integer(n)
            }
            4 => {
                let x = f64::from_le_bytes(self.array("a double")?);
                self.note(8, format!("double: {x}"));
                Value::Double(x)
            }
            _ => {
                let n = self.u32("number of values")?;
                let mut values = Vec::new();
                for _ in 0..n {
                    values.push(self.value(depth + 1)?);
                }
                Value::Array(values)
            }
        })
    }

    fn finish(self) -> Result<Vec<Field>, PayloadError> {
        match self.payload.len() - self.at {
            0 => Ok(self.fields),
            left => self.error(format!("{left} bytes too many")),
        }
    }
}

/// Bytes as they would stand in a program: printable ASCII as it is, everything else escaped.
pub fn quoted(bytes: &[u8]) -> String {
    format!("\"{}\"", bytes.escape_ascii())
}

impl fmt::Display for Value {
    /// As redis-cli shows replies; the lines of an array are numbered, an inner array is indented.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Nil => f.write_str("(nil)"),
            Value::Error(code, text) => write!(f, "(error {code}) {}", String::from_utf8_lossy(text)),
            Value::String(bytes) => f.write_str(&quoted(bytes)),
            Value::Integer(n) => write!(f, "(integer) {n}"),
            Value::Double(x) => write!(f, "(double) {x}"),
            Value::Array(values) if values.is_empty() => f.write_str("(empty array)"),
            Value::Array(values) => {
                let width = values.len().to_string().len();
                for (i, value) in values.iter().enumerate() {
                    let indent = format!("\n{:width$}", "", width = width + 2);
                    let text = value.to_string().replace('\n', &indent);
                    let end = if i + 1 < values.len() { "\n" } else { "" };
                    write!(f, "{:>width$}) {text}{end}", i + 1)?;
                }
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NESTED: &[u8] =
        b"\x05\x03\0\0\0\x02\x02\0\0\0ab\x05\x02\0\0\0\x03\xff\xff\xff\xff\xff\xff\xff\xff\0\x01\x03\0\0\0\x03\0\0\0bad";

    #[test]
    fn a_request_there_and_back() {
        let words: [&[u8]; 3] = [b"set", b"k", b""];
        let payload = encode_request(words.into_iter());
        assert_eq!(payload, b"\x03\0\0\0\x03\0\0\0set\x01\0\0\0k\0\0\0\0");
        assert_eq!(decode_request(&payload).unwrap().0, words);
    }

    #[test]
    fn fields_cover_every_byte_in_order() {
        let request = encode_request([&b"get"[..], b"key"].into_iter());
        for (fields, len) in [
            (decode_request(&request).unwrap().1, request.len()),
            (decode_reply(NESTED).unwrap().1, NESTED.len()),
        ] {
            let end = fields.iter().fold(0, |at, field| {
                assert_eq!(field.at.start, at, "{}", field.meaning);
                field.at.end
            });
            assert_eq!(end, len);
        }
    }

    #[test]
    fn replies_are_shown_like_redis_cli_shows_them() {
        let (value, _) = decode_reply(NESTED).unwrap();
        assert_eq!(value.to_string(), "1) \"ab\"\n2) 1) (integer) -1\n   2) (nil)\n3) (error 3) bad");
        assert_eq!(decode_reply(b"\x04\0\0\0\0\0\0\xf8\x3f").unwrap().0.to_string(), "(double) 1.5");
        assert_eq!(decode_reply(b"\x05\0\0\0\0").unwrap().0.to_string(), "(empty array)");
    }

    #[test]
    fn every_cut_and_every_surplus_is_an_error() {
        let request = encode_request([&b"set"[..], b"key", b"value"].into_iter());
        for cut in 0..request.len() {
            assert!(decode_request(&request[..cut]).is_err(), "request cut at {cut}");
        }
        for cut in 0..NESTED.len() {
            assert!(decode_reply(&NESTED[..cut]).is_err(), "reply cut at {cut}");
        }
        assert!(
            decode_request(&[&request[..], b"!"].concat()).unwrap_err().what.contains("1 bytes too many")
        );
        assert!(decode_reply(&[NESTED, b"!"].concat()).unwrap_err().what.contains("too many"));
    }

    #[test]
    fn claims_are_not_believed() {
        assert!(decode_request(b"\xff\xff\xff\xff").is_err());
        assert!(decode_request(b"\x01\0\0\0\xff\xff\xff\xffab").is_err());
        assert!(decode_reply(b"\x05\xff\xff\xff\xff").is_err());
        assert!(decode_reply(b"\x07").unwrap_err().what.contains("7 is no tag"));
        let deep = [5, 1, 0, 0, 0].repeat(100_000);
        assert!(decode_reply(&deep).unwrap_err().what.contains("nested deeper"));
    }
}
