//! One request that may run: its command's function, its reply, what follows from what it did.
use phase3_eventloop::outbox::Outbox;
use phase3_eventloop::slab::ConnId;

use crate::command::lookup::Named;
use crate::command::{Context, Run, ServerContext};
use crate::error::Error;
use crate::state::State;
use crate::state::clients::{Caller, HeldBy, Replies};
use crate::state::meter::Meter;
use crate::state::stats::CommandId;
use crate::wire::args::Args;
use crate::wire::framed;
use crate::wire::reply::{Reply, Wire};

use super::admit::{Verdict, admit};
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

/// A request on its way to its command.
pub struct Incoming<'a> {
    /// What it asks for.
    pub command: Named,
    /// Hashes of its first so many keys, computed ahead.
    pub hashes: &'a [u64],
    /// Its arguments.
    pub args: Args<'a>,
}

/// Runs one request and appends its reply.
#[inline]
pub fn execute(
    state: &mut State,
    caller: Caller,
    incoming: Incoming<'_>,
    out: &mut Vec<u8>,
    outbox: &mut Outbox,
    meter: &mut Meter,
) -> Outcome {
    // ANCHOR: dispatch-body
    let Caller { conn, db, wire, replies, .. } = caller;
    let start = out.len();
    if wire == Wire::Framed {
        framed::begin_reply(out);
    }
    if replies == Replies::SkipNext {
        set_replies(state, conn, Replies::Skipping);
    }
    let mut outcome = Outcome::Done;
    match admit(state, caller, &incoming) {
        Ok(Verdict::Run(id, row)) => {
            let mut reply = Reply::new(out, wire);
            let result = match row.run {
                Run::Data(run) => {
                    meter.switch(id, &mut state.stats);
                    let stats = &mut state.stats;
                    let (hits, misses) = (&mut stats.hits, &mut stats.misses);
                    let (hashes, keyspace) = (incoming.hashes, &mut state.keyspace);
                    let max_string = state.config.max_bulk();
                    let mut context = Context { keyspace, db, hashes, max_string, hits, misses };
                    run(&mut context, incoming.args, &mut reply)
                }
                Run::Server(run) => {
                    outcome = Outcome::Changed;
                    // It may look at the counters, or reset them: all calls before it are in, its own is not yet.
                    meter.write_calls(&mut state.stats);
                    meter.switch(id, &mut state.stats);
                    // CLIENT LIST shows it; for commands that cannot look, the end of the batch is early enough.
                    note(state, conn, id);
                    run(&mut ServerContext { state, conn, outbox }, incoming.args, &mut reply)
                }
            };
            match result {
                Ok(()) => {}
                Err(error) => {
                    state.stats.commands[id as usize].failed += 1;
                    refuse(state, &error, wire, out);
                }
            }
            // An error changes nothing, but the command may have met a key whose time was over.
            end_unit(state);
        }
        Ok(Verdict::Hold) => {
            out.truncate(start);
            set_replies(state, conn, replies);
            let until = state.pause.map(|pause| pause.until);
            state.hold(conn, HeldBy::Pause, until);
            return Outcome::Held;
        }
        Ok(Verdict::HangUp) => outcome = Outcome::Changed,
        Err(error) => refuse(state, &error, wire, out),
    }
    if wire == Wire::Framed {
        finish_frame(state, start, out);
    }
    if replies != Replies::On || outcome == Outcome::Changed {
        outcome = Outcome::Changed;
        mute(state, conn, start, out);
    }
    outcome
    // ANCHOR_END: dispatch-body
}

/// Remembers a client's last command.
pub fn note(state: &mut State, conn: ConnId, id: CommandId) {
    if let Some(client) = state.clients.get(conn) {
        client.last_command = Some(id);
    }
}

/// Appends an error reply and counts it.
pub fn refuse(state: &mut State, error: &Error, wire: Wire, out: &mut Vec<u8>) {
    state.stats.count_error(error);
    Reply::new(out, wire).error(error);
}

#[cold]
fn set_replies(state: &mut State, conn: ConnId, replies: Replies) {
    if let Some(client) = state.clients.get(conn) {
        client.replies = replies;
    }
}

/// Patches the frame's length in. SHUTDOWN answers nothing at all, not even an empty frame.
fn finish_frame(state: &mut State, start: usize, out: &mut Vec<u8>) {
    if out.len() == start + 4 {
        out.truncate(start);
    } else if !framed::end_reply(out, start) {
        out.truncate(start + 4);
        let error = Error::TooBig("ERR the reply is longer than a frame can be".into());
        refuse(state, &error, Wire::Framed, out);
        framed::end_reply(out, start);
    }
}

/// `CLIENT REPLY`: takes back a reply that the client does not want. How things stand *after* the command decides, so
/// that `SKIP` and `OFF` are silent themselves and `ON` is not.
fn mute(state: &mut State, conn: ConnId, start: usize, out: &mut Vec<u8>) {
    let Some(client) = state.clients.get(conn) else { return };
    if client.replies != Replies::On {
        out.truncate(start);
    }
    if client.replies == Replies::Skipping {
        client.replies = Replies::On;
    }
}
