//! Periodic work, `hz` times a second, each piece of it a bounded share.
use std::time::Duration;

use phase3_eventloop::outbox::Outbox;
use phase3_eventloop::slab::ConnId;

use crate::deliver;
use crate::memory;
use crate::state::clients::Client;

use super::Server;

/// How long the most that waited for a client is remembered (`CLIENT LIST`'s `rbp`).
const PEAKS: Duration = Duration::from_secs(5);

impl Server {
    /// Counters that are sampled, and output that has waited too long.
    pub(super) fn cron(&mut self, outbox: &mut Outbox) {
        let now = outbox.now();
        self.state.stats.sample(now);
        self.state.peak_memory = self.state.peak_memory.max(memory::used());
        if self.next_peaks <= now {
            self.next_peaks = now + PEAKS;
            for client in self.state.clients.iter_mut() {
                client.output_peak = outbox.stats(client.conn).map_or(0, |stats| stats.output_len);
            }
        }
        for (conn, waiting) in self.over_soft_limit(outbox) {
            if deliver::is_cut_off(&mut self.state, conn, waiting, now) {
                outbox.abandon(conn);
            }
        }
    }

    /// Clients that were above their soft limit when it was looked at last, and how many bytes wait for each now.
    fn over_soft_limit(&mut self, outbox: &Outbox) -> Vec<(ConnId, usize)> {
        let over = |client: &&mut Client| client.over_soft_limit.is_some() && !client.killed;
        let waiting = |client: &mut Client| Some((client.conn, outbox.stats(client.conn)?.output_len));
        self.state.clients.iter_mut().filter(over).filter_map(waiting).collect()
    }
}
