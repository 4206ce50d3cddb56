//! One request: whether it may run, its command's function, its reply, what follows from what it did.
use crate::command::{Command, Context, Run, ServerContext};
use crate::deliver::{self, Deliver};
use crate::error::Error;
use crate::state::State;
use crate::state::clients::{Caller, HeldBy};
use crate::state::stats::CommandId;
use crate::wire::reply::{Reply, Wire};

use super::admit::{Incoming, Verdict, admit};
use super::unit::end_unit;

/// What became of a request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// Answered.
    Done,
    /// Answered, and the client's state may have changed: look before going on.
    Changed,
    /// Not run: it stays in the input until the client is released.
    Held,
}

/// Runs one request and appends its reply.
#[inline]
pub fn execute(
    state: &mut State,
    caller: Caller,
    incoming: Incoming<'_>,
    out: &mut Vec<u8>,
    deliver: &mut Deliver<'_>,
) -> Outcome {
    // ANCHOR: dispatch-body
    let Caller { conn, wire, .. } = caller;
    let start = deliver::begin_reply(state, caller, out);
    // A client that gets no replies is asked after each command whether that is still so.
    let mut changed = caller.is_silent();
    match admit(state, caller, &incoming) {
        Ok(Verdict::Run(id, row)) => {
            changed |= matches!(row.run, Run::Server(_));
            if let Err(error) = run(state, caller, (id, row), &incoming, out, deliver) {
                state.stats.commands[id as usize].failed += 1;
                refuse(state, &error, wire, out);
            }
            // An error changes nothing, but the command may have met a key whose time was over.
            end_unit(state);
        }
        Ok(Verdict::Hold) => {
            deliver::postpone_reply(state, caller, start, out);
            let until = state.pause.map(|pause| pause.until);
            state.hold(conn, HeldBy::Pause, until);
            return Outcome::Held;
        }
        Ok(Verdict::HangUp) => changed = true,
        Err(error) => refuse(state, &error, wire, out),
    }
    deliver.end_reply(state, caller, start, out, changed);
    if changed { Outcome::Changed } else { Outcome::Done }
    // ANCHOR_END: dispatch-body
}

// ANCHOR: run-command
/// Calls the command's function with what it may touch.
#[inline(always)]
fn run(
    state: &mut State,
    caller: Caller,
    (id, row): (CommandId, &Command),
    incoming: &Incoming<'_>,
    out: &mut Vec<u8>,
    deliver: &mut Deliver<'_>,
) -> Result<(), Error> {
    let mut reply = Reply::new(out, caller.wire);
    match row.run {
        Run::Data(run) => {
            state.meter.switch(id, &mut state.stats);
            let stats = &mut state.stats;
            let mut context = Context {
                keyspace: &mut state.keyspace,
                db: caller.db,
                hashes: incoming.hashes,
                max_string: state.config.max_bulk(),
                hits: &mut stats.hits,
                misses: &mut stats.misses,
            };
            run(&mut context, incoming.args, &mut reply)
        }
        Run::Server(run) => {
            // It may look at the counters, or reset them: all calls before it are in, its own is not yet.
            state.meter.write_calls(&mut state.stats);
            state.meter.switch(id, &mut state.stats);
            // CLIENT LIST shows it; for commands that cannot look, the end of the batch is early enough.
            if let Some(client) = state.clients.get(caller.conn) {
                client.last_command = Some(id);
            }
            run(
                &mut ServerContext { state, conn: caller.conn, deliver: deliver.lend() },
                incoming.args,
                &mut reply,
            )
        }
    }
}
// ANCHOR_END: run-command

/// Appends an error reply and counts it.
fn refuse(state: &mut State, error: &Error, wire: Wire, out: &mut Vec<u8>) {
    state.stats.count_error(error);
    Reply::new(out, wire).error(error);
}
