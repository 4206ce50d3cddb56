//! The command table is plain data: a name, what it may do, where its keys stand, and the function that runs it.
use crate::error::Error;
use crate::keyspace::{Db, Found, Key, Keyspace, Plain, Value};
use crate::server::ServerContext;
use crate::wire::args::Args;
use crate::wire::reply::Reply;

pub mod about;
pub mod admin;
pub mod client;
mod client_control;
pub mod config;
pub mod connection;
pub mod counter;
pub mod db;
pub mod debug;
pub mod expire;
#[cfg(test)]
mod harness;
pub mod info;
pub mod introspect;
pub mod key;
pub mod lcs;
pub mod lookup;
pub mod object;
pub mod range;
pub mod scan;
pub mod set_options;
pub mod string;

pub use about::{About, Group};

/// What a command did, told once, so that persistence, WATCH and counters need no calls of their own in every command.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Effect {
    /// Nothing changed.
    Read,
    /// The keyspace changed.
    Wrote,
}

/// A data command's function: appends exactly one reply, or returns an error and has changed nothing.
pub type DataFn = fn(&mut Context<'_>, Args<'_>, &mut Reply<'_>) -> Result<Effect, Error>;

/// The function of a command about clients or the server itself; the same contract.
pub type ServerFn = fn(&mut ServerContext<'_>, Args<'_>, &mut Reply<'_>) -> Result<Effect, Error>;

/// What runs a command.
#[derive(Clone, Copy)]
pub enum Run {
    /// A function that needs the keyspace and nothing else of the server.
    Data(DataFn),
    /// A function that may touch sessions, configuration and counters.
    Server(ServerFn),
}

/// Where a command's keys stand among its arguments.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct KeySpec {
    /// Index of the first key; 0: no keys.
    pub first: i32,
    /// Index of the last; negative counts from the end.
    pub last: i32,
    /// From one key to the next.
    pub step: i32,
}

impl KeySpec {
    /// No keys.
    pub const NONE: KeySpec = KeySpec { first: 0, last: 0, step: 0 };
    /// The first argument.
    pub const ONE: KeySpec = KeySpec { first: 1, last: 1, step: 1 };
    /// The first two arguments.
    pub const TWO: KeySpec = KeySpec { first: 1, last: 2, step: 1 };
    /// Every argument.
    pub const ALL: KeySpec = KeySpec { first: 1, last: -1, step: 1 };
    /// Every second argument: key, value, key, value.
    pub const PAIRS: KeySpec = KeySpec { first: 1, last: -1, step: 2 };

    /// The keys of a request; fewer than there should be if it has too few arguments.
    pub fn of<'a>(self, args: Args<'a>) -> impl Iterator<Item = &'a [u8]> {
        let last = if self.last < 0 { args.len() as i64 + i64::from(self.last) } else { self.last.into() };
        let end = usize::try_from(last + 1).unwrap_or(0).min(args.len());
        let first = if self.first > 0 { self.first as usize } else { end };
        (first..end).step_by(self.step.max(1) as usize).map(move |at| args.get(at))
    }
}

/// One row of the table.
pub struct Command {
    /// Lower case, as `COMMAND` prints it.
    pub name: &'static str,
    /// Number of arguments with the name; negative: at least that many. A subcommand counts its container too.
    pub arity: i32,
    /// Flags as `COMMAND INFO` prints them, in Redis's order (`write denyoom`, `readonly fast`, …), space-separated.
    pub flags: &'static str,
    /// Where the keys are.
    pub keys: KeySpec,
    /// What runs it.
    pub run: Run,
    /// `OBJECT ENCODING` and the like, chosen by argument 1; empty for a command without subcommands.
    pub subcommands: &'static [Command],
    /// What only `COMMAND` tells about it.
    pub about: About,
}

impl Command {
    /// A row for a command that needs the keyspace only. [`Command::doc`] and its neighbours complete it.
    pub const fn data(
        name: &'static str,
        arity: i32,
        flags: &'static str,
        keys: KeySpec,
        run: DataFn,
    ) -> Command {
        Command { name, arity, flags, keys, run: Run::Data(run), subcommands: &[], about: About::NONE }
    }

    /// A row for a command about clients or the server itself; it has no keys.
    pub const fn server(name: &'static str, arity: i32, flags: &'static str, run: ServerFn) -> Command {
        Command {
            name,
            arity,
            flags,
            keys: KeySpec::NONE,
            run: Run::Server(run),
            subcommands: &[],
            about: About::NONE,
        }
    }

    /// One of those for whoever runs the server (the ACL category `admin`).
    pub const fn admin(name: &'static str, arity: i32, run: ServerFn) -> Command {
        Command::server(name, arity, "admin noscript loading stale", run)
    }

    /// Whether it is among the row's flags.
    pub fn has_flag(&self, flag: &str) -> bool {
        self.flags.split(' ').any(|one| one == flag)
    }

    /// Adds the rows of its subcommands.
    pub const fn subcommands(mut self, rows: &'static [Command]) -> Command {
        self.subcommands = rows;
        self
    }

    /// Whether a request of `len` arguments, the name included, has the right number of them.
    #[inline]
    pub fn takes(&self, len: usize) -> bool {
        let arity = self.arity.unsigned_abs() as usize;
        if self.arity < 0 { len >= arity } else { len == arity }
    }

    /// The subcommand of this name, in any case.
    pub fn subcommand(&self, name: &[u8]) -> Option<&'static Command> {
        self.subcommands.iter().find(|row| row.name.as_bytes().eq_ignore_ascii_case(name))
    }
}

/// Every command there is, file by file.
static TABLE: &[&[Command]] = &[
    string::COMMANDS,
    range::COMMANDS,
    counter::COMMANDS,
    lcs::COMMANDS,
    key::COMMANDS,
    expire::COMMANDS,
    scan::COMMANDS,
    db::COMMANDS,
    object::COMMANDS,
    introspect::COMMANDS,
    connection::COMMANDS,
    client::COMMANDS,
    config::COMMANDS,
    info::COMMANDS,
    admin::COMMANDS,
    debug::COMMANDS,
];

/// All rows, subcommands not included.
pub fn all() -> impl Iterator<Item = &'static Command> {
    TABLE.iter().copied().flatten()
}

/// The command of this name, in any case.
pub fn find(name: &[u8]) -> Option<&'static Command> {
    all().find(|row| row.name.as_bytes().eq_ignore_ascii_case(name))
}

/// What a data command may touch. Commands about clients and the server itself are run by [`crate::server`], which has
/// more than this.
pub struct Context<'a> {
    /// All databases.
    pub keyspace: &'a mut Keyspace,
    /// The client's selected database.
    pub db: usize,
    /// Hashes of the first so many keys: the batch was hashed ahead to warm the cache.
    pub hashes: &'a [u64],
    /// The longest string a command may build, in bytes: `proto-max-bulk-len`.
    pub max_string: usize,
    /// `keyspace_hits` and `keyspace_misses` of `INFO`.
    pub hits: &'a mut u64,
    /// See `hits`.
    pub misses: &'a mut u64,
}

impl Context<'_> {
    /// The client's database.
    pub fn db(&mut self) -> &mut Db {
        self.keyspace.db(self.db)
    }

    /// A key with its hash.
    #[inline(never)]
    pub fn key<'k>(&self, bytes: &'k [u8]) -> Key<'k> {
        self.keyspace.hasher.key(bytes)
    }

    /// Looks a key up on behalf of a reading command: marks it used and counts the hit or the miss.
    #[inline]
    pub fn read(&mut self, key: Key<'_>) -> Option<Found<'_>> {
        let found = self.keyspace.db(self.db).find(key);
        *(if found.is_some() { &mut *self.hits } else { &mut *self.misses }) += 1;
        found
    }

    /// The string at a key, on behalf of a reading command; any other type is refused. The same as [`Context::read`] for the
    /// many commands that want no more than the bytes.
    #[inline(always)]
    pub fn read_string(&mut self, key: Key<'_>) -> Result<Option<&[u8]>, Error> {
        let db = self.keyspace.db(self.db);
        let value = match db.plain(key) {
            Plain::String(reference) => Some(Value::String(db.use_plain(reference))),
            Plain::Unusual(reference) => db.find_unusual(key, reference).map(|found| found.value),
            Plain::Absent => None,
        };
        *(if value.is_some() { &mut *self.hits } else { &mut *self.misses }) += 1;
        value.map(string::string).transpose()
    }

    /// The same without marking it used (TTL, OBJECT, TYPE).
    pub fn peek(&mut self, key: Key<'_>) -> Option<Found<'_>> {
        let found = self.keyspace.db(self.db).peek(key);
        *(if found.is_some() { &mut *self.hits } else { &mut *self.misses }) += 1;
        found
    }

    /// The command's first key, whose hash may already be known.
    #[inline]
    pub fn first_key<'k>(&self, bytes: &'k [u8]) -> Key<'k> {
        self.nth_key(0, bytes)
    }

    /// The command's key number `n` in the order of its [`KeySpec`], counted from 0.
    #[inline]
    pub fn nth_key<'k>(&self, n: usize, bytes: &'k [u8]) -> Key<'k> {
        match self.hashes.get(n) {
            Some(&hash) => Key { bytes, hash },
            None => self.key(bytes),
        }
    }
}

/// The reply of a container's `HELP`: usage, the lines given, and `HELP` itself.
pub fn help(reply: &mut Reply<'_>, container: &str, lines: &[&str]) {
    reply.array(lines.len() + 3);
    reply.simple(&format!("{container} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:"));
    for line in lines {
        reply.simple(line);
    }
    reply.simple("HELP");
    reply.simple("    Prints this help.");
}
