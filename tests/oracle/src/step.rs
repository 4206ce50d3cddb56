//! What is sent: commands with the connection that sends them, and how they are printed for redis-cli.
use std::fmt::Write;

/// One argument. Two servers give their clients other ids and ports, so these are filled in for each server.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Piece {
    /// The bytes themselves.
    Bytes(Vec<u8>),
    /// The id that the server gave this connection.
    ClientId(usize),
    /// The address from which this connection comes.
    Address(usize),
}

/// One request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Request {
    /// A command, sent as a RESP array.
    Command(Vec<Piece>),
    /// Bytes sent as they are: inline commands and broken protocol. They must end a request or break the stream, never
    /// leave half a request behind.
    Raw(Vec<u8>),
}

/// A request on its way through one of the connections.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Step {
    /// Which connection sends it.
    pub connection: usize,
    /// Neighbouring steps of one batch travel in one write.
    pub batch: usize,
    /// What is sent.
    pub request: Request,
}

impl Request {
    /// A command from plain bytes.
    pub fn command(args: &[&[u8]]) -> Self {
        Request::Command(args.iter().map(|arg| Piece::Bytes(arg.to_vec())).collect())
    }

    /// Argument `index` as bytes, in upper case: for recognising names and options. Empty if there is none.
    pub fn word(&self, index: usize) -> Vec<u8> {
        match self {
            Request::Command(pieces) => match pieces.get(index) {
                Some(Piece::Bytes(bytes)) => bytes.to_ascii_uppercase(),
                _ => Vec::new(),
            },
            Request::Raw(bytes) => {
                bytes.split(|b| b" \r\n".contains(b)).nth(index).unwrap_or_default().to_ascii_uppercase()
            }
        }
    }

    /// About how many bytes this is when it is sent.
    pub fn size(&self) -> usize {
        let of = |piece: &Piece| match piece {
            Piece::Bytes(bytes) => bytes.len() + 10,
            Piece::ClientId(_) | Piece::Address(_) => 30,
        };
        match self {
            Request::Command(pieces) => pieces.iter().map(of).sum(),
            Request::Raw(bytes) => bytes.len(),
        }
    }

    /// Whether this is the named command with, if given, the named first argument.
    pub fn is(&self, name: &str, sub: Option<&str>) -> bool {
        self.word(0) == name.as_bytes() && sub.is_none_or(|sub| self.word(1) == sub.as_bytes())
    }

    /// As redis-cli takes it at its prompt.
    pub fn script_line(&self) -> String {
        match self {
            Request::Command(pieces) => pieces.iter().map(Piece::quoted).collect::<Vec<_>>().join(" "),
            Request::Raw(bytes) => format!("(raw bytes, for nc) {}", bytes.escape_ascii()),
        }
    }
}

impl Piece {
    fn quoted(&self) -> String {
        match self {
            Piece::Bytes(bytes) => quote(bytes),
            Piece::ClientId(connection) => format!("<id of connection {connection}>"),
            Piece::Address(connection) => format!("<address of connection {connection}>"),
        }
    }
}

/// Quotes an argument for redis-cli, if it needs to be.
pub fn quote(bytes: &[u8]) -> String {
    let plain = |b: &u8| b.is_ascii_alphanumeric() || b"_-.:*?[]^+/,%=&".contains(b);
    if !bytes.is_empty() && bytes.iter().all(plain) {
        return bytes.escape_ascii().to_string();
    }
    let mut quoted = String::from("\"");
    for &byte in bytes {
        match byte {
            b'"' | b'\\' => {
                quoted.push('\\');
                quoted.push(byte as char);
            }
            b' '..=b'~' => quoted.push(byte as char),
            _ => write!(quoted, "\\x{byte:02x}").expect("writing to a String cannot fail"),
        }
    }
    quoted.push('"');
    quoted
}

/// All steps as a script. One connection's script can be pasted into redis-cli as it is; where several connections take
/// part, a line says in which of as many redis-cli to go on.
pub fn script(steps: &[Step]) -> String {
    let mut text = String::new();
    let several = steps.iter().any(|step| step.connection != steps[0].connection);
    let mut last = None;
    for step in steps {
        if several && last != Some(step.connection) {
            writeln!(text, "--- in redis-cli number {}:", step.connection).expect("a String");
            last = Some(step.connection);
        }
        writeln!(text, "{}", step.request.script_line()).expect("a String");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_quoted_for_redis_cli() {
        assert_eq!(quote(b"plain:1"), "plain:1");
        assert_eq!(quote(b""), "\"\"");
        assert_eq!(quote(b"a b\"\\\x00\xff"), r#""a b\"\\\x00\xff""#);
    }

    #[test]
    fn one_connection_prints_nothing_but_commands() {
        let step =
            |connection, args: &[&[u8]]| Step { connection, batch: 0, request: Request::command(args) };
        let mut steps = vec![step(2, &[b"SET", b"k", b"a b"]), step(2, &[b"GET", b"k"])];
        assert_eq!(script(&steps), "SET k \"a b\"\nGET k\n");
        steps.push(step(1, &[b"PING"]));
        assert!(script(&steps).ends_with("--- in redis-cli number 1:\nPING\n"));
    }
}
