//! What one connection gets of one tick: one bounded read, and a turn of the service.
use std::mem;
use std::ops::Range;
use std::os::fd::AsRawFd;

use nix::errno::Errno;

use super::EventLoop;
use crate::connection::{CloseReason, Connection, Received, State};
use crate::limits::Limits;
use crate::service::{Next, Served, Service, Turn};
use crate::slab::ConnId;
use crate::trace::{Returned, Track};

impl EventLoop {
    // ANCHOR: read
    /// One bounded read. What it brings waits for its turn with what other connections brought.
    pub(super) fn read(&mut self, id: ConnId, service: &mut dyn Service) {
        let connection = self.outbox.connections.get_mut(id);
        let Some(connection) = connection.filter(|connection| connection.wants_read()) else { return };
        let start = self.trace.begin();
        let received = connection.receive(self.batch.room());
        let (fd, count) = (connection.socket.as_raw_fd(), Returned(received.map(|received| received.count)));
        self.trace.note(Track::Connection(id), "read", start, format_args!(r#""fd":{fd},"bytes":{count}"#));
        let scratch = match received {
            // What is there after all is reported again by the next wait.
            Err(Errno::EAGAIN | Errno::EINTR) => return,
            Err(errno) => {
                connection.fail(errno);
                return connection.enlist(&mut self.outbox.dirty);
            }
            Ok(Received { count: 0, .. }) => return self.end_of_input(id, service),
            Ok(Received { scratch, .. }) => scratch,
        };
        connection.last_activity = self.outbox.now;
        match (connection.state, scratch) {
            (State::Open, Some(length)) => self.await_turn(id, length, service),
            (State::Open, None) => self.serve_alone(id, service),
            // It waits, and soon is not read any more.
            (State::Held, scratch) => {
                connection.keep_rest(scratch.map(|length| &self.batch.room()[..length]), 0);
                connection.unserved = true;
                connection.enlist(&mut self.outbox.dirty);
            }
            // Lingering: it is thrown away.
            _ => {}
        }
    }
    // ANCHOR_END: read

    /// The peer's stream ended: whole requests have been answered, a part of one never will be. What is owed is still sent.
    pub(super) fn end_of_input(&mut self, id: ConnId, service: &mut dyn Service) {
        let Some(connection) = self.outbox.connections.get_mut(id) else { return };
        connection.peer_ended = true;
        connection.enlist(&mut self.outbox.dirty);
        let Some(mut lent) = self.outbox.lend(id, None) else { return };
        service.end_of_input(id, &lent.pending, &mut lent.out);
        let mut connection = self.outbox.take_back(lent.out);
        lent.pending.clear();
        connection.pending = lent.pending;
        connection.close(CloseReason::EndOfStream, false);
        self.outbox.store(connection, true);
    }

    /// A turn over the connection's own bytes, with no other behind it.
    pub(super) fn serve_alone(&mut self, id: ConnId, service: &mut dyn Service) {
        self.serve(id, None, service);
        service.turns_over();
    }

    /// A turn over bytes in the scratch buffer, or (`None`) over the connection's own.
    pub(super) fn serve(&mut self, id: ConnId, fresh: Option<Range<usize>>, service: &mut dyn Service) {
        let start = self.trace.begin();
        let fresh = fresh.map(|range| self.batch.bytes(range));
        let Some(mut lent) = self.outbox.lend(id, fresh.map(<[u8]>::len)) else { return };
        let (input, sent) = (fresh.unwrap_or(&lent.pending), lent.sent);
        let length = input.len();
        // What has been sent in part still stands in front of `out` and must not count as waiting.
        let high_mark = self.outbox.limits.high_mark.saturating_add(sent);
        let turn = Turn { conn: id, input, out: &mut lent.out, sent, high_mark, outbox: &mut self.outbox };
        let Served { consumed, next } = service.serve(turn);
        debug_assert!(consumed <= length, "a service consumed more than it was given");
        let consumed = consumed.min(length);
        let args = format_args!(r#""bytes":{length},"consumed":{consumed}"#);
        self.trace.note(Track::Connection(id), "serve", start, args);

        let mut connection = self.outbox.take_back(lent.out);
        connection.pending = lent.pending;
        if consumed < length && connection.pending.capacity() == 0 {
            connection.pending = self.outbox.buffers.take();
        }
        connection.keep_rest(fresh, consumed);
        end_turn(&mut connection, next, &self.outbox.limits);
        if connection.state == State::Full {
            self.trace.note(Track::Connection(id), "back-pressure on", None, format_args!(""));
        }
        self.outbox.store(connection, true);
    }

    /// Those that have whole requests left: their output has drained, or they were resumed. In the order in which they
    /// were put back.
    pub(super) fn serve_ready(&mut self, service: &mut dyn Service) {
        let mut ready = mem::take(&mut self.outbox.ready);
        for id in ready.drain(..) {
            let Some(connection) = self.outbox.connections.get_mut(id) else { continue };
            connection.queued = false;
            if connection.state == State::Open && connection.unserved {
                self.serve_alone(id, service);
            }
        }
        // Empty, but the larger list of the two.
        self.outbox.ready = ready;
    }
}

/// Carries out what the service decided. It may have closed the connection itself in the middle of the turn.
fn end_turn(connection: &mut Connection, next: Next, limits: &Limits) {
    if connection.state != State::Open {
        return;
    }
    connection.unserved = next != Next::More && !connection.pending.is_empty();
    match next {
        Next::More if connection.pending.len() > limits.max_pending => {
            connection.close(CloseReason::Error(Errno::EMSGSIZE), false);
        }
        Next::More => {}
        Next::Full => connection.state = State::Full,
        Next::Hold => connection.state = State::Held,
        Next::Close => connection.close(CloseReason::ByService, false),
        Next::Abandon => connection.abandon(CloseReason::ByService),
    }
}
