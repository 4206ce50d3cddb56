//! Why connections end.
use std::fmt;

/// Why a connection ended, for logs and counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CloseReason {
    /// The peer sent FIN, and everything owed was sent.
    EndOfStream,
    /// The service asked for it ([`Next::Close`](crate::service::Next::Close), [`Outbox::close`](crate::outbox::Outbox::close)).
    ByService,
    /// Not a byte went either way for longer than the idle timeout.
    Idle,
    /// The peer accepted no byte of a waiting output for too long.
    Stalled,
    /// The kernel reported an error: the connection was reset, for instance. `EMSGSIZE`: an unfinished request outgrew
    /// [`Limits::max_pending`](crate::limits::Limits::max_pending).
    Error(nix::Error),
    /// The server is going down.
    Shutdown,
}

/// A few words for logs and traces.
impl fmt::Display for CloseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            CloseReason::EndOfStream => "end of stream",
            CloseReason::ByService => "closed by the server",
            CloseReason::Idle => "idle",
            CloseReason::Stalled => "does not read",
            CloseReason::Error(errno) => return write!(f, "{errno:?}"),
            CloseReason::Shutdown => "shutdown",
        })
    }
}
