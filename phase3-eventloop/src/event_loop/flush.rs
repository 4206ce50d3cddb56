//! The end of a tick: one write per connection, and what follows from it. Connections end here.
use std::mem;
use std::os::fd::{AsFd, AsRawFd};

use super::EventLoop;
use crate::connection::{CloseReason, Connection, State, Step};
use crate::service::Service;
use crate::slab::ConnId;
use crate::trace::{Returned, Trace, Track};

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
        let track = Track::Connection(id);
        let Some(connection) = self.outbox.connections.get_mut(id) else { return };
        connection.dirty = false;
        let offered = connection.owed();
        if offered > 0 && connection.can_write {
            let start = self.trace.begin();
            let taken = connection.flush(self.outbox.now);
            let (fd, bytes) = (connection.socket.as_raw_fd(), Returned(taken));
            let args = format_args!(r#""fd":{fd},"offered":{offered},"bytes":{bytes}"#);
            self.trace.note(track, "write", start, args);
            if let Err(errno) = taken {
                connection.fail(errno);
            }
        }
        if connection.owed() == 0 {
            connection.sent = 0;
            self.outbox.buffers.give_back(&mut connection.output);
        }
        match connection.step(&self.outbox.limits) {
            Step::Stay => {}
            Step::Suspend => self.trace.note(track, "back-pressure on", None, format_args!("")),
            Step::Resume => self.trace.note(track, "back-pressure off", None, format_args!("")),
            Step::Linger => {
                report(connection, service, &mut self.trace);
                connection.linger(self.outbox.now);
                self.lingering.push_back(id);
            }
            Step::Remove => return self.remove(id, service),
        }
        // What waits in user space is served before the kernel is asked for more.
        if connection.state == State::Open
            && connection.unserved
            && !mem::replace(&mut connection.queued, true)
        {
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

    pub(super) fn is_lingering(&self, id: ConnId) -> bool {
        let connection = self.outbox.connections.get(id);
        connection.is_some_and(|connection| matches!(connection.state, State::Lingering { .. }))
    }

    pub(super) fn remove(&mut self, id: ConnId, service: &mut dyn Service) {
        let Some(mut connection) = self.outbox.connections.remove(id) else { return };
        report(&mut connection, service, &mut self.trace);
        self.timers.disarm(id.0);
        // Before the descriptor is closed: its number is free for the next accept right after.
        let deregistered = self.poller.deregister(connection.socket.as_fd());
        debug_assert!(deregistered.is_ok(), "a live connection is registered: {deregistered:?}");
        self.outbox.buffers.give_back(&mut connection.pending);
        self.outbox.buffers.give_back(&mut connection.output);
        self.trace.close_track(id);
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
    let (fd, name) = (connection.socket.as_raw_fd(), reason.name());
    let args = format_args!(r#""fd":{fd},"ending":"{name}""#);
    trace.note(Track::Connection(connection.id), "close", None, args);
}
