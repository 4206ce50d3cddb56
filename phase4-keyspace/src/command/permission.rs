//! May this user run this request? Asked before the command runs, and by `ACL DRYRUN` without running it.
use super::client_line;
use super::lookup;
use super::reach;
use super::{Flag, ServerContext};
use crate::access::log::{Event, Refused};
use crate::access::{Denial, Reason, Request, User};
use crate::error::Error;
use crate::state::State;
use crate::state::stats::CommandId;
use crate::wire::args::Args;
use phase3_eventloop::outbox::Outbox;
use phase3_eventloop::slab::ConnId;

/// Why a user may not run a request; `None`: it may.
pub fn denied(user: &User, id: CommandId, args: Args<'_>) -> Option<Denial> {
    with_request(id, args, |request| user.denies(request))
}

/// The error of `SORT` with options that would read keys which the user may not.
pub fn sort_refused(user: &User, id: CommandId, args: Args<'_>) -> Option<Error> {
    let option = reach::sort_reads_any(lookup::table().row(id), args)?;
    let permitted = with_request(id, args, |request| user.reads_everything(request));
    let text = format!("ERR {option} option of SORT denied due to insufficient ACL permissions.");
    (!permitted).then(|| Error::other(text))
}

fn with_request<T>(id: CommandId, args: Args<'_>, ask: impl FnOnce(&Request<'_>) -> T) -> T {
    let row = lookup::table().row(id);
    ask(&Request {
        command: id,
        is_subcommand: lookup::table().full_name(id).contains('|'),
        is_free: row.flags.has(Flag::NoAuth),
        args,
        keys: &reach::key_uses(row, args),
        channels: reach::channel_use(row),
    })
}

/// What the client is told.
pub fn error(reason: Reason, id: CommandId) -> Error {
    Error::other(match reason {
        Reason::Command => {
            let name = lookup::table().full_name(id);
            format!("NOPERM this user has no permissions to run the '{name}' command")
        }
        Reason::Key => {
            "NOPERM this user has no permissions to access one of the keys used as arguments".into()
        }
        Reason::Channel => {
            "NOPERM this user has no permissions to access one of the channels used as arguments".into()
        }
    })
}

/// The same for a command that was permitted when it was queued and is no longer.
pub fn error_at_exec(reason: Reason) -> Error {
    let reason = match reason {
        Reason::Command => "no permission to execute the command or subcommand",
        Reason::Key => "no permission to touch the specified keys",
        Reason::Channel => "no permission to access one of the channels used as arguments",
    };
    Error::other(format!(
        "NOPERM ACLs rules changed between the moment the transaction was accumulated and the EXEC call. This command is no \
         longer allowed for the following reason: {reason}"
    ))
}

/// Notes a refused request in the log.
pub fn log_denial(
    state: &mut State,
    outbox: &Outbox,
    conn: ConnId,
    (id, args): (CommandId, Args<'_>),
    denial: Denial,
) {
    let object = match denial.reason {
        Reason::Command => lookup::table().full_name(id).as_bytes(),
        Reason::Key | Reason::Channel => args.get(denial.at),
    };
    let Some(client) = state.clients.get(conn) else { return };
    if !client.transaction.as_ref().is_some_and(|transaction| transaction.is_running()) {
        client.last_command = Some(id);
    }
    let username = state.users.get(client.user).name.clone();
    note(state, outbox, conn, Refused::Request(denial.reason), object, username, args);
}

/// Notes a wrong password in the log.
pub fn log_failed_login(context: &mut ServerContext<'_>, args: Args<'_>, name: &[u8]) {
    let ServerContext { state, conn, deliver } = context;
    note(state, deliver.outbox, *conn, Refused::Auth, args.get(0), name.into(), args);
}

fn note(
    state: &mut State,
    outbox: &Outbox,
    conn: ConnId,
    refused: Refused,
    object: &[u8],
    username: Vec<u8>,
    args: Args<'_>,
) {
    let (time, most) = (state.keyspace.now(), state.config.acllog_max_len as usize);
    let Some(client) = state.clients.get(conn) else { return };
    let in_transaction = client.transaction.is_some();
    let mut line = String::new();
    client_line::describe(client, &state.users, outbox, Some(args), &mut line);
    let event = Event { refused, in_transaction, object: object.into(), username };
    state.users.log.note(event, time, line.trim_end().into(), most);
}
