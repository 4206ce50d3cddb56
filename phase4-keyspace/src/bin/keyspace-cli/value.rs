//! A reply, whichever protocol brought it, and the two ways redis-cli prints one.

/// How many elements stand side by side, and what they are to each other.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    Array,
    Set,
    Push,
}

#[derive(Clone, PartialEq, Debug)]
pub enum Value {
    Nil,
    Error(Vec<u8>),
    Status(Vec<u8>),
    Integer(i64),
    /// In its decimal form, as the server wrote it.
    Double(Vec<u8>),
    Boolean(bool),
    String(Vec<u8>),
    /// Text for people: printed without quotes.
    Verbatim(Vec<u8>),
    List(Kind, Vec<Value>),
    Map(Vec<(Value, Value)>),
}

impl Value {
    /// For programs: strings as they are, elements on lines of their own, no types.
    pub fn write_raw(&self, out: &mut Vec<u8>) {
        match self {
            Value::Nil => {}
            // redis-cli ends an error's line itself, and printing the reply ends it once more.
            Value::Error(text) => {
                out.extend_from_slice(text);
                out.push(b'\n');
            }
            Value::Status(text) | Value::Double(text) | Value::String(text) | Value::Verbatim(text) => {
                out.extend_from_slice(text);
            }
            Value::Integer(n) => out.extend_from_slice(n.to_string().as_bytes()),
            Value::Boolean(b) => out.extend_from_slice(boolean(*b)),
            Value::List(_, elements) => {
                for (i, element) in elements.iter().enumerate() {
                    if i > 0 {
                        out.push(b'\n');
                    }
                    element.write_raw(out);
                }
            }
            Value::Map(pairs) => {
                for (i, (key, value)) in pairs.iter().enumerate() {
                    if i > 0 {
                        out.push(b'\n');
                    }
                    key.write_raw(out);
                    out.push(b' ');
                    value.write_raw(out);
                }
            }
        }
    }

    /// For people: with types, strings quoted, elements numbered. Ends with a line end.
    pub fn write_formatted(&self, out: &mut Vec<u8>) {
        self.format(out, 0);
    }

    /// How many numbered lines it begins with; a map's value of several starts on a line of its own.
    fn lines(&self) -> usize {
        match self {
            Value::List(_, elements) => elements.len(),
            Value::Map(pairs) => pairs.len(),
            _ => 1,
        }
    }

    /// `indent`: where this value stands, so that the lines after its first one line up.
    fn format(&self, out: &mut Vec<u8>, indent: usize) {
        match self {
            Value::Nil => out.extend_from_slice(b"(nil)"),
            Value::Error(text) => {
                out.extend_from_slice(b"(error) ");
                out.extend_from_slice(text);
            }
            Value::Status(text) | Value::Verbatim(text) => out.extend_from_slice(text),
            Value::Integer(n) => out.extend_from_slice(format!("(integer) {n}").as_bytes()),
            Value::Double(text) => {
                out.extend_from_slice(b"(double) ");
                out.extend_from_slice(text);
            }
            Value::Boolean(b) => out.extend_from_slice(boolean(*b)),
            Value::String(text) => quote(out, text),
            Value::List(kind, elements) => return format_list(*kind, elements, out, indent),
            Value::Map(pairs) => return format_map(pairs, out, indent),
        }
        out.push(b'\n');
    }
}

fn format_list(kind: Kind, elements: &[Value], out: &mut Vec<u8>, indent: usize) {
    let (name, sign) = match kind {
        Kind::Array => ("array", ')'),
        Kind::Set => ("set", '~'),
        Kind::Push => ("push", ')'),
    };
    if elements.is_empty() {
        out.extend_from_slice(format!("(empty {name})\n").as_bytes());
    }
    let width = elements.len().to_string().len();
    for (i, element) in elements.iter().enumerate() {
        number(out, i, sign, width, indent);
        element.format(out, indent + width + 2);
    }
}

fn format_map(pairs: &[(Value, Value)], out: &mut Vec<u8>, indent: usize) {
    if pairs.is_empty() {
        out.extend_from_slice(b"(empty hash)\n");
    }
    let width = pairs.len().to_string().len();
    for (i, (key, value)) in pairs.iter().enumerate() {
        number(out, i, '#', width, indent);
        key.format(out, indent + width + 2);
        out.pop();
        out.extend_from_slice(b" => ");
        if value.lines() > 1 {
            out.push(b'\n');
            out.resize(out.len() + indent + width + 2, b' ');
        }
        value.format(out, indent + width + 2);
    }
}

/// `3) `: the first element stands on the line that its list began on, the others need the indent.
fn number(out: &mut Vec<u8>, i: usize, sign: char, width: usize, indent: usize) {
    let indent = if i == 0 { 0 } else { indent };
    out.extend_from_slice(format!("{:indent$}{:>width$}{sign} ", "", i + 1).as_bytes());
}

fn boolean(value: bool) -> &'static [u8] {
    if value { b"(true)" } else { b"(false)" }
}

fn quote(out: &mut Vec<u8>, text: &[u8]) {
    out.push(b'"');
    for &byte in text {
        match byte {
            b'\\' | b'"' => out.extend_from_slice(&[b'\\', byte]),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            0x07 => out.extend_from_slice(b"\\a"),
            0x08 => out.extend_from_slice(b"\\b"),
            b' '..=b'~' => out.push(byte),
            _ => out.extend_from_slice(format!("\\x{byte:02x}").as_bytes()),
        }
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn string(text: &str) -> Value {
        Value::String(text.into())
    }

    fn formatted(value: &Value) -> String {
        let mut out = Vec::new();
        value.write_formatted(&mut out);
        String::from_utf8(out).expect("formatted replies are ASCII here")
    }

    #[test]
    fn prints_as_redis_cli_does() {
        assert_eq!(formatted(&Value::Integer(1)), "(integer) 1\n");
        assert_eq!(formatted(&Value::Nil), "(nil)\n");
        assert_eq!(formatted(&Value::Error(b"ERR no".to_vec())), "(error) ERR no\n");
        assert_eq!(formatted(&Value::String(b"a\"\n\x07\xff".to_vec())), "\"a\\\"\\n\\a\\xff\"\n");
        assert_eq!(formatted(&Value::List(Kind::Array, vec![])), "(empty array)\n");
        let map =
            Value::Map(vec![(string("k"), Value::List(Kind::Set, vec![Value::Boolean(true), Value::Nil]))]);
        assert_eq!(formatted(&map), "1# \"k\" => \n   1~ (true)\n   2~ (nil)\n");
    }

    #[test]
    fn inner_lists_line_up() {
        let inner = Value::List(Kind::Array, vec![string("a"), string("b")]);
        let mut elements = vec![inner; 2];
        elements.extend((0..8).map(Value::Integer));
        let text = formatted(&Value::List(Kind::Array, elements));
        assert!(
            text.starts_with(" 1) 1) \"a\"\n    2) \"b\"\n 2) 1) \"a\"\n    2) \"b\"\n 3) (integer) 0\n"),
            "{text}"
        );
        assert!(text.ends_with("\n10) (integer) 7\n"), "{text}");
    }

    #[test]
    fn raw_is_bare() {
        let mut out = Vec::new();
        Value::List(Kind::Array, vec![string("a\n"), Value::Nil, Value::Integer(3)]).write_raw(&mut out);
        assert_eq!(out, b"a\n\n\n3");
    }
}
