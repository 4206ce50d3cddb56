//! One client: what has arrived and was not served, what is owed and was not sent, and what may happen next.
//!
//! ```text
//!            output > high mark                 Next::Hold
//!     Full <--------------------- Open ----------------------> Held
//!      |  ----------------------> |  ^ <----------------------- |
//!      |     output < low mark    |  |      Outbox::resume      |
//!      |                          |  accept                     |
//!      +-- reset, stalled         | FIN, Next::Close, idle      +-- FIN
//!      +------------------------> v <---------------------------+
//!                              Closing  --- all sent, peer's FIN seen, or reset ---> gone
//!                                 | all sent, peer still sending                      ^
//!                                 +-----> Lingering ----------------------------------+
//! ```
mod close_reason;
mod io;

use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use phase1_echo::socket;

use crate::limits::Limits;
use crate::poller::Interest;
use crate::slab::ConnId;

pub use self::close_reason::CloseReason;
pub use self::io::READ_SIZE;
pub(crate) use self::io::consume;

/// How long the peer may take to see our FIN and answer with its own.
const LINGER: Duration = Duration::from_secs(2);

// ANCHOR: connection-state
/// What a connection may do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum State {
    /// Read, serve, send.
    Open,
    /// Send only: its client does not read as fast as it asks.
    Full,
    /// Send, and read a little ahead: the service answers later.
    Held,
    /// Send what is owed, then end.
    Closing {
        /// Why.
        reason: CloseReason,
        /// Try to send once more, then close even if bytes are left.
        force: bool,
    },
    /// Our FIN is sent; what arrives is thrown away until the peer's FIN. Closing a socket that has unread bytes makes the
    /// kernel send RST, and a RST can overtake the reply: an error message would be lost before its reader saw it.
    Lingering {
        /// Until when to wait for it.
        until: Instant,
    },
}
// ANCHOR_END: connection-state

/// What follows from the state of a connection after its output was offered to the kernel.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step {
    /// Wait for events.
    Stay,
    /// Send FIN and linger.
    Linger,
    /// Close the descriptor.
    Remove,
}

/// A connection and its buffers.
pub struct Connection {
    /// Its own name.
    pub id: ConnId,
    /// Nonblocking; closed when this record is dropped.
    pub socket: OwnedFd,
    /// Its line in the trace.
    pub track: u32,
    /// See [`State`].
    pub state: State,
    /// Received, not consumed. No capacity while empty.
    pub pending: Vec<u8>,
    /// `pending` may hold whole requests: serve them before reading on.
    pub unserved: bool,
    /// Replies; the first `sent` bytes are history. No capacity while drained.
    pub output: Vec<u8>,
    /// See `output`.
    pub sent: usize,
    /// What the poller watches it for.
    pub interest: Interest,
    /// The kernel has not said that the send buffer is full.
    pub can_write: bool,
    /// The peer's FIN or RST has been seen: no use in lingering.
    pub peer_ended: bool,
    /// [`Service::close`](crate::service::Service::close) was called, or is not going to be.
    pub reported: bool,
    /// On the list of those to flush at the end of this tick.
    pub dirty: bool,
    /// The idle timeout does not apply.
    pub never_idle: bool,
    /// The last byte in either direction.
    pub last_activity: Instant,
    /// The kernel took no byte of the waiting output since then.
    pub stalled_since: Option<Instant>,
}

impl Connection {
    /// A connection that has just been accepted.
    pub fn new(id: ConnId, socket: OwnedFd, track: u32, now: Instant) -> Self {
        Connection {
            id,
            socket,
            track,
            state: State::Open,
            pending: Vec::new(),
            unserved: false,
            output: Vec::new(),
            sent: 0,
            interest: Interest::READ,
            can_write: true,
            peer_ended: false,
            reported: false,
            dirty: false,
            never_idle: false,
            last_activity: now,
            stalled_since: None,
        }
    }

    /// How many bytes are still to be sent.
    pub fn owed(&self) -> usize {
        self.output.len() - self.sent
    }

    /// Whether bytes from this peer have a place to go.
    pub fn wants_read(&self) -> bool {
        match self.state {
            State::Open => !self.unserved,
            State::Held => self.pending.len() < READ_SIZE,
            State::Lingering { .. } => true,
            State::Full | State::Closing { .. } => false,
        }
    }

    /// Whether everything is served and sent, and the kernel knows what to watch it for.
    pub fn is_at_rest(&self) -> bool {
        self.state == State::Open
            && !self.unserved
            && self.output.is_empty()
            && self.interest == Interest::READ
    }

    /// Whether its end has begun.
    pub fn is_ending(&self) -> bool {
        matches!(self.state, State::Closing { .. } | State::Lingering { .. })
    }

    /// Puts it on the list of those to flush at the end of this tick, once.
    pub fn enlist(&mut self, dirty: &mut Vec<ConnId>) {
        if !std::mem::replace(&mut self.dirty, true) {
            dirty.push(self.id);
        }
    }

    /// Starts the end. One that has started already can only be cut short, and then for the new reason.
    pub fn close(&mut self, reason: CloseReason, force: bool) {
        match self.state {
            State::Lingering { .. } | State::Closing { force: true, .. } => {}
            State::Closing { .. } if !force => {}
            _ => self.state = State::Closing { reason, force },
        }
    }

    /// Starts an end at which nothing is sent and no FIN of the peer is waited for.
    pub fn abandon(&mut self, reason: CloseReason) {
        self.output.clear();
        self.sent = 0;
        self.peer_ended = true;
        self.close(reason, true);
    }

    /// Decides what follows after a flush.
    pub fn step(&mut self, limits: &Limits) -> Step {
        let owed = self.owed();
        match self.state {
            // ANCHOR: back-pressure
            // ANCHOR: back-pressure-body
            State::Open if owed > limits.high_mark => self.state = State::Full,
            State::Full if owed < limits.low_mark || owed == 0 => self.state = State::Open,
            // ANCHOR_END: back-pressure-body
            // ANCHOR_END: back-pressure
            State::Closing { force, .. } if owed == 0 || force => {
                return if self.peer_ended || owed > 0 { Step::Remove } else { Step::Linger };
            }
            State::Lingering { .. } if self.peer_ended => return Step::Remove,
            _ => {}
        }
        Step::Stay
    }

    /// Sends FIN: everything owed has been sent, nothing will follow.
    pub fn linger(&mut self, now: Instant) {
        self.state = State::Lingering { until: now + LINGER };
        self.pending = Vec::new();
        // ENOTCONN if the peer has reset the connection meanwhile; then the next event says so.
        self.peer_ended |= socket::shutdown_write(self.socket.as_fd()).is_err();
    }

    // ANCHOR: desired-interest
    /// What the poller should watch it for: bytes while they have a place to go, room only while something
    /// waits for it.
    pub fn desired_interest(&self) -> Interest {
        let readable = match self.state {
            // It is served in the next tick in any case; two system calls to look away for so long are not worth it.
            State::Open if self.unserved => self.interest.readable,
            _ => self.wants_read() && !self.peer_ended,
        };
        // A held client that has sent too much is not read: only the poller can tell that it has left.
        let peer_fin = self.state == State::Held && !readable;
        Interest { readable, writable: self.owed() > 0, peer_fin }
    }
    // ANCHOR_END: desired-interest
}

#[cfg(test)]
mod tests;
