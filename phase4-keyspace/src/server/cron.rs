//! Periodic work, `hz` times a second, each piece of it a bounded share.
use std::time::{Duration, Instant};

use phase3_eventloop::outbox::Outbox;
use phase3_eventloop::slab::ConnId;

use crate::deliver;
use crate::log;
use crate::memory;
use crate::state::clients::Client;

use super::{Server, crowd};

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
        self.save_if_due(now);
        self.state.rewrite_if_due(now);
        crowd::thin_out_all(&mut self.state, outbox);
        for (conn, waiting) in self.over_soft_limit(outbox) {
            if deliver::is_cut_off(&mut self.state, conn, waiting, now) {
                outbox.abandon(conn);
            }
        }
    }

    /// Starts a snapshot that a save point, or BGSAVE in a transaction, has asked for. A failure is logged and shown by INFO.
    fn save_if_due(&mut self, now: Instant) {
        let unsaved = self.state.unsaved();
        let due = self.state.persist.due(&self.state.config.save, unsaved, now);
        let due = due.filter(|_| !self.state.has_child());
        if let Some(point) = due {
            log::notice(format_args!("{unsaved} changes in {} seconds: saving", point.seconds));
        }
        if (due.is_some() || self.state.persist.scheduled) && !self.state.has_child() {
            let _ = self.state.save_in_background();
        }
    }

    /// Clients that were above their soft limit when it was looked at last, and how many bytes wait for each now.
    fn over_soft_limit(&mut self, outbox: &Outbox) -> Vec<(ConnId, usize)> {
        let over = |client: &&mut Client| client.over_soft_limit.is_some() && !client.killed;
        let waiting = |client: &mut Client| Some((client.conn, outbox.stats(client.conn)?.output_len));
        self.state.clients.iter_mut().filter(over).filter_map(waiting).collect()
    }
}
