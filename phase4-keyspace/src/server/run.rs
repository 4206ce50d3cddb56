//! A command's function, called with what it may touch, and the reply of one that failed.
use crate::command::{Command, Context, DataFn, Run, ServerContext};
use crate::deliver::Deliver;
use crate::error::Error;
use crate::state::State;
use crate::state::clients::Caller;
use crate::state::stats::CommandId;
use crate::wire::reply::{Reply, Wire};

use super::admit::Incoming;

// ANCHOR: run-command
/// Calls the command's function with what it may touch.
pub(super) fn run(
    state: &mut State,
    caller: Caller,
    (id, row): (CommandId, &Command),
    incoming: &Incoming<'_>,
    out: &mut Vec<u8>,
    deliver: &mut Deliver<'_>,
) -> Result<(), Error> {
    match row.run {
        Run::Data(function) => run_data(state, &caller, (id, function), incoming, out),
        Run::Server(run) => {
            // It may look at the counters, or reset them: all calls before it are in, its own is not yet.
            state.meter.write_calls(&mut state.stats);
            state.meter.switch(id, &mut state.stats);
            // CLIENT LIST shows it; for commands that cannot look, the end of the batch is early enough.
            if let Some(client) = state.clients.get(caller.conn)
                && !client.transaction.as_ref().is_some_and(|transaction| transaction.is_running())
            {
                client.last_command = Some(id);
            }
            run(
                &mut ServerContext { state, conn: caller.conn, deliver: deliver.lend() },
                incoming.args,
                &mut Reply::new(out, caller.wire),
            )
        }
        // Who has said MULTI does not come here.
        Run::Exec => Err(Error::other("ERR EXEC without MULTI")),
    }
}

/// The same for a command that needs the keyspace only.
#[inline(always)]
pub(super) fn run_data(
    state: &mut State,
    caller: &Caller,
    (id, run): (CommandId, DataFn),
    incoming: &Incoming<'_>,
    out: &mut Vec<u8>,
) -> Result<(), Error> {
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
    run(&mut context, incoming.args, &mut Reply::new(out, caller.wire))
}
// ANCHOR_END: run-command

/// Appends the error of a command that has run, and counts it.
#[cold]
pub(super) fn fail(state: &mut State, id: CommandId, error: &Error, wire: Wire, out: &mut Vec<u8>) {
    state.stats.commands[id as usize].failed += 1;
    refuse(state, error, wire, out);
}

/// Appends an error reply and counts it.
pub(super) fn refuse(state: &mut State, error: &Error, wire: Wire, out: &mut Vec<u8>) {
    state.stats.count_error(error);
    Reply::new(out, wire).error(error);
}
