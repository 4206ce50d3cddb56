//! What clients take: buffers, what they have queued, what is known of them. Counted where it changes, and all anew by the
//! background work, so that a limit on the sum can be asked about after every turn.
use phase3_eventloop::outbox::{ConnStats, Outbox};
use phase3_eventloop::slab::ConnId;

use super::State;
use super::clients::Client;
use super::transaction::Transaction;
use crate::config::ClientMemory;
use crate::wire::args::Span;

/// A smaller limit than this would shut every client out, also the one that wants to raise it.
const LEAST: u64 = 128 * 1024;

impl Client {
    /// Bytes that it takes, given its buffers (`CLIENT LIST`'s `tot-mem`).
    pub fn memory(&self, stats: ConnStats) -> usize {
        let names = self.name.capacity() + self.lib_name.capacity() + self.lib_version.capacity();
        let spans = self.unfinished.as_ref().map_or(0, |unfinished| {
            size_of_val(&**unfinished) + unfinished.spans.capacity() * size_of::<Span>()
        });
        size_of::<Client>()
            + names
            + spans
            + stats.input_capacity
            + stats.output_capacity
            + self.transaction.as_deref().map_or(0, Transaction::memory)
    }
}

impl State {
    /// `maxmemory-clients` in bytes, if there is a limit.
    pub fn client_memory_limit(&self) -> Option<usize> {
        let bytes = match self.config.maxmemory_clients {
            ClientMemory::Bytes(bytes) => bytes,
            ClientMemory::Percent(percent) => {
                (u128::from(self.config.maxmemory) * u128::from(percent) / 100).min(u64::MAX.into()) as u64
            }
        };
        (bytes > 0).then(|| usize::try_from(bytes.max(LEAST)).unwrap_or(usize::MAX))
    }

    /// Counts a client anew, whose turn is over.
    pub fn recount_client(&mut self, conn: ConnId, stats: ConnStats) {
        if let Some(client) = self.clients.get(conn) {
            let memory = client.memory(stats);
            self.client_memory = self.client_memory - client.counted + memory;
            client.counted = memory;
        }
    }

    /// Counts all clients anew.
    pub fn recount_clients(&mut self, outbox: &Outbox) {
        self.client_memory = 0;
        for client in self.clients.iter_mut() {
            client.counted = client.memory(outbox.stats(client.conn).unwrap_or_default());
            self.client_memory += client.counted;
        }
    }

    /// The client that takes the most, of those that may be evicted.
    pub fn largest_client(&mut self) -> Option<&mut Client> {
        self.clients
            .iter_mut()
            .filter(|client| !client.no_evict && !client.killed)
            .max_by_key(|client| client.counted)
    }
}
