//! What others see of a request that has run: `MONITOR`, `SLOWLOG`, `LATENCY`.
use std::time::Duration;

use phase3_eventloop::slab::ConnId;

use crate::clock::wall_clock;
use crate::command::lookup;
use crate::command::redact::redacted;
use crate::command::{Command, Flag};
use crate::deliver::{Deliver, Kind};
use crate::state::State;
use crate::state::slow::{Entry, shortened};
use crate::state::stats::CommandId;
use crate::wire::args::Args;

/// A request has run.
pub(super) fn ran(state: &mut State, deliver: &mut Deliver<'_>, conn: ConnId, id: CommandId, args: Args<'_>) {
    if let Some(took) = state.watch.is_slow() {
        slow(state, conn, id, args, took);
    }
    if !state.monitors.is_empty() {
        show(state, deliver, conn, id, args);
    }
}

/// Notes a request that took long, in the logs whose limit it has reached.
#[cold]
pub(super) fn slow(state: &mut State, conn: ConnId, id: CommandId, args: Args<'_>, took: Duration) {
    let row = lookup::table().row(id);
    let time = wall_clock().as_secs() as i64;
    let limit = u128::try_from(state.config.watching.slowlog_log_slower_than);
    if limit.is_ok_and(|limit| took.as_micros() >= limit) && !row.flags.has(Flag::SkipSlowlog) {
        let Some(client) = state.clients.get(conn) else { return };
        let args = redacted(lookup::table().full_name(id), args);
        let args = shortened(args.into_iter());
        let entry =
            Entry { id: 0, time, took, args, peer: client.peer.to_string(), name: client.name.clone() };
        state.slow_log.add(entry, state.config.watching.slowlog_max_len as usize);
    }
    let (limit, millis) = (state.config.watching.latency_monitor_threshold, took.as_millis() as u64);
    if limit > 0 && millis >= limit {
        let event = if row.flags.has(Flag::Fast) { "fast-command" } else { "command" };
        state.latency.add(event, time, millis);
    }
}

/// Shows a request to everybody who has said `MONITOR`. What only operators say is not shown.
#[cold]
fn show(state: &mut State, deliver: &mut Deliver<'_>, conn: ConnId, id: CommandId, args: Args<'_>) {
    let Command { flags, .. } = lookup::table().row(id);
    let Some(client) =
        state.clients.get(conn).filter(|_| !flags.has(Flag::Admin) && !flags.has(Flag::SkipMonitor))
    else {
        return;
    };
    let now = wall_clock();
    let (db, peer) = (client.db, client.peer);
    let mut line = format!("{}.{:06} [{db} {peer}]", now.as_secs(), now.subsec_micros());
    for arg in redacted(lookup::table().full_name(id), args) {
        line.push(' ');
        quote(arg, &mut line);
    }
    for monitor in state.monitors.clone() {
        deliver.to(state, monitor, Kind::Push, |reply| reply.simple(&line));
    }
}

/// An argument in quotes, in printable ASCII.
fn quote(arg: &[u8], line: &mut String) {
    line.push('"');
    for byte in arg {
        match byte {
            b'"' | b'\\' => line.extend(['\\', char::from(*byte)]),
            b'\n' => line.push_str("\\n"),
            b'\r' => line.push_str("\\r"),
            b'\t' => line.push_str("\\t"),
            7 => line.push_str("\\a"),
            8 => line.push_str("\\b"),
            b' '..=b'~' => line.push(char::from(*byte)),
            _ => line.push_str(&format!("\\x{byte:02x}")),
        }
    }
    line.push('"');
}
