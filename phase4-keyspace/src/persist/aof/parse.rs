//! A log's text back into requests. It is stricter than what clients are read with: there is one way in which a request can
//! stand here, so that most damage shows.
use std::io::{self, Read};

use crate::persist::rdb::Fault;
use crate::wire::args::{Args, Span};

/// So much is read at once, at least.
const PIECE: usize = 256 << 10;
/// Digits of a length; more say nothing that could follow.
const MOST_DIGITS: usize = 10;
/// Longest comment, in bytes.
const LONGEST_COMMENT: usize = 1024;

/// What stands at a place.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Parsed {
    /// A request, up to here; its words are where the spans say.
    Request(usize),
    /// A comment, up to here.
    Comment(usize),
    /// The front of something, and the bytes end.
    Part,
}

/// Takes apart what stands at `at`. The words of a request are appended to `spans`.
///
/// # Errors
/// Where it can be neither a request nor the front of one, and why.
pub fn parse(input: &[u8], at: usize, spans: &mut Vec<Span>) -> Result<Parsed, (usize, &'static str)> {
    if input.get(at) == Some(&b'#') {
        let rest = &input[at..];
        return match rest.iter().take(LONGEST_COMMENT).position(|byte| *byte == b'\n') {
            Some(end) => Ok(Parsed::Comment(at + end + 1)),
            None if rest.len() < LONGEST_COMMENT => Ok(Parsed::Part),
            None => Err((at, "a comment that does not end")),
        };
    }
    let Some((words, mut at)) = number(input, at, b'*')? else { return Ok(Parsed::Part) };
    if words == 0 {
        return Err((at, "a request without words"));
    }
    for _ in 0..words {
        let Some((length, start)) = number(input, at, b'$')? else { return Ok(Parsed::Part) };
        let end = start + length as usize;
        if end + 2 > u32::MAX as usize {
            return Err((at, "a request of more than 4 GiB"));
        }
        match input.get(end..end + 2) {
            Some(b"\r\n") => {}
            Some(_) => return Err((end, "no line end behind a word")),
            None => {
                let there = input.get(end..).unwrap_or_default();
                let fits = b"\r\n".starts_with(there);
                return if fits { Ok(Parsed::Part) } else { Err((end, "no line end behind a word")) };
            }
        }
        spans.push(Span { start: start as u32, end: end as u32 });
        at = end + 2;
    }
    Ok(Parsed::Request(at))
}

/// A mark, a number in its one spelling, and a line end; `None` if the bytes end before that.
#[inline]
fn number(input: &[u8], at: usize, mark: u8) -> Result<Option<(u64, usize)>, (usize, &'static str)> {
    // Nearly always one digit.
    if let Some(&[first, digit @ b'0'..=b'9', b'\r', b'\n']) = input.get(at..at + 4)
        && first == mark
    {
        return Ok(Some((u64::from(digit - b'0'), at + 4)));
    }
    match input.get(at) {
        Some(first) if *first == mark => {}
        None => return Ok(None),
        Some(_) if mark == b'*' => return Err((at, "no request begins here")),
        Some(_) => return Err((at, "no word begins here")),
    }
    let digits = &input[at + 1..];
    let count = digits.iter().take(MOST_DIGITS + 1).take_while(|byte| byte.is_ascii_digit()).count();
    let value = digits[..count].iter().fold(0, |value, digit| value * 10 + u64::from(digit - b'0'));
    let behind = at + 1 + count;
    if count > MOST_DIGITS || (count > 1 && digits[0] == b'0') {
        return Err((at, "a length that none is"));
    }
    match input.get(behind..) {
        Some([b'\r', b'\n', ..]) if count > 0 => Ok(Some((value, behind + 2))),
        Some([] | [b'\r']) if count > 0 || behind == input.len() => Ok(None),
        _ => Err((behind, "no length, or no line end behind it")),
    }
}

/// The requests of a file, read as they are asked for. Memory is taken as bytes arrive, never because a length says so.
pub struct Requests<R: Read> {
    source: R,
    buffer: Vec<u8>,
    /// What of the buffer has been handed out.
    at: usize,
    /// Offset in the file of the buffer's first byte.
    base: u64,
    ended: bool,
    spans: Vec<Span>,
}

/// What comes next in a file.
pub enum Next<'a> {
    /// A request, and its first byte's offset.
    Request(Args<'a>, u64),
    /// The file ends, and all before was whole.
    End,
    /// The file ends in the middle of what begins here.
    Cut(u64),
}

impl<R: Read> Requests<R> {
    /// Reads from a source whose first byte has this offset.
    pub fn new(source: R, base: u64) -> Self {
        Requests { source, buffer: Vec::new(), at: 0, base, ended: false, spans: Vec::new() }
    }

    /// Offset of what has not been handed out yet.
    pub fn offset(&self) -> u64 {
        self.base + self.at as u64
    }

    /// What comes next.
    ///
    /// # Errors
    /// What is wrong, and where.
    pub fn read(&mut self) -> Result<Next<'_>, Fault> {
        loop {
            self.spans.clear();
            let parsed = parse(&self.buffer, self.at, &mut self.spans);
            match parsed.map_err(|(at, what)| Fault { at: self.base + at as u64, what: what.into() })? {
                Parsed::Comment(end) => self.at = end,
                Parsed::Request(end) => {
                    let at = self.offset();
                    self.at = end;
                    return Ok(Next::Request(Args::new(&self.buffer, &self.spans), at));
                }
                Parsed::Part if !self.ended => self.read_more()?,
                Parsed::Part if self.at == self.buffer.len() => return Ok(Next::End),
                Parsed::Part => return Ok(Next::Cut(self.offset())),
            }
        }
    }

    /// Twice as much as is there, so that a long request is not looked at more than a few times.
    fn read_more(&mut self) -> Result<(), Fault> {
        self.base += self.at as u64;
        self.buffer.drain(..self.at);
        self.at = 0;
        let wanted = self.buffer.len().max(PIECE);
        match self.source.by_ref().take(wanted as u64).read_to_end(&mut self.buffer) {
            Ok(count) => {
                self.ended = count < wanted;
                Ok(())
            }
            Err(error) => Err(unreadable(self.base + self.buffer.len() as u64, &error)),
        }
    }
}

/// What is said of a file that cannot be read.
pub fn unreadable(at: u64, error: &io::Error) -> Fault {
    Fault { at, what: format!("cannot be read: {error}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A log in words, and how it ends.
    fn read(text: &[u8]) -> (Vec<String>, Result<Option<u64>, Fault>) {
        let (mut found, mut requests) = (Vec::new(), Requests::new(text, 100));
        loop {
            match requests.read() {
                Ok(Next::Request(args, at)) => {
                    let words: Vec<_> = args.from(0).map(|word| word.escape_ascii().to_string()).collect();
                    found.push(format!("{at}: {}", words.join(" ")));
                }
                Ok(Next::End) => return (found, Ok(None)),
                Ok(Next::Cut(at)) => return (found, Ok(Some(at))),
                Err(fault) => return (found, Err(fault)),
            }
        }
    }

    const LOG: &[u8] = b"*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n#TS:12\r\n*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$10\r\n0123456789\r\n*1\r\n$4\r\nEXEC\r\n";

    #[test]
    fn requests_are_read_and_comments_passed_over() {
        assert_eq!(
            read(LOG),
            (vec!["100: SELECT 0".into(), "131: SET k 0123456789".into(), "168: EXEC".into()], Ok(None))
        );
        assert_eq!(read(b""), (vec![], Ok(None)));
    }

    #[test]
    fn a_file_that_ends_early_is_cut_and_never_damaged() {
        let whole = [0, 23, 31, 68, LOG.len()];
        for end in 0..LOG.len() {
            let (_, result) = read(&LOG[..end]);
            let begun = *whole.iter().rev().find(|at| **at <= end).unwrap();
            let expected = if begun == end { None } else { Some(100 + begun as u64) };
            assert_eq!(result, Ok(expected), "{end}");
        }
    }

    #[test]
    fn a_flipped_bit_is_no_crash_and_shows_where_it_can() {
        let mut unseen = 0;
        for at in 0..LOG.len() {
            for bit in 0..8 {
                let mut damaged = LOG.to_vec();
                damaged[at] ^= 1 << bit;
                let (found, result) = read(&damaged);
                unseen += usize::from(result == Ok(None) && found.len() == 3);
                if let Err(fault) = result {
                    assert!(fault.at >= 100 && fault.at <= 100 + LOG.len() as u64, "{fault}");
                }
            }
        }
        // Those inside words and comments: 25 bytes of words, and TS:12 with its carriage return.
        assert!(unseen <= (25 + 7) * 8, "{unseen}");
    }

    #[test]
    fn what_is_no_request_is_refused_where_it_stands() {
        for (text, at, what) in [
            ("hello", 0, "no request begins here"),
            ("*0\r\n", 4, "a request without words"),
            ("*01\r\n", 0, "a length that none is"),
            ("*-1\r\n", 1, "no length, or no line end behind it"),
            ("*1\n", 2, "no length, or no line end behind it"),
            ("*12345678901\r\n", 0, "a length that none is"),
            ("*1\r\n:1\r\n", 4, "no word begins here"),
            ("*1\r\n$4294967295\r\n", 4, "a request of more than 4 GiB"),
            ("*1\r\n$1\r\nab\r\n", 9, "no line end behind a word"),
            ("*1\r\n$1\r\na\ra", 9, "no line end behind a word"),
        ] {
            let fault = Fault { at: 100 + at, what: what.into() };
            assert_eq!(read(text.as_bytes()).1, Err(fault), "{text:?}");
        }
        assert_eq!(
            read(b"*1\r\n$4000000000\r\nx").1,
            Ok(Some(100)),
            "it could follow, and nothing is reserved"
        );
    }
}
