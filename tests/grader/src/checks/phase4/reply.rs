//! Values as phase 4's servers send them, in RESP and in the framed protocol. Written here a second time on purpose: a
//! grader that shared the server's codec would share its bugs.

use kit::resp::Value;

/// Which of the two protocols a connection speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Protocol {
    /// RESP2 (and RESP3 once `HELLO 3` was sent).
    Resp,
    /// Tagged values inside length-prefixed frames.
    Framed,
}

/// One reply.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Reply {
    Nil,
    Status(String),
    Error(String),
    Integer(i64),
    Double(f64),
    Bulk(Vec<u8>),
    Array(Vec<Reply>),
}

impl Reply {
    pub fn ok() -> Self {
        Self::Status("OK".into())
    }

    pub fn bulk(bytes: impl Into<Vec<u8>>) -> Self {
        Self::Bulk(bytes.into())
    }

    /// Reads the checks' shorthand: `nil`, `+OK`, `-ERR text`, `:7`, `$text`, `[:1 $a [nil]]`. In an array, items are
    /// separated by single blanks.
    pub fn shorthand(text: &str) -> Self {
        if let Some(items) = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            return Self::Array(items_of(items).into_iter().map(Self::shorthand).collect());
        }
        let (kind, rest) = text.split_at(1);
        match kind {
            "+" => Self::Status(rest.into()),
            "-" => Self::Error(rest.into()),
            ":" => Self::Integer(rest.parse().expect("a check's shorthand holds a number")),
            "$" => Self::bulk(rest),
            _ => Self::Nil,
        }
    }

    /// What a check needs to know of a reply, whatever type RESP has for it.
    fn of(value: Value) -> Result<Self, Bad> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ok(match value {
            Value::Simple(bytes) => Self::Status(text(&bytes)),
            Value::Error(bytes) => Self::Error(text(&bytes)),
            Value::Integer(number) => Self::Integer(number),
            Value::Bulk(bytes) | Value::Other(b'=', bytes) => Self::Bulk(bytes),
            Value::Nil(_) => Self::Nil,
            Value::Aggregate(_, items) => {
                Self::Array(items.into_iter().map(Self::of).collect::<Result<_, _>>()?)
            }
            Value::Other(b'#', bytes) => Self::Integer(i64::from(bytes == b"t")),
            Value::Other(kind, bytes) => {
                let number = text(&bytes).parse();
                let malformed = |_| Bad::Malformed(format!("`{}{}` is no RESP", kind as char, text(&bytes)));
                Self::Double(number.map_err(malformed)?)
            }
        })
    }

    /// The bytes of this reply.
    pub fn encode(&self, protocol: Protocol, out: &mut Vec<u8>) {
        match protocol {
            Protocol::Resp => self.encode_resp(out),
            Protocol::Framed => {
                let mut inside = Vec::new();
                self.encode_tagged(&mut inside);
                out.extend(crate::wire::frame(&inside));
            }
        }
    }

    fn encode_resp(&self, out: &mut Vec<u8>) {
        match self {
            Self::Nil => out.extend(b"$-1\r\n"),
            Self::Status(text) => out.extend(format!("+{text}\r\n").bytes()),
            Self::Error(text) => out.extend(format!("-{text}\r\n").bytes()),
            Self::Integer(value) => out.extend(format!(":{value}\r\n").bytes()),
            Self::Double(value) => Self::bulk(value.to_string()).encode_resp(out),
            Self::Bulk(bytes) => {
                out.extend(format!("${}\r\n", bytes.len()).bytes());
                out.extend(bytes);
                out.extend(b"\r\n");
            }
            Self::Array(items) => {
                out.extend(format!("*{}\r\n", items.len()).bytes());
                items.iter().for_each(|item| item.encode_resp(out));
            }
        }
    }

    fn encode_tagged(&self, out: &mut Vec<u8>) {
        match self {
            Self::Nil => out.push(0),
            Self::Error(text) => {
                out.push(1);
                out.extend(error_code(text).to_le_bytes());
                out.extend(crate::wire::frame(text.as_bytes()));
            }
            Self::Status(text) => Self::bulk(text.as_bytes()).encode_tagged(out),
            Self::Bulk(bytes) => {
                out.push(2);
                out.extend(crate::wire::frame(bytes));
            }
            Self::Integer(value) => {
                out.push(3);
                out.extend(value.to_le_bytes());
            }
            Self::Double(value) => {
                out.push(4);
                out.extend(value.to_le_bytes());
            }
            Self::Array(items) => {
                out.push(5);
                out.extend((items.len() as u32).to_le_bytes());
                items.iter().for_each(|item| item.encode_tagged(out));
            }
        }
    }
}

/// What stands between the brackets of an array, cut at the blanks that are in no inner one.
fn items_of(text: &str) -> Vec<&str> {
    let mut depth = 0;
    let outside = |c: char| {
        depth += i32::from(c == '[') - i32::from(c == ']');
        c == ' ' && depth == 0
    };
    text.split(outside).filter(|item| !item.is_empty()).collect()
}

/// The framed protocol's code for an error text: 1 unknown command, 2 too big, 3 wrong type, 4 bad argument, 5 any other.
fn error_code(text: &str) -> u32 {
    let says = |words: &[&str]| words.iter().any(|word| text.contains(word));
    match text {
        _ if says(&["unknown command"]) => 1,
        _ if says(&["exceeds maximum allowed size"]) => 2,
        _ if text.starts_with("WRONGTYPE") => 3,
        _ if says(&[
            "syntax error",
            "not an integer",
            "not a valid float",
            "wrong number of",
            "invalid expire",
        ]) =>
        {
            4
        }
        _ => 5,
    }
}

/// A request of these arguments.
pub(super) fn request(protocol: Protocol, args: &[&[u8]], out: &mut Vec<u8>) {
    match protocol {
        Protocol::Resp => kit::resp::request(args, out),
        Protocol::Framed => {
            let mut inside = (args.len() as u32).to_le_bytes().to_vec();
            args.iter().for_each(|arg| inside.extend(crate::wire::frame(arg)));
            out.extend(crate::wire::frame(&inside));
        }
    }
}

/// Why bytes are no reply.
#[derive(Debug, PartialEq)]
pub(super) enum Bad {
    /// More bytes are needed.
    Cut,
    /// No more bytes can help.
    Malformed(String),
}

/// Takes one RESP reply off the front: the value and how many bytes it took. Maps and sets of RESP3 are given as flat
/// arrays.
pub(super) fn decode_resp(bytes: &[u8]) -> Result<(Reply, usize), Bad> {
    let (value, used) = kit::resp::parse(bytes).map_err(Bad::Malformed)?.ok_or(Bad::Cut)?;
    Ok((Reply::of(value)?, used))
}

/// Takes one tagged value off the front of a frame's payload.
pub(super) fn decode_tagged(bytes: &[u8]) -> Option<(Reply, usize)> {
    let word = |at: usize| Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?) as usize);
    let eight = || bytes.get(1..9)?.try_into().ok();
    let text = |at: usize| {
        let len = word(at)?;
        Some((bytes.get(at + 4..at + 4 + len)?.to_vec(), at + 4 + len))
    };
    Some(match bytes.first()? {
        0 => (Reply::Nil, 1),
        1 => {
            let (text, used) = text(5)?;
            (Reply::Error(String::from_utf8_lossy(&text).into_owned()), used)
        }
        2 => {
            let (text, used) = text(1)?;
            (Reply::Bulk(text), used)
        }
        3 => (Reply::Integer(i64::from_le_bytes(eight()?)), 9),
        4 => (Reply::Double(f64::from_le_bytes(eight()?)), 9),
        5 => {
            let (mut items, mut used) = (Vec::new(), 5);
            for _ in 0..word(1)? {
                let (item, more) = decode_tagged(bytes.get(used..)?)?;
                items.push(item);
                used += more;
            }
            (Reply::Array(items), used)
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_survive_both_encodings() {
        let reply = Reply::shorthand("[:-7 $abc nil $ [] [[:1 $a] nil]]");
        let Reply::Array(items) = &reply else { panic!("{reply:?}") };
        assert_eq!(items.len(), 6);
        for protocol in [Protocol::Resp, Protocol::Framed] {
            let mut bytes = Vec::new();
            reply.encode(protocol, &mut bytes);
            let back = match protocol {
                Protocol::Resp => decode_resp(&bytes).unwrap(),
                Protocol::Framed => {
                    decode_tagged(&bytes[4..]).map(|(reply, used)| (reply, used + 4)).unwrap()
                }
            };
            assert_eq!(back, (reply.clone(), bytes.len()));
        }
    }

    #[test]
    fn every_cut_of_a_resp_reply_asks_for_more() {
        let bytes = b"*3\r\n$2\r\nab\r\n:12\r\n*1\r\n+OK\r\n";
        for cut in 0..bytes.len() {
            assert_eq!(decode_resp(&bytes[..cut]), Err(Bad::Cut), "{cut}");
        }
        assert!(matches!(decode_resp(b"hello\r\n"), Err(Bad::Malformed(_))));
    }

    #[test]
    fn requests_are_as_the_contract_has_them() {
        let (mut resp, mut framed) = (Vec::new(), Vec::new());
        request(Protocol::Resp, &[b"GET", b"k"], &mut resp);
        request(Protocol::Framed, &[b"GET", b"k"], &mut framed);
        assert_eq!(resp, b"*2\r\n$3\r\nGET\r\n$1\r\nk\r\n");
        assert_eq!(framed, b"\x10\0\0\0\x02\0\0\0\x03\0\0\0GET\x01\0\0\0k");
    }
}
