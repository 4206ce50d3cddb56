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
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::socket::Shutdown;

use crate::limits::Limits;
use crate::poller::Interest;
use crate::slab::ConnId;
use crate::syscalls;

/// Most bytes of an ordinary read.
pub const READ_SIZE: usize = 64 * 1024;
/// Most bytes of a read into a big unfinished request.
const MAX_READ: usize = 1024 * 1024;
/// How long the peer may take to see our FIN and answer with its own.
const LINGER: Duration = Duration::from_secs(2);

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
    /// [`Limits::max_carry`].
    Error(nix::Error),
    /// The server is going down.
    Shutdown,
}

impl CloseReason {
    /// A few words for logs and traces.
    pub fn name(self) -> &'static str {
        match self {
            CloseReason::EndOfStream => "end of stream",
            CloseReason::ByService => "closed by the server",
            CloseReason::Idle => "idle",
            CloseReason::Stalled => "does not read",
            CloseReason::Error(errno) => crate::syscalls::name(errno),
            CloseReason::Shutdown => "shutdown",
        }
    }
}

/// What the loop knows about a connection, for `CLIENT LIST` and the like.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ConnStats {
    /// Bytes received and not yet served.
    pub input_len: usize,
    /// Capacity behind them.
    pub input_capacity: usize,
    /// Bytes waiting to be sent.
    pub output_len: usize,
    /// Capacity behind them.
    pub output_capacity: usize,
}

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
        ending: CloseReason,
        /// After one more attempt to send, whatever is left by then.
        once: bool,
    },
    /// Our FIN is sent; what arrives is thrown away until the peer's FIN. Closing a socket that has unread bytes makes the
    /// kernel send RST, and a RST can overtake the reply: an error message would be lost before its reader saw it.
    Lingering {
        /// When patience ends.
        until: Instant,
    },
}
// ANCHOR_END: connection-state

/// What follows from the state of a connection after its output was offered to the kernel.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step {
    /// Wait for events.
    Stay,
    /// It has just become [`State::Full`].
    Suspend,
    /// It has just drained: serve what it already sent, then read again.
    Resume,
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
    /// Who is there.
    pub peer: SocketAddr,
    /// See [`State`].
    pub state: State,
    /// Received, not consumed. No capacity while empty.
    pub carry: Vec<u8>,
    /// `carry` may hold whole requests: serve them before reading on.
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
    /// On the list of those to settle at the end of this tick.
    pub dirty: bool,
    /// On the list of those to advance without an event.
    pub queued: bool,
    /// The idle timeout does not apply.
    pub never_idle: bool,
    /// The last byte in either direction.
    pub last_activity: Instant,
    /// The kernel took no byte of the waiting output since then.
    pub stalled_since: Option<Instant>,
}

/// What one read brought.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Received {
    /// New bytes; 0 is the peer's FIN.
    pub count: usize,
    /// `Some(n)`: carry and new bytes stand together in the first n bytes of the scratch buffer. `None`: in `carry`.
    pub scratch: Option<usize>,
}

impl Connection {
    /// A connection that has just been accepted.
    pub fn new(id: ConnId, socket: OwnedFd, peer: SocketAddr, now: Instant) -> Self {
        Connection {
            id,
            socket,
            peer,
            state: State::Open,
            carry: Vec::new(),
            unserved: false,
            output: Vec::new(),
            sent: 0,
            interest: Interest::READ,
            can_write: true,
            peer_ended: false,
            reported: false,
            dirty: false,
            queued: false,
            never_idle: false,
            last_activity: now,
            stalled_since: None,
        }
    }

    /// How many bytes are still to be sent.
    pub fn owed(&self) -> usize {
        self.output.len() - self.sent
    }

    /// What its buffers hold.
    pub fn stats(&self) -> ConnStats {
        ConnStats {
            input_len: self.carry.len(),
            input_capacity: self.carry.capacity(),
            output_len: self.owed(),
            output_capacity: self.output.capacity(),
        }
    }

    /// Whether bytes from this peer have a place to go.
    pub fn wants_read(&self) -> bool {
        match self.state {
            State::Open => !self.unserved,
            State::Held => self.carry.len() < READ_SIZE,
            State::Lingering { .. } => true,
            State::Full | State::Closing { .. } => false,
        }
    }

    /// One bounded read. `scratch` has room for a tail in front and one read behind it: twice [`READ_SIZE`].
    ///
    /// A short tail is moved in front of the new bytes, in the shared scratch buffer: a request that arrives whole is
    /// served where the kernel put it and copied nowhere. A long tail (a value of megabytes) stays where it is and grows
    /// in place, by ever larger reads, so that each of its bytes is written once. Room is never reserved on the word of
    /// a length field, only in proportion to what has arrived.
    ///
    /// # Errors
    /// Those of [`syscalls::recv`] and [`syscalls::recv_append`].
    pub fn receive(&mut self, scratch: &mut [u8]) -> nix::Result<Received> {
        // ANCHOR: read-step
        // ANCHOR: read-step-body
        let tail = self.carry.len();
        if tail > READ_SIZE {
            let count = syscalls::recv_append(self.socket.as_fd(), &mut self.carry, tail.min(MAX_READ))?;
            return Ok(Received { count, scratch: None });
        }
        scratch[..tail].copy_from_slice(&self.carry);
        let count = syscalls::recv(self.socket.as_fd(), &mut scratch[tail..tail + READ_SIZE])?;
        Ok(Received { count, scratch: Some(tail + count) })
        // ANCHOR_END: read-step-body
        // ANCHOR_END: read-step
    }

    /// Offers the kernel what is owed, once. Returns how much it took.
    ///
    /// # Errors
    /// The peer is gone: `EPIPE`, `ECONNRESET`. The kernel took nothing and gave no reason: `EIO`. A full send buffer is not an error but 0 bytes.
    pub fn flush(&mut self, now: Instant) -> nix::Result<usize> {
        // ANCHOR: flush-step
        // ANCHOR: flush-step-body
        let offered = self.owed();
        let taken = match syscalls::send(self.socket.as_fd(), &self.output[self.sent..]) {
            Err(Errno::EAGAIN) => 0,
            Err(Errno::EINTR) => return Ok(0),
            // No room is EAGAIN; 0 is no answer at all, and waiting for "writable" would bring it for ever.
            Ok(0) if offered > 0 => return Err(Errno::EIO),
            taken => taken?,
        };
        self.sent += taken;
        // What is left stays where it is; moving it to the front after every short write would be O(n²).
        self.can_write = taken == offered;
        if taken > 0 {
            self.last_activity = now;
        }
        self.stalled_since = match self.stalled_since {
            _ if taken == offered => None,
            Some(since) if taken == 0 => Some(since),
            _ => Some(now),
        };
        Ok(taken)
        // ANCHOR_END: flush-step-body
        // ANCHOR_END: flush-step
    }

    /// Drops the sent half of the output before more is appended. At most as many bytes are moved as were sent since.
    pub fn compact_output(&mut self) {
        if self.sent > 0 && self.sent >= self.owed() {
            self.output.drain(..self.sent);
            self.sent = 0;
        }
    }

    /// Keeps what the service did not consume: of bytes in the scratch buffer (`fresh`) a copy, of `carry` the rest.
    pub fn keep_rest(&mut self, fresh: Option<&[u8]>, consumed: usize) {
        match fresh {
            Some(input) if consumed == 0 => self.carry.extend_from_slice(&input[self.carry.len()..]),
            Some(input) => {
                self.carry.clear();
                self.carry.extend_from_slice(&input[consumed..]);
            }
            None => drop(self.carry.drain(..consumed)),
        }
    }

    /// Starts the end. One that has started already can only be cut short, and then for the new reason.
    pub fn close(&mut self, ending: CloseReason, once: bool) {
        match self.state {
            State::Lingering { .. } | State::Closing { once: true, .. } => {}
            State::Closing { .. } if !once => {}
            _ => self.state = State::Closing { ending, once },
        }
    }

    /// The connection is broken: nothing can be sent any more.
    pub fn fail(&mut self, errno: Errno) {
        self.abandon(CloseReason::Error(errno));
    }

    /// Starts an end at which nothing is sent and no FIN of the peer is waited for.
    pub fn abandon(&mut self, ending: CloseReason) {
        self.output.clear();
        self.sent = 0;
        self.peer_ended = true;
        self.close(ending, true);
    }

    /// Decides what follows after a flush.
    pub fn step(&mut self, limits: &Limits) -> Step {
        let owed = self.owed();
        match self.state {
            // ANCHOR: back-pressure
            // ANCHOR: back-pressure-body
            State::Open if owed > limits.high_mark => {
                self.state = State::Full;
                Step::Suspend
            }
            State::Full if owed < limits.low_mark || owed == 0 => {
                self.state = State::Open;
                Step::Resume
            }
            // ANCHOR_END: back-pressure-body
            // ANCHOR_END: back-pressure
            State::Closing { once, .. } if owed == 0 || once => {
                if self.peer_ended || owed > 0 {
                    Step::Remove
                } else {
                    Step::Linger
                }
            }
            State::Lingering { .. } if self.peer_ended => Step::Remove,
            _ => Step::Stay,
        }
    }

    /// Sends FIN: everything owed has been sent, nothing will follow.
    pub fn linger(&mut self, now: Instant) {
        self.state = State::Lingering { until: now + LINGER };
        self.carry = Vec::new();
        // ENOTCONN if the peer has reset the connection meanwhile; then the next event says so.
        if nix::sys::socket::shutdown(self.socket.as_raw_fd(), Shutdown::Write).is_err() {
            self.peer_ended = true;
        }
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

    /// When this connection has to be looked at though nothing happens, and why it would end then.
    pub fn deadline(&self, limits: &Limits, now: Instant) -> Option<(Instant, CloseReason)> {
        if let State::Lingering { until } = self.state {
            return Some((until, CloseReason::ByService));
        }
        // A held client waits for us, not we for it.
        let exempt = self.never_idle || self.state == State::Held;
        let idle_since = if exempt { now } else { self.last_activity };
        // A timeout that leads beyond what an Instant can hold never runs out.
        let end = |since: Option<Instant>, timeout: Option<Duration>| since?.checked_add(timeout?);
        let idle = end(Some(idle_since), limits.idle_timeout).map(|at| (at, CloseReason::Idle));
        let stalled = end(self.stalled_since, limits.stall_timeout).map(|at| (at, CloseReason::Stalled));
        [stalled, idle].into_iter().flatten().min_by_key(|(at, _)| *at)
    }
}

#[cfg(test)]
mod tests;
