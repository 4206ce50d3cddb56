//! The command table is plain data: a name, what it may do, where its keys stand, and the function that runs it.
use crate::error::Error;
use crate::state::waiting::Wait;
use crate::wire::args::Args;
use crate::wire::reply::Reply;

pub mod acl;
pub mod catalogue;
pub mod client_line;
pub mod connection;
pub mod context;
pub mod docs;
pub mod element;
pub mod flags;
#[cfg(test)]
mod harness;
pub mod hash;
pub mod inspect;
pub mod key;
pub mod keys;
pub mod list;
pub mod logged;
pub mod lookup;
pub mod permission;
pub mod pubsub;
pub mod reach;
pub mod redact;
pub mod replay;
pub mod restart;
pub mod server;
pub mod set;
pub mod stream;
pub mod string;
pub mod transaction;
pub mod zset;

pub use context::{Context, ServerContext};
pub use docs::{Docs, Group};
pub use flags::{Flag, Flags};
pub use keys::KeySpec;

/// A data command's function: appends exactly one reply, or returns an error and has changed nothing.
pub type DataFn = fn(&mut Context<'_>, Args<'_>, &mut Reply<'_>) -> Result<(), Error>;

/// The function of a command about clients or the server itself; the same contract.
pub type ServerFn = fn(&mut ServerContext<'_>, Args<'_>, &mut Reply<'_>) -> Result<(), Error>;

/// The function of a command that can wait for other clients. `only`: nothing but the key at this argument may be looked
/// at, because it has just become ready; otherwise all its keys in order. Appends exactly one reply and is done, or finds
/// nothing, has changed nothing, and says what it waits for.
pub type BlockingFn =
    fn(&mut Context<'_>, Args<'_>, only: Option<usize>, &mut Reply<'_>) -> Result<Tried, Error>;

/// What came of trying a command that can wait.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Tried {
    /// The reply is written.
    Done,
    /// There is nothing yet.
    Nothing(Wait),
}

/// What runs a command.
#[derive(Clone, Copy)]
pub enum Run {
    /// A function that needs the keyspace and nothing else of the server.
    Data(DataFn),
    /// A function that may touch sessions, configuration and counters.
    Server(ServerFn),
    /// A function that needs the keyspace, and may have to be tried again later.
    Blocking(BlockingFn),
    /// `EXEC`: the server runs what the client has queued.
    Exec,
}

/// One row of the table.
pub struct Command {
    /// Lower case, as `COMMAND` prints it.
    pub name: &'static str,
    /// Number of arguments with the name; negative: at least that many. A subcommand counts its container too.
    pub arity: i32,
    /// Flags as `COMMAND INFO` prints them, in Redis's order (`write denyoom`, `readonly fast`, …), space-separated.
    pub flags: Flags,
    /// Where the keys are.
    pub keys: KeySpec,
    /// What runs it.
    pub run: Run,
    /// `OBJECT ENCODING` and the like, chosen by argument 1; empty for a command without subcommands.
    pub subcommands: &'static [Command],
    /// What only `COMMAND` tells about it.
    pub docs: Docs,
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
        let flags = Flags::parse(flags);
        Command { name, arity, flags, keys, run: Run::Data(run), subcommands: &[], docs: Docs::NONE }
    }

    /// The same for one that can wait for other clients.
    pub const fn blocking(
        name: &'static str,
        arity: i32,
        flags: &'static str,
        keys: KeySpec,
        run: BlockingFn,
    ) -> Command {
        let flags = Flags::parse(flags);
        Command { name, arity, flags, keys, run: Run::Blocking(run), subcommands: &[], docs: Docs::NONE }
    }

    /// A row for a command about clients or the server itself; it has no keys.
    pub const fn server(name: &'static str, arity: i32, flags: &'static str, run: ServerFn) -> Command {
        Command {
            name,
            arity,
            flags: Flags::parse(flags),
            keys: KeySpec::NONE,
            run: Run::Server(run),
            subcommands: &[],
            docs: Docs::NONE,
        }
    }

    /// A server row for the operator (the ACL category `admin`).
    pub const fn admin(name: &'static str, arity: i32, run: ServerFn) -> Command {
        Command::server(name, arity, "admin noscript loading stale", run)
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
    string::range::COMMANDS,
    string::counter::COMMANDS,
    string::lcs::COMMANDS,
    string::bits::COMMANDS,
    string::bitfield::COMMANDS,
    hash::COMMANDS,
    hash::counter::COMMANDS,
    hash::walk::COMMANDS,
    set::COMMANDS,
    set::algebra::COMMANDS,
    set::walk::COMMANDS,
    list::COMMANDS,
    list::edit::COMMANDS,
    list::search::COMMANDS,
    list::pop::COMMANDS,
    list::transfer::COMMANDS,
    list::blocking::COMMANDS,
    zset::COMMANDS,
    zset::add::COMMANDS,
    zset::range::COMMANDS,
    zset::remove::COMMANDS,
    zset::pop::COMMANDS,
    zset::blocking::COMMANDS,
    zset::random::COMMANDS,
    zset::algebra::COMMANDS,
    stream::COMMANDS,
    stream::add::COMMANDS,
    stream::trim::COMMANDS,
    stream::read::COMMANDS,
    stream::groups::COMMANDS,
    stream::pending::COMMANDS,
    stream::claim::COMMANDS,
    stream::info::COMMANDS,
    key::COMMANDS,
    key::expire::COMMANDS,
    key::scan::COMMANDS,
    key::sort::COMMANDS,
    key::databases::COMMANDS,
    key::object::COMMANDS,
    key::memory::COMMANDS,
    server::commands::COMMANDS,
    connection::COMMANDS,
    connection::client::COMMANDS,
    server::config::COMMANDS,
    server::info::COMMANDS,
    server::admin::COMMANDS,
    server::persistence::COMMANDS,
    key::dump::COMMANDS,
    server::debug::COMMANDS,
    transaction::COMMANDS,
    pubsub::COMMANDS,
    acl::COMMANDS,
    server::slowlog::COMMANDS,
    server::latency::COMMANDS,
    server::monitor::COMMANDS,
];

/// All rows, subcommands not included.
pub fn all() -> impl Iterator<Item = &'static Command> {
    TABLE.iter().copied().flatten()
}

/// The command of this name, in any case.
pub fn find(name: &[u8]) -> Option<&'static Command> {
    all().find(|row| row.name.as_bytes().eq_ignore_ascii_case(name))
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
