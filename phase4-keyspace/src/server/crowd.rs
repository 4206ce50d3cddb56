//! Eviction of clients: when all of them together take more than `maxmemory-clients`, the one that takes the most is closed, until the
//! others fit. Clients that have said `CLIENT NO-EVICT on` count, and stay.
use phase3_eventloop::outbox::{ConnStats, Outbox};
use phase3_eventloop::slab::ConnId;

use crate::log;
use crate::state::State;

/// After a turn: whether the client served is one of those that have to go.
pub(super) fn thin_out_after(state: &mut State, conn: ConnId, stats: ConnStats, outbox: &mut Outbox) -> bool {
    let Some(limit) = state.client_memory_limit() else { return false };
    state.recount_client(conn, stats);
    thin_out(state, limit, Some(conn), outbox);
    state.clients.get(conn).is_some_and(|client| client.killed)
}

/// In the background: what other clients have sent and been sent meanwhile is counted too.
pub(super) fn thin_out_all(state: &mut State, outbox: &mut Outbox) {
    if let Some(limit) = state.client_memory_limit() {
        state.recount_clients(outbox);
        thin_out(state, limit, None, outbox);
    }
}

/// Closes clients until the rest fits. The one that is being served is marked only: its turn ends it.
fn thin_out(state: &mut State, limit: usize, served: Option<ConnId>, outbox: &mut Outbox) {
    while state.client_memory > limit {
        let Some(client) = state.largest_client() else { return };
        client.killed = true;
        let (conn, peer, taken) = (client.conn, client.peer, std::mem::take(&mut client.counted));
        state.client_memory -= taken;
        state.stats.evicted_clients += 1;
        log::notice(format_args!("evicting {peer}: it takes {taken} bytes (maxmemory-clients)"));
        if served != Some(conn) {
            outbox.abandon(conn);
        }
    }
}
