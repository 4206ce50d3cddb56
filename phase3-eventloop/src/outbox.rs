//! What a service may ask of the loop during a turn: bytes for other connections, the end of one, a word about its buffers.
use std::mem;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::time::Instant;

use crate::buffers::BufferPool;
use crate::connection::{CloseReason, ConnStats, Connection, State};
use crate::limits::Limits;
use crate::slab::{ConnId, Slab};

/// The connections, and what is to be done with them at the end of the tick.
///
/// Every call that names a connection is safe with a stale id: nothing happens.
pub struct Outbox {
    pub(crate) now: Instant,
    /// Limits that a service may change while the loop runs (`CONFIG SET timeout`).
    pub limits: Limits,
    pub(crate) connections: Slab<Box<Connection>>,
    pub(crate) buffers: BufferPool,
    /// To be flushed at the end of this tick. No connection twice.
    pub(crate) dirty: Vec<ConnId>,
    /// To be served without waiting for an event. No connection twice.
    pub(crate) ready: Vec<ConnId>,
    /// Being served: its output buffer is lent to the turn. With its sizes as the turn began.
    lent: Option<(Box<Connection>, ConnStats)>,
    pub(crate) stop: bool,
    /// Listeners to be replaced at the end of this tick: by tag, the sockets that follow.
    pub(crate) relisten: Vec<Relisten>,
}

/// See [`Outbox::relisten`].
pub(crate) struct Relisten {
    pub tag: usize,
    pub gone: Vec<SocketAddr>,
    pub fresh: Vec<OwnedFd>,
}

/// What a turn works on: a connection's own buffers.
pub(crate) struct Lent {
    /// Received before, not consumed.
    pub pending: Vec<u8>,
    /// Replies; the first `sent` bytes are history.
    pub out: Vec<u8>,
    pub sent: usize,
}

impl Outbox {
    /// An outbox without connections: what a loop starts with, and all that a unit test of a service needs.
    pub fn new(limits: Limits) -> Self {
        Outbox {
            now: Instant::now(),
            limits,
            connections: Slab::default(),
            buffers: BufferPool::default(),
            dirty: Vec::new(),
            ready: Vec::new(),
            lent: None,
            stop: false,
            relisten: Vec::new(),
        }
    }

    /// The clock, read once per tick.
    pub fn now(&self) -> Instant {
        self.now
    }

    /// The output of another connection, to append to; it will be flushed at the end of this tick. `None` if it is gone or
    /// going. During a turn, the connection being served is `None` too: its output is `turn.out`.
    ///
    /// What is already in it may have been sent in part: append only, and ask [`Outbox::stats`] how much waits.
    pub fn output(&mut self, conn: ConnId) -> Option<&mut Vec<u8>> {
        let connection = self.connections.get_mut(conn).filter(|connection| !connection.is_ending())?;
        connection.prepare_output(&mut self.buffers);
        connection.enlist(&mut self.dirty);
        Some(&mut connection.output)
    }

    /// Closes a connection at the end of the tick, after an attempt to send what is owed.
    pub fn close(&mut self, conn: ConnId) {
        self.change(conn, |connection| connection.close(CloseReason::ByService, true));
    }

    /// Closes a connection at the end of the tick and drops what it is owed. Not for the connection being served, whose
    /// output is lent to the turn: that returns [`Next::Abandon`](crate::service::Next::Abandon).
    pub fn abandon(&mut self, conn: ConnId) {
        debug_assert!(self.lent_stats(conn).is_none(), "its output is lent to the turn");
        self.change(conn, |connection| connection.abandon(CloseReason::ByService));
    }

    /// Serves a held connection again: first what it had already sent, in the next tick.
    pub fn resume(&mut self, conn: ConnId) {
        let now = self.now;
        self.change(conn, |connection| {
            if connection.state == State::Held {
                connection.state = State::Open;
                // Held is not idle; the time starts again here.
                connection.last_activity = now;
            }
        });
    }

    /// Frees a connection from the idle timeout, or subjects it again (a subscriber has nothing to say and is not idle).
    pub fn never_idle(&mut self, conn: ConnId, exempt: bool) {
        let now = self.now;
        self.change(conn, |connection| {
            connection.never_idle = exempt;
            connection.last_activity = now;
        });
    }

    /// Buffer sizes of a connection; of the one being served, as they were when its turn began. The lengths do not count
    /// what has been sent.
    pub fn stats(&self, conn: ConnId) -> Option<ConnStats> {
        self.lent_stats(conn).or_else(|| Some(self.connections.get(conn)?.stats()))
    }

    /// At the end of this tick, closes the listeners of this tag that stand at the addresses `gone`, and accepts from the
    /// sockets `fresh` as well. Connections stay as they are.
    pub fn relisten(&mut self, tag: usize, gone: Vec<SocketAddr>, fresh: Vec<OwnedFd>) {
        self.relisten.push(Relisten { tag, gone, fresh });
    }

    /// Finish this tick, then stop the loop as if SIGTERM had arrived.
    pub fn shut_down(&mut self) {
        self.stop = true;
    }

    fn lent_stats(&self, conn: ConnId) -> Option<ConnStats> {
        self.lent.as_ref().filter(|(connection, _)| connection.id == conn).map(|(_, stats)| *stats)
    }

    /// Changes a connection and has it flushed at the end of this tick.
    pub(crate) fn change(&mut self, conn: ConnId, change: impl FnOnce(&mut Connection)) {
        let connection = match &mut self.lent {
            Some((connection, _)) if connection.id == conn => Some(connection),
            _ => self.connections.get_mut(conn),
        };
        if let Some(connection) = connection {
            change(connection);
            connection.enlist(&mut self.dirty);
        }
    }

    /// Lends a connection to a turn over `input` new bytes, or (`None`) over its own: the one look-up of the turn. `None`
    /// if its end has begun; a turn before this one may have closed it.
    pub(crate) fn lend(&mut self, conn: ConnId, input: Option<usize>) -> Option<Lent> {
        let mut connection = self.connections.lend(conn)?;
        if connection.is_ending() {
            self.connections.put_back(conn, connection);
            return None;
        }
        let stats = connection.stats();
        let stats = ConnStats { input_len: input.unwrap_or(stats.input_len), ..stats };
        connection.prepare_output(&mut self.buffers);
        let (pending, out) = (mem::take(&mut connection.pending), mem::take(&mut connection.output));
        let sent = connection.sent;
        self.lent = Some((connection, stats));
        Some(Lent { pending, out, sent })
    }

    /// Takes the lent connection back, to be completed and stored.
    pub(crate) fn take_back(&mut self, out: Vec<u8>) -> Box<Connection> {
        let (mut connection, _) = self.lent.take().expect("a turn begins with `lend`");
        connection.output = out;
        connection
    }

    /// Ends a turn. With `flush`, what has come of it is sent, or otherwise carried out, at the end of this tick.
    pub(crate) fn store(&mut self, mut connection: Box<Connection>, flush: bool) {
        for buffer in [&mut connection.pending, &mut connection.output] {
            if buffer.is_empty() {
                self.buffers.give_back(buffer);
            }
        }
        if flush {
            connection.enlist(&mut self.dirty);
        }
        self.connections.put_back(connection.id, connection);
    }
}
