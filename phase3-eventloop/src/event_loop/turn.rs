//! What one connection gets of one tick: one bounded read, and a turn of the service.
use std::mem;
use std::os::fd::AsRawFd;

use nix::errno::Errno;

use super::EventLoop;
use crate::connection::{CloseReason, State, consume};
use crate::service::{Next, Served, Service, Turn};
use crate::slab::ConnId;
use crate::trace::returned;

impl EventLoop {
    // ANCHOR: read
    /// One bounded read. What it brings waits for its turn with what other connections brought.
    pub(super) fn read(&mut self, id: ConnId, service: &mut dyn Service) {
        let connection = self.outbox.connections.get_mut(id);
        let Some(connection) = connection.filter(|connection| connection.wants_read()) else { return };
        let start = self.trace.begin();
        let received = connection.receive(&mut self.outbox.inputs);
        let fd = connection.socket.as_raw_fd();
        let args = || format!(r#""fd":{fd},"bytes":{}"#, returned(received));
        self.trace.note(connection.track, "read", start, args);
        match received {
            // What is there after all is reported again by the next wait.
            Err(Errno::EAGAIN | Errno::EINTR) => return,
            Err(errno) => {
                connection.abandon(CloseReason::Error(errno));
                return connection.enlist(&mut self.outbox.dirty);
            }
            Ok(0) => return self.end_of_input(id, service),
            Ok(_) => connection.last_activity = self.outbox.now,
        }
        match connection.state {
            State::Open => {
                let waiting = connection.pending.len();
                self.await_turn(id, waiting, service);
            }
            // It waits, and soon is not read any more.
            State::Held => {
                connection.unserved = true;
                connection.enlist(&mut self.outbox.dirty);
            }
            // Lingering: it is thrown away.
            _ => self.outbox.inputs.give_back(&mut connection.pending),
        }
    }
    // ANCHOR_END: read

    /// The peer's stream ended: whole requests have been answered, a part of one never will be. What is owed is still sent.
    pub(super) fn end_of_input(&mut self, id: ConnId, service: &mut dyn Service) {
        self.outbox.change(id, |connection| connection.peer_ended = true);
        let Some(mut lent) = self.outbox.lend(id) else { return };
        service.end_of_input(id, &lent.pending, &mut lent.output);
        self.outbox.inputs.give_back(&mut lent.pending);
        self.outbox.take_back(id, lent, true).close(CloseReason::EndOfStream, false);
    }

    /// A turn over what is pending.
    pub(super) fn serve(&mut self, id: ConnId, service: &mut dyn Service) {
        let start = self.trace.begin();
        let Some(mut lent) = self.outbox.lend(id) else { return };
        let (length, sent) = (lent.pending.len(), lent.sent);
        // What has been sent in part still stands in front of `out` and must not count as waiting.
        let high_mark = self.outbox.limits.high_mark.saturating_add(sent);
        let (input, out, outbox) = (&lent.pending[..], &mut lent.output, &mut self.outbox);
        let Served { consumed, next } = service.serve(Turn { conn: id, input, out, sent, high_mark, outbox });
        debug_assert!(consumed <= length, "a service consumed more than it was given");
        consume(&mut lent.pending, consumed.min(length), &mut self.outbox.inputs);
        let max_pending = self.outbox.limits.max_pending;
        let connection = self.outbox.take_back(id, lent, true);
        let args = || format!(r#""bytes":{length},"consumed":{consumed}"#);
        self.trace.note(connection.track, "serve", start, args);
        if connection.state != State::Open {
            // The service closed it in the middle of the turn.
            return;
        }
        connection.unserved = next != Next::More && !connection.pending.is_empty();
        match next {
            Next::More if connection.pending.len() > max_pending => {
                connection.close(CloseReason::Error(Errno::EMSGSIZE), false);
            }
            Next::More => {}
            Next::Full => {
                connection.state = State::Full;
                self.trace.back_pressure(connection.track, true);
            }
            Next::Hold => connection.state = State::Held,
            Next::Close => connection.close(CloseReason::ByService, false),
            Next::Abandon => connection.abandon(CloseReason::ByService),
        }
    }

    /// Those that have whole requests left: their output has drained, or they were resumed. In the order in which they
    /// were put back.
    pub(super) fn serve_ready(&mut self, service: &mut dyn Service) {
        for id in mem::take(&mut self.outbox.ready) {
            let connection = self.outbox.connections.get(id);
            let left = connection.filter(|connection| connection.state == State::Open && connection.unserved);
            if let Some(waiting) = left.map(|connection| connection.pending.len()) {
                self.await_turn(id, waiting, service);
            }
        }
        self.serve_batch(service);
    }
}
