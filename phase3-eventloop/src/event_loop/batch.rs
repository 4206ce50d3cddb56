//! Turns in batches: bytes that have been read wait until a few connections have some.
//!
//! Serving each connection as soon as it is read would give the same replies. But a request mostly waits for memory, about a
//! hundred nanoseconds for each line that is in no cache, and a service that is told of several requests at once can ask for
//! the memory of all of them before it works on the first ([`Service::look_ahead`]). A pipeline is already a batch; single
//! requests of many clients become one here.
use std::mem;

use super::EventLoop;
use crate::service::Service;
use crate::slab::ConnId;

/// Most connections read before the first of them is served: enough to hide memory's latency, few enough that their
/// records are still in the first-level cache when their turn comes.
const MOST: usize = 16;
/// Once this many bytes wait they are served, for the same reason.
const ENOUGH: usize = 1024;

impl EventLoop {
    /// Lets what is pending of a connection wait for its turn, unless that completes a batch.
    pub(super) fn await_turn(&mut self, id: ConnId, length: usize, service: &mut dyn Service) {
        self.waiting.push(id);
        self.waiting_bytes += length;
        if self.waiting.len() == MOST || self.waiting_bytes >= ENOUGH {
            self.serve_batch(service);
        }
    }

    // ANCHOR: serve-batch
    /// Serves all that wait, in the order of their arrival.
    pub(super) fn serve_batch(&mut self, service: &mut dyn Service) {
        let mut waiting = mem::take(&mut self.waiting);
        self.waiting_bytes = 0;
        if waiting.len() > 1 {
            let pending = |&id: &ConnId| Some((id, &self.outbox.connections.get(id)?.pending[..]));
            service.look_ahead(&mut waiting.iter().filter_map(pending));
        }
        for &id in &waiting {
            self.serve(id, service);
        }
        if !waiting.is_empty() {
            service.turns_over();
        }
        waiting.clear();
        self.waiting = waiting;
    }
    // ANCHOR_END: serve-batch
}
