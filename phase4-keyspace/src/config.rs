//! What the operator can ask for. A parameter takes effect or is refused by name; none is merely stored.
pub mod apply;
pub mod elsewhere;
pub mod file;
pub mod fixed;
pub mod include;
pub mod listen;
pub mod notify;
pub mod rewrite;
pub mod table;
pub mod value;
pub mod watching;

use std::collections::BTreeSet;
use std::path::PathBuf;

use phase3_eventloop::poller::PollerKind;

use crate::keyspace::{Eviction, Thresholds};
use crate::log::Level;
use crate::persist::aof::Policy;
use crate::persist::rdb::save::Options;
use crate::persist::status::SavePoint;

/// Where a listener should be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Port {
    /// Nowhere: redis.conf's 0.
    None,
    /// Wherever the kernel likes.
    Any,
    /// There.
    At(u16),
}

/// When a client whose replies pile up is closed; 0 switches a limit off.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OutputLimit {
    /// At once above this many bytes.
    pub hard: u64,
    /// Above this many bytes …
    pub soft: u64,
    /// … for longer than this.
    pub seconds: u64,
}

/// `client-output-buffer-limit`, by class of client.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OutputLimits {
    /// Clients that ask.
    pub normal: OutputLimit,
    /// Replicas; this server has none yet.
    pub replica: OutputLimit,
    /// Clients that listen to channels.
    pub pubsub: OutputLimit,
}

impl Default for OutputLimits {
    fn default() -> Self {
        const MB: u64 = 1 << 20;
        OutputLimits {
            normal: OutputLimit { hard: 0, soft: 0, seconds: 0 },
            replica: OutputLimit { hard: 256 * MB, soft: 64 * MB, seconds: 60 },
            pubsub: OutputLimit { hard: 32 * MB, soft: 8 * MB, seconds: 60 },
        }
    }
}

/// `maxmemory-clients`: what all clients together may take.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ClientMemory {
    /// So many bytes; 0: as many as there are.
    Bytes(u64),
    /// So many hundredths of `maxmemory`.
    Percent(u64),
}

/// Longest request and longest argument, whatever is configured: offsets inside a request are 32 bits wide.
pub const LONGEST_REQUEST: u64 = u32::MAX as u64 - 1;

/// Who may use `DEBUG`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Debugging {
    /// No client.
    No,
    /// Clients on this machine.
    Local,
    /// Everybody.
    Yes,
}

/// Every parameter. Names, units and defaults are redis.conf's; the differences: `bind` is loopback, `save` is empty (nothing
/// is written unless asked for), `timeout` and the like are as Redis has them, `framed-port`, `poller`, `trace` and `stall-timeout` are ours.
#[derive(Clone, Debug)]
pub struct Config {
    /// The file that was read, if any.
    pub file: Option<PathBuf>,
    /// What `CONFIG SET` has changed since.
    pub changed: BTreeSet<&'static str>,
    /// Addresses to listen on.
    pub bind: Vec<String>,
    /// For RESP.
    pub port: Port,
    /// For the framed protocol.
    pub framed_port: Port,
    /// Connections the kernel may keep for us before we accept them (listen(2)).
    pub tcp_backlog: u64,
    /// poll or epoll.
    pub poller: PollerKind,
    /// Where the loop's trace goes; empty: nowhere.
    pub trace: PathBuf,
    /// How many databases.
    pub databases: usize,
    /// Most clients at a time.
    pub maxclients: u64,
    /// Seconds after which an idle client is closed; 0: never.
    pub timeout: u64,
    /// Seconds after which a client that accepts none of its waiting replies is closed; 0: never.
    pub stall_timeout: u64,
    /// Seconds between TCP keep-alive probes; 0: none.
    pub tcp_keepalive: u64,
    /// Background rounds per second.
    pub hz: u64,
    /// Longest argument, bytes.
    pub proto_max_bulk_len: u64,
    /// Longest request, bytes.
    pub client_query_buffer_limit: u64,
    /// Most waiting replies.
    pub output_limits: OutputLimits,
    /// The default user's password; empty: none is asked for.
    pub requirepass: Vec<u8>,
    /// Users by `user` lines: a name and rules each.
    pub users: Vec<Vec<Vec<u8>>>,
    /// The file that users are loaded from and saved to instead; empty: none.
    pub aclfile: PathBuf,
    /// What is written down about requests that take long.
    pub watching: watching::Watching,
    /// New names of commands (`rename-command`); empty: the command is gone.
    pub renames: Vec<(Vec<u8>, Vec<u8>)>,
    /// Lines that mean nothing here.
    pub not_heeded: BTreeSet<String>,
    /// Who may change parameters that name files.
    pub protected_configs: Debugging,
    /// Most entries of `ACL LOG`.
    pub acllog_max_len: u64,
    /// A new user reaches every channel (`acl-pubsub-default allchannels`).
    pub open_channels: bool,
    /// Refuse other machines as long as no password is asked for.
    pub protected_mode: bool,
    /// Most bytes in use before something is forgotten or refused; 0: as many as there are.
    pub maxmemory: u64,
    /// What is forgotten.
    pub eviction: Eviction,
    /// Most bytes of all clients together.
    pub maxmemory_clients: ClientMemory,
    /// How long commands may wait for eviction: 0 not at all, 10 half a millisecond, 100 until there is room.
    pub eviction_tenacity: u64,
    /// Up to what collections are small.
    pub thresholds: Thresholds,
    /// Who may use `DEBUG`.
    pub debugging: Debugging,
    /// Which changes to keys are told to subscribers.
    pub notify: notify::EventClasses,
    /// Where files are written.
    pub dir: PathBuf,
    /// Name of the snapshot.
    pub dbfilename: PathBuf,
    /// When a snapshot is taken by itself; empty, the default here: never.
    pub save: Vec<SavePoint>,
    /// Long strings in a snapshot are compressed.
    pub rdbcompression: bool,
    /// A snapshot has a checksum, and it is compared.
    pub rdbchecksum: bool,
    /// After a background save that failed, nothing is written.
    pub stop_writes_on_bgsave_error: bool,
    /// Every change is logged.
    pub appendonly: bool,
    /// When the log is on the disk.
    pub appendfsync: Policy,
    /// What the names of the log's files begin with.
    pub appendfilename: String,
    /// The folder of the log.
    pub appenddirname: String,
    /// A rewritten log begins with a snapshot; otherwise it is made of requests.
    pub aof_use_rdb_preamble: bool,
    /// A log that ends in the middle of a request is loaded up to there.
    pub aof_load_truncated: bool,
    /// The time stands in the log.
    pub aof_timestamp_enabled: bool,
    /// While a child writes, the log is not brought to the disk.
    pub no_appendfsync_on_rewrite: bool,
    /// The log is rewritten when it has grown by so many hundredths; 0: never by itself.
    pub auto_aof_rewrite_percentage: u64,
    /// A log of fewer bytes is left alone.
    pub auto_aof_rewrite_min_size: u64,
    /// How much is logged.
    pub loglevel: Level,
    /// Where to; empty: stderr.
    pub logfile: PathBuf,
}

impl Default for Config {
    fn default() -> Self {
        const MB: u64 = 1 << 20;
        Config {
            file: None,
            changed: BTreeSet::new(),
            bind: vec!["127.0.0.1".into()],
            port: Port::At(6379),
            framed_port: Port::At(7004),
            tcp_backlog: 511,
            poller: PollerKind::Epoll,
            trace: PathBuf::new(),
            databases: 16,
            maxclients: 10_000,
            timeout: 0,
            stall_timeout: 60,
            tcp_keepalive: 300,
            hz: 10,
            proto_max_bulk_len: 512 * MB,
            client_query_buffer_limit: 1024 * MB,
            output_limits: OutputLimits::default(),
            requirepass: Vec::new(),
            users: Vec::new(),
            aclfile: PathBuf::new(),
            watching: watching::Watching::default(),
            renames: Vec::new(),
            not_heeded: BTreeSet::new(),
            protected_configs: Debugging::No,
            acllog_max_len: 128,
            open_channels: false,
            protected_mode: true,
            maxmemory: 0,
            eviction: Eviction::default(),
            maxmemory_clients: ClientMemory::Bytes(0),
            eviction_tenacity: 10,
            thresholds: Thresholds::default(),
            debugging: Debugging::Local,
            notify: notify::EventClasses::default(),
            dir: std::env::current_dir().unwrap_or_default(),
            dbfilename: "dump.rdb".into(),
            save: Vec::new(),
            rdbcompression: true,
            rdbchecksum: true,
            stop_writes_on_bgsave_error: true,
            appendonly: false,
            appendfsync: Policy::EverySecond,
            appendfilename: "appendonly.aof".into(),
            appenddirname: "appendonlydir".into(),
            aof_use_rdb_preamble: true,
            aof_load_truncated: true,
            aof_timestamp_enabled: false,
            no_appendfsync_on_rewrite: false,
            auto_aof_rewrite_percentage: 100,
            auto_aof_rewrite_min_size: 64 * MB,
            loglevel: Level::Notice,
            logfile: PathBuf::new(),
        }
    }
}

impl Config {
    /// Longest argument and longest string that is built: `proto-max-bulk-len`, as far as this server can.
    #[inline]
    pub fn max_bulk(&self) -> usize {
        self.proto_max_bulk_len.min(LONGEST_REQUEST) as usize
    }

    /// Most bytes of a request that are not understood yet, such as an argument that has arrived in part:
    /// `client-query-buffer-limit`, as far as this server can.
    pub fn max_request(&self) -> usize {
        self.client_query_buffer_limit.min(LONGEST_REQUEST) as usize
    }

    /// How snapshots are written.
    pub fn rdb_options(&self) -> Options {
        Options { compress: self.rdbcompression, checksum: self.rdbchecksum, of_log: false }
    }

    /// Where the log's files are.
    pub fn log_folder(&self) -> PathBuf {
        self.dir.join(&self.appenddirname)
    }

    /// Where the snapshot is.
    pub fn snapshot(&self) -> PathBuf {
        self.dir.join(&self.dbfilename)
    }
}
