//! A command line with placeholders, turned once into bytes whose keys are then overwritten in place.
//!
//! All keys are 16 bytes, `key:` and twelve digits, so that every request of a template has the same size: choosing
//! another key patches digits and moves nothing, and the null server can count requests by dividing.

use super::skip::Wire;
use anyhow::{Context, Result, bail};

const KEY_PREFIX: &[u8] = b"key:";
const KEY_DIGITS: usize = 12;
/// Bytes of every key.
pub const KEY_SIZE: usize = KEY_PREFIX.len() + KEY_DIGITS;
/// The largest number of keys that the digits can tell apart.
pub const MAX_KEYS: u64 = 10u64.pow(KEY_DIGITS as u32);

/// A parsed command line.
#[derive(Clone, Debug)]
pub struct Template {
    arguments: Vec<Vec<Part>>,
}

#[derive(Clone, Debug, PartialEq)]
enum Part {
    Literal(Vec<u8>),
    Key,
    Value,
}

impl Template {
    /// Parses words as a shell would, with `{key}` and `{value}` allowed anywhere, any number of times.
    ///
    /// # Errors
    /// No words, an unclosed quote, an unknown placeholder.
    pub fn parse(line: &str) -> Result<Self> {
        let words = shlex::split(line).with_context(|| format!("unbalanced quotes in {line:?}"))?;
        if words.is_empty() {
            bail!("an empty command; try --command \"GET {{key}}\"");
        }
        let arguments = words.iter().map(|word| parts(word)).collect::<Result<_>>()?;
        Ok(Template { arguments })
    }

    /// `count` copies of the request in a row, ready to be sent once their keys are set.
    pub fn batch(&self, wire: Wire, value: &[u8], count: usize) -> Batch {
        let mut batch = Batch { bytes: Vec::new(), keys: Vec::new(), requests: count };
        for _ in 0..count {
            self.encode(wire, value, &mut batch);
        }
        batch
    }

    fn encode(&self, wire: Wire, value: &[u8], batch: &mut Batch) {
        let sizes: Vec<usize> =
            self.arguments.iter().map(|parts| parts.iter().map(|part| part.size(value)).sum()).collect();
        let out = &mut batch.bytes;
        match wire {
            Wire::Resp => out.extend_from_slice(format!("*{}\r\n", sizes.len()).as_bytes()),
            Wire::Framed => {
                let payload = 4 + sizes.iter().map(|size| 4 + size).sum::<usize>();
                out.extend_from_slice(&(payload as u32).to_le_bytes());
                out.extend_from_slice(&(sizes.len() as u32).to_le_bytes());
            }
        }
        for (argument, size) in self.arguments.iter().zip(sizes) {
            match wire {
                Wire::Resp => batch.bytes.extend_from_slice(format!("${size}\r\n").as_bytes()),
                Wire::Framed => batch.bytes.extend_from_slice(&(size as u32).to_le_bytes()),
            }
            for part in argument {
                match part {
                    Part::Literal(text) => batch.bytes.extend_from_slice(text),
                    Part::Value => batch.bytes.extend_from_slice(value),
                    Part::Key => {
                        batch.bytes.extend_from_slice(KEY_PREFIX);
                        batch.keys.push(batch.bytes.len());
                        batch.bytes.extend_from_slice(&[b'0'; KEY_DIGITS]);
                    }
                }
            }
            if wire == Wire::Resp {
                batch.bytes.extend_from_slice(b"\r\n");
            }
        }
    }
}

impl Part {
    fn size(&self, value: &[u8]) -> usize {
        match self {
            Part::Literal(text) => text.len(),
            Part::Key => KEY_SIZE,
            Part::Value => value.len(),
        }
    }
}

fn parts(word: &str) -> Result<Vec<Part>> {
    let mut parts = Vec::new();
    let mut rest = word;
    while let Some(open) = rest.find('{') {
        if open > 0 {
            parts.push(Part::Literal(rest.as_bytes()[..open].to_vec()));
        }
        let close =
            rest[open..].find('}').with_context(|| format!("{word:?} opens a brace and never closes it"))?;
        parts.push(match &rest[open..=open + close] {
            "{key}" => Part::Key,
            "{value}" => Part::Value,
            other => bail!("unknown placeholder {other} in {word:?}; known are {{key}} and {{value}}"),
        });
        rest = &rest[open + close + 1..];
    }
    if !rest.is_empty() || parts.is_empty() {
        parts.push(Part::Literal(rest.as_bytes().to_vec()));
    }
    Ok(parts)
}

/// Encoded requests and the places of their keys.
#[derive(Clone, Debug)]
pub struct Batch {
    bytes: Vec<u8>,
    keys: Vec<usize>,
    requests: usize,
}

impl Batch {
    /// The requests as they go onto the wire.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// How many requests the batch holds.
    pub fn requests(&self) -> usize {
        self.requests
    }

    /// Bytes of one request; all are of one size.
    pub fn request_size(&self) -> usize {
        self.bytes.len() / self.requests
    }

    /// Keys per request.
    pub fn keys_per_request(&self) -> usize {
        self.keys.len() / self.requests
    }

    /// Gives every key of the batch the number that `next` returns for it.
    pub fn set_keys(&mut self, mut next: impl FnMut() -> u64) {
        for &at in &self.keys {
            write_digits(&mut self.bytes[at..at + KEY_DIGITS], next());
        }
    }
}

/// Three digits at a time from a table: formatting would cost more than the server's answer.
fn write_digits(out: &mut [u8], mut number: u64) {
    for group in out.chunks_exact_mut(3).rev() {
        group.copy_from_slice(&THREE_DIGITS[(number % 1000) as usize]);
        number /= 1000;
    }
}

static THREE_DIGITS: [[u8; 3]; 1000] = {
    let mut table = [[0; 3]; 1000];
    let mut n = 0;
    while n < 1000 {
        table[n] = [b'0' + (n / 100) as u8, b'0' + (n / 10 % 10) as u8, b'0' + (n % 10) as u8];
        n += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(line: &str, wire: Wire, value: &[u8], count: usize) -> Vec<u8> {
        let mut next = 0;
        let mut batch = Template::parse(line).unwrap().batch(wire, value, count);
        batch.set_keys(|| {
            next += 1;
            next
        });
        batch.bytes().to_vec()
    }

    #[test]
    fn resp_requests_carry_their_keys_and_values() {
        assert_eq!(
            encoded("SET {key} {value}", Wire::Resp, b"abc", 2),
            b"*3\r\n$3\r\nSET\r\n$16\r\nkey:000000000001\r\n$3\r\nabc\r\n\
              *3\r\n$3\r\nSET\r\n$16\r\nkey:000000000002\r\n$3\r\nabc\r\n"
        );
    }

    #[test]
    fn framed_requests_carry_their_lengths() {
        assert_eq!(
            encoded("GET a{key}b", Wire::Framed, b"", 1),
            [&[33, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0][..], b"GET", &[18, 0, 0, 0], b"akey:000000000001b"]
                .concat()
        );
    }

    #[test]
    fn a_command_may_name_several_keys_and_quote_its_words() {
        let batch = Template::parse("MSET {key} {value} {key} {value}").unwrap().batch(Wire::Resp, b"v", 3);
        assert_eq!((batch.keys_per_request(), batch.requests()), (2, 3));
        assert_eq!(batch.request_size() * 3, batch.bytes().len());
        assert_eq!(
            encoded("ECHO 'a b' ''", Wire::Resp, b"", 1),
            b"*3\r\n$4\r\nECHO\r\n$3\r\na b\r\n$0\r\n\r\n"
        );
    }

    #[test]
    fn mistakes_in_a_template_are_named() {
        for (line, word) in [("", "empty"), ("GET {ky}", "{ky}"), ("GET {key", "brace"), ("GET 'a", "quotes")]
        {
            let error = format!("{:#}", Template::parse(line).unwrap_err());
            assert!(error.contains(word), "{line:?}: {error}");
        }
    }

    #[test]
    fn digits_are_decimal() {
        for number in [0, 7, 999, 1000, 123_456, 999_999_999_999] {
            let mut out = [0; KEY_DIGITS];
            write_digits(&mut out, number);
            assert_eq!(String::from_utf8_lossy(&out), format!("{number:012}"));
        }
    }
}
