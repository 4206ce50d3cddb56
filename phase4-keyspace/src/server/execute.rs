//! One request: whether it may run, its reply, what follows from what it did.
use phase3_eventloop::slab::ConnId;

use crate::command::logged::Ran;
use crate::command::lookup::{self, Resolved};
use crate::command::{Command, Flag, Run};
use crate::deliver::{self, Deliver};
use crate::log;
use crate::state::State;
use crate::state::clients::{Caller, HeldBy};
use crate::state::stats::CommandId;
use crate::wire::args::Args;
use crate::wire::reply::Reply;

use super::admit::{Incoming, Verdict, admit};
use super::exec;
use super::room::is_out_of_memory;
use super::run::{fail, refuse, run, run_data};
use super::seen;
use super::unit::{Unit, end_unit};

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

/// Runs a data command of a client that may run anything and whose replies need nothing around them; `false` if the request
/// is none. Nearly every request is one, and what [`execute`] has to ask need not be asked here: `state.is_ordinary(caller)`
/// is true.
#[inline(always)]
pub fn execute_ordinary(
    state: &mut State,
    caller: &Caller,
    incoming: &Incoming<'_>,
    out: &mut Vec<u8>,
    deliver: &mut Deliver<'_>,
) -> bool {
    let Resolved::Known(id) = incoming.command else { return false };
    let row = lookup::table().row(id);
    let (Run::Data(function), true) = (row.run, row.takes(incoming.args.len())) else { return false };
    if state.is_full() {
        return false;
    }
    let start = out.len();
    if let Err(error) = run_data(state, caller, (id, function), incoming, out) {
        fail(state, id, &error, caller.wire, out);
    }
    if let Some(took) = state.watch.is_slow() {
        seen::slow(state, caller.conn, id, incoming.args, took);
    }
    let ran = Ran { command: id, db: caller.db, args: incoming.args };
    if end_unit(state, deliver, Unit::Command(ran)) {
        deliver.end_reply(state, *caller, start, out, true);
    }
    true
}

/// Runs one request and appends its reply.
#[inline(never)]
pub fn execute(
    state: &mut State,
    caller: Caller,
    incoming: Incoming<'_>,
    out: &mut Vec<u8>,
    deliver: &mut Deliver<'_>,
) -> Outcome {
    let Caller { conn, wire, .. } = caller;
    let start = deliver::begin_reply(state, caller, out);
    // A client that gets no replies is asked after each command whether that is still so.
    let mut changed = caller.is_silent();
    let out_of_memory = is_out_of_memory(state, deliver);
    match admit(state, caller, &incoming, deliver.outbox, out_of_memory) {
        Ok(Verdict::Run(id, row)) => {
            // ANCHOR: dispatch-body
            changed |= !matches!(row.run, Run::Data(_));
            if let Err(error) = run(state, caller, (id, row), &incoming, out, deliver) {
                fail(state, id, &error, wire, out);
            }
            seen::ran(state, deliver, conn, id, incoming.args);
            // An error changes nothing, but the command may have met a key whose time was over.
            let ran = Ran { command: id, db: caller.db, args: incoming.args };
            end_unit(state, deliver, Unit::Command(ran));
            // ANCHOR_END: dispatch-body
        }
        Ok(Verdict::Exec(id)) => {
            changed = true;
            state.meter.switch(id, &mut state.stats);
            if let Some(client) = state.clients.get(conn) {
                client.last_command = Some(id);
            }
            if let Err(error) = exec::exec(state, caller, out, deliver) {
                fail(state, id, &error, wire, out);
            }
            seen::ran(state, deliver, conn, id, incoming.args);
            end_unit(state, deliver, Unit::Transaction);
        }
        Ok(Verdict::Queue(id, row)) => {
            changed |= queue(state, conn, (id, row), incoming.args);
            Reply::new(out, wire).simple("QUEUED");
        }
        Ok(Verdict::Hold) => {
            deliver::postpone_reply(state, caller, start, out);
            let until = state.pause.map(|pause| pause.until);
            state.hold(conn, HeldBy::Pause, until);
            return Outcome::Held;
        }
        Ok(Verdict::HangUp) => changed = true,
        Err(error) => {
            let error = exec::refused(state, conn, &incoming, error);
            refuse(state, &error, wire, out);
            changed |= caller.queues;
        }
    }
    deliver.end_reply(state, caller, start, out, changed);
    if changed { Outcome::Changed } else { Outcome::Done }
}

/// Keeps a request for `EXEC`. Whether the client has to go: what it has queued counts as a request that has not ended.
#[cold]
fn queue(state: &mut State, conn: ConnId, (id, row): (CommandId, &Command), args: Args<'_>) -> bool {
    let most = state.config.max_request();
    let Some(client) = state.clients.get(conn) else { return false };
    let Some(transaction) = &mut client.transaction else { return false };
    transaction.push(id, args);
    transaction.writes |= row.flags.has(Flag::Write);
    transaction.needs_memory |= row.flags.has(Flag::DenyOom);
    client.killed |= transaction.bytes > most;
    if client.killed {
        state.stats.query_limit_closed += 1;
        log::warning(format_args!(
            "closing {}: it has queued {} bytes (client-query-buffer-limit)",
            client.peer, transaction.bytes
        ));
    }
    client.killed
}
