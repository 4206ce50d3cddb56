//! What a service may ask of the loop during a turn: bytes for other connections, the end of one, a word about its buffers.
use std::mem;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::time::Instant;

use crate::buffers::BufferPool;
use crate::connection::{CloseReason, Connection, State};
use crate::limits::Limits;
use crate::slab::{ConnId, Slab};

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

/// The connections, and what is to be done with them at the end of the tick.
///
/// Every call that names a connection is safe with a stale id: nothing happens.
pub struct Outbox {
    pub(crate) now: Instant,
    pub(crate) limits: Limits,
    pub(crate) limits_changed: bool,
    pub(crate) connections: Slab<Connection>,
    /// What is read into. Apart from `outputs`, which are many and small.
    pub(crate) inputs: BufferPool,
    pub(crate) outputs: BufferPool,
    /// To be flushed at the end of this tick. No connection twice.
    pub(crate) dirty: Vec<ConnId>,
    /// To be served without waiting for an event.
    pub(crate) ready: Vec<ConnId>,
    /// Whose buffers are lent to a turn, and their sizes as it began.
    serving: Option<(ConnId, ConnStats)>,
    pub(crate) stop: bool,
    /// See [`Outbox::relisten`].
    pub(crate) relisten: Vec<(usize, Vec<SocketAddr>, Vec<OwnedFd>)>,
}

/// What a turn works on: a connection's own buffers.
pub(crate) struct Lent {
    pub pending: Vec<u8>,
    pub output: Vec<u8>,
    pub sent: usize,
}

impl Outbox {
    /// An outbox without connections: what a loop starts with, and all that a unit test of a service needs.
    pub fn new(limits: Limits) -> Self {
        Outbox {
            now: Instant::now(),
            limits,
            limits_changed: false,
            connections: Slab::default(),
            inputs: BufferPool::default(),
            outputs: BufferPool::default(),
            dirty: Vec::new(),
            ready: Vec::new(),
            serving: None,
            stop: false,
            relisten: Vec::new(),
        }
    }

    /// The clock, read once per tick.
    pub fn now(&self) -> Instant {
        self.now
    }

    /// What a connection may hold, and for how long.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Changes it while the loop runs (`CONFIG SET timeout`), from the end of this tick on for connections that sleep.
    pub fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
        self.limits_changed = true;
    }

    /// The output of another connection, to append to; it will be flushed at the end of this tick. `None` if it is gone or
    /// going. During a turn, the connection being served is `None` too: its output is `turn.out`.
    ///
    /// What is already in it may have been sent in part: append only, and ask [`Outbox::stats`] how much waits.
    pub fn output(&mut self, conn: ConnId) -> Option<&mut Vec<u8>> {
        let served = self.serving.is_some_and(|(id, _)| id == conn);
        let connection = self.connections.get_mut(conn).filter(|other| !served && !other.is_ending())?;
        connection.prepare_output(&mut self.outputs);
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
        debug_assert!(self.serving.is_none_or(|(id, _)| id != conn), "its output is lent to the turn");
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
        match self.serving {
            Some((id, stats)) if id == conn => Some(stats),
            _ => self.connections.get(conn).map(stats),
        }
    }

    /// At the end of this tick, closes the listeners of this tag that stand at the addresses `gone`, and accepts from the
    /// sockets `fresh` as well. Connections stay as they are.
    pub fn relisten(&mut self, tag: usize, gone: Vec<SocketAddr>, fresh: Vec<OwnedFd>) {
        self.relisten.push((tag, gone, fresh));
    }

    /// Finish this tick, then stop the loop as if SIGTERM had arrived.
    pub fn shut_down(&mut self) {
        self.stop = true;
    }

    /// Changes a connection and has it flushed at the end of this tick.
    pub(crate) fn change(&mut self, conn: ConnId, change: impl FnOnce(&mut Connection)) {
        if let Some(connection) = self.connections.get_mut(conn) {
            change(connection);
            connection.enlist(&mut self.dirty);
        }
    }

    /// Lends a connection's buffers to a turn. `None` if its end has begun; a turn before this one may have closed it.
    #[inline(always)]
    pub(crate) fn lend(&mut self, conn: ConnId) -> Option<Lent> {
        let connection = self.connections.get_mut(conn).filter(|connection| !connection.is_ending())?;
        self.serving = Some((conn, stats(connection)));
        connection.prepare_output(&mut self.outputs);
        let (pending, output) = (mem::take(&mut connection.pending), mem::take(&mut connection.output));
        Some(Lent { pending, output, sent: connection.sent })
    }

    /// Ends a turn. With `flush`, what has come of it is sent, or otherwise carried out, at the end of this tick.
    #[inline(always)]
    pub(crate) fn take_back(&mut self, conn: ConnId, mut lent: Lent, flush: bool) -> &mut Connection {
        self.serving = None;
        let connection = self.connections.get_mut(conn).expect("a connection ends between turns");
        if flush {
            connection.enlist(&mut self.dirty);
        } else {
            self.outputs.give_back(&mut lent.output);
        }
        (connection.pending, connection.output) = (lent.pending, lent.output);
        connection
    }
}

fn stats(connection: &Connection) -> ConnStats {
    ConnStats {
        input_len: connection.pending.len(),
        input_capacity: connection.pending.capacity(),
        output_len: connection.owed(),
        output_capacity: connection.output.capacity(),
    }
}
