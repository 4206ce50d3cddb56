//! One reply, written straight into the connection's output in whichever of the three encodings the client speaks.
mod counted;

use crate::error::Error;
use crate::text::double::Double;
use crate::text::integer::{DECIMAL_LEN, decimal};

/// How a client wants to be answered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Wire {
    /// RESP2, what every client starts with.
    Resp2,
    /// RESP3, after `HELLO 3`.
    Resp3,
    /// Tagged little-endian values; the frame around the reply is written by its caller.
    Framed,
}

/// Appends one reply. Aggregates are announced with their length, then their elements follow.
pub struct Reply<'a> {
    out: &'a mut Vec<u8>,
    wire: Wire,
}

impl<'a> Reply<'a> {
    /// A reply at the end of `out`.
    #[inline]
    pub fn new(out: &'a mut Vec<u8>, wire: Wire) -> Self {
        Reply { out, wire }
    }

    /// Changes the encoding from here on (`HELLO 3` is already answered in RESP3).
    pub fn set_wire(&mut self, wire: Wire) {
        self.wire = wire;
    }

    /// The encoding in use.
    pub fn wire(&self) -> Wire {
        self.wire
    }

    /// `+OK`
    #[inline]
    pub fn ok(&mut self) {
        if self.wire == Wire::Framed {
            return self.framed_bytes(b"OK");
        }
        self.out.extend_from_slice(b"+OK\r\n");
    }

    /// A status line: no line ends inside. Framed: a string.
    pub fn simple(&mut self, text: &str) {
        if self.wire == Wire::Framed {
            return self.framed_bytes(text.as_bytes());
        }
        self.out.push(b'+');
        self.line(text.as_bytes());
    }

    /// An error; line ends inside it become spaces and those at its end are dropped, as Redis has it.
    pub fn error(&mut self, error: &Error) {
        let line = error.line();
        let end = line.iter().rposition(|byte| !matches!(byte, b'\r' | b'\n')).map_or(0, |last| last + 1);
        let line = &line[..end];
        if self.wire == Wire::Framed {
            self.out.push(1);
            self.out.extend_from_slice(&error.framed_code().to_le_bytes());
            self.out.extend_from_slice(&(line.len() as u32).to_le_bytes());
            self.out.extend_from_slice(line);
            return;
        }
        self.out.push(b'-');
        self.out.extend(line.iter().map(|byte| if matches!(byte, b'\r' | b'\n') { b' ' } else { *byte }));
        self.crlf();
    }

    /// A signed 64-bit integer.
    pub fn integer(&mut self, value: i64) {
        if self.wire == Wire::Framed {
            self.out.push(3);
            self.out.extend_from_slice(&value.to_le_bytes());
            return;
        }
        self.number(b':', value);
    }

    /// A binary-safe string.
    #[inline]
    pub fn bulk(&mut self, bytes: &[u8]) {
        let len = bytes.len();
        if self.wire == Wire::Framed || len > 9 {
            return self.long_bulk(bytes);
        }
        // One piece, appended whole and cut to its length: room is asked for once.
        let mut piece = *b"$0\r\n___________\0";
        piece[1] += len as u8;
        piece[4..4 + len].copy_from_slice(bytes);
        piece[4 + len..6 + len].copy_from_slice(b"\r\n");
        self.out.extend_from_slice(&piece);
        self.out.truncate(self.out.len() - (10 - len));
    }

    #[inline(never)]
    fn long_bulk(&mut self, bytes: &[u8]) {
        if self.wire == Wire::Framed {
            return self.framed_bytes(bytes);
        }
        if let len @ 10..=32 = bytes.len() {
            let mut piece = [b'\n'; 40];
            piece[..4].copy_from_slice(&[b'$', b'0' + (len / 10) as u8, b'0' + (len % 10) as u8, b'\r']);
            piece[5..5 + len].copy_from_slice(bytes);
            piece[5 + len] = b'\r';
            self.out.extend_from_slice(&piece);
            return self.out.truncate(self.out.len() - (33 - len));
        }
        // The output grows once, not once more for the line end.
        self.out.reserve(bytes.len() + HEADER_AND_END);
        self.header(b'$', bytes.len());
        self.line(bytes);
    }

    /// No value: `$-1` in RESP2, `_` in RESP3.
    pub fn nil(&mut self) {
        match self.wire {
            Wire::Resp2 => self.out.extend_from_slice(b"$-1\r\n"),
            Wire::Resp3 => self.out.extend_from_slice(b"_\r\n"),
            Wire::Framed => self.out.push(0),
        }
    }

    /// No array: `*-1` in RESP2, `_` in RESP3.
    pub fn nil_array(&mut self) {
        match self.wire {
            Wire::Resp2 => self.out.extend_from_slice(b"*-1\r\n"),
            _ => self.nil(),
        }
    }

    /// `count` elements follow.
    pub fn array(&mut self, count: usize) {
        self.aggregate(b'*', count, count);
    }

    /// Elements that were written elsewhere, in this reply's encoding.
    pub fn encoded(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
    }

    /// `pairs` keys and values follow; a flat array before RESP3.
    pub fn map(&mut self, pairs: usize) {
        self.aggregate(b'%', pairs, pairs * 2);
    }

    /// `count` keys with their values follow, each behind a [`Reply::pair`]: a map in RESP3, before it an array of pairs.
    pub fn pairs(&mut self, count: usize) {
        match self.wire {
            Wire::Resp3 => self.map(count),
            _ => self.array(count),
        }
    }

    /// One of [`Reply::pairs`]: key and value follow.
    pub fn pair(&mut self) {
        if self.wire != Wire::Resp3 {
            self.array(2);
        }
    }

    /// `count` distinct elements follow; an array before RESP3.
    pub fn set(&mut self, count: usize) {
        self.aggregate(b'~', count, count);
    }

    /// An out-of-band message of `count` elements follows; an array before RESP3.
    pub fn push(&mut self, count: usize) {
        self.aggregate(b'>', count, count);
    }

    /// A truth value: `:1` or `:0` before RESP3.
    pub fn boolean(&mut self, value: bool) {
        match self.wire {
            Wire::Resp3 => self.out.extend_from_slice(if value { b"#t\r\n" } else { b"#f\r\n" }),
            _ => self.integer(i64::from(value)),
        }
    }

    /// A double with its decimal form as Redis writes it: a bulk string before RESP3. Framed: an `f64`.
    pub fn double(&mut self, value: f64, text: &str) {
        match self.wire {
            Wire::Resp2 => self.bulk(text.as_bytes()),
            Wire::Resp3 => {
                self.out.push(b',');
                self.line(text.as_bytes());
            }
            Wire::Framed => {
                self.out.push(4);
                self.out.extend_from_slice(&value.to_le_bytes());
            }
        }
    }

    /// A score: a double as `%.17g` writes it.
    pub fn score(&mut self, score: f64) {
        self.double(score, Double::new(score).as_str());
    }

    /// Text meant for a person (`INFO`), with its three-letter format in RESP3.
    pub fn verbatim(&mut self, format: &str, text: &[u8]) {
        if self.wire != Wire::Resp3 {
            return self.bulk(text);
        }
        self.header(b'=', text.len() + 4);
        self.out.extend_from_slice(format.as_bytes());
        self.out.push(b':');
        self.line(text);
    }

    fn aggregate(&mut self, resp3: u8, resp3_count: usize, count: usize) {
        match self.wire {
            Wire::Resp2 => self.header(b'*', count),
            Wire::Resp3 => self.header(resp3, resp3_count),
            Wire::Framed => {
                self.out.push(5);
                self.out.extend_from_slice(&(count as u32).to_le_bytes());
            }
        }
    }

    fn framed_bytes(&mut self, bytes: &[u8]) {
        self.out.push(2);
        self.out.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
        self.out.extend_from_slice(bytes);
    }

    #[inline(always)]
    fn header(&mut self, kind: u8, count: usize) {
        if count < 10 {
            return self.out.extend_from_slice(&[kind, b'0' + count as u8, b'\r', b'\n']);
        }
        self.long_header(kind, count);
    }

    #[inline(never)]
    fn long_header(&mut self, kind: u8, count: usize) {
        self.number(kind, count as i64);
    }

    /// A line of a kind and a number, appended in one piece.
    fn number(&mut self, kind: u8, value: i64) {
        let mut line = [b'\n'; 1 + DECIMAL_LEN + 2];
        let (front, end) = line.split_at_mut(1 + DECIMAL_LEN);
        end[0] = b'\r';
        let digits = front.last_chunk_mut().expect("the line has room for all digits");
        let start = DECIMAL_LEN - decimal(value, digits).len();
        line[start] = kind;
        self.out.extend_from_slice(&line[start..]);
    }

    #[inline]
    fn line(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
        self.crlf();
    }

    #[inline]
    fn crlf(&mut self) {
        self.out.extend_from_slice(b"\r\n");
    }
}

/// Appends a reply that stands alone: on the framed port it gets its frame.
pub fn framed(out: &mut Vec<u8>, wire: Wire, write: impl FnOnce(&mut Reply<'_>)) {
    let start = out.len();
    if wire == Wire::Framed {
        super::framed::begin_reply(out);
    }
    write(&mut Reply::new(out, wire));
    if wire == Wire::Framed {
        super::framed::end_reply(out, start);
    }
}

/// What a bulk string needs beside its bytes, at most: its kind, its length, two line ends.
const HEADER_AND_END: usize = 1 + DECIMAL_LEN + 4;
#[cfg(test)]
mod tests {
    use super::*;

    fn in_each(write: impl Fn(&mut Reply<'_>)) -> [Vec<u8>; 3] {
        [Wire::Resp2, Wire::Resp3, Wire::Framed].map(|wire| {
            let mut out = Vec::new();
            write(&mut Reply::new(&mut out, wire));
            out
        })
    }

    #[test]
    fn each_kind_of_reply_has_its_three_forms() {
        let frame = |tag: u8, body: &[&[u8]]| [&[tag][..], &body.concat()].concat();
        assert_eq!(
            in_each(|r| r.ok()),
            [b"+OK\r\n".to_vec(), b"+OK\r\n".to_vec(), frame(2, &[&[2, 0, 0, 0], b"OK"])]
        );
        assert_eq!(in_each(|r| r.nil()), [b"$-1\r\n".to_vec(), b"_\r\n".to_vec(), vec![0]]);
        assert_eq!(in_each(|r| r.nil_array()), [b"*-1\r\n".to_vec(), b"_\r\n".to_vec(), vec![0]]);
        assert_eq!(
            in_each(|r| r.integer(-3)),
            [b":-3\r\n".to_vec(), b":-3\r\n".to_vec(), frame(3, &[&(-3i64).to_le_bytes()])]
        );
        assert_eq!(
            in_each(|r| r.map(2)),
            [b"*4\r\n".to_vec(), b"%2\r\n".to_vec(), frame(5, &[&[4, 0, 0, 0]])]
        );
        assert_eq!(in_each(|r| r.bulk(b"a\r\n"))[0], b"$3\r\na\r\n\r\n");
        assert_eq!(
            in_each(|r| r.double(1.5, "1.5")),
            [b"$3\r\n1.5\r\n".to_vec(), b",1.5\r\n".to_vec(), frame(4, &[&1.5f64.to_le_bytes()])]
        );
        assert_eq!(in_each(|r| r.verbatim("txt", b"hi"))[1], b"=6\r\ntxt:hi\r\n");
        for len in 0..100 {
            let text = "x".repeat(len);
            let expected = format!("${len}\r\n{text}\r\n");
            assert_eq!(in_each(|r| r.bulk(text.as_bytes()))[1], expected.as_bytes(), "{len}");
        }
        for guess in [0, 1, 2, 10] {
            let two = in_each(|r| {
                r.integer(7);
                r.guessed_array(guess, |r| {
                    r.bulk(b"a");
                    r.bulk(b"b");
                    2
                });
            });
            assert_eq!(two[0], b":7\r\n*2\r\n$1\r\na\r\n$1\r\nb\r\n");
        }
    }

    #[test]
    fn an_error_is_one_line_whatever_it_quotes() {
        let error = Error::bytes(*b"ERR a\r\nb\xff\r\n");
        assert_eq!(in_each(|r| r.error(&error))[0], b"-ERR a  b\xff\r\n");
    }
}
