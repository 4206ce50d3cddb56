//! May this request run? Every reason why not, in Redis's order.
use phase3_eventloop::outbox::Outbox;
use phase3_eventloop::slab::ConnId;

use crate::access::Reason;
use crate::command::flags::Flag;
use crate::command::lookup::{self, Resolved};
use crate::command::permission;
use crate::command::server::debug;
use crate::command::{Command, Run};
use crate::error::{Error, c_string};
use crate::log;
use crate::state::State;
use crate::state::clients::Caller;
use crate::state::stats::CommandId;
use crate::wire::args::Args;

/// A request on its way to its command.
pub struct Incoming<'a> {
    /// What it asks for.
    pub command: Resolved,
    /// Hashes of its first so many keys, computed ahead.
    pub hashes: &'a [u64],
    /// Its arguments.
    pub args: Args<'a>,
}

/// What is to become of a request.
pub enum Verdict {
    /// It runs.
    Run(CommandId, &'static Command),
    /// It is `EXEC`: what its client has queued runs.
    Exec(CommandId),
    /// It waits for `EXEC`.
    Queue(CommandId, &'static Command),
    /// It waits in the input until its client is released.
    Hold,
    /// Its client is closed without an answer.
    HangUp,
}

const MISCONF: &str = "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk. Commands \
    that may modify the data set are disabled, because this instance is configured to report errors during writes if RDB \
    snapshotting fails (stop-writes-on-bgsave-error option). Please check the Redis logs for details about the RDB error.";

const OOM: &str = "OOM command not allowed when used memory > 'maxmemory'.";

/// Every reason why a request does not run, in Redis's order. `out_of_memory`: there is too little room and nothing to
/// forget.
#[inline]
pub fn admit(
    state: &mut State,
    caller: Caller,
    incoming: &Incoming<'_>,
    outbox: &Outbox,
    out_of_memory: bool,
) -> Result<Verdict, Error> {
    let Resolved::Known(id) = incoming.command else { return unnamed(state, caller, incoming) };
    let row = lookup::table().row(id);
    if !row.takes(incoming.args.len()) {
        state.stats.commands[id as usize].rejected += 1;
        return Err(Error::Arity(lookup::table().full_name(id).to_string().into()));
    }
    if row.name == "debug" {
        debug::permitted(state, caller.conn)
            .inspect_err(|_| state.stats.commands[id as usize].rejected += 1)?;
    }
    if caller.is_restricted() {
        may_not(state, caller, (id, row), incoming.args, outbox)
            .inspect_err(|_| state.stats.commands[id as usize].rejected += 1)?;
    }
    if out_of_memory && needs_memory(state, caller, row) {
        state.stats.commands[id as usize].rejected += 1;
        return Err(Error::other(OOM));
    }
    if (state.refuses_writes() || state.aof.failure.is_some())
        && (writes(state, caller, row) || row.name == "ping")
    {
        state.stats.commands[id as usize].rejected += 1;
        let by_log = state.refusal_by_log().filter(|_| !state.refuses_writes());
        return Err(by_log.unwrap_or(Error::other(MISCONF)));
    }
    match state.pause.map(|pause| pause.all) {
        Some(all) if all || writes(state, caller, row) => Ok(Verdict::Hold),
        _ if caller.queues => Ok(in_transaction(id, row)),
        _ => Ok(Verdict::Run(id, row)),
    }
}

/// What becomes of a command of a client that has said `MULTI`.
#[cold]
fn in_transaction(id: CommandId, row: &'static Command) -> Verdict {
    match row.name {
        "exec" => Verdict::Exec(id),
        "discard" | "multi" | "watch" | "quit" | "reset" => Verdict::Run(id, row),
        _ => Verdict::Queue(id, row),
    }
}

/// What a client may say that listens to channels in RESP2 or in frames.
const LISTENERS: [&str; 9] = [
    "subscribe",
    "unsubscribe",
    "psubscribe",
    "punsubscribe",
    "ssubscribe",
    "sunsubscribe",
    "ping",
    "quit",
    "reset",
];

/// Refuses what a client's mode or its user does not allow.
#[cold]
fn may_not(
    state: &mut State,
    caller: Caller,
    (id, row): (CommandId, &Command),
    args: Args<'_>,
    outbox: &Outbox,
) -> Result<(), Error> {
    if caller.unauthenticated && !row.flags.has(Flag::NoAuth) {
        return Err(Error::other("NOAUTH Authentication required."));
    }
    if caller.queues && row.flags.has(Flag::NoMulti) {
        return Err(Error::other("ERR Command not allowed inside a transaction"));
    }
    if caller.limited {
        permitted(state, caller.conn, (id, args), outbox).map_err(|reason| permission::error(reason, id))?;
        sort_permitted(state, caller, id, args)?;
    }
    let about_keys =
        [Flag::Write, Flag::ReadOnly, Flag::MayReplicate].iter().any(|flag| row.flags.has(*flag));
    if caller.monitors && about_keys {
        return Err(Error::other("ERR Replica can't interact with the keyspace"));
    }
    if caller.listens && !LISTENERS.contains(&row.name) {
        let name = lookup::table().full_name(id);
        return Err(Error::other(format!(
            "ERR Can't execute '{name}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this \
             context"
        )));
    }
    Ok(())
}

/// Whether the client's user may run the request; if not, that is noted in `ACL LOG`.
#[cold]
pub(super) fn permitted(
    state: &mut State,
    conn: ConnId,
    (id, args): (CommandId, Args<'_>),
    outbox: &Outbox,
) -> Result<(), Reason> {
    let Some(client) = state.clients.get(conn) else { return Ok(()) };
    let Some(denial) = permission::denied(state.users.get(client.user), id, args) else { return Ok(()) };
    permission::log_denial(state, outbox, conn, (id, args), denial);
    Err(denial.reason)
}

/// `SORT` with options that read keys of any name. A transaction's is asked when it runs, as in Redis.
#[cold]
pub(super) fn sort_permitted(
    state: &mut State,
    caller: Caller,
    id: CommandId,
    args: Args<'_>,
) -> Result<(), Error> {
    let user = state.clients.get(caller.conn).map(|client| client.user);
    let Some(user) = user.filter(|_| !caller.queues) else { return Ok(()) };
    permission::sort_refused(state.users.get(user), id, args).map_or(Ok(()), Err)
}

/// Whether a command writes; `EXEC` does if anything that is queued does.
#[cold]
fn writes(state: &mut State, caller: Caller, row: &Command) -> bool {
    let queued = |state: &mut State| state.clients.get(caller.conn)?.transaction.as_ref().map(|it| it.writes);
    row.flags.has(Flag::Write) || (matches!(row.run, Run::Exec) && queued(state) == Some(true))
}

/// Whether a command may take memory: so may whatever would be queued, and `EXEC` if anything that is queued does.
#[cold]
fn needs_memory(state: &mut State, caller: Caller, row: &Command) -> bool {
    if row.flags.has(Flag::DenyOom) {
        return true;
    }
    let Some(transaction) = state.clients.get(caller.conn).and_then(|client| client.transaction.as_ref())
    else {
        return false;
    };
    match row.name {
        "exec" => transaction.needs_memory,
        "discard" | "quit" | "reset" => false,
        _ => true,
    }
}

#[cold]
fn unnamed(state: &mut State, caller: Caller, incoming: &Incoming<'_>) -> Result<Verdict, Error> {
    match incoming.command {
        Resolved::UnknownSub(id) => Err(unknown_sub(id, incoming.args)),
        _ if is_browser(incoming.args.get(0)) => hang_up(state, caller.conn),
        _ => Err(unknown(incoming.args)),
    }
}

/// What the first lines of an HTTP request look like, taken for commands. A web page can make a browser send them, with
/// commands of the page's choice in the body; Redis hangs up before it comes to those.
fn is_browser(name: &[u8]) -> bool {
    name.eq_ignore_ascii_case(b"post") || name.eq_ignore_ascii_case(b"host:")
}

fn hang_up(state: &mut State, conn: ConnId) -> Result<Verdict, Error> {
    if let Some(client) = state.clients.get(conn) {
        log::warning(format_args!("{} speaks HTTP, perhaps on behalf of a web page: closed", client.peer));
        client.killed = true;
    }
    Ok(Verdict::HangUp)
}

/// Redis quotes at most 128 bytes of the name, and arguments until 128 bytes are full.
fn unknown(args: Args<'_>) -> Error {
    const QUOTED: usize = 128;
    let mut text = b"ERR unknown command '".to_vec();
    text.extend_from_slice(c_string(args.get(0), QUOTED));
    text.extend_from_slice(b"', with args beginning with: ");
    let before = text.len();
    for arg in args.from(1) {
        let used = text.len() - before;
        if used >= QUOTED {
            break;
        }
        text.push(b'\'');
        text.extend_from_slice(c_string(arg, QUOTED - used));
        text.extend_from_slice(b"' ");
    }
    Error::UnknownCommand(text)
}

fn unknown_sub(id: CommandId, args: Args<'_>) -> Error {
    let container = lookup::table().row(id).name.to_uppercase();
    let name = c_string(args.get(1), 128);
    Error::bytes([b"ERR unknown subcommand '", name, b"'. Try ", container.as_bytes(), b" HELP."].concat())
}
