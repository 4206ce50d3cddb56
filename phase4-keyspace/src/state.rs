//! What a server *is* while it runs: databases, clients, parameters, counters. No control flow: commands and the server
//! above read and change it.
pub mod client_memory;
pub mod clients;
pub mod histogram;
mod identity;
pub mod logging;
pub mod meter;
pub mod pause;
pub mod pubsub;
pub mod recorder;
pub mod rewriting;
pub mod room;
pub mod saving;
pub mod slow;
pub mod stats;
pub mod subscriptions;
pub mod transaction;
pub mod waiting;
pub mod watch;
pub mod watchers;

use std::net::SocketAddr;
use std::time::Instant;

use phase3_eventloop::outbox::Outbox;
use phase3_eventloop::slab::ConnId;

use crate::access::Users;
use crate::clock::wall_clock;
use crate::config::Config;
use crate::config::listen::RESP_LISTENER;
use crate::keyspace::{Keyspace, Millis, Standing};
use crate::memory;
use crate::persist::Persist;
use crate::persist::aof::Aof;
use crate::wire::limits::Limits;
use crate::wire::reply::Wire;

use clients::{Caller, Clients, Held, HeldBy};
use meter::Meter;
use pause::Pause;
use pubsub::PubSub;
use recorder::Recorder;
use room::Room;
use slow::{Latency, SlowLog, Watch};
use stats::Stats;
use waiting::{Blocked, Waiting};
use watchers::Watchers;

/// The server without its loop.
pub struct State {
    /// All databases.
    pub keyspace: Keyspace,
    /// All clients.
    pub clients: Clients,
    /// What the operator asked for.
    pub config: Config,
    /// Who may do what.
    pub users: Users,
    /// What `INFO` counts.
    pub stats: Stats,
    /// Which command's time is running.
    pub meter: Meter,
    /// `CLIENT PAUSE`, while it lasts.
    pub pause: Option<Pause>,
    /// Whether expired keys are looked for in the background (`DEBUG SET-ACTIVE-EXPIRE`).
    pub active_expire: bool,
    /// `DEBUG JOURNAL`, while it is on.
    pub recorder: Option<Recorder>,
    /// Who listens to which channels.
    pub pubsub: PubSub,
    /// Who is shown every request (`MONITOR`).
    pub monitors: Vec<ConnId>,
    /// Looks how long commands take.
    pub watch: Watch,
    /// Those that took long.
    pub slow_log: SlowLog,
    /// And when they did.
    pub latency: Latency,
    /// Who watches which keys.
    pub watchers: Watchers,
    /// Who waits for which keys.
    pub waiting: Waiting,
    /// Snapshots.
    pub persist: Persist,
    /// The append-only file.
    pub aof: Aof,
    /// When the server started.
    pub started: Instant,
    /// Forty hexadecimal digits that name this run.
    pub run_id: String,
    /// Port of the first RESP listener, as bound; 0: none.
    pub port: u16,
    /// The same of the first framed listener.
    pub framed_port: u16,
    /// Where it listens, by listener tag.
    pub listening: [Vec<SocketAddr>; 2],
    /// What is known of the limit on memory.
    pub room: Room,
    /// What all clients take, as it was counted last.
    pub client_memory: usize,
    /// How many clients are held.
    pub held: usize,
    /// The largest `used_memory` seen by the background work.
    pub peak_memory: usize,
    /// `used_memory` of the empty server.
    pub startup_memory: usize,
    /// The tick whose wall clock the keyspace has.
    tick: Option<Instant>,
}

impl State {
    /// A server with empty databases, whose table has so many commands.
    pub fn new(config: Config, commands: usize, now: Instant) -> Self {
        let mut keyspace = Keyspace::new(config.databases);
        keyspace.set_thresholds(&config.thresholds);
        let mut users = Users::default();
        users.set_default_password(&config.requirepass);
        let mut state = State {
            keyspace,
            users,
            clients: Clients::default(),
            stats: Stats::new(commands),
            meter: Meter::default(),
            pause: None,
            active_expire: true,
            recorder: None,
            pubsub: PubSub::default(),
            monitors: Vec::new(),
            watch: Watch::default(),
            slow_log: SlowLog::default(),
            latency: Latency::default(),
            watchers: Watchers::default(),
            waiting: Waiting::default(),
            persist: Persist::default(),
            aof: Aof::default(),
            started: now,
            run_id: random_hex(),
            port: 0,
            framed_port: 0,
            listening: Default::default(),
            room: Room::default(),
            client_memory: 0,
            held: 0,
            peak_memory: 0,
            startup_memory: memory::used(),
            config,
            tick: None,
        };
        state.update_journal();
        state.set_eviction();
        state.update_watch();
        state
    }

    /// Notes where it listens for one protocol.
    pub fn set_listening(&mut self, tag: usize, addresses: Vec<SocketAddr>) {
        let port = addresses.first().map_or(0, SocketAddr::port);
        *(if tag == RESP_LISTENER { &mut self.port } else { &mut self.framed_port }) = port;
        self.listening[tag] = addresses;
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
        let (tracks, expired_before) = (self.stats.tracks, self.keyspace.expired_keys());
        self.stats = Stats { tracks, expired_before, ..Stats::new(self.stats.commands.len()) };
        self.stats.evicted_before = self.keyspace.evicted_keys();
        self.room.reset();
    }

    /// What this client's requests may be at most.
    pub fn wire_limits(&self, unauthenticated: bool) -> Limits {
        Limits { max_bulk: self.config.max_bulk(), max_frame: self.config.max_request(), unauthenticated }
    }

    /// What running a client's requests takes from it; `None` if the client is gone.
    pub fn caller(&mut self, conn: ConnId) -> Option<Caller> {
        let asked = self.users.asks_password();
        let client = self.clients.get(conn)?;
        let unauthenticated = asked && !client.authenticated;
        Some(Caller {
            conn,
            db: client.db,
            wire: client.wire,
            replies: client.replies,
            unauthenticated,
            limited: client.limited,
            monitors: client.monitors,
            queues: client.transaction.is_some(),
            listens: client.wire != Wire::Resp3 && client.subscriptions.is_some(),
        })
    }

    /// Whether the client may run anything now, and its replies need nothing around them and all reach it.
    pub fn is_ordinary(&self, caller: &Caller) -> bool {
        !caller.is_restricted()
            && !caller.is_silent()
            && caller.wire != Wire::Framed
            && self.pause.is_none()
            && self.monitors.is_empty()
            && !self.persist.failed
            && self.aof.failure.is_none()
    }

    /// The journal keeps its entries while something reads them.
    pub fn update_journal(&mut self) {
        let keep = self.recorder.is_some()
            || !self.watchers.is_empty()
            || !self.waiting.is_empty()
            || self.config.notify.any()
            || self.aof.is_on();
        self.keyspace.changes.set_keep(keep);
        self.keyspace.changes.set_keep_details(self.aof.is_on());
        self.keyspace.changes.set_keep_misses(self.config.notify.misses());
    }

    /// `WATCH` of one key.
    pub fn watch(&mut self, conn: ConnId, db: usize, key: &[u8]) {
        let standing = self.keyspace.db(db).standing(self.keyspace.hasher.key(key));
        self.watchers.watch(&mut self.clients, conn, (db, key), standing);
        self.update_journal();
    }

    /// `UNWATCH`
    pub fn unwatch(&mut self, conn: ConnId) {
        self.watchers.unwatch(&mut self.clients, conn);
        self.update_journal();
    }

    /// Whether a key that a client watches has changed, or died by now without being removed.
    pub fn watched_changed(&mut self, conn: ConnId) -> bool {
        let Some(watch) = self.clients.get(conn).and_then(|client| client.watch.as_ref()) else {
            return false;
        };
        let keyspace = &self.keyspace;
        let dead =
            |db: usize, key: &[u8]| keyspace.db(db).standing(keyspace.hasher.key(key)) == Standing::Dead;
        watch.changed || watch.keys.iter().any(|it| !it.was_dead && dead(it.db, &it.key))
    }

    /// Stops serving a client until [`State::release`].
    pub fn hold(&mut self, conn: ConnId, why: HeldBy, until: Option<Instant>) {
        if let Some(client) = self.clients.get(conn) {
            self.held += usize::from(client.held.replace(Held { why, until }).is_none());
        }
    }

    /// Serves a held client again.
    pub fn release(&mut self, conn: ConnId, outbox: &mut Outbox) {
        if let Some(client) = self.clients.get(conn) {
            self.held -= usize::from(client.held.take().is_some());
            outbox.resume(conn);
        }
    }

    /// Has a client wait for keys. Its request is done with: it will be answered by what ends the waiting.
    pub fn block(&mut self, conn: ConnId, blocked: Blocked) {
        self.hold(conn, HeldBy::Keys, blocked.until);
        self.waiting.block(conn, blocked);
        self.update_journal();
    }

    /// Ends the waiting of a client, and serves again what it has sent meanwhile. The caller answers its request. `false`: it
    /// did not wait.
    pub fn unblock(&mut self, conn: ConnId, outbox: &mut Outbox) -> bool {
        if self.waiting.take(conn).is_none() {
            return false;
        }
        self.release(conn, outbox);
        self.update_journal();
        true
    }

    /// When something here wants to be woken, apart from the regular background work.
    pub fn next_release(&self) -> Option<Instant> {
        self.pause.map(|pause| pause.until).into_iter().chain(self.waiting.next_timeout()).min()
    }
}

/// Forty hexadecimal digits.
fn random_hex() -> String {
    use std::hash::{BuildHasher, RandomState};
    (0..3).map(|part| format!("{:016x}", RandomState::new().hash_one(part))).collect::<String>()[..40].into()
}
