//! Finds where replies end without building values: the load generator must count replies faster than the server
//! under test can write them.
//!
//! Fed with whatever a read returned, cut anywhere; what it has to remember between reads is a few integers.

use std::fmt;

/// The wire format a connection speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Wire {
    /// RESP2 and RESP3, without streamed aggregates.
    Resp,
    /// `u32 length | payload`, little-endian.
    Framed,
}

impl fmt::Display for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Wire::Resp => "RESP",
            Wire::Framed => "framed",
        })
    }
}

/// Bytes of the first error reply that are kept for the report.
const KEPT: usize = 200;
/// The framed protocol's tag for an error value.
const FRAMED_ERROR: u8 = 1;

#[derive(Clone, Copy, Debug)]
enum State {
    /// The next byte names the type of a RESP value.
    Kind,
    /// Inside a RESP line that carries a length or a count.
    Number { kind: u8, value: u64, negative: bool },
    /// Inside a RESP line whose content does not matter.
    Line { error: bool },
    /// Inside a bulk payload and its CRLF.
    Payload { left: u64 },
    /// Inside a frame's four length bytes.
    Header { have: u32, value: u32 },
    /// Inside a frame's payload; `first` until its tag byte was seen.
    Body { left: u64, first: bool, error: bool },
}

/// Counts complete replies in a byte stream.
#[derive(Debug)]
pub struct Skipper {
    start: State,
    state: State,
    /// RESP values still missing until the reply at the top is complete; 0 between replies.
    missing: u64,
    errors: u64,
    first_error: Vec<u8>,
}

impl Skipper {
    /// A skipper that stands before the first byte of a stream.
    pub fn new(wire: Wire) -> Self {
        let start = match wire {
            Wire::Resp => State::Kind,
            Wire::Framed => State::Header { have: 0, value: 0 },
        };
        Skipper { start, state: start, missing: 0, errors: 0, first_error: Vec::new() }
    }

    /// Whether the stream stands between two replies.
    pub fn at_boundary(&self) -> bool {
        self.missing == 0 && matches!(self.state, State::Kind | State::Header { have: 0, .. })
    }

    /// The text of the first error reply, if there was one.
    pub fn error(&self) -> Option<String> {
        (self.errors > 0).then(|| String::from_utf8_lossy(&self.first_error).trim_end().to_owned())
    }

    /// Takes the next bytes of the stream and says how many replies ended within them.
    ///
    /// # Errors
    /// A byte that no reply can have there; the stream is of no use afterwards.
    pub fn feed(&mut self, input: &[u8]) -> Result<u64, String> {
        let mut replies = 0;
        let mut at = 0;
        while at < input.len() {
            match self.state {
                State::Kind => {
                    self.kind(input[at])?;
                    at += 1;
                }
                State::Number { kind, value, negative } => {
                    let byte = input[at];
                    at += 1;
                    match byte {
                        b'0'..=b'9' => {
                            let value = value
                                .checked_mul(10)
                                .and_then(|tens| tens.checked_add(u64::from(byte - b'0')))
                                .ok_or("a length of more than 64 bits")?;
                            self.state = State::Number { kind, value, negative };
                        }
                        b'-' if value == 0 => self.state = State::Number { kind, value, negative: true },
                        b'\r' => {}
                        b'\n' => replies += self.counted(kind, if negative { None } else { Some(value) }),
                        other => return Err(format!("{:?} inside a length", char::from(other))),
                    }
                }
                State::Line { error } => {
                    let line = &input[at..];
                    let end = line.iter().position(|&byte| byte == b'\n');
                    let taken = end.map_or(line.len(), |end| end + 1);
                    if error {
                        self.keep(&line[..taken]);
                    }
                    at += taken;
                    if end.is_some() {
                        replies += self.value_ended();
                    }
                }
                State::Payload { left } => {
                    let taken = left.min((input.len() - at) as u64);
                    at += taken as usize;
                    self.state = State::Payload { left: left - taken };
                    if left == taken {
                        replies += self.value_ended();
                    }
                }
                State::Header { have, value } => {
                    let value = value | u32::from(input[at]) << (8 * have);
                    at += 1;
                    self.state = match have {
                        3 => State::Body { left: u64::from(value), first: true, error: false },
                        _ => State::Header { have: have + 1, value },
                    };
                    if have == 3 && value == 0 {
                        return Err("a frame without a value".to_owned());
                    }
                }
                State::Body { left, first, error } => {
                    let error = if first { input[at] == FRAMED_ERROR } else { error };
                    let taken = left.min((input.len() - at) as u64);
                    if error {
                        self.errors += u64::from(first);
                        self.keep(&input[at..at + taken as usize]);
                    }
                    at += taken as usize;
                    self.state = State::Body { left: left - taken, first: false, error };
                    if left == taken {
                        self.state = self.start;
                        replies += 1;
                    }
                }
            }
        }
        Ok(replies)
    }

    /// The first byte of a value.
    fn kind(&mut self, byte: u8) -> Result<(), String> {
        if self.missing == 0 {
            self.missing = 1;
        }
        self.state = match byte {
            b'$' | b'=' | b'!' | b'*' | b'~' | b'>' | b'%' | b'|' => {
                self.errors += u64::from(byte == b'!');
                State::Number { kind: byte, value: 0, negative: false }
            }
            b'-' => {
                self.errors += 1;
                State::Line { error: true }
            }
            b'+' | b':' | b',' | b'#' | b'(' | b'_' => State::Line { error: false },
            other => return Err(format!("{:?} where a reply begins", char::from(other))),
        };
        Ok(())
    }

    /// The line with a value's length or count has ended; `None` is a negative one, which stands for null.
    fn counted(&mut self, kind: u8, number: Option<u64>) -> u64 {
        let Some(number) = number else { return self.value_ended() };
        let children = match kind {
            b'$' | b'=' | b'!' => {
                self.state = State::Payload { left: number.saturating_add(2) };
                return 0;
            }
            b'%' | b'|' => number.saturating_mul(2),
            _ => number,
        };
        self.missing = self.missing.saturating_add(children);
        // An attribute stands before the value it describes and is none itself.
        if kind == b'|' {
            self.state = State::Kind;
            return 0;
        }
        self.value_ended()
    }

    /// One value is complete; says whether that completed a reply (1) or not (0).
    fn value_ended(&mut self) -> u64 {
        self.state = State::Kind;
        self.missing -= 1;
        u64::from(self.missing == 0)
    }

    fn keep(&mut self, text: &[u8]) {
        if self.errors == 1 {
            let room = KEPT - self.first_error.len().min(KEPT);
            self.first_error.extend_from_slice(&text[..text.len().min(room)]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RESP: &[&[u8]] = &[
        b"+OK\r\n",
        b"$3\r\nxyz\r\n",
        b"$0\r\n\r\n",
        b"$-1\r\n",
        b":-42\r\n",
        b"*0\r\n",
        b"*-1\r\n",
        b"*3\r\n$1\r\na\r\n$-1\r\n:7\r\n",
        b"*2\r\n*1\r\n:1\r\n*2\r\n+a\r\n$2\r\n\r\n\r\n",
        b"%1\r\n+k\r\n*1\r\n:1\r\n",
        b"~2\r\n:1\r\n:2\r\n",
        b"|1\r\n+ttl\r\n:1\r\n+OK\r\n",
        b"_\r\n",
        b"#t\r\n",
        b",1.5\r\n",
        b"=5\r\ntxt:x\r\n",
    ];

    fn framed(payload: &[u8]) -> Vec<u8> {
        let mut frame = (payload.len() as u32).to_le_bytes().to_vec();
        frame.extend_from_slice(payload);
        frame
    }

    /// Every pair of cut points must give the same count, and boundaries must be seen exactly where replies end.
    fn every_split(wire: Wire, replies: &[&[u8]]) {
        let stream = replies.concat();
        let mut ends = vec![0];
        for reply in replies {
            ends.push(ends.last().unwrap() + reply.len());
        }
        for first in 0..=stream.len() {
            for second in first..=stream.len() {
                let mut skipper = Skipper::new(wire);
                let mut seen = 0;
                for (part, end) in [(&stream[..first], first), (&stream[first..second], second)] {
                    seen += skipper.feed(part).unwrap();
                    let complete = ends.iter().filter(|&&stop| 0 < stop && stop <= end).count() as u64;
                    assert_eq!(seen, complete, "cut at {first} and {second}");
                    assert_eq!(skipper.at_boundary(), ends.contains(&end), "cut at {end}");
                }
                seen += skipper.feed(&stream[second..]).unwrap();
                assert_eq!(seen, replies.len() as u64);
                assert!(skipper.at_boundary());
                assert_eq!(skipper.error(), None);
            }
        }
    }

    #[test]
    fn resp_replies_are_counted_at_every_split() {
        every_split(Wire::Resp, RESP);
    }

    #[test]
    fn framed_replies_are_counted_at_every_split() {
        let replies = [
            framed(&[0]),
            framed(&[2, 3, 0, 0, 0, b'x', b'y', b'z']),
            framed(&[3, 1, 0, 0, 0, 0, 0, 0, 0]),
            framed(&vec![2; 300]),
        ];
        every_split(Wire::Framed, &replies.iter().map(Vec::as_slice).collect::<Vec<_>>());
    }

    #[test]
    fn the_first_error_is_kept_at_every_split() {
        let framed_error = framed(b"\x01\x01\0\0\0\x03\0\0\0ERR");
        let cases: [(Wire, &[u8], &str); 2] =
            [(Wire::Resp, b"-ERR no\r\n-ERR other\r\n", "ERR no"), (Wire::Framed, &framed_error, "ERR")];
        for (wire, stream, text) in cases {
            for cut in 0..=stream.len() {
                let mut skipper = Skipper::new(wire);
                skipper.feed(&stream[..cut]).unwrap();
                skipper.feed(&stream[cut..]).unwrap();
                assert!(skipper.error().unwrap().ends_with(text), "cut at {cut}: {:?}", skipper.error());
            }
        }
    }

    #[test]
    fn nonsense_is_refused() {
        for (wire, bytes) in [
            (Wire::Resp, &b"HTTP/1.1"[..]),
            (Wire::Resp, b"$x\r\n"),
            (Wire::Resp, b"$99999999999999999999\r\n"),
            (Wire::Framed, &[0; 4]),
        ] {
            assert!(Skipper::new(wire).feed(bytes).is_err(), "{bytes:?}");
        }
    }
}
