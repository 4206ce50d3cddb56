//! Going down without losing a reply.
use std::os::fd::AsFd;
use std::time::Duration;

use phase1_echo::signals::GRACE;
use phase1_echo::socket;

use super::EventLoop;
use crate::connection::CloseReason;
use crate::service::Service;
use crate::slab::ConnId;

/// Most reads that empty a socket before it is closed; more than a receive buffer holds.
const LAST_READS: usize = 1024;
/// How often to ask whether the last bytes have been acknowledged: of that there is no event.
const ASK_EVERY: Duration = Duration::from_millis(10);

impl EventLoop {
    /// Accepts and serves nothing any more, sends what is owed for as long as the grace lasts, then closes everything.
    /// The tick in which the signal came has been finished: whatever had arrived by then has its reply in the output.
    pub(super) fn shut_down(&mut self, service: &mut dyn Service) -> anyhow::Result<()> {
        self.stop_accepting();
        let persisted = service.shut_down();
        let deadline = self.outbox.now + Duration::from_secs(GRACE.into());
        let all = self.ids();
        for &id in &all {
            self.outbox.change(id, |connection| connection.close(CloseReason::Shutdown, false));
        }
        self.flush_dirty(service);
        let mut unsure = all.clone();
        // A second signal says not to wait any longer.
        self.outbox.stop = false;
        loop {
            unsure.retain(|&id| !self.has_everything(id));
            if unsure.is_empty() || self.outbox.stop || self.outbox.now >= deadline {
                break;
            }
            self.wait(Some(ASK_EVERY.min(deadline - self.outbox.now)))?;
            self.dispatch_all(service);
            self.expire_timers(service);
            self.flush_dirty(service);
        }
        for id in all {
            self.part_with(id, service);
        }
        self.trace.note(0, "shutdown", None, String::new);
        self.trace.finish();
        persisted
    }

    // ANCHOR: has-everything
    /// Whether the last byte for this client is out of our hands *and* in those of its kernel. A byte that is only in our
    /// kernel's would be lost if the client sent one more request and our kernel, with no socket to give it to, answered RST.
    fn has_everything(&self, id: ConnId) -> bool {
        let Some(connection) = self.outbox.connections.get(id) else { return true };
        connection.owed() == 0
            && socket::unacknowledged(connection.socket.as_fd()).is_ok_and(|count| count == 0)
    }
    // ANCHOR_END: has-everything

    // ANCHOR: part-with
    /// Unread bytes would turn the close into a reset.
    fn part_with(&mut self, id: ConnId, service: &mut dyn Service) {
        if let Some(connection) = self.outbox.connections.get_mut(id) {
            for _ in 0..LAST_READS {
                match connection.receive(&mut self.outbox.inputs) {
                    Ok(0) | Err(_) => break,
                    Ok(_) => connection.pending.clear(),
                }
            }
        }
        self.remove(id, service);
    }
    // ANCHOR_END: part-with
}
