//! `EXEC`: many requests, one unit. No other client's command runs between them, the journal is read once behind the last,
//! and their replies are the elements of one array.
use phase3_eventloop::slab::ConnId;

use crate::command::Run;
use crate::command::logged::Ran;
use crate::command::lookup::{self, Resolved};
use crate::command::permission;
use crate::deliver::Deliver;
use crate::error::Error;
use crate::state::State;
use crate::state::clients::Caller;
use crate::state::transaction::Queued;
use crate::wire::reply::Reply;

use super::admit::{Incoming, permitted, sort_permitted};
use super::logging::log_step;
use super::run::{fail, refuse, run};
use super::seen;

/// Runs what the client has queued. An error at run time is the reply of its command and stops nothing; one at the time of
/// queueing, or a watched key that has changed, stops everything.
#[cold]
pub(super) fn exec(
    state: &mut State,
    mut caller: Caller,
    out: &mut Vec<u8>,
    deliver: &mut Deliver<'_>,
) -> Result<(), Error> {
    let conn = caller.conn;
    let changed = state.watched_changed(conn);
    let transaction = state.clients.get(conn).and_then(|client| client.transaction.as_mut());
    let Some(transaction) = transaction else { return Err(Error::other("ERR EXEC without MULTI")) };
    let queue = transaction.begin();
    if transaction.aborted || changed {
        let aborted = transaction.aborted;
        end(state, conn);
        if aborted {
            return Err(Error::other("EXECABORT Transaction discarded because of previous errors."));
        }
        Reply::new(out, caller.wire).nil_array();
        return Ok(());
    }
    // ANCHOR: exec-run
    state.unwatch(conn);
    Reply::new(out, caller.wire).array(queue.len());
    caller.queues = false;
    let mut end_of_replies = None;
    for queued in queue {
        let row = lookup::table().row(queued.command);
        let command = Resolved::Known(queued.command);
        let incoming = Incoming { command, hashes: &[], args: queued.args.as_args() };
        if let Err(error) = still_permitted(state, caller, &queued, deliver) {
            state.stats.commands[queued.command as usize].rejected += 1;
            refuse(state, &error, caller.wire, out);
            continue;
        }
        if let Err(error) = run(state, caller, (queued.command, row), &incoming, out, deliver) {
            fail(state, queued.command, &error, caller.wire, out);
        }
        seen::ran(state, deliver, conn, queued.command, incoming.args);
        log_step(state, Ran { command: queued.command, db: caller.db, args: incoming.args });
        if matches!(row.run, Run::Server(_)) {
            // SELECT and HELLO hold for what is queued behind them.
            caller = Caller { queues: false, ..state.caller(conn).unwrap_or(caller) };
        }
        // A client that has ended itself (CLIENT KILL) is told nothing more; what is queued still runs.
        if end_of_replies.is_none() && state.clients.get(conn).is_none_or(|client| client.closing) {
            end_of_replies = Some(out.len());
        }
    }
    // ANCHOR_END: exec-run
    out.truncate(end_of_replies.unwrap_or(out.len()));
    end(state, conn);
    Ok(())
}

/// What a user may do can have changed since its request was queued.
fn still_permitted(
    state: &mut State,
    caller: Caller,
    queued: &Queued,
    deliver: &Deliver<'_>,
) -> Result<(), Error> {
    if !caller.limited {
        return Ok(());
    }
    let request = (queued.command, queued.args.as_args());
    permitted(state, caller.conn, request, deliver.outbox).map_err(permission::error_at_exec)?;
    sort_permitted(state, caller, request.0, request.1)
}

fn end(state: &mut State, conn: ConnId) {
    if let Some(client) = state.clients.get(conn) {
        client.transaction = None;
    }
    state.unwatch(conn);
}

/// A request was refused: if it belongs to a transaction, `EXEC` will run nothing. If it was `EXEC` itself, the transaction
/// ends here.
#[cold]
pub(super) fn refused(state: &mut State, conn: ConnId, incoming: &Incoming<'_>, error: Error) -> Error {
    let Some(client) = state.clients.get(conn) else { return error };
    if let Some(transaction) = &mut client.transaction {
        transaction.aborted = true;
    }
    let Resolved::Known(id) = incoming.command else { return error };
    if !matches!(lookup::table().row(id).run, Run::Exec) {
        return error;
    }
    end(state, conn);
    let why = String::from_utf8_lossy(&error.line()).into_owned();
    Error::other(format!("EXECABORT Transaction discarded because of: {}", why.trim_start_matches("ERR ")))
}
