//! What a service can ask of the loop beyond its own reply.
use std::mem;
use std::time::Instant;

use crate::buffers::Buffers;
use crate::connection::{CloseReason, ConnStats, Connection, State};
use crate::limits::Limits;
use crate::slab::{ConnId, Slab};
use crate::trace::{Args, Trace, Track};

/// The loop's side door: bytes for *other* connections, and requests that the loop carries out after the turn.
///
/// Every call that names a connection is safe with a stale id: nothing happens.
pub struct Outbox {
    pub(crate) now: Instant,
    /// Limits that a service may change while the loop runs (`CONFIG SET timeout`).
    pub limits: Limits,
    pub(crate) connections: Slab<Connection>,
    pub(crate) buffers: Buffers,
    /// To be settled at the end of this tick: flushed, then whatever follows from that. No connection twice.
    pub(crate) dirty: Vec<ConnId>,
    /// To be advanced without waiting for an event. No connection twice.
    pub(crate) ready: Vec<ConnId>,
    /// Whose turn it is; its output is in the turn's hands.
    serving: Option<(ConnId, ConnStats)>,
    pub(crate) stop: bool,
    pub(crate) trace: Option<Trace>,
}

impl Outbox {
    /// An outbox without connections: what a loop starts with, and all that a unit test of a service needs.
    pub fn new(limits: Limits, trace: Option<Trace>) -> Self {
        Outbox {
            now: Instant::now(),
            limits,
            connections: Slab::default(),
            buffers: Buffers::default(),
            dirty: Vec::new(),
            ready: Vec::new(),
            serving: None,
            stop: false,
            trace,
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
        if self.serving.is_some_and(|(serving, _)| serving == conn) {
            return None;
        }
        let connection = self.connections.get_mut(conn)?;
        if matches!(connection.state, State::Closing { .. } | State::Lingering { .. }) {
            return None;
        }
        if !connection.dirty {
            connection.dirty = true;
            self.dirty.push(conn);
        }
        connection.compact_output();
        if connection.output.capacity() == 0 {
            connection.output = self.buffers.take();
        }
        Some(&mut connection.output)
    }

    /// Closes a connection at the end of the tick, after an attempt to send what is owed.
    pub fn close(&mut self, conn: ConnId) {
        self.end(conn, CloseReason::ByService, true);
    }

    /// Closes a connection at the end of the tick and drops what it is owed. Not for the connection being served, whose
    /// output is lent to the turn: that returns [`Next::Abandon`](crate::service::Next::Abandon).
    pub fn abandon(&mut self, conn: ConnId) {
        debug_assert!(
            self.serving.is_none_or(|(serving, _)| serving != conn),
            "its output is lent to the turn"
        );
        if let Some(connection) = self.connections.get_mut(conn) {
            connection.abandon(CloseReason::ByService);
            self.mark_dirty(conn);
        }
    }

    /// Serves a held connection again: first what it had already sent, in this tick if possible.
    pub fn resume(&mut self, conn: ConnId) {
        let Some(connection) = self.connections.get_mut(conn) else { return };
        if connection.state == State::Held {
            connection.state = State::Open;
            // Held is not idle; the time starts again here.
            connection.last_activity = self.now;
            self.queue(conn);
            self.mark_dirty(conn);
        }
    }

    /// Frees a connection from the idle timeout, or subjects it again (a subscriber has nothing to say and is not idle).
    pub fn never_idle(&mut self, conn: ConnId, exempt: bool) {
        if let Some(connection) = self.connections.get_mut(conn) {
            connection.never_idle = exempt;
            connection.last_activity = self.now;
        }
    }

    /// Buffer sizes of a connection; of the one being served, as they were when its turn began. The lengths do not count
    /// what has been sent.
    pub fn stats(&self, conn: ConnId) -> Option<ConnStats> {
        match self.serving {
            Some((serving, stats)) if serving == conn => Some(stats),
            _ => self.connections.get(conn).map(Connection::stats),
        }
    }

    /// Finish this tick, then stop the loop as if SIGTERM had arrived.
    pub fn shut_down(&mut self) {
        self.stop = true;
    }

    /// The trace, if there is one, to add the service's own events to.
    pub fn trace(&mut self) -> Option<&mut Trace> {
        self.trace.as_mut()
    }

    /// The time, if there is a trace: what [`Outbox::trace_span`] wants to know later.
    pub fn trace_start(&self) -> Option<Instant> {
        self.trace.as_ref().map(|_| Instant::now())
    }

    /// Adds an event that lasted since `start` to the trace; nothing if `start` is `None`.
    pub fn trace_span(&mut self, start: Option<Instant>, track: Track, name: &str, args: Args<'_>) {
        if let (Some(start), Some(trace)) = (start, &mut self.trace) {
            trace.span(track, name, start, args);
        }
    }

    /// Adds an event without length to the trace, if there is one.
    pub fn trace_instant(&mut self, track: Track, name: &str, args: Args<'_>) {
        if let Some(trace) = &mut self.trace {
            trace.instant(track, name, args);
        }
    }

    /// Takes a connection's output out for its turn, and says how many bytes at its front have been sent. `input` is how
    /// many bytes the connection is going to be served.
    pub(crate) fn begin_turn(&mut self, conn: ConnId, input: usize) -> (Vec<u8>, usize) {
        let Some(connection) = self.connections.get_mut(conn) else { return (Vec::new(), 0) };
        connection.compact_output();
        let stats = connection.stats();
        let out = mem::take(&mut connection.output);
        let out = if out.capacity() == 0 { self.buffers.take() } else { out };
        let stats = ConnStats { input_len: input, output_capacity: out.capacity(), ..stats };
        self.serving = Some((conn, stats));
        (out, connection.sent)
    }

    /// Puts it back.
    pub(crate) fn end_turn(&mut self, conn: ConnId, out: Vec<u8>) {
        self.serving = None;
        if let Some(connection) = self.connections.get_mut(conn) {
            connection.output = out;
            if !connection.dirty {
                connection.dirty = true;
                self.dirty.push(conn);
            }
        }
    }

    pub(crate) fn end(&mut self, conn: ConnId, ending: CloseReason, once: bool) {
        if let Some(connection) = self.connections.get_mut(conn) {
            connection.close(ending, once);
            self.mark_dirty(conn);
        }
    }

    pub(crate) fn mark_dirty(&mut self, conn: ConnId) {
        if let Some(connection) = self.connections.get_mut(conn).filter(|connection| !connection.dirty) {
            connection.dirty = true;
            self.dirty.push(conn);
        }
    }

    pub(crate) fn queue(&mut self, conn: ConnId) {
        if let Some(connection) = self.connections.get_mut(conn).filter(|connection| !connection.queued) {
            connection.queued = true;
            self.ready.push(conn);
        }
    }
}
