//! What one connection gets of one tick: one bounded read, and a turn of the service.
use std::mem;
use std::ops::Range;

use nix::errno::Errno;

use super::EventLoop;
use crate::connection::CloseReason;
use crate::connection::{Received, State};
use crate::service::{Next, Served, Service, Turn};
use crate::slab::ConnId;
use crate::trace::Track;

impl EventLoop {
    // ANCHOR: advance
    /// What it already sent comes first; only then is more read. Without an event: its output drained, or it was resumed.
    pub(super) fn advance(&mut self, id: ConnId, service: &mut dyn Service) {
        let Some(connection) = self.outbox.connections.get(id) else { return };
        if connection.state == State::Open && connection.unserved {
            self.serve_alone(id, service);
        }
    }
    // ANCHOR_END: advance

    // ANCHOR: read
    /// One bounded read. What it brings waits for its turn with what other connections brought.
    pub(super) fn read(&mut self, id: ConnId, service: &mut dyn Service) {
        let start = self.outbox.trace_start();
        let now = self.outbox.now;
        let readable = self.outbox.connections.get_mut(id).filter(|connection| connection.wants_read());
        let Some(connection) = readable else { return };
        let received = connection.receive(self.arrivals.room());
        if let Some(start) = start {
            self.trace_read(id, start, received);
        }
        let Some(connection) = self.outbox.connections.get_mut(id) else { return };
        match received {
            // What is there after all is reported again by the next wait.
            Err(Errno::EAGAIN | Errno::EINTR) => {}
            Err(errno) => {
                connection.fail(errno);
                self.outbox.mark_dirty(id);
            }
            Ok(Received { count: 0, .. }) => self.end_of_input(id, service),
            Ok(received) => {
                connection.last_activity = now;
                match (connection.state, received.scratch) {
                    (State::Open, Some(length)) => self.await_turn(id, length, service),
                    (State::Open, None) => self.serve_alone(id, service),
                    (State::Held, scratch) => self.keep_for_later(id, scratch),
                    // Lingering: nobody wants it.
                    _ => {}
                }
            }
        }
    }

    // ANCHOR_END: read

    /// The peer's stream ended: whole requests have been answered, a part of one never will be. What is owed is still sent.
    pub(super) fn end_of_input(&mut self, id: ConnId, service: &mut dyn Service) {
        let Some(connection) = self.outbox.connections.get_mut(id) else { return };
        connection.peer_ended = true;
        if matches!(connection.state, State::Lingering { .. }) {
            return self.outbox.mark_dirty(id);
        }
        let mut rest = mem::take(&mut connection.carry);
        connection.close(CloseReason::EndOfStream, false);
        let (mut out, _) = self.outbox.begin_turn(id, rest.len());
        service.end_of_input(id, &rest, &mut out);
        self.outbox.end_turn(id, out);
        self.outbox.buffers.give_back(&mut rest);
    }

    /// A held client sends on: it waits, and soon is not read any more.
    fn keep_for_later(&mut self, id: ConnId, scratch: Option<usize>) {
        let Some(connection) = self.outbox.connections.get_mut(id) else { return };
        if let Some(length) = scratch {
            connection.keep_rest(Some(&self.arrivals.room()[..length]), 0);
        }
        connection.unserved = true;
        self.outbox.mark_dirty(id);
    }

    /// A turn over the connection's own bytes, with no other behind it.
    fn serve_alone(&mut self, id: ConnId, service: &mut dyn Service) {
        self.serve(id, None, service);
        service.turns_over();
    }

    /// A turn over bytes in the scratch buffer, or (`None`) over the connection's own.
    pub(super) fn serve(&mut self, id: ConnId, scratch: Option<Range<usize>>, service: &mut dyn Service) {
        let start = self.outbox.trace_start();
        let Some(connection) = self.outbox.connections.get_mut(id) else { return };
        let carry = mem::take(&mut connection.carry);
        let fresh = scratch.map(|range| self.arrivals.bytes(range));
        let input = fresh.unwrap_or(&carry);
        let length = input.len();
        let (mut out, sent) = self.outbox.begin_turn(id, length);
        // What has been sent in part still stands in front of `out` and must not count as waiting.
        let high_mark = self.outbox.limits.high_mark.saturating_add(sent);
        let turn = Turn { conn: id, input, out: &mut out, sent, high_mark, outbox: &mut self.outbox };
        let served = service.serve(turn);
        self.outbox.end_turn(id, out);
        debug_assert!(served.consumed <= length, "a service consumed more than it was given");
        let consumed = served.consumed.min(length);
        let args = [("bytes", length.into()), ("consumed", consumed.into())];
        self.outbox.trace_span(start, Track::Connection(id), "serve", &args);

        let Some(connection) = self.outbox.connections.get_mut(id) else { return };
        connection.carry = carry;
        if consumed < length && connection.carry.capacity() == 0 {
            connection.carry = self.outbox.buffers.take();
        }
        connection.keep_rest(fresh, consumed);
        if connection.carry.is_empty() {
            self.outbox.buffers.give_back(&mut connection.carry);
        }
        self.after_turn(id, Served { consumed, ..served });
    }

    /// Carries out what the service decided.
    fn after_turn(&mut self, id: ConnId, served: Served) {
        let max_carry = self.outbox.limits.max_carry;
        let Some(connection) = self.outbox.connections.get_mut(id) else { return };
        // It may have closed its own connection in the middle of the turn.
        if connection.state != State::Open {
            return;
        }
        connection.unserved = served.next != Next::More && !connection.carry.is_empty();
        match served.next {
            Next::More if connection.carry.len() > max_carry => {
                connection.close(CloseReason::Error(Errno::EMSGSIZE), false);
            }
            Next::More => {}
            Next::Full => {
                connection.state = State::Full;
                self.outbox.trace_instant(Track::Connection(id), "back-pressure on", &[]);
            }
            Next::Hold => connection.state = State::Held,
            Next::Close => connection.close(CloseReason::ByService, false),
            Next::Abandon => connection.abandon(CloseReason::ByService),
        }
    }

    fn trace_read(&mut self, id: ConnId, start: std::time::Instant, received: nix::Result<Received>) {
        let Some(connection) = self.outbox.connections.get(id) else { return };
        let fd = std::os::fd::AsRawFd::as_raw_fd(&connection.socket);
        let result = match received {
            Ok(received) => received.count.into(),
            Err(errno) => crate::syscalls::name(errno).into(),
        };
        self.outbox.trace_span(
            Some(start),
            Track::Connection(id),
            "read",
            &[("fd", fd.into()), ("bytes", result)],
        );
    }
}
