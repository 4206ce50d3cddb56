//! `MONITOR`: from here on the client is shown every request that any client runs.
use crate::command::{Command, Group, ServerContext};
use crate::error::Error;
use crate::wire::args::Args;
use crate::wire::reply::Reply;

/// The row.
pub static COMMANDS: &[Command] =
    &[Command::admin("monitor", 1, monitor).doc(Group::Server, "1.0.0", "Shows every request as it runs.")];

/// Said again, it is not answered: the client could not tell the answer from what it is shown.
fn monitor(context: &mut ServerContext<'_>, _: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    if context.client().transaction.is_some() {
        return Err(Error::other("ERR MONITOR isn't allowed for DENY BLOCKING client"));
    }
    if context.client().monitors {
        return Ok(());
    }
    context.client().monitors = true;
    context.state.monitors.push(context.conn);
    // It has nothing to say, and is not idle.
    context.deliver.outbox.never_idle(context.conn, true);
    reply.ok();
    Ok(())
}
