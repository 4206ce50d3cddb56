//! One client's turn: its bytes, batch by batch, until they are used up or a command ends the turn.
use phase3_eventloop::service::{Next, Served, Turn};
use phase3_eventloop::slab::ConnId;

use crate::command::lookup::{self, Resolved};
use crate::deliver::{self, Deliver};
use crate::error::Error;
use crate::log;
use crate::state::State;
use crate::wire::limits::ProtocolError;
use crate::wire::reply::{Wire, framed};
use crate::wire::resp::Progress;

use super::Server;
use super::admit::Incoming;
use super::batch::{Batch, Lookahead, Tail};
use super::crowd::thin_out_after;
use super::execute::{self, Outcome};

/// A turn while it lasts.
pub(super) struct Serving<'a> {
    conn: ConnId,
    input: &'a [u8],
    /// How much of the input has been served.
    consumed: usize,
    out: &'a mut Vec<u8>,
    /// How many bytes at the front of `out` are sent.
    sent: usize,
    /// The turn ends between two requests once `out` is longer than this.
    mark: usize,
    deliver: Deliver<'a>,
}

impl Server {
    /// Serves all that has arrived from one client.
    pub(super) fn serve_turn(&mut self, turn: Turn<'_>) -> Served {
        let now = turn.outbox.now();
        self.state.tick(now);
        let class = match self.state.clients.get(turn.conn) {
            Some(client) if !client.killed => {
                client.last_active = now;
                client.class()
            }
            _ => return Served { consumed: turn.input.len(), next: Next::Abandon },
        };
        let hard = deliver::limit_of(&self.state.config.output_limits, class).hard;
        let Turn { conn, input, out, sent, high_mark, outbox } = turn;
        let before = out.len();
        let mut serving = Serving {
            conn,
            // Offsets inside a request are 32 bits wide; the loop's limit on what may wait is not above that.
            input: &input[..input.len().min(u32::MAX as usize)],
            consumed: 0,
            out,
            sent,
            mark: if hard > 0 { high_mark.min(sent.saturating_add(hard as usize - 1)) } else { high_mark },
            deliver: Deliver::new(outbox, Some(conn), &mut self.behind_reply),
        };
        let next = loop {
            if let Some(next) = serving.serve_batch(&mut self.state, &mut self.batch) {
                break next;
            }
        };
        self.batch.shrink();
        let Serving { consumed, out, deliver, .. } = serving;
        let stats = &mut self.state.stats;
        stats.turns += 1;
        stats.answers += u64::from(out.len() > before);
        stats.net_input += consumed as u64;
        stats.net_output += out.len().saturating_sub(before) as u64;
        let limit = deliver::limit_of(&self.state.config.output_limits, class);
        let limited = limit.hard > 0 || limit.soft > 0;
        // A command that ends its own client says `Close`.
        if (limited || next == Next::Close)
            && deliver::is_cut_off(&mut self.state, conn, out.len() - sent, now)
        {
            return Served { consumed, next: Next::Abandon };
        }
        if self.state.client_memory_limit().is_some() {
            let mut stats = deliver.outbox.stats(conn).unwrap_or_default();
            stats.output_capacity = stats.output_capacity.max(out.capacity());
            if thin_out_after(&mut self.state, conn, stats, deliver.outbox) {
                return Served { consumed, next: Next::Abandon };
            }
        }
        Served { consumed, next }
    }
}

impl Serving<'_> {
    /// Serves one batch from what is not consumed yet. Returns what the loop does next, `None` if the batch was full and
    /// more may follow.
    fn serve_batch(&mut self, state: &mut State, batch: &mut Batch) -> Option<Next> {
        let Some(mut caller) = state.caller(self.conn) else { return Some(Next::Close) };
        let mut ordinary = state.is_ordinary(&caller);
        let limits = state.wire_limits(caller.unauthenticated);
        let client = state.clients.get(self.conn)?;
        let ahead = Lookahead { lookup: lookup::table(), db: state.keyspace.db(caller.db) };
        let then = batch.gather(self.input, self.consumed, client, &limits, ahead);
        batch.warm(ahead.db);
        let (out, deliver) = (&mut *self.out, &mut self.deliver);
        state.watch.begin();
        let mut next = None;
        let mut last = None;
        // ANCHOR: serve-batch-body
        for request in &batch.requests {
            let args = batch.args(request, self.input);
            let incoming = Incoming { command: request.command, hashes: batch.hashes(request), args };
            let done = ordinary && execute::execute_ordinary(state, &caller, &incoming, out, deliver);
            let outcome =
                if done { Outcome::Done } else { execute::execute(state, caller, incoming, out, deliver) };
            if outcome == Outcome::Held {
                next = Some(Next::Hold);
                break;
            }
            self.consumed = request.end;
            last = Some(request.command);
            if outcome == Outcome::Changed {
                caller = state.caller(self.conn).unwrap_or(caller);
                ordinary = state.is_ordinary(&caller);
                next = next_for(state, self.conn);
            }
            if out.len() > self.mark {
                next = next.or(Some(Next::Full));
            }
            if next.is_some() {
                break;
            }
        }
        // ANCHOR_END: serve-batch-body
        if let Some(client) = state.clients.get(self.conn) {
            client.note_waiting(out.len() - self.sent);
            if let Some(Resolved::Known(id)) = last {
                client.last_command = Some(id);
            }
        }
        if next.is_some() {
            return next;
        }
        self.consumed = batch.end;
        match then {
            Tail::More => None,
            Tail::Nothing => Some(Next::More),
            Tail::Part(progress) => Some(self.wait_for_rest(state, batch, progress)),
            // What ran before it may have changed the limits (AUTH, CONFIG SET): look at it again.
            Tail::Error(_) if !batch.requests.is_empty() => None,
            Tail::Error(error) => {
                self.protocol_error(state, error);
                Some(Next::Close)
            }
        }
    }

    /// Keeps what is understood of an unfinished request, unless what is not goes beyond `client-query-buffer-limit`: then
    /// the client has to go and, as in Redis, is not told.
    fn wait_for_rest(&self, state: &mut State, batch: &mut Batch, progress: Progress) -> Next {
        let limit = state.config.max_request();
        let Some(client) = state.clients.get(self.conn) else { return Next::Close };
        batch.set_aside(client, progress, self.consumed);
        let unparsed = self.input.len() - progress.pos;
        // A frame's length is checked when its header is read.
        if client.wire == Wire::Framed || unparsed <= limit {
            return Next::More;
        }
        state.stats.query_limit_closed += 1;
        log::warning(format_args!(
            "closing {}: {unparsed} bytes of an unfinished request wait (client-query-buffer-limit)",
            client.peer
        ));
        Next::Abandon
    }

    /// The stream makes no sense any more: says why. The caller closes.
    fn protocol_error(&mut self, state: &mut State, error: ProtocolError) {
        if let Some((theirs, error)) = wrong_port(state, error) {
            log::notice(format_args!("a client has the wrong port: {}", error.text()));
            state.stats.count_error(&error);
            return framed(self.out, theirs, |reply| reply.error(&error));
        }
        let error = Error::from(error);
        log::verbose(format_args!("protocol error from a client: {}", error.text()));
        state.stats.count_error(&error);
        deliver::last_words(state, self.conn, self.out, |reply| reply.error(&error));
    }
}

/// What a command did to its own client.
fn next_for(state: &mut State, conn: ConnId) -> Option<Next> {
    match state.clients.get(conn) {
        // Who is hung up on (HTTP) is not told what came before either.
        Some(client) if client.killed => Some(Next::Abandon),
        Some(client) if client.closing => Some(Next::Close),
        Some(client) if client.held.is_some() => Some(Next::Hold),
        Some(_) => None,
        None => Some(Next::Close),
    }
}

/// A client that speaks the other port's protocol: which, and what to tell it, in its own protocol.
fn wrong_port(state: &State, error: ProtocolError) -> Option<(Wire, Error)> {
    let (theirs, advice, port) = match error {
        ProtocolError::RespClient => (Wire::Resp2, "RESP clients connect to --port", state.port),
        ProtocolError::FramedClient => {
            (Wire::Framed, "framed clients connect to --framed-port", state.framed_port)
        }
        _ => return None,
    };
    let port = if port == 0 { "which is not open".to_string() } else { port.to_string() };
    let text = format!("{}: {advice}, {port}", Error::from(error).text());
    Some((theirs, Error::other(text)))
}
