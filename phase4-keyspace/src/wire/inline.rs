//! Inline commands: what a person types into telnet or nc. Words stand between spaces; `"…"` knows the escapes
//! `\n \r \t \b \a \xHH`, `'…'` only `\'`.
use super::args::Span;
use super::limits::{MAX_LINE, Parsed, ProtocolError};

/// Takes the line at `pos` apart. Escapes make a word differ from its bytes, so the words go to `text`, and the spans
/// appended lie in `text`, not in the input. `\n` ends the line, with or without a `\r` before it; a NUL
/// hides it, as in Redis, which looks for it with strchr(3).
pub fn parse(
    input: &[u8],
    pos: usize,
    text: &mut Vec<u8>,
    spans: &mut Vec<Span>,
) -> Result<Parsed, ProtocolError> {
    let rest = &input[pos..];
    let Some(at) = rest.iter().position(|&byte| matches!(byte, b'\n' | 0)).filter(|at| rest[*at] != 0) else {
        return if rest.len() > MAX_LINE { Err(ProtocolError::InlineLine) } else { Ok(Parsed::NeedMore) };
    };
    let line = &rest[..at];
    let before = spans.len();
    split(line.strip_suffix(b"\r").unwrap_or(line), text, spans)?;
    let end = pos + at + 1;
    Ok(if spans.len() == before { Parsed::Nothing(end) } else { Parsed::Request(end) })
}

/// Splits a line into words, appended to `text`.
pub fn split(line: &[u8], text: &mut Vec<u8>, spans: &mut Vec<Span>) -> Result<(), ProtocolError> {
    // ANCHOR: inline-split-body
    let mut rest = line;
    loop {
        let blank = rest.iter().take_while(|byte| is_space(**byte)).count();
        rest = &rest[blank..];
        if rest.is_empty() {
            return Ok(());
        }
        let start = text.len() as u32;
        rest = word(rest, text)?;
        spans.push(Span { start, end: text.len() as u32 });
    }
    // ANCHOR_END: inline-split-body
}

/// Copies the word at the front of `rest`, which is not empty; what follows it.
fn word<'a>(mut rest: &'a [u8], text: &mut Vec<u8>) -> Result<&'a [u8], ProtocolError> {
    loop {
        match rest {
            [] | [b' ' | b'\n' | b'\r' | b'\t', ..] => return Ok(rest.get(1..).unwrap_or_default()),
            [b'"', inside @ ..] => return closed(double_quoted(inside, text)?),
            [b'\'', inside @ ..] => return closed(single_quoted(inside, text)?),
            [byte, more @ ..] => {
                text.push(*byte);
                rest = more;
            }
        }
    }
}

/// A closing quote ends the word: a space must follow it, or nothing.
fn closed(rest: &[u8]) -> Result<&[u8], ProtocolError> {
    match rest.first() {
        Some(&byte) if !is_space(byte) => Err(ProtocolError::Quotes),
        _ => Ok(rest),
    }
}

fn double_quoted<'a>(mut rest: &'a [u8], text: &mut Vec<u8>) -> Result<&'a [u8], ProtocolError> {
    loop {
        let (byte, more) = match rest {
            [] => return Err(ProtocolError::Quotes),
            [b'"', more @ ..] => return Ok(more),
            [b'\\', b'x', high, low, more @ ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                (hex(*high) << 4 | hex(*low), more)
            }
            [b'\\', escaped, more @ ..] => (unescape(*escaped), more),
            [byte, more @ ..] => (*byte, more),
        };
        text.push(byte);
        rest = more;
    }
}

fn single_quoted<'a>(mut rest: &'a [u8], text: &mut Vec<u8>) -> Result<&'a [u8], ProtocolError> {
    loop {
        let (byte, more) = match rest {
            [] => return Err(ProtocolError::Quotes),
            [b'\'', more @ ..] => return Ok(more),
            [b'\\', b'\'', more @ ..] => (b'\'', more),
            [byte, more @ ..] => (*byte, more),
        };
        text.push(byte);
        rest = more;
    }
}

fn unescape(byte: u8) -> u8 {
    match byte {
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'b' => 8,
        b'a' => 7,
        other => other,
    }
}

fn hex(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        _ => (digit | 0x20) - b'a' + 10,
    }
}

/// C's `isspace`: vertical tab and form feed too, which Rust's ASCII whitespace leaves out in part.
fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | 0x0b | 0x0c | b'\r')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Option<Vec<String>> {
        let (mut text, mut spans) = (Vec::new(), Vec::new());
        split(line.as_bytes(), &mut text, &mut spans).ok()?;
        let word = |s: &Span| text[s.start as usize..s.end as usize].iter().map(|b| char::from(*b)).collect();
        Some(spans.iter().map(word).collect())
    }

    #[test]
    fn words_and_quotes_follow_redis() {
        let cases: &[(&str, &[&str])] = &[
            ("", &[]),
            ("  \t ", &[]),
            ("SET k v", &["SET", "k", "v"]),
            ("  SET   k\tv  ", &["SET", "k", "v"]),
            ("SET k \"two words\"", &["SET", "k", "two words"]),
            ("SET k 'it\\'s'", &["SET", "k", "it's"]),
            (r#"x "\x41\x4a\n\r\t\b\a\\\"\q\xZZ""#, &["x", "AJ\n\r\t\u{8}\u{7}\\\"qxZZ"]),
            (r"x '\n\x41'", &["x", r"\n\x41"]),
            ("x \"\" ''", &["x", "", ""]),
            ("pre\"fix\" y", &["prefix", "y"]),
            ("a\u{b}b", &["a\u{b}b"]),
        ];
        for (line, expected) in cases {
            assert_eq!(
                words(line).as_deref(),
                Some(&expected.iter().map(|s| s.to_string()).collect::<Vec<_>>()[..]),
                "{line:?}"
            );
        }
    }

    #[test]
    fn unbalanced_quotes_are_refused() {
        for line in ["\"", "'", "x \"abc", "x 'abc", "x \"a\"b", "x 'a'b", "x \"abc\\", "x \"abc\\\""] {
            assert_eq!(words(line), None, "{line:?}");
        }
    }

    #[test]
    fn a_line_is_taken_whole_or_not_at_all() {
        let input = b"PING\r\n";
        for split in 0..input.len() {
            let got = parse(&input[..split], 0, &mut Vec::new(), &mut Vec::new());
            assert_eq!(got, Ok(Parsed::NeedMore), "{split}");
        }
        assert_eq!(parse(input, 0, &mut Vec::new(), &mut Vec::new()), Ok(Parsed::Request(6)));
        assert_eq!(parse(b"\r\n", 0, &mut Vec::new(), &mut Vec::new()), Ok(Parsed::Nothing(2)));
        assert_eq!(parse(b"\n", 0, &mut Vec::new(), &mut Vec::new()), Ok(Parsed::Nothing(1)));
        assert_eq!(parse(b"PI\0NG\r\n", 0, &mut Vec::new(), &mut Vec::new()), Ok(Parsed::NeedMore));
        let mut long = vec![b'a'; MAX_LINE];
        assert_eq!(parse(&long, 0, &mut Vec::new(), &mut Vec::new()), Ok(Parsed::NeedMore));
        long.push(b'a');
        assert_eq!(parse(&long, 0, &mut Vec::new(), &mut Vec::new()), Err(ProtocolError::InlineLine));
    }
}
