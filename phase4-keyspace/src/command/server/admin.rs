//! Commands about the server as a whole: `TIME`, `SHUTDOWN`, `LOLWUT`.
use crate::clock::wall_clock;
use crate::command::ServerContext;
use crate::command::{Command, Group};
use crate::error::Error;
use crate::log;
use crate::wire::args::Args;
use crate::wire::reply::Reply;

/// The rows.
pub static COMMANDS: &[Command] = &[
    Command::server("time", 1, "loading stale fast", time)
        .doc(Group::Server, "2.6.0", "Returns the server's clock: seconds since 1970, and microseconds.")
        .tips("nondeterministic_output"),
    Command::server("shutdown", -1, "admin noscript loading stale no_multi allow_busy", shutdown).doc(
        Group::Server,
        "1.0.0",
        "Stops the server.",
    ),
    Command::server("lolwut", -1, "readonly fast", lolwut).doc(
        Group::Server,
        "5.0.0",
        "Draws a picture and names the version.",
    ),
];

fn time(_: &mut ServerContext<'_>, _: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    let now = wall_clock();
    reply.array(2);
    reply.bulk(now.as_secs().to_string().as_bytes());
    reply.bulk(now.subsec_micros().to_string().as_bytes());
    Ok(())
}

/// `SHUTDOWN [NOSAVE|SAVE] [NOW] [FORCE] [ABORT]`. A last snapshot is written if there are save points or `SAVE`
/// says so; if that fails, the server goes on, unless `FORCE` is said. `NOW` is about replicas, which there are not. No
/// reply is the reply: the connection closes.
fn shutdown(context: &mut ServerContext<'_>, args: Args<'_>, _: &mut Reply<'_>) -> Result<(), Error> {
    let (mut save, mut nosave, mut abort, mut force, mut other) = (false, false, false, false, false);
    for word in args.from(1) {
        match word.to_ascii_lowercase().as_slice() {
            b"save" => save = true,
            b"nosave" => nosave = true,
            b"abort" => abort = true,
            b"force" => force = true,
            b"now" => other = true,
            _ => return Err(Error::Syntax),
        }
    }
    if (save && nosave) || (abort && (save || nosave || force || other)) {
        return Err(Error::Syntax);
    }
    if abort {
        return Err(Error::other("ERR No shutdown in progress."));
    }
    log::notice(format_args!("a client asked for SHUTDOWN"));
    context.state.persist.at_exit = if save { Some(true) } else { nosave.then_some(false) };
    // What other clients change until the end of this tick is saved behind it.
    if context.state.save_at_exit().is_err() && !force {
        context.state.persist.at_exit = None;
        return Err(Error::other("ERR Errors trying to SHUTDOWN. Check logs."));
    }
    context.client().closing = true;
    context.deliver.outbox.shut_down();
    Ok(())
}

/// A small hash table, half full.
fn lolwut(_: &mut ServerContext<'_>, _: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    let picture = "\
        ┌────┬────┬────┬────┬────┬────┬────┬────┐\n\
        │ ▓▓ │    │ ▓▓ │    │ ▓▓ │ ▓▓ │    │    │\n\
        └─┬──┴────┴─┬──┴────┴────┴─┬──┴────┴────┘\n\
        \u{20} ▓▓        ▓▓             ▓▓\n\
        \u{20}           ▓▓\n\n";
    let text = format!("{picture}Redis ver. {}\n", super::info::COMPATIBLE_WITH);
    reply.verbatim("txt", text.as_bytes());
    Ok(())
}
