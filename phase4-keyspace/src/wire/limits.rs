//! What is shared by the three ways to write a request: RESP, inline and framed.
use crate::error::Error;

/// Longest line without an end that is waited for: an inline command, or a count.
pub const MAX_LINE: usize = 64 * 1024;
/// Most arguments, and longest argument, before the client has shown its password.
const UNAUTHENTICATED_ARGS: i64 = 10;
const UNAUTHENTICATED_BULK: i64 = 16 * 1024;

/// What a request may be at most.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Longest argument (`proto-max-bulk-len`).
    pub max_bulk: usize,
    /// Longest frame on the framed port (`client-query-buffer-limit`).
    pub max_frame: usize,
    /// The client has not given the password that is asked for: it gets very little memory.
    pub unauthenticated: bool,
}

impl Limits {
    pub(super) fn refuses_count(&self, count: i64) -> bool {
        self.unauthenticated && count > UNAUTHENTICATED_ARGS
    }

    pub(super) fn refuses_bulk(&self, len: i64) -> bool {
        self.unauthenticated && len > UNAUTHENTICATED_BULK
    }
}

/// What the front of the input turned out to be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Parsed {
    /// A whole request, which ends before this offset of the input.
    Request(usize),
    /// Nothing to run (an empty line, `*0`), which ends before this offset.
    Nothing(usize),
    /// The front of a request; come back with more bytes.
    NeedMore,
}

/// The stream cannot be understood from here on: the client is told why, and its connection closed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ProtocolError {
    /// `*` without a number behind it, or a number beyond 2³¹ − 1.
    MultibulkLength,
    /// More arguments than an unauthenticated client may send.
    UnauthenticatedMultibulk,
    /// 64 KiB after `*` without a line end.
    MultibulkLine,
    /// Something else where `$` was due.
    ExpectedDollar(u8),
    /// `$` without a number behind it, negative, or beyond `proto-max-bulk-len`.
    BulkLength,
    /// A longer argument than an unauthenticated client may send.
    UnauthenticatedBulk,
    /// 64 KiB after `$` without a line end.
    BulkLine,
    /// 64 KiB of inline command without a line end.
    InlineLine,
    /// A quote that is not closed, or closed in the middle of a word.
    Quotes,
    /// A client of the framed protocol on the RESP port.
    FramedClient,
    /// A client of RESP, or a person who types, on the framed port.
    RespClient,
    /// Framed: the length in the header is beyond the limit.
    FrameLength,
    /// Framed: an argument is beyond `proto-max-bulk-len`.
    FrameArgument,
    /// Framed: count and lengths inside the frame do not fill it exactly.
    FrameInside,
}

impl From<ProtocolError> for Error {
    fn from(error: ProtocolError) -> Error {
        let what = match error {
            ProtocolError::MultibulkLength => "invalid multibulk length",
            ProtocolError::UnauthenticatedMultibulk => "unauthenticated multibulk length",
            ProtocolError::MultibulkLine => "too big mbulk count string",
            ProtocolError::BulkLength => "invalid bulk length",
            ProtocolError::UnauthenticatedBulk => "unauthenticated bulk length",
            ProtocolError::BulkLine => "too big bulk count string",
            ProtocolError::InlineLine => "too big inline request",
            ProtocolError::Quotes => "unbalanced quotes in request",
            ProtocolError::FramedClient => "this port speaks RESP, not the framed protocol",
            ProtocolError::RespClient => "this port speaks the framed protocol, not RESP",
            ProtocolError::FrameInside => "the counts inside the frame do not fill it exactly",
            ProtocolError::FrameLength => return Error::TooBig("ERR Protocol error: frame too big".into()),
            ProtocolError::FrameArgument => {
                return Error::TooBig("ERR Protocol error: argument too big".into());
            }
            ProtocolError::ExpectedDollar(got) => {
                return Error::bytes([b"ERR Protocol error: expected '$', got '", &[got][..], b"'"].concat());
            }
        };
        match error {
            ProtocolError::FrameInside => Error::BadArgument(format!("ERR Protocol error: {what}").into()),
            _ => Error::other(format!("ERR Protocol error: {what}")),
        }
    }
}
