//! The end of a tick: one write per connection, and what follows from it. Connections end here and nowhere else.
use std::mem;
use std::os::fd::{AsFd, AsRawFd};

use super::EventLoop;
use crate::connection::CloseReason;
use crate::connection::{State, Step};
use crate::poller::Token;
use crate::service::Service;
use crate::slab::ConnId;
use crate::trace::Track;

impl EventLoop {
    /// Everybody who has something to send or whose state may have changed.
    pub(super) fn settle_dirty(&mut self, service: &mut dyn Service) {
        let mut dirty = mem::take(&mut self.outbox.dirty);
        for id in dirty.drain(..) {
            self.settle(id, service);
        }
        debug_assert!(self.outbox.dirty.is_empty(), "settling one connection made another one dirty");
        self.outbox.dirty = dirty;
    }

    fn settle(&mut self, id: ConnId, service: &mut dyn Service) {
        let Some(connection) = self.outbox.connections.get_mut(id) else { return };
        connection.dirty = false;
        if connection.owed() > 0 && connection.can_write {
            self.flush(id);
        }
        let Some(connection) = self.outbox.connections.get_mut(id) else { return };
        if connection.owed() == 0 {
            connection.sent = 0;
            self.outbox.buffers.give_back(&mut connection.output);
        }
        match connection.step(&self.outbox.limits) {
            Step::Stay => {}
            Step::Suspend => self.outbox.trace_instant(Track::Connection(id), "back-pressure on", &[]),
            Step::Resume => self.resume(id),
            Step::Linger => self.linger(id, service),
            Step::Remove => return self.remove(id, service),
        }
        self.update_interest(id);
    }

    fn flush(&mut self, id: ConnId) {
        let start = self.outbox.trace_start();
        let now = self.outbox.now;
        let Some(connection) = self.outbox.connections.get_mut(id) else { return };
        let offered = connection.owed();
        let flushed = connection.flush(now);
        if let Err(errno) = flushed {
            connection.fail(errno);
        }
        let fd = connection.socket.as_raw_fd();
        let stalled = connection.stalled_since.is_some();
        if start.is_some() {
            let result = match flushed {
                Ok(taken) => taken.into(),
                Err(errno) => crate::syscalls::name(errno).into(),
            };
            let args = [("fd", fd.into()), ("offered", offered.into()), ("bytes", result)];
            self.outbox.trace_span(start, Track::Connection(id), "write", &args);
        }
        if stalled {
            self.arm_timer(id);
        }
    }

    /// The output has drained: what waits in user space is served before the kernel is asked for more.
    fn resume(&mut self, id: ConnId) {
        self.outbox.trace_instant(Track::Connection(id), "back-pressure off", &[]);
        let waiting = self.outbox.connections.get(id).is_some_and(|connection| connection.unserved);
        if waiting {
            self.outbox.queue(id);
        }
    }

    fn linger(&mut self, id: ConnId, service: &mut dyn Service) {
        self.report(id, service);
        if let Some(connection) = self.outbox.connections.get_mut(id) {
            connection.linger(self.outbox.now);
        }
        // All linger equally long, so the oldest ends first and those behind it are few.
        while self.lingering.front().is_some_and(|&oldest| !self.is_lingering(oldest)) {
            self.lingering.pop_front();
        }
        self.lingering.push_back(id);
        self.arm_timer(id);
    }

    pub(super) fn is_lingering(&self, id: ConnId) -> bool {
        let connection = self.outbox.connections.get(id);
        connection.is_some_and(|connection| matches!(connection.state, State::Lingering { .. }))
    }

    /// Asks the poller for something else, if there is something else to ask for. For a client that reads its replies
    /// there never is.
    fn update_interest(&mut self, id: ConnId) {
        let Some(connection) = self.outbox.connections.get_mut(id) else { return };
        let desired = connection.desired_interest();
        if desired != connection.interest {
            connection.interest = desired;
            let modified = self.poller.modify(connection.socket.as_fd(), Token(id.raw()), desired);
            debug_assert!(modified.is_ok(), "a live connection is registered: {modified:?}");
        }
    }

    /// Tells the service, once.
    fn report(&mut self, id: ConnId, service: &mut dyn Service) {
        let Some(connection) = self.outbox.connections.get_mut(id) else { return };
        if mem::replace(&mut connection.reported, true) {
            return;
        }
        let ending = match connection.state {
            State::Closing { ending, .. } => ending,
            _ => CloseReason::Shutdown,
        };
        service.close(id, ending);
        if let Some(trace) = &mut self.outbox.trace {
            let args = [("fd", connection.socket.as_raw_fd().into()), ("ending", ending.name().into())];
            trace.instant(Track::Connection(id), "close", &args);
        }
    }

    pub(super) fn remove(&mut self, id: ConnId, service: &mut dyn Service) {
        self.report(id, service);
        let Some(mut connection) = self.outbox.connections.remove(id) else { return };
        self.timers.disarm(Token(id.raw()));
        // Before the descriptor is closed: its number is free for the next accept right after.
        let deregistered = self.poller.deregister(connection.socket.as_fd());
        debug_assert!(deregistered.is_ok(), "a live connection is registered: {deregistered:?}");
        self.outbox.buffers.give_back(&mut connection.carry);
        self.outbox.buffers.give_back(&mut connection.output);
        if let Some(trace) = &mut self.outbox.trace {
            trace.close_track(id);
        }
    }
}
