//! `CLIENT PAUSE`: which commands wait, and until when.
use std::time::Instant;

use phase3_eventloop::outbox::Outbox;

use super::State;
use super::clients::HeldBy;

/// `CLIENT PAUSE`.
#[derive(Clone, Copy, Debug)]
pub struct Pause {
    /// When it ends by itself.
    pub until: Instant,
    /// Every command, not only those that write.
    pub all: bool,
}

impl State {
    /// Begins `CLIENT PAUSE`, or changes it. As nothing may be written, keys whose time is over stay and are hidden.
    pub fn begin_pause(&mut self, pause: Pause) {
        self.pause = Some(pause);
        self.keyspace.hide_expired(true);
    }

    /// Ends `CLIENT PAUSE` and serves every client again that it held.
    pub fn end_pause(&mut self, outbox: &mut Outbox) {
        self.pause = None;
        self.keyspace.hide_expired(false);
        for client in self.clients.iter_mut() {
            if client.held.is_some_and(|held| held.why == HeldBy::Pause) {
                client.held = None;
                self.held -= 1;
                outbox.resume(client.conn);
            }
        }
    }
}
