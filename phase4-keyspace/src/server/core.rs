//! Everything that commands about clients and the server itself may touch.
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use phase3_eventloop::outbox::Outbox;
use phase3_eventloop::service::ConnId;

use crate::command;
use crate::command::lookup::Lookup;
use crate::config::Config;
use crate::keyspace::{Keyspace, Millis};
use crate::session::{Held, HeldBy, Session, Sessions};
use crate::wire::protocol::Limits;

use super::memory;
use super::stats::Stats;

/// The server without its loop.
pub struct Core {
    /// All databases.
    pub keyspace: Keyspace,
    /// All clients.
    pub sessions: Sessions,
    /// What the operator asked for.
    pub config: Config,
    /// What `INFO` counts.
    pub stats: Stats,
    /// The command table, by name and by id.
    pub lookup: Lookup,
    /// `CLIENT PAUSE`, while it lasts.
    pub pause: Option<Pause>,
    /// Whether expired keys are looked for in the background (`DEBUG SET-ACTIVE-EXPIRE`).
    pub active_expire: bool,
    /// Changes since the start.
    pub dirty: u64,
    /// When the server started.
    pub started: Instant,
    /// Forty hexadecimal digits that name this run.
    pub run_id: String,
    /// Port of the first RESP listener, as bound; 0: none.
    pub port: u16,
    /// How many clients are held.
    pub held: usize,
    /// The largest `used_memory` seen by the background work.
    pub peak_memory: usize,
    /// `used_memory` of the empty server.
    pub startup_memory: usize,
    /// The tick whose wall clock the keyspace has.
    tick: Option<Instant>,
}

/// `CLIENT PAUSE`.
#[derive(Clone, Copy, Debug)]
pub struct Pause {
    /// When it ends by itself.
    pub until: Instant,
    /// Every command, not only those that write.
    pub all: bool,
}

impl Core {
    /// A server with empty databases.
    pub fn new(config: Config, now: Instant) -> Self {
        let lookup = Lookup::new(command::all());
        Core {
            keyspace: Keyspace::new(config.databases),
            sessions: Sessions::default(),
            stats: Stats::new(lookup.len()),
            lookup,
            pause: None,
            active_expire: true,
            dirty: 0,
            started: now,
            run_id: random_hex(),
            port: 0,
            held: 0,
            peak_memory: 0,
            startup_memory: memory::used(),
            config,
            tick: None,
        }
    }

    /// Moves the keyspace's clock, once per tick: it stands still while commands run.
    pub fn tick(&mut self, now: Instant) {
        if self.tick != Some(now) {
            self.tick = Some(now);
            self.keyspace.set_now(wall_clock().as_millis() as Millis);
        }
    }

    /// `CONFIG RESETSTAT`.
    pub fn reset_stats(&mut self) {
        self.stats = Stats::new(self.lookup.len());
        self.stats.expired_before = self.keyspace.expired_keys();
    }

    /// What this client's requests may be at most.
    pub fn wire_limits(&self, stranger: bool) -> Limits {
        Limits {
            max_bulk: self.config.proto_max_bulk_len as usize,
            max_frame: self.config.client_query_buffer_limit as usize,
            stranger,
        }
    }

    /// Stops serving a client until [`Core::release`].
    pub fn hold(&mut self, conn: ConnId, why: HeldBy, until: Option<Instant>) {
        if let Some(session) = self.sessions.get(conn) {
            self.held += usize::from(session.held.replace(Held { why, until }).is_none());
        }
    }

    /// Serves a held client again.
    pub fn release(&mut self, conn: ConnId, outbox: &mut Outbox) {
        if let Some(session) = self.sessions.get(conn) {
            self.held -= usize::from(session.held.take().is_some());
            outbox.resume(conn);
        }
    }

    /// Ends `CLIENT PAUSE` and lets everybody go whom it held.
    pub fn end_pause(&mut self, outbox: &mut Outbox) {
        self.pause = None;
        for session in self.sessions.iter_mut() {
            if session.held.is_some_and(|held| held.why == HeldBy::Pause) {
                session.held = None;
                self.held -= 1;
                outbox.resume(session.conn);
            }
        }
    }

    /// When something here wants to be woken, apart from the regular background work.
    pub fn next_release(&self) -> Option<Instant> {
        self.pause.map(|pause| pause.until)
    }
}

/// What a command about clients or the server may touch.
pub struct ServerContext<'a> {
    /// The server.
    pub core: &'a mut Core,
    /// Who asks.
    pub conn: ConnId,
    /// The loop's side door.
    pub outbox: &'a mut Outbox,
}

impl ServerContext<'_> {
    /// Who asks.
    pub fn session(&mut self) -> &mut Session {
        self.core.sessions.get(self.conn).expect("the session whose command runs is open")
    }
}

/// Time since the Unix epoch.
pub fn wall_clock() -> Duration {
    // A clock before 1970 is a broken clock; nothing better than 0 can be said then.
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// Forty hexadecimal digits.
fn random_hex() -> String {
    use std::hash::{BuildHasher, RandomState};
    (0..3).map(|part| format!("{:016x}", RandomState::new().hash_one(part))).collect::<String>()[..40].into()
}
