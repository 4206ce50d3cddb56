//! The service that phase 3's loop runs: whose bytes, which requests, what becomes of them.
pub mod batch;
pub mod core;
pub mod dispatch;
pub mod limits;
pub mod listen;
pub mod memory;
pub mod stats;

use std::time::{Duration, Instant};

use nix::errno::Errno;
use phase3_eventloop::outbox::Outbox;
use phase3_eventloop::service::{Accepted, Admission, ConnId, Ending, Next, Served, Service, Turn};

use crate::command::lookup::Named;
use crate::config::Config;
use crate::error::Error;
use crate::log;
use crate::wire::framed;
use crate::wire::protocol::ProtocolError;
use crate::wire::reply::{Reply, Wire};

use batch::{Ahead, Batch, Then};
use dispatch::{Client, Incoming, Outcome};
use stats::Meter;

pub use self::core::{Core, ServerContext};

/// Which protocol a listener speaks: the tag it is given to the loop with.
pub const RESP_LISTENER: usize = 0;
/// See [`RESP_LISTENER`].
pub const FRAMED_LISTENER: usize = 1;

/// The keyspace server.
pub struct Server {
    /// What commands may touch.
    pub core: Core,
    batch: Batch,
    /// The keys that clients without a pipeline will ask for next: database and hash.
    coming: Vec<(usize, u64)>,
    meter: Meter,
    next_cron: Instant,
}

impl Server {
    /// A server with empty databases.
    pub fn new(config: Config, now: Instant) -> Self {
        Server {
            core: Core::new(config, now),
            batch: Batch::default(),
            coming: Vec::new(),
            meter: Meter::default(),
            next_cron: now,
        }
    }

    /// Serves one batch from offset `consumed` on; how far that came and what is next, `None` if there may be more.
    fn serve_batch(&mut self, turn: &mut Turn<'_>, input: &[u8], consumed: &mut usize) -> Option<Next> {
        // ANCHOR: serve-batch-body
        let core = &mut self.core;
        let Some(mut client) = Client::of(core, turn.conn) else { return Some(Next::Close) };
        let limits = core.wire_limits(client.stranger);
        let session = core.sessions.get(turn.conn)?;
        let ahead = Ahead { lookup: &core.lookup, db: core.keyspace.shared(client.db) };
        let then = self.batch.gather(input, *consumed, session, &limits, ahead);
        self.batch.warm(ahead.db);
        let mut next = None;
        let mut last = None;
        for request in &self.batch.requests {
            let args = self.batch.args(request, input);
            let incoming = Incoming { command: request.command, hashes: self.batch.hashes(request), args };
            let outcome = dispatch::dispatch(core, client, incoming, turn.out, turn.outbox, &mut self.meter);
            if outcome == Outcome::Held {
                next = Some(Next::Hold);
                break;
            }
            *consumed = request.end;
            last = Some(request.command);
            if outcome == Outcome::Changed {
                client = Client::of(core, turn.conn).unwrap_or(client);
                next = next_for(core, turn.conn);
            }
            if turn.out.len() > turn.high_mark {
                next = next.or(Some(Next::Full));
            }
            if next.is_some() {
                break;
            }
        }
        if let Some(Named::Known(id)) = last {
            dispatch::note(core, turn.conn, id);
        }
        if next.is_some() {
            return next;
        }
        *consumed = self.batch.end;
        match then {
            Then::More => None,
            Then::Nothing => Some(Next::More),
            Then::Part(progress) => {
                if let Some(session) = core.sessions.get(turn.conn) {
                    self.batch.set_aside(session, progress, *consumed);
                }
                Some(Next::More)
            }
            // What ran before it may have changed the limits (AUTH, CONFIG SET): look at it again.
            Then::Error(_) if !self.batch.requests.is_empty() => None,
            Then::Error(error) => {
                protocol_error(core, error, client.wire, turn.out);
                Some(Next::Close)
            }
        }
        // ANCHOR_END: serve-batch-body
    }

    /// Closes a client whose waiting output is beyond its hard limit, or has been beyond the soft one for too long.
    fn enforce_output_limit(&mut self, conn: ConnId, waiting: usize, outbox: &mut Outbox) {
        let limit = self.core.config.output_limits.normal;
        let now = outbox.now();
        let Some(session) = self.core.sessions.get(conn) else { return };
        let over_hard = limit.hard > 0 && waiting as u64 >= limit.hard;
        if limit.soft > 0 && waiting as u64 >= limit.soft {
            session.over_soft_limit.get_or_insert(now);
        } else {
            session.over_soft_limit = None;
        }
        let patience = Duration::from_secs(limit.seconds);
        if over_hard || session.over_soft_limit.is_some_and(|since| now - since > patience) {
            session.killed = true;
            let peer = session.peer;
            self.core.stats.output_limit_closed += 1;
            log::warning(format_args!(
                "closing {peer}: {waiting} bytes of replies wait for it (client-output-buffer-limit)"
            ));
            outbox.close(conn);
        }
    }

    /// The share of work that is nobody's request: ten times a second, bounded.
    fn cron(&mut self, outbox: &mut Outbox) {
        let now = outbox.now();
        self.core.stats.sample(now);
        self.core.peak_memory = self.core.peak_memory.max(memory::used());
        if self.core.config.output_limits.normal.soft > 0 {
            let waiting: Vec<(ConnId, usize)> = self
                .core
                .sessions
                .iter_mut()
                .filter(|session| session.over_soft_limit.is_some() && !session.killed)
                .filter_map(|session| Some((session.conn, outbox.stats(session.conn)?.output_len)))
                .collect();
            for (conn, waiting) in waiting {
                self.enforce_output_limit(conn, waiting, outbox);
            }
        }
    }
}

/// What a command did to its own client.
fn next_for(core: &mut Core, conn: ConnId) -> Option<Next> {
    match core.sessions.get(conn) {
        Some(session) if session.closing || session.killed => Some(Next::Close),
        Some(session) if session.held.is_some() => Some(Next::Hold),
        Some(_) => None,
        None => Some(Next::Close),
    }
}

/// The stream makes no sense any more: say why. The caller closes.
fn protocol_error(core: &mut Core, error: ProtocolError, wire: Wire, out: &mut Vec<u8>) {
    let start = out.len();
    if wire == Wire::Framed {
        framed::begin_reply(out);
    }
    let error = Error::from(error);
    log::verbose(format_args!("protocol error from a client: {}", error.text()));
    dispatch::refuse(core, &error, wire, out);
    if wire == Wire::Framed {
        framed::end_reply(out, start);
    }
}

const PROTECTED: &str = "DENIED this server asks for no password and runs in protected mode: only clients on its own machine \
    are served. Set requirepass, or protected-mode no if the network can be trusted, or bind a loopback address.";

/// Somebody who is not let in is told why. It is nobody's command, so it is not counted as an error reply.
fn refuse_newcomer(error: &Error, wire: Wire, out: &mut Vec<u8>) {
    let start = out.len();
    if wire == Wire::Framed {
        framed::begin_reply(out);
    }
    Reply::new(out, wire).error(error);
    if wire == Wire::Framed {
        framed::end_reply(out, start);
    }
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
        if self.core.sessions.len() >= self.core.config.maxclients as usize {
            self.core.stats.rejected_connections += 1;
            refuse_newcomer(&Error::other("ERR max number of clients reached"), wire, out);
            return Admission::Refuse;
        }
        if self.core.config.protected_mode
            && !self.core.config.asks_password()
            && !accepted.peer.ip().is_loopback()
        {
            self.core.stats.rejected_connections += 1;
            refuse_newcomer(&Error::other(PROTECTED), wire, out);
            return Admission::Refuse;
        }
        self.core.stats.connections_received += 1;
        let authenticated = !self.core.config.asks_password();
        self.core.sessions.open(conn, accepted, wire, authenticated, outbox.now());
        log::verbose(format_args!("accepted {}", accepted.peer));
        Admission::Accept
    }

    fn serve(&mut self, mut turn: Turn<'_>) -> Served {
        let now = turn.outbox.now();
        self.core.tick(now);
        // Offsets inside a request are 32 bits wide; the limits on what may wait are below that.
        let input = &turn.input[..turn.input.len().min(u32::MAX as usize)];
        match self.core.sessions.get(turn.conn) {
            Some(session) if !session.killed => session.last_active = now,
            _ => return Served { consumed: turn.input.len(), next: Next::Close },
        }
        let before = turn.out.len();
        let mut consumed = 0;
        let next = loop {
            if let Some(next) = self.serve_batch(&mut turn, input, &mut consumed) {
                break next;
            }
        };
        self.batch.shrink();
        self.core.stats.turns += 1;
        self.core.stats.net_input += consumed as u64;
        self.core.stats.net_output += turn.out.len().saturating_sub(before) as u64;
        let limit = self.core.config.output_limits.normal;
        if limit.hard > 0 || limit.soft > 0 {
            self.enforce_output_limit(turn.conn, turn.out.len(), turn.outbox);
        }
        Served { consumed, next }
    }

    fn look_ahead(&mut self, coming: &mut dyn Iterator<Item = (ConnId, &[u8])>) {
        let core = &mut self.core;
        self.coming.clear();
        for (conn, input) in coming {
            let Some(client) = Client::of(core, conn) else { continue };
            let limits = core.wire_limits(client.stranger);
            let Some(session) = core.sessions.get(conn) else { continue };
            let ahead = Ahead { lookup: &core.lookup, db: core.keyspace.shared(client.db) };
            if let Some(hash) = self.batch.peek(input, session, &limits, ahead) {
                self.coming.push((client.db, hash));
            }
        }
        // All buckets have been asked for; by now the first are there, and say which records.
        for (db, hash) in &self.coming {
            core.keyspace.shared(*db).warm(&[*hash]);
        }
    }

    fn turns_over(&mut self) {
        self.meter.stop(&mut self.core.stats);
    }

    fn end_of_input(&mut self, conn: ConnId, rest: &[u8], _out: &mut Vec<u8>) {
        if let (false, Some(session)) = (rest.is_empty(), self.core.sessions.get(conn)) {
            log::verbose(format_args!("{} closed in the middle of a request", session.peer));
        }
    }

    fn before_flush(&mut self, _outbox: &mut Outbox) -> anyhow::Result<()> {
        Ok(())
    }

    fn next_deadline(&self) -> Option<Instant> {
        Some(self.core.next_release().map_or(self.next_cron, |release| release.min(self.next_cron)))
    }

    fn on_deadline(&mut self, outbox: &mut Outbox) {
        let now = outbox.now();
        self.core.tick(now);
        if self.core.pause.is_some_and(|pause| pause.until <= now) {
            self.core.end_pause(outbox);
        }
        if self.next_cron <= now {
            self.cron(outbox);
            let regular = Duration::from_millis(1000 / self.core.config.hz.max(1));
            let sooner = self
                .core
                .keyspace
                .cron(self.core.active_expire && self.core.pause.is_none())
                .map(Duration::from_millis);
            self.next_cron = now + sooner.map_or(regular, |sooner| sooner.min(regular));
        }
    }

    fn close(&mut self, conn: ConnId, ending: Ending) {
        let Some(session) = self.core.sessions.close(conn) else { return };
        self.core.held -= usize::from(session.held.is_some());
        match ending {
            Ending::Error(Errno::EMSGSIZE) => {
                self.core.stats.query_limit_closed += 1;
                log::warning(format_args!(
                    "closed {}: its unfinished request grew beyond client-query-buffer-limit",
                    session.peer
                ));
            }
            Ending::Stalled => {
                self.core.stats.output_limit_closed += 1;
                log::warning(format_args!("closed {}: it does not read its replies", session.peer));
            }
            _ => log::verbose(format_args!("closed {}: {ending:?}", session.peer)),
        }
    }

    fn shut_down(&mut self) -> anyhow::Result<()> {
        log::notice(format_args!("bye"));
        Ok(())
    }
}
