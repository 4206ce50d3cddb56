//! The service that phase 3's loop runs: whose bytes, which requests, what becomes of them.
pub mod admit;
pub mod batch;
mod cron;
mod crowd;
mod exec;
pub mod execute;
mod logging;
mod room;
mod run;
mod seen;
mod tell;
mod turn;
pub mod unit;
mod wake;

use std::time::{Duration, Instant};

use anyhow::Context;
use nix::errno::Errno;
use phase3_eventloop::connection::CloseReason;
use phase3_eventloop::outbox::Outbox;
use phase3_eventloop::service::{Accepted, Admission, Served, Service, Turn};
use phase3_eventloop::slab::ConnId;

use crate::command::lookup;
use crate::config::Config;
use crate::deliver::Deliver;
use crate::error::Error;
use crate::log;
use crate::state::State;
use crate::wire::reply::{Wire, framed};

use batch::{Batch, Lookahead};
use unit::{Unit, end_unit};

pub use crate::config::listen::{FRAMED_LISTENER, RESP_LISTENER};

/// The keyspace server.
pub struct Server {
    /// What commands may touch.
    pub state: State,
    batch: Batch,
    /// The keys that clients without a pipeline will ask for next: database and hash.
    coming: Vec<(usize, u64)>,
    /// Empty between turns; see [`Deliver`](crate::deliver::Deliver).
    behind_reply: Vec<u8>,
    next_cron: Instant,
    next_peaks: Instant,
}

impl Server {
    /// A server with empty databases.
    pub fn new(config: Config, now: Instant) -> Self {
        Server {
            state: State::new(config, lookup::table().len(), now),
            batch: Batch::default(),
            coming: Vec::new(),
            behind_reply: Vec::new(),
            next_cron: now,
            next_peaks: now,
        }
    }
}

const PROTECTED: &str = "DENIED this server asks for no password and runs in protected mode: only clients on its own machine \
    are served. Set requirepass, or protected-mode no if the network can be trusted, or bind a loopback address.";

/// Tells a client why it is not let in. No command of it ran, so this is not counted as an error reply.
fn refuse_newcomer(error: &Error, wire: Wire, out: &mut Vec<u8>) {
    framed(out, wire, |reply| reply.error(error));
}

impl Service for Server {
    fn open(
        &mut self,
        conn: ConnId,
        accepted: &Accepted,
        out: &mut Vec<u8>,
        outbox: &mut Outbox,
    ) -> Admission {
        let wire = if accepted.listener == FRAMED_LISTENER { Wire::Framed } else { Wire::Resp2 };
        if self.state.clients.len() >= self.state.config.maxclients as usize {
            self.state.stats.rejected_connections += 1;
            refuse_newcomer(&Error::other("ERR max number of clients reached"), wire, out);
            return Admission::Refuse;
        }
        if self.state.config.protected_mode
            && self.state.users.default_user().nopass
            && !accepted.peer.ip().is_loopback()
        {
            self.state.stats.rejected_connections += 1;
            refuse_newcomer(&Error::other(PROTECTED), wire, out);
            return Admission::Refuse;
        }
        self.state.stats.connections_received += 1;
        self.state.clients.open(conn, accepted, wire, outbox.now());
        self.state.log_out(conn);
        log::verbose(format_args!("accepted {}", accepted.peer));
        Admission::Accept
    }

    fn serve(&mut self, turn: Turn<'_>) -> Served {
        self.serve_turn(turn)
    }

    fn look_ahead(&mut self, coming: &mut dyn Iterator<Item = (ConnId, &[u8])>) {
        let state = &mut self.state;
        self.coming.clear();
        for (conn, input) in coming {
            let Some(caller) = state.caller(conn) else { continue };
            let limits = state.wire_limits(caller.unauthenticated);
            let Some(client) = state.clients.get(conn) else { continue };
            let ahead = Lookahead { lookup: lookup::table(), db: state.keyspace.db(caller.db) };
            if let Some(hash) = self.batch.peek(input, client, &limits, ahead) {
                self.coming.push((caller.db, hash));
            }
        }
        // All buckets have been asked for; by now the first are there, and say which records.
        for (db, hash) in &self.coming {
            state.keyspace.db(*db).warm(&[*hash]);
        }
    }

    fn turns_over(&mut self) {
        self.state.meter.stop(&mut self.state.stats);
    }

    fn end_of_input(&mut self, conn: ConnId, rest: &[u8], _out: &mut Vec<u8>) {
        if let (false, Some(client)) = (rest.is_empty(), self.state.clients.get(conn)) {
            log::verbose(format_args!("{} closed in the middle of a request", client.peer));
        }
    }

    fn next_deadline(&self) -> Option<Instant> {
        Some(self.state.next_release().map_or(self.next_cron, |release| release.min(self.next_cron)))
    }

    fn on_deadline(&mut self, outbox: &mut Outbox) {
        let now = outbox.now();
        self.state.tick(now);
        if self.state.pause.is_some_and(|pause| pause.until <= now) {
            self.state.end_pause(outbox);
        }
        wake::time_out(&mut self.state, &mut Deliver::new(outbox, None, &mut self.behind_reply));
        if self.next_cron <= now {
            self.cron(outbox);
            let regular = Duration::from_millis(1000 / self.state.config.hz.max(1));
            let start = Instant::now();
            let sooner = self
                .state
                .keyspace
                .cron(self.state.active_expire && self.state.pause.is_none())
                .map(Duration::from_millis);
            let deliver = &mut Deliver::new(outbox, None, &mut self.behind_reply);
            end_unit(&mut self.state, deliver, Unit::Background);
            if self.state.is_full() || self.state.room.is_behind() {
                room::make_room(&mut self.state, deliver);
            }
            self.state.stats.cron_time += start.elapsed();
            let sooner = if self.state.room.goes_on() { Some(Duration::ZERO) } else { sooner };
            self.next_cron = now + sooner.map_or(regular, |sooner| sooner.min(regular));
        }
    }

    fn close(&mut self, conn: ConnId, ending: CloseReason) {
        let Some(client) = self.state.clients.close(conn) else { return };
        self.state.held -= usize::from(client.held.is_some());
        self.state.client_memory = self.state.client_memory.saturating_sub(client.counted);
        if self.state.waiting.take(conn).is_some() {
            self.state.update_journal();
        }
        if client.monitors {
            self.state.monitors.retain(|monitor| *monitor != conn);
        }
        if let Some(subscriptions) = &client.subscriptions {
            self.state.pubsub.forget(conn, subscriptions);
        }
        if let Some(watch) = &client.watch {
            self.state.watchers.forget(conn, watch);
            self.state.update_journal();
        }
        match ending {
            CloseReason::Error(Errno::EMSGSIZE) => {
                self.state.stats.query_limit_closed += 1;
                log::warning(format_args!(
                    "closed {}: its unfinished request is longer than 4 GiB",
                    client.peer
                ));
            }
            CloseReason::Stalled => {
                self.state.stats.output_limit_closed += 1;
                log::warning(format_args!("closed {}: it does not read its replies", client.peer));
            }
            _ => log::verbose(format_args!("closed {}: {ending:?}", client.peer)),
        }
    }

    fn before_flush(&mut self, outbox: &mut Outbox) -> anyhow::Result<()> {
        if self.state.aof.is_on() {
            self.state.flush_log(outbox.now()).context("the append-only file cannot be written")?;
        }
        Ok(())
    }

    fn child_exited(&mut self, _: &mut Outbox) {
        self.state.reap();
        self.state.reap_rewrite();
    }

    fn shut_down(&mut self) -> anyhow::Result<()> {
        self.state.save_at_exit().context("what was not saved yet is lost")?;
        log::notice(format_args!("bye"));
        Ok(())
    }
}
