//! What happens because nothing happens: idle, stalled and lingering clients, and a listener's second try.
use std::mem;
use std::time::Instant;

use super::{EventLoop, listener_position};
use crate::connection::{CloseReason, Connection, State};
use crate::limits::Limits;
use crate::service::Service;
use crate::slab::ConnId;

impl Connection {
    /// When this connection has to be looked at though nothing happens, and why it would end then.
    pub(crate) fn deadline(&self, limits: &Limits, now: Instant) -> Option<(Instant, CloseReason)> {
        if let State::Lingering { until } = self.state {
            return Some((until, CloseReason::ByService));
        }
        // A held client waits for us, not we for it.
        let exempt = self.never_idle || self.state == State::Held;
        let idle_since = if exempt { now } else { self.last_activity };
        let both = [
            (self.stalled_since, limits.stall_timeout, CloseReason::Stalled),
            (Some(idle_since), limits.idle_timeout, CloseReason::Idle),
        ];
        // A timeout that leads beyond what an Instant can hold never runs out.
        let ends =
            both.into_iter().filter_map(|(since, limit, why)| Some((since?.checked_add(limit?)?, why)));
        ends.min_by_key(|(at, _)| *at)
    }
}

impl EventLoop {
    pub(super) fn expire_timers(&mut self, service: &mut dyn Service) {
        while let Some(token) = self.timers.pop_expired(self.outbox.now) {
            match listener_position(token) {
                Some(position) => self.resume_accepting(position, service),
                None => self.check_deadline(ConnId(token)),
            }
        }
    }

    // ANCHOR: check-deadline
    /// A connection's timer fired. Its deadline has often moved since: then the timer is set again, which is all the work
    /// that an idle timeout costs a busy connection.
    fn check_deadline(&mut self, id: ConnId) {
        let Some(connection) = self.outbox.connections.get_mut(id) else { return };
        match connection.deadline(&self.outbox.limits, self.outbox.now) {
            Some((at, reason)) if at <= self.outbox.now => {
                self.trace.note(connection.track, "timer", None, String::new);
                // If it was already lingering, stop waiting for the peer's FIN.
                connection.peer_ended |= connection.reported;
                connection.close(reason, true);
                connection.enlist(&mut self.outbox.dirty);
            }
            Some((at, _)) => self.timers.arm(id.0, at),
            None => {}
        }
    }
    // ANCHOR_END: check-deadline

    pub(super) fn arm_timer(&mut self, id: ConnId) {
        let Some(connection) = self.outbox.connections.get(id) else { return };
        if let Some((at, _)) = connection.deadline(&self.outbox.limits, self.outbox.now) {
            self.timers.arm(id.0, at);
        }
    }

    /// A shorter timeout has to reach connections that are asleep; this once, all of them are visited.
    pub(super) fn rearm_if_limits_changed(&mut self) {
        if mem::take(&mut self.outbox.limits_changed) {
            self.ids().into_iter().for_each(|id| self.arm_timer(id));
        }
    }
}
