//! The seam between the loop and what it serves.
//!
//! Above this line no code knows that sockets exist: a service is handed bytes and appends bytes. Phase 3's echo and
//! phase 4's keyspace are both a [`Service`]; the loop under them is the same. Three methods are required; the others are
//! hooks with defaults.
use std::net::SocketAddr;
use std::time::Instant;

use crate::connection::CloseReason;
use crate::outbox::Outbox;
use crate::slab::ConnId;

/// What is known of a connection at the moment it is accepted: the 4-tuple, and which listener it came through.
#[derive(Clone, Copy, Debug)]
pub struct Accepted {
    /// The tag given to [`EventLoop::listen`](crate::event_loop::EventLoop::listen).
    pub listener: usize,
    /// The client's address and port.
    pub peer: SocketAddr,
    /// Our address and port, as this client reached them.
    pub local: SocketAddr,
    /// The descriptor, for logs and `CLIENT LIST` only: the loop owns it.
    pub fd: i32,
}

/// The answer of [`Service::open`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Admission {
    /// Serve it.
    Accept,
    /// Send what `open` appended for it, then close. [`Service::close`] is not called for a refused connection.
    Refuse,
}

/// One call of [`Service::serve`]: one connection's bytes, and where its replies go.
pub struct Turn<'a> {
    /// Whose turn it is.
    pub conn: ConnId,
    /// Every byte received and not yet consumed, oldest first. Never empty.
    pub input: &'a [u8],
    /// Replies to this connection are appended here; the loop sends them at the end of the tick.
    pub out: &'a mut Vec<u8>,
    /// How many bytes at the front of `out` have been sent already: what waits is the rest.
    pub sent: usize,
    /// Stop serving between two requests once `out` is longer than this, and return [`Next::Full`].
    pub high_mark: usize,
    /// Everything else: the other connections' output, closing and holding connections, the tick's clock.
    pub outbox: &'a mut Outbox,
}

/// What [`Service::serve`] made of its input.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Served {
    /// How many bytes of the input are done with. The rest is offered again, with what arrives behind it.
    pub consumed: usize,
    /// What the loop should do with this connection now.
    pub next: Next,
}

/// What the loop does with a connection after its turn.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Next {
    /// Every whole request was served; what is left is a part of one. Wait for more bytes.
    More,
    /// The output passed the high mark: read nothing and serve nothing until it has drained below the low mark, then
    /// serve what is left *before* reading more.
    Full,
    /// Serve nothing until [`Outbox::resume`] names this connection (a blocked or paused client). What the client
    /// sends meanwhile waits, up to one read, in user space, and behind it in the kernel. A client that ends its stream
    /// while it is held is not waited for: [`Service::end_of_input`], then [`Service::close`].
    Hold,
    /// Send what is owed, then close.
    Close,
    /// Close without sending another byte: what is owed is dropped, unread input is not waited for.
    Abandon,
}

/// What answers requests. All methods run on the loop's one thread, never at the same time, and must not
/// block: while one of them runs, every client waits.
pub trait Service {
    /// A connection was accepted; greetings and refusals are appended to `out`.
    fn open(
        &mut self,
        conn: ConnId,
        accepted: &Accepted,
        out: &mut Vec<u8>,
        outbox: &mut Outbox,
    ) -> Admission;

    /// Serve whole requests from the front of `turn.input`, append their replies to `turn.out`.
    fn serve(&mut self, turn: Turn<'_>) -> Served;

    /// Nothing more will be served or sent; the id will never be used again. Called exactly once per accepted connection.
    fn close(&mut self, conn: ConnId, reason: CloseReason);

    /// The peer's stream ended and `rest` can no longer become a request. Empty on a clean end; otherwise the stream was
    /// cut inside a request and the service may log where. A last reply may be appended to `out`.
    fn end_of_input(&mut self, _conn: ConnId, _rest: &[u8], _out: &mut Vec<u8>) {}

    /// All turns of this tick are over and no reply has been sent yet: what must be on disk before a client hears of it
    /// is written here. An error stops the server.
    fn before_flush(&mut self, _outbox: &mut Outbox) -> anyhow::Result<()> {
        Ok(())
    }

    /// When the service wants [`Service::on_deadline`] called next; `None` if it waits for nothing.
    fn next_deadline(&self) -> Option<Instant> {
        None
    }

    /// The deadline has passed: a bounded share of background work. Called at most once a tick.
    fn on_deadline(&mut self, _outbox: &mut Outbox) {}

    /// SIGTERM or SIGINT arrived, or [`Outbox::shut_down`] was called: the last chance to persist. Replies already
    /// appended are still sent afterwards. An error is reported and makes the exit status 1.
    fn shut_down(&mut self) -> anyhow::Result<()> {
        Ok(())
    }

    /// A child process changed state (SIGCHLD); reap it with `waitpid`.
    fn child_exited(&mut self, _outbox: &mut Outbox) {}

    /// Hint: these turns come next. Prefetch their data, do not rely on it: an earlier turn may change what a later one
    /// finds.
    fn look_ahead(&mut self, _coming: &mut dyn Iterator<Item = (ConnId, &[u8])>) {}

    /// End of a run of turns: flush per-run accounting, such as clock readings.
    fn turns_over(&mut self) {}
}
