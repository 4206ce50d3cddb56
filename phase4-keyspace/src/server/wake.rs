//! The end of waiting. A command that can wait and finds nothing holds its client (`server/run.rs`); the end of the unit
//! that brings what it waits for serves it ([`wake`]), before any other request runs; or its time runs out ([`time_out`]).
//!
//! To serve a client is a unit of its own: what it takes is noted, watched and published as if it had just asked, and may
//! bring what others wait for.
//!
//! What is promised: an element is taken only for a client that is connected as far as the server knows. If the client has
//! died and the news is still on its way, the element is lost with the reply, as any reply would be.
use crate::command::logged::Ran;
use crate::command::lookup;
use crate::command::permission;
use crate::command::{Run, Tried};
use crate::deliver::Deliver;
use crate::keyspace::Value;
use crate::state::State;
use crate::state::waiting::Waiter;
use crate::wire::reply::Reply;

use super::admit::permitted;
use super::logging::log_unit;
use super::run::{context, fail};
use super::tell::tell;

// ANCHOR: wake
/// Serves the clients that wait for keys which are there now: key by key as they appeared, and for each the client that
/// came first. Keys that appear meanwhile come last.
pub(super) fn wake(state: &mut State, deliver: &mut Deliver<'_>) {
    while let Some((db, key)) = state.waiting.next_ready() {
        let mut after = 0;
        while let Some(waiter) = next_to_serve(state, db, &key, after) {
            after = waiter.ticket;
            serve(state, deliver, waiter);
        }
    }
}

/// The next client that can be served from a key, given what it holds now.
fn next_to_serve(state: &State, db: usize, key: &[u8], after: u64) -> Option<Waiter> {
    let kind = state.keyspace.db(db).value(state.keyspace.hasher.key(key)).map(Value::kind);
    state.waiting.next_waiter(db, key, kind, after)
}
// ANCHOR_END: wake

/// Runs a client's request again, for the key to which something has happened. If there is still nothing, it goes on waiting
/// in its place.
fn serve(state: &mut State, deliver: &mut Deliver<'_>, Waiter { conn, at, .. }: Waiter) {
    let Some(client) = state.clients.get(conn).filter(|client| !client.killed) else { return };
    let (wire, is_limited) = (client.wire, client.limited);
    let Some(blocked) = state.waiting.request(conn) else { return };
    let Run::Blocking(run) = lookup::table().row(blocked.command).run else { return };
    let request = (blocked.command, blocked.args.as_args());
    if is_limited && let Err(reason) = permitted(state, conn, request, deliver.outbox) {
        // Its user may no longer do what it could when it began to wait.
        let error = permission::error(reason, blocked.command);
        state.stats.count_error(&error);
        state.unblock(conn, deliver.outbox);
        return deliver.late_reply(state, conn, |reply| reply.error(&error));
    }
    let mut out = Vec::new();
    let mut reply = Reply::new(&mut out, wire);
    match run(&mut context(state, blocked.db, &[]), blocked.args.as_args(), Some(at), &mut reply) {
        Ok(Tried::Done) => {}
        Ok(Tried::Nothing(_)) => return goes_on_waiting(state, deliver),
        Err(error) => fail(state, blocked.command, &error, wire, &mut out),
    }
    state.unblock(conn, deliver.outbox);
    deliver.late_reply(state, conn, |reply| reply.encoded(&out));
    let ran = Ran { command: blocked.command, db: blocked.db, args: blocked.args.as_args() };
    log_unit(state, Some(ran), true);
    tell(state, deliver);
}

/// A request that was tried again has found nothing, and may have met a key whose time was over.
fn goes_on_waiting(state: &mut State, deliver: &mut Deliver<'_>) {
    log_unit(state, None, true);
    tell(state, deliver);
}

/// Answers those that have waited long enough.
pub(super) fn time_out(state: &mut State, deliver: &mut Deliver<'_>) {
    let now = deliver.outbox.now();
    while let Some(conn) = state.waiting.timed_out(now) {
        if state.unblock(conn, deliver.outbox) {
            deliver.late_reply(state, conn, |reply| reply.nil_array());
        }
    }
}
