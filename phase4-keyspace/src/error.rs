//! What can be wrong with a request, and the words Redis has for it.
use std::borrow::Cow;

/// A refused command. A command that returns one has written no reply and changed nothing: the dispatcher writes the
/// text, so an error can neither follow half a reply nor be counted twice.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Error {
    /// `ERR syntax error`
    Syntax,
    /// `ERR value is not an integer or out of range`
    NotInteger,
    /// `ERR value is not a valid float`
    NotFloat,
    /// `WRONGTYPE …`
    WrongType,
    /// `ERR no such key`
    NoSuchKey,
    /// `ERR wrong number of arguments for 'name' command` (`name|sub` for a subcommand)
    Arity(Cow<'static, str>),
    /// `ERR unknown command …`, complete; it quotes the client, so it need not be UTF-8
    UnknownCommand(Vec<u8>),
    /// `ERR invalid expire time in 'name' command`
    InvalidExpire(&'static str),
    /// A value or a request beyond what the server takes; complete text
    TooBig(Cow<'static, str>),
    /// An argument that makes no sense here; complete text
    BadArgument(Cow<'static, str>),
    /// Any other text that quotes the client; complete
    Bytes(Vec<u8>),
    /// Anything else: the complete text, code word first (`ERR …`, `NOAUTH …`)
    Other(Cow<'static, str>),
}

impl Error {
    /// Any other text, code word first.
    pub fn other(text: impl Into<Cow<'static, str>>) -> Self {
        Error::Other(text.into())
    }

    /// An argument that makes no sense here: complete text, code word first.
    pub fn bad_argument(text: impl Into<Cow<'static, str>>) -> Self {
        Error::BadArgument(text.into())
    }

    /// Any other text that quotes the client, code word first.
    pub fn bytes(text: impl Into<Vec<u8>>) -> Self {
        Error::Bytes(text.into())
    }

    /// The error line without the leading `-` and the line end, byte for byte.
    pub fn line(&self) -> Cow<'_, [u8]> {
        match self {
            Error::UnknownCommand(text) | Error::Bytes(text) => text.as_slice().into(),
            _ => match self.text() {
                Cow::Borrowed(text) => text.as_bytes().into(),
                Cow::Owned(text) => text.into_bytes().into(),
            },
        }
    }

    /// The same for people to read: bytes that are no UTF-8 are replaced.
    pub fn text(&self) -> Cow<'_, str> {
        match self {
            Error::Syntax => "ERR syntax error".into(),
            Error::NotInteger => "ERR value is not an integer or out of range".into(),
            Error::NotFloat => "ERR value is not a valid float".into(),
            Error::WrongType => "WRONGTYPE Operation against a key holding the wrong kind of value".into(),
            Error::NoSuchKey => "ERR no such key".into(),
            Error::Arity(name) => format!("ERR wrong number of arguments for '{name}' command").into(),
            Error::InvalidExpire(name) => format!("ERR invalid expire time in '{name}' command").into(),
            Error::UnknownCommand(text) | Error::Bytes(text) => String::from_utf8_lossy(text),
            Error::TooBig(text) | Error::BadArgument(text) | Error::Other(text) => text.as_ref().into(),
        }
    }

    /// The code that the framed protocol carries beside the text.
    pub fn framed_code(&self) -> u32 {
        match self {
            Error::UnknownCommand(_) => 1,
            Error::TooBig(_) => 2,
            Error::WrongType => 3,
            Error::Syntax
            | Error::NotInteger
            | Error::NotFloat
            | Error::Arity(_)
            | Error::InvalidExpire(_)
            | Error::BadArgument(_) => 4,
            Error::NoSuchKey | Error::Other(_) | Error::Bytes(_) => 5,
        }
    }
}

/// What `%.*s` prints of it: up to `max` bytes, and not past a NUL.
pub fn c_string(bytes: &[u8], max: usize) -> &[u8] {
    let bytes = &bytes[..bytes.len().min(max)];
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    &bytes[..end]
}

/// What a subcommand says that counts its own arguments.
pub fn wrong_subcommand(container: &str, name: &[u8]) -> Error {
    let text = b"ERR unknown subcommand or wrong number of arguments for '";
    Error::bytes([text, c_string(name, 128), b"'. Try ", container.as_bytes(), b" HELP."].concat())
}
