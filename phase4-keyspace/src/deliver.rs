//! The gate for output: every byte to any client passes here, and what decides whether it may is decided here.
//!
//! - **The reply of the command that runs** goes straight into the output that the loop has lent to the turn:
//!   [`begin_reply`], then a [`Reply`] behind it, then [`Deliver::end_reply`].
//! - **Bytes for any client, this one included**: [`Deliver::to`], or [`Deliver::send`] for a [`Message`] that many get.
//!   What a command sends to its own client follows behind its reply.
//! - **A message for a channel**: [`publish`].
//! - A turn that is over asks [`is_cut_off`] once; the other two ask for themselves.
//!
//! Do not keep an offset into an output across a call of this room: it may have dropped what waits.
mod publish;

use std::time::{Duration, Instant};

use phase3_eventloop::outbox::Outbox;
use phase3_eventloop::slab::ConnId;

use crate::config::{OutputLimit, OutputLimits};
use crate::error::Error;
use crate::log;
use crate::state::State;
use crate::state::clients::{Caller, Class, Client, Replies};
use crate::wire::framed as frame;
use crate::wire::reply::{Reply, Wire, framed};

pub use publish::publish;

/// Why bytes are sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// They answer a request of the client, now or later: `CLIENT REPLY` can silence them.
    Reply,
    /// They were not asked for one by one: a message of a channel, an invalidated key. `CLIENT REPLY` lets them pass.
    Push,
}

/// The gate, open to one turn or to one piece of background work.
pub struct Deliver<'a> {
    /// What the loop can be asked for apart from output.
    pub outbox: &'a mut Outbox,
    /// The client whose turn it is: its output is lent to the turn.
    serving: Option<ConnId>,
    /// What was sent to it while a command of it ran.
    behind_reply: &'a mut Vec<u8>,
    /// Something was, and not by a command that has the gate on loan: whether a data command is over is asked very often.
    has_more: bool,
}

impl<'a> Deliver<'a> {
    /// For the turn of one client (`Some`), or for work that is no client's. `behind_reply` is empty, and a buffer for what
    /// that client is sent behind its reply.
    pub fn new(outbox: &'a mut Outbox, serving: Option<ConnId>, behind_reply: &'a mut Vec<u8>) -> Self {
        Deliver { outbox, serving, behind_reply, has_more: false }
    }

    /// The same gate, lent to a command.
    pub fn lend(&mut self) -> Deliver<'_> {
        Deliver {
            outbox: self.outbox,
            serving: self.serving,
            behind_reply: self.behind_reply,
            has_more: self.has_more,
        }
    }

    /// Sends one reply or message, written in the client's protocol.
    pub fn to(&mut self, state: &mut State, conn: ConnId, kind: Kind, write: impl FnOnce(&mut Reply<'_>)) {
        self.append(state, conn, kind, |out, wire| framed(out, wire, write));
    }

    /// Answers a request long after it was taken: the client was blocked. A reply that the client does not want is not sent.
    pub fn late_reply(&mut self, state: &mut State, conn: ConnId, write: impl FnOnce(&mut Reply<'_>)) {
        self.to(state, conn, Kind::Reply, write);
        if let Some(client) = state.clients.get(conn).filter(|client| client.replies == Replies::Skipping) {
            client.replies = Replies::On;
        }
    }

    /// Sends a message that other clients get, too.
    pub fn send<W>(&mut self, state: &mut State, conn: ConnId, kind: Kind, message: &mut Message<W>)
    where
        W: Fn(&mut Reply<'_>),
    {
        self.append(state, conn, kind, |out, wire| out.extend_from_slice(message.encoded(wire)));
    }

    fn append(
        &mut self,
        state: &mut State,
        conn: ConnId,
        kind: Kind,
        write: impl FnOnce(&mut Vec<u8>, Wire),
    ) {
        let Some(client) = state.clients.get(conn).filter(|client| reaches(client, kind)) else { return };
        if self.serving == Some(conn) {
            self.has_more = true;
            return write(self.behind_reply, client.wire);
        }
        let Some(out) = self.outbox.output(conn) else { return };
        let before = out.len();
        write(out, client.wire);
        state.stats.net_output += (out.len() - before) as u64;
        let waiting = self.outbox.stats(conn).map_or(0, |stats| stats.output_len);
        client.note_waiting(waiting);
        if is_cut_off(state, conn, waiting, self.outbox.now()) {
            self.outbox.abandon(conn);
        }
    }

    /// Ends the reply that [`begin_reply`] began at `start`: takes it back if the client does not want it, and appends what
    /// the command sent to its own client. `changed`: the client wants no replies, or the command may have changed the
    /// client or had the gate on loan.
    #[inline]
    pub fn end_reply(
        &mut self,
        state: &mut State,
        caller: Caller,
        start: usize,
        out: &mut Vec<u8>,
        changed: bool,
    ) {
        if caller.wire == Wire::Framed {
            end_frame(state, start, out);
        }
        if changed || self.has_more {
            mute(state, caller.conn, start, out);
            out.append(self.behind_reply);
            self.has_more = false;
        }
    }
}

/// The decision. A client that is going gets nothing more: its last reply has been written, or never will be.
fn reaches(client: &Client, kind: Kind) -> bool {
    !client.closing && !client.killed && (kind == Kind::Push || client.replies == Replies::On)
}

/// Makes `out` ready for a reply and says where it starts.
#[inline]
pub fn begin_reply(state: &mut State, caller: Caller, out: &mut Vec<u8>) -> usize {
    let start = out.len();
    if caller.wire == Wire::Framed {
        frame::begin_reply(out);
    }
    if caller.replies == Replies::SkipNext {
        set_replies(state, caller.conn, Replies::Skipping);
    }
    start
}

/// Undoes [`begin_reply`]: the request did not run, and will be begun again.
#[cold]
pub fn postpone_reply(state: &mut State, caller: Caller, start: usize, out: &mut Vec<u8>) {
    out.truncate(start);
    set_replies(state, caller.conn, caller.replies);
}

/// Writes what answers no command, such as a protocol error, into the output of the client whose turn it is.
pub fn last_words(state: &mut State, conn: ConnId, out: &mut Vec<u8>, write: impl FnOnce(&mut Reply<'_>)) {
    if let Some(client) = state.clients.get(conn).filter(|client| reaches(client, Kind::Reply)) {
        framed(out, client.wire, write);
    }
}

#[cold]
fn set_replies(state: &mut State, conn: ConnId, replies: Replies) {
    if let Some(client) = state.clients.get(conn) {
        client.replies = replies;
    }
}

/// Writes the frame's length. SHUTDOWN answers nothing at all, not even an empty frame.
fn end_frame(state: &mut State, start: usize, out: &mut Vec<u8>) {
    if out.len() == start + 4 {
        out.truncate(start);
    } else if !frame::end_reply(out, start) {
        out.truncate(start + 4);
        let error = Error::TooBig("ERR the reply is longer than a frame can be".into());
        state.stats.count_error(&error);
        Reply::new(out, Wire::Framed).error(&error);
        frame::end_reply(out, start);
    }
}

/// `CLIENT REPLY`: takes back a reply that the client does not want. How things stand *after* the command decides, so
/// that `SKIP` and `OFF` are silent themselves and `ON` is not.
fn mute(state: &mut State, conn: ConnId, start: usize, out: &mut Vec<u8>) {
    // Of a client that is blocked, the reply is still to come.
    let Some(client) = state.clients.get(conn).filter(|client| client.held.is_none()) else { return };
    if client.replies != Replies::On {
        out.truncate(start);
    }
    if client.replies == Replies::Skipping {
        client.replies = Replies::On;
    }
}

/// A message for many clients, written once per protocol however many get it.
pub struct Message<W> {
    write: W,
    /// By protocol; empty: not written yet.
    encoded: [Vec<u8>; 3],
}

impl<W: Fn(&mut Reply<'_>)> Message<W> {
    /// `write` appends it to a reply: in any protocol, and never nothing.
    pub fn new(write: W) -> Self {
        Message { write, encoded: [const { Vec::new() }; 3] }
    }

    fn encoded(&mut self, wire: Wire) -> &[u8] {
        let bytes = &mut self.encoded[wire as usize];
        if bytes.is_empty() {
            framed(bytes, wire, &self.write);
        }
        bytes
    }
}

/// `client-output-buffer-limit` of a class.
pub fn limit_of(limits: &OutputLimits, class: Class) -> OutputLimit {
    match class {
        Class::Normal => limits.normal,
        Class::PubSub => limits.pubsub,
        Class::Replication => limits.replica,
    }
}

/// Whether a client has to go: it has been killed, or `waiting` bytes wait for it and that is too much. The hard limit acts
/// at once, the soft one after its seconds. If so, the client counts as killed from here on, and the caller ends its
/// connection without sending what waits.
#[inline]
pub fn is_cut_off(state: &mut State, conn: ConnId, waiting: usize, now: Instant) -> bool {
    let Some(client) = state.clients.get(conn) else { return false };
    let limit = limit_of(&state.config.output_limits, client.class());
    client.killed || (limit.hard > 0 || limit.soft > 0) && exceeds(state, conn, limit, waiting as u64, now)
}

#[inline(never)]
fn exceeds(state: &mut State, conn: ConnId, limit: OutputLimit, waiting: u64, now: Instant) -> bool {
    let Some(client) = state.clients.get(conn) else { return false };
    if limit.soft == 0 || waiting < limit.soft {
        client.over_soft_limit = None;
    } else {
        client.over_soft_limit.get_or_insert(now);
    }
    let allowed = Duration::from_secs(limit.seconds);
    let too_long = client.over_soft_limit.is_some_and(|since| now - since > allowed);
    if !too_long && (limit.hard == 0 || waiting < limit.hard) {
        return false;
    }
    client.killed = true;
    state.stats.output_limit_closed += 1;
    log::warning(format_args!(
        "closing {}: {waiting} bytes of replies wait for it (client-output-buffer-limit)",
        client.peer
    ));
    true
}

#[cfg(test)]
mod tests;
