//! `SLOWLOG`: the requests that took longest, with their arguments.
use crate::command::{Command, Group, ServerContext, ServerFn, help};
use crate::error::{Error, wrong_subcommand};
use crate::text::integer;
use crate::wire::args::Args;
use crate::wire::reply::Reply;

/// The row.
pub static COMMANDS: &[Command] = &[Command::server("slowlog", -2, "", help_lines)
    .doc(Group::Server, "2.2.12", "Tells which requests were slow.")
    .subcommands(&[
        row("get", -2, get, "Returns the newest entries.")
            .tips("request_policy:all_nodes nondeterministic_output"),
        row("len", 2, len, "Counts the entries.")
            .tips("request_policy:all_nodes response_policy:agg_sum nondeterministic_output"),
        row("reset", 2, reset, "Forgets all entries.")
            .tips("request_policy:all_nodes response_policy:all_succeeded"),
        Command::server("help", 2, "loading stale", help_lines).doc(
            Group::Server,
            "6.2.0",
            "Lists the subcommands.",
        ),
    ])];

const fn row(name: &'static str, arity: i32, run: ServerFn, summary: &'static str) -> Command {
    Command::server(name, arity, "admin loading stale", run).doc(Group::Server, "2.2.12", summary)
}

fn get(context: &mut ServerContext<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    let count = match args.len() {
        2 => 10,
        3 => {
            let count = integer::parse(args.get(2)).filter(|count| *count >= -1);
            count.ok_or(Error::other("ERR count should be greater than or equal to -1"))?
        }
        _ => return Err(wrong_subcommand("SLOWLOG", args.get(1))),
    };
    let entries = context.state.slow_log.entries();
    // -1: all of them.
    let shown = usize::try_from(count).unwrap_or(usize::MAX).min(entries.len());
    reply.array(shown);
    for entry in entries.take(shown) {
        reply.array(6);
        reply.integer(entry.id as i64);
        reply.integer(entry.time);
        reply.integer(entry.took.as_micros() as i64);
        reply.array(entry.args.len());
        entry.args.iter().for_each(|arg| reply.bulk(arg));
        reply.bulk(entry.peer.as_bytes());
        reply.bulk(&entry.name);
    }
    Ok(())
}

fn len(context: &mut ServerContext<'_>, _: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    reply.integer(context.state.slow_log.entries().len() as i64);
    Ok(())
}

fn reset(context: &mut ServerContext<'_>, _: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    context.state.slow_log.clear();
    reply.ok();
    Ok(())
}

fn help_lines(_: &mut ServerContext<'_>, _: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    help(
        reply,
        "SLOWLOG",
        &[
            "GET [<count>]",
            "    Return the newest entries (default: 10, -1: all): number, time, microseconds, arguments,",
            "    the client's address and name.",
            "LEN",
            "    Count the entries.",
            "RESET",
            "    Forget all entries.",
        ],
    );
    Ok(())
}
