//! The end of a tick: one write per connection, and what follows from it. Connections end here.
use std::mem;
use std::os::fd::{AsFd, AsRawFd};

use super::EventLoop;
use crate::connection::{CloseReason, Connection, State, Step};
use crate::service::Service;
use crate::slab::ConnId;
use crate::trace::{Trace, returned};

impl EventLoop {
    /// Flushes every connection that has something to send or whose state may have changed.
    pub(super) fn flush_dirty(&mut self, service: &mut dyn Service) {
        let mut dirty = mem::take(&mut self.outbox.dirty);
        for id in dirty.drain(..) {
            self.flush(id, service);
        }
        debug_assert!(self.outbox.dirty.is_empty(), "flushing one connection made another one dirty");
        self.outbox.dirty = dirty;
    }

    pub(super) fn flush(&mut self, id: ConnId, service: &mut dyn Service) {
        let Some(connection) = self.outbox.connections.get_mut(id) else { return };
        connection.dirty = false;
        let was_full = connection.state == State::Full;
        let offered = connection.owed();
        if offered > 0 && connection.can_write {
            let start = self.trace.begin();
            let taken = connection.flush(self.outbox.now);
            let fd = connection.socket.as_raw_fd();
            let args = || format!(r#""fd":{fd},"offered":{offered},"bytes":{}"#, returned(taken));
            self.trace.note(connection.track, "write", start, args);
            if let Err(errno) = taken {
                connection.abandon(CloseReason::Error(errno));
            }
        }
        if connection.owed() == 0 {
            connection.sent = 0;
            self.outbox.outputs.give_back(&mut connection.output);
        }
        match connection.step(&self.outbox.limits) {
            // A client that keeps up.
            Step::Stay if !was_full && connection.is_at_rest() => return,
            Step::Stay => {}
            Step::Linger => {
                report(connection, service, &mut self.trace);
                connection.linger(self.outbox.now);
            }
            Step::Remove => return self.remove(id, service),
        }
        let is_full = connection.state == State::Full;
        if is_full != was_full {
            self.trace.back_pressure(connection.track, is_full);
        }
        // What waits in user space is served before the kernel is asked for more.
        if connection.state == State::Open && connection.unserved {
            self.outbox.ready.push(id);
        }
        // A client that keeps up never needs WRITABLE, so this makes no system call for it.
        let interest = connection.desired_interest();
        if mem::replace(&mut connection.interest, interest) != interest {
            let modified = self.poller.modify(connection.socket.as_fd(), id.0, interest);
            debug_assert!(modified.is_ok(), "a live connection is registered: {modified:?}");
        }
        if connection.stalled_since.is_some() || connection.is_ending() {
            self.arm_timer(id);
        }
    }

    pub(super) fn remove(&mut self, id: ConnId, service: &mut dyn Service) {
        let Some(mut connection) = self.outbox.connections.remove(id) else { return };
        report(&mut connection, service, &mut self.trace);
        self.timers.disarm(id.0);
        // Before the descriptor is closed: its number is free for the next accept right after.
        let deregistered = self.poller.deregister(connection.socket.as_fd());
        debug_assert!(deregistered.is_ok(), "a live connection is registered: {deregistered:?}");
        self.outbox.inputs.give_back(&mut connection.pending);
        self.outbox.outputs.give_back(&mut connection.output);
    }
}

/// Tells the service that a connection has ended, once.
fn report(connection: &mut Connection, service: &mut dyn Service, trace: &mut Trace) {
    if mem::replace(&mut connection.reported, true) {
        return;
    }
    let reason = match connection.state {
        State::Closing { reason, .. } => reason,
        _ => CloseReason::Shutdown,
    };
    service.close(connection.id, reason);
    let fd = connection.socket.as_raw_fd();
    trace.note(connection.track, "close", None, || format!(r#""fd":{fd},"ending":"{reason}""#));
}
