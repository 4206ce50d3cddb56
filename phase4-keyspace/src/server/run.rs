//! A command's function, called with what it may touch, and the reply of one that failed.
use crate::command::lookup;
use crate::command::{BlockingFn, Command, Context, DataFn, Run, ServerContext, Tried};
use crate::deliver::Deliver;
use crate::error::Error;
use crate::state::State;
use crate::state::clients::Caller;
use crate::state::stats::CommandId;
use crate::state::waiting::Blocked;
use crate::wire::args::OwnedArgs;
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
        Run::Blocking(function) => run_or_wait(state, &caller, (id, function), incoming, out, deliver),
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
    let mut context = context(state, caller.db, incoming.hashes);
    run(&mut context, incoming.args, &mut Reply::new(out, caller.wire))
}
// ANCHOR_END: run-command

/// What a command that needs the keyspace only may touch.
#[inline(always)]
pub(super) fn context<'a>(state: &'a mut State, db: usize, hashes: &'a [u64]) -> Context<'a> {
    let stats = &mut state.stats;
    Context {
        keyspace: &mut state.keyspace,
        db,
        hashes,
        max_string: state.config.max_bulk(),
        hits: &mut stats.hits,
        misses: &mut stats.misses,
    }
}

/// Runs a command that can wait. If it finds nothing, its client is held, and its reply comes later; inside a transaction
/// nothing waits, and the reply is nil.
fn run_or_wait(
    state: &mut State,
    caller: &Caller,
    (id, run): (CommandId, BlockingFn),
    incoming: &Incoming<'_>,
    out: &mut Vec<u8>,
    deliver: &mut Deliver<'_>,
) -> Result<(), Error> {
    state.meter.switch(id, &mut state.stats);
    let mut reply = Reply::new(out, caller.wire);
    let tried = run(&mut context(state, caller.db, incoming.hashes), incoming.args, None, &mut reply)?;
    let Tried::Nothing(wait) = tried else { return Ok(()) };
    if state.clients.get(caller.conn).is_none_or(|client| client.transaction.is_some()) {
        // What takes one element and nothing with it answers as LMOVE does.
        match lookup::table().row(id).name {
            "blmove" | "brpoplpush" => reply.nil(),
            _ => reply.nil_array(),
        }
        return Ok(());
    }
    // An end that the clock cannot express is none.
    let until = wait.timeout.and_then(|timeout| deliver.outbox.now().checked_add(timeout));
    let args = wait.again.unwrap_or_else(|| OwnedArgs::of(incoming.args));
    let (keys, kind) = (wait.keys, wait.kind);
    state.block(caller.conn, Blocked { command: id, args, db: caller.db, keys, kind, until });
    Ok(())
}

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
