//! Transactions: `MULTI` begins to queue, `EXEC` runs what was queued as one unit, `WATCH` makes that depend on keys.
//!
//! `EXEC` itself is the server's: it runs other commands, which no command may.
use super::{Command, Group, KeySpec, Run, ServerContext};
use crate::error::Error;
use crate::state::transaction::Transaction;
use crate::wire::args::Args;
use crate::wire::reply::Reply;

/// The rows.
pub static COMMANDS: &[Command] = &[
    Command::server("multi", 1, "noscript loading stale fast allow_busy", multi).doc(
        Group::Transactions,
        "1.2.0",
        "Begins a transaction: what follows is queued.",
    ),
    Command {
        run: Run::Exec,
        ..Command::server("exec", 1, "noscript loading stale skip_slowlog", discard).doc(
            Group::Transactions,
            "1.2.0",
            "Runs everything that was queued, with nothing in between.",
        )
    },
    Command::server("discard", 1, "noscript loading stale fast allow_busy", discard).doc(
        Group::Transactions,
        "2.0.0",
        "Ends a transaction without running it.",
    ),
    Command {
        keys: KeySpec::ALL,
        ..Command::server("watch", -2, "noscript loading stale fast allow_busy", watch)
            .doc(
                Group::Transactions,
                "2.2.0",
                "Makes the next transaction depend on these keys staying as they are.",
            )
            .access(&["RO"])
    },
    Command::server("unwatch", 1, "noscript loading stale fast allow_busy", unwatch).doc(
        Group::Transactions,
        "2.2.0",
        "Forgets the watched keys.",
    ),
];

fn multi(context: &mut ServerContext<'_>, _: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    let transaction = &mut context.client().transaction;
    if transaction.is_some() {
        return Err(Error::other("ERR MULTI calls can not be nested"));
    }
    *transaction = Some(Box::new(Transaction::default()));
    reply.ok();
    Ok(())
}

fn discard(context: &mut ServerContext<'_>, _: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    if context.client().transaction.take().is_none() {
        return Err(Error::other("ERR DISCARD without MULTI"));
    }
    context.state.unwatch(context.conn);
    reply.ok();
    Ok(())
}

fn watch(context: &mut ServerContext<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    let client = context.client();
    if client.transaction.is_some() {
        return Err(Error::other("ERR WATCH inside MULTI is not allowed"));
    }
    let db = client.db;
    for key in args.from(1) {
        context.state.watch(context.conn, db, key);
    }
    reply.ok();
    Ok(())
}

fn unwatch(context: &mut ServerContext<'_>, _: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    context.state.unwatch(context.conn);
    reply.ok();
    Ok(())
}
