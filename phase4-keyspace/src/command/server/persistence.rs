//! Commands about snapshots and the append-only file: `SAVE`, `BGSAVE`, `LASTSAVE`, `BGREWRITEAOF`.
use crate::command::{Command, Group, ServerContext};
use crate::error::Error;
use crate::wire::args::Args;
use crate::wire::reply::Reply;

/// The rows.
pub static COMMANDS: &[Command] = &[
    Command::server("save", 1, "admin noscript no_async_loading no_multi", save).doc(
        Group::Server,
        "1.0.0",
        "Writes a snapshot of all databases while every client waits.",
    ),
    Command::server("bgsave", -1, "admin noscript no_async_loading", bgsave).doc(
        Group::Server,
        "1.0.0",
        "Writes a snapshot of all databases in the background.",
    ),
    Command::server("bgrewriteaof", 1, "admin noscript no_async_loading", bgrewriteaof).doc(
        Group::Server,
        "1.0.0",
        "Writes the append-only file anew in the background, without what is out of date.",
    ),
    Command::server("lastsave", 1, "loading stale fast", lastsave)
        .doc(Group::Server, "1.0.0", "Returns when the last snapshot was complete: seconds since 1970.")
        .categories("admin dangerous")
        .tips("nondeterministic_output"),
];

fn none_runs(context: &ServerContext<'_>) -> Result<(), Error> {
    match context.state.persist.saving {
        Some(_) => Err(Error::other("ERR Background save already in progress")),
        None => Ok(()),
    }
}

fn save(context: &mut ServerContext<'_>, _: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    none_runs(context)?;
    context.state.save().map_err(|error| Error::other(format!("ERR cannot save: {error}")))?;
    reply.ok();
    Ok(())
}

/// `BGSAVE [SCHEDULE]`. In a transaction it is put off until the transaction is over, as a snapshot would hold half of it.
fn bgsave(context: &mut ServerContext<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    if args.len() > 2 || (args.len() == 2 && !args.is(1, "schedule")) {
        return Err(Error::Syntax);
    }
    none_runs(context)?;
    let rewrites = context.state.has_child();
    if rewrites && args.len() == 1 {
        return Err(Error::other(
            "ERR Another child process is active (AOF?): can't BGSAVE right now. Use BGSAVE SCHEDULE in order to schedule a \
             BGSAVE whenever possible.",
        ));
    }
    if rewrites || in_transaction(context) {
        context.state.persist.scheduled = true;
        reply.simple("Background saving scheduled");
        return Ok(());
    }
    let started = context.state.save_in_background();
    started.map_err(|errno| {
        Error::other(format!("ERR cannot save in the background: fork: {}", errno.desc()))
    })?;
    reply.simple("Background saving started");
    Ok(())
}

fn in_transaction(context: &mut ServerContext<'_>) -> bool {
    context.client().transaction.as_ref().is_some_and(|transaction| transaction.is_running())
}

fn bgrewriteaof(context: &mut ServerContext<'_>, _: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    if context.state.aof.rewrite.child.is_some() {
        return Err(Error::other("ERR Background append only file rewriting already in progress"));
    }
    if context.state.has_child() || in_transaction(context) {
        context.state.aof.rewrite.scheduled = true;
        reply.simple("Background append only file rewriting scheduled");
        return Ok(());
    }
    context.state.rewrite_log().map_err(|_| {
        let text = "ERR Can't execute an AOF background rewriting. Please check the server logs for more information.";
        Error::other(text)
    })?;
    reply.simple("Background append only file rewriting started");
    Ok(())
}

fn lastsave(context: &mut ServerContext<'_>, _: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    reply.integer(context.state.persist.last_save as i64);
    Ok(())
}
