//! Commands about snapshots: `SAVE`, `BGSAVE`, `LASTSAVE`.
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
    if context.client().transaction.as_ref().is_some_and(|transaction| transaction.is_running()) {
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

fn lastsave(context: &mut ServerContext<'_>, _: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    reply.integer(context.state.persist.last_save as i64);
    Ok(())
}
