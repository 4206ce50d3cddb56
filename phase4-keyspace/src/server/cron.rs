//! Periodic work, `hz` times a second, each piece of it a bounded share.
use std::time::Duration;

use phase3_eventloop::outbox::Outbox;
use phase3_eventloop::slab::ConnId;

use crate::log;
use crate::memory;

use super::Server;

impl Server {
    /// Closes a client whose waiting output is beyond its hard limit, or has been beyond the soft one for too long.
    pub(super) fn enforce_output_limit(&mut self, conn: ConnId, waiting: usize, outbox: &mut Outbox) {
        let limit = self.state.config.output_limits.normal;
        let now = outbox.now();
        let Some(client) = self.state.clients.get(conn) else { return };
        let over_hard = limit.hard > 0 && waiting as u64 >= limit.hard;
        if limit.soft > 0 && waiting as u64 >= limit.soft {
            client.over_soft_limit.get_or_insert(now);
        } else {
            client.over_soft_limit = None;
        }
        let allowed = Duration::from_secs(limit.seconds);
        if over_hard || client.over_soft_limit.is_some_and(|since| now - since > allowed) {
            client.killed = true;
            let peer = client.peer;
            self.state.stats.output_limit_closed += 1;
            log::warning(format_args!(
                "closing {peer}: {waiting} bytes of replies wait for it (client-output-buffer-limit)"
            ));
            outbox.close(conn);
        }
    }

    /// Counters that are sampled, and output that has waited too long.
    pub(super) fn cron(&mut self, outbox: &mut Outbox) {
        let now = outbox.now();
        self.state.stats.sample(now);
        self.state.peak_memory = self.state.peak_memory.max(memory::used());
        if self.state.config.output_limits.normal.soft > 0 {
            let waiting: Vec<(ConnId, usize)> = self
                .state
                .clients
                .iter_mut()
                .filter(|client| client.over_soft_limit.is_some() && !client.killed)
                .filter_map(|client| Some((client.conn, outbox.stats(client.conn)?.output_len)))
                .collect();
            for (conn, waiting) in waiting {
                self.enforce_output_limit(conn, waiting, outbox);
            }
        }
    }
}
