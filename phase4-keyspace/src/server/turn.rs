//! One client's turn: its bytes, batch by batch, until they are used up or a command ends the turn.
use phase3_eventloop::service::{ConnId, Next, Turn};

use crate::command::lookup::{self, Named};
use crate::error::Error;
use crate::log;
use crate::state::State;
use crate::wire::limits::ProtocolError;
use crate::wire::reply::{Wire, framed};

use super::Server;
use super::batch::{Ahead, Then};
use super::execute::{self, Incoming, Outcome};

impl Server {
    /// Serves one batch from offset `consumed` on, and moves it behind what was served. Returns what the loop does next, `None`
    /// if the batch was full and more may follow.
    pub(super) fn serve_batch(
        &mut self,
        turn: &mut Turn<'_>,
        input: &[u8],
        consumed: &mut usize,
    ) -> Option<Next> {
        // ANCHOR: serve-batch-body
        let state = &mut self.state;
        let Some(mut caller) = state.caller(turn.conn) else { return Some(Next::Close) };
        let limits = state.wire_limits(caller.stranger);
        let client = state.clients.get(turn.conn)?;
        let ahead = Ahead { lookup: lookup::table(), db: state.keyspace.db(caller.db) };
        let then = self.batch.gather(input, *consumed, client, &limits, ahead);
        self.batch.warm(ahead.db);
        let mut next = None;
        let mut last = None;
        for request in &self.batch.requests {
            let args = self.batch.args(request, input);
            let incoming = Incoming { command: request.command, hashes: self.batch.hashes(request), args };
            let outcome = execute::execute(state, caller, incoming, turn.out, turn.outbox, &mut self.meter);
            if outcome == Outcome::Held {
                next = Some(Next::Hold);
                break;
            }
            *consumed = request.end;
            last = Some(request.command);
            if outcome == Outcome::Changed {
                caller = state.caller(turn.conn).unwrap_or(caller);
                next = next_for(state, turn.conn);
            }
            if turn.out.len() > turn.high_mark {
                next = next.or(Some(Next::Full));
            }
            if next.is_some() {
                break;
            }
        }
        if let Some(Named::Known(id)) = last {
            execute::note(state, turn.conn, id);
        }
        if next.is_some() {
            return next;
        }
        *consumed = self.batch.end;
        match then {
            Then::More => None,
            Then::Nothing => Some(Next::More),
            Then::Part(progress) => {
                if let Some(client) = state.clients.get(turn.conn) {
                    self.batch.set_aside(client, progress, *consumed);
                }
                Some(Next::More)
            }
            // What ran before it may have changed the limits (AUTH, CONFIG SET): look at it again.
            Then::Error(_) if !self.batch.requests.is_empty() => None,
            Then::Error(error) => {
                protocol_error(state, error, caller.wire, turn.out);
                Some(Next::Close)
            }
        }
        // ANCHOR_END: serve-batch-body
    }
}

/// What a command did to its own client.
fn next_for(state: &mut State, conn: ConnId) -> Option<Next> {
    match state.clients.get(conn) {
        Some(client) if client.closing || client.killed => Some(Next::Close),
        Some(client) if client.held.is_some() => Some(Next::Hold),
        Some(_) => None,
        None => Some(Next::Close),
    }
}

/// The stream makes no sense any more: say why. The caller closes.
fn protocol_error(state: &mut State, error: ProtocolError, wire: Wire, out: &mut Vec<u8>) {
    // Its own protocol, and where that is spoken.
    let other = match error {
        ProtocolError::RespClient => Some((Wire::Resp2, "RESP clients connect to --port", state.port)),
        ProtocolError::FramedClient => {
            Some((Wire::Framed, "framed clients connect to --framed-port", state.framed_port))
        }
        _ => None,
    };
    let mut error = Error::from(error);
    let mut wire = wire;
    if let Some((theirs, advice, port)) = other {
        let port = if port == 0 { "which is not open".to_string() } else { port.to_string() };
        error = Error::other(format!("{}: {advice}, {port}", error.text()));
        wire = theirs;
        log::notice(format_args!("a client has the wrong port: {}", error.text()));
    }
    log::verbose(format_args!("protocol error from a client: {}", error.text()));
    state.stats.count_error(&error);
    framed(out, wire, |reply| reply.error(&error));
}
