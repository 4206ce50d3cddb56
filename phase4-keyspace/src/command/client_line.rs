//! A client as `CLIENT LIST` shows it, and as the log of refused requests remembers it.
use std::fmt::Write;

use phase3_eventloop::outbox::{ConnStats, Outbox};

use super::lookup;
use crate::access::Users;
use crate::state::clients::Client;
use crate::state::subscriptions::Space;
use crate::state::transaction::Transaction;
use crate::wire::args::Args;
use crate::wire::reply::Wire;

/// Redis keeps the first so many bytes of waiting replies in a buffer and what goes beyond in a list of blocks. Here all
/// stand in one piece of memory, whose part beyond that is shown as a list of one block.
const REPLY_BUFFER: usize = 16 * 1024;

/// What a client costs, as `CLIENT LIST` shows it.
struct Usage {
    /// Bytes received and not understood, and room behind them.
    qbuf: (usize, usize),
    /// Bytes of arguments: of the request that runs, or of one that has arrived in part.
    argv: usize,
    /// Reply buffer: its size, its largest use lately, its use now.
    buffer: [usize; 3],
    /// Reply list: its blocks, their memory.
    list: (usize, usize),
    total: usize,
}

impl Usage {
    fn of(client: &Client, stats: ConnStats, running: Option<Args<'_>>) -> Usage {
        let ConnStats { input_len, input_capacity, output_len, output_capacity } = stats;
        let mut parsed = 0;
        let mut argv = running.map_or(0, |args| args.from(0).map(<[u8]>::len).sum());
        if let Some(unfinished) = &client.unfinished {
            parsed = unfinished.progress.pos.min(input_len);
            argv = unfinished.spans.iter().map(|span| (span.end - span.start) as usize).sum();
        }
        let beyond = output_capacity.saturating_sub(REPLY_BUFFER);
        Usage {
            qbuf: (input_len - parsed, input_capacity.saturating_sub(input_len)),
            argv,
            buffer: [output_capacity, client.output_peak, output_len].map(|bytes| bytes.min(REPLY_BUFFER)),
            list: (usize::from(beyond > 0), beyond),
            total: client.memory(stats),
        }
    }
}

/// One line of `CLIENT LIST`; `running` are the arguments if it is about the client that asks. Fields about what this
/// server does not have yet are what they are in Redis when unused.
pub fn describe(
    client: &Client,
    users: &Users,
    outbox: &Outbox,
    running: Option<Args<'_>>,
    text: &mut String,
) {
    let now = outbox.now();
    let stats = outbox.stats(client.conn).unwrap_or_default();
    let Usage { qbuf: (qbuf, free), argv, buffer: [rbs, rbp, obl], list: (oll, omem), total } =
        Usage::of(client, stats, running);
    let command = client.last_command.map_or("NULL", |command| lookup::table().full_name(command));
    let name = String::from_utf8_lossy(&client.name);
    let user = String::from_utf8_lossy(&users.get(client.user).name);
    let resp = if client.wire == Wire::Resp3 { 3 } else { 2 };
    let listens = |space| client.subscriptions.as_ref().map_or(0, |subscriptions| subscriptions.count(space));
    let transaction = client.transaction.as_deref();
    let queued = transaction.map_or(-1, |transaction| transaction.len() as i64);
    let multi = transaction.map_or(0, Transaction::memory);
    // Writing to a String cannot fail.
    let _ = write!(
        text,
        "id={} addr={} laddr={} fd={} name={name} age={} idle={} flags={} db={} sub={} psub={} ssub={} multi={queued} \
         qbuf={qbuf} qbuf-free={free} argv-mem={argv} multi-mem={multi} rbs={rbs} rbp={rbp} \
         obl={obl} oll={oll} omem={omem} tot-mem={total} events={} cmd={command} user={user} redir=-1 resp={resp}",
        client.id,
        client.peer,
        client.local,
        client.fd,
        now.saturating_duration_since(client.since).as_secs(),
        now.saturating_duration_since(client.last_active).as_secs(),
        client.flags(),
        client.db,
        listens(Space::Channel),
        listens(Space::Pattern),
        listens(Space::Shard),
        if stats.output_len > 0 { "rw" } else { "r" },
    );
    for (field, value) in [("lib-name", &client.lib_name), ("lib-ver", &client.lib_version)] {
        if !value.is_empty() {
            let _ = write!(text, " {field}={}", String::from_utf8_lossy(value));
        }
    }
    text.push('\n');
}
