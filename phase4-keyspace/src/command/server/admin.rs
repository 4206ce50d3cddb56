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

/// `SHUTDOWN [NOSAVE|SAVE] [NOW] [FORCE] [ABORT]`. There is nothing to save to yet, so `SAVE` is refused rather than
/// ignored; `NOW` and `FORCE` are about replicas and failed snapshots, which there are not either. No reply is the reply:
/// the connection closes.
fn shutdown(context: &mut ServerContext<'_>, args: Args<'_>, _: &mut Reply<'_>) -> Result<(), Error> {
    let (mut save, mut nosave, mut abort, mut other) = (false, false, false, false);
    for word in args.from(1) {
        match word.to_ascii_lowercase().as_slice() {
            b"save" => save = true,
            b"nosave" => nosave = true,
            b"abort" => abort = true,
            b"now" | b"force" => other = true,
            _ => return Err(Error::Syntax),
        }
    }
    if (save && nosave) || (abort && (save || nosave || other)) {
        return Err(Error::Syntax);
    }
    if abort {
        return Err(Error::other("ERR No shutdown in progress."));
    }
    if save {
        return Err(Error::other(
            "ERR persistence is not built yet, nothing can be saved: use SHUTDOWN NOSAVE",
        ));
    }
    log::notice(format_args!("a client asked for SHUTDOWN"));
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
