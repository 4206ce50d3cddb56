//! `CLIENT`: who is connected, and what a connection can say about itself. `control.rs` has what is done to
//! others.
use super::control::{kill, pause, unblock, unpause};
use crate::command::ServerContext;
use crate::command::client_line::describe;
use crate::command::{Command, Group, ServerFn, help};
use crate::error::Error;
use crate::state::clients::{Class, Client, Replies};
use crate::text::integer;
use crate::wire::args::Args;
use crate::wire::reply::Reply;

/// The row.
pub static COMMANDS: &[Command] = &[Command::server("client", -2, "", help_lines)
    .doc(Group::Connection, "2.4.0", "Tells about connections and acts on them; the subcommand says how.")
    .subcommands(&[
        admin("kill", -3, kill, "2.4.0", "Closes connections."),
        plain("getname", 2, getname, "2.6.9", "Returns the connection's name."),
        admin("list", -2, list, "2.4.0", "Lists the connections.").tips("nondeterministic_output"),
        admin("unblock", -3, unblock, "5.0.0", "Ends another connection's blocking command."),
        plain("id", 2, id, "5.0.0", "Returns the connection's number."),
        Command::server("help", 2, "loading stale", help_lines).doc(
            Group::Connection,
            "5.0.0",
            "Lists the subcommands.",
        ),
        plain("setname", 3, setname, "2.6.9", "Names the connection."),
        plain("setinfo", 4, setinfo, "7.2.0", "Notes the client library's name or version."),
        plain("info", 2, info, "6.2.0", "Describes the connection.").tips("nondeterministic_output"),
        admin("no-evict", 3, no_evict, "7.0.0", "Exempts the connection from eviction."),
        admin("pause", -3, pause, "2.9.50", "Stops serving connections for a while."),
        admin("unpause", 2, unpause, "6.2.0", "Serves paused connections again."),
        plain("reply", 3, reply_mode, "3.2.0", "Switches the connection's replies on and off."),
    ])];

const fn plain(
    name: &'static str,
    arity: i32,
    run: ServerFn,
    since: &'static str,
    summary: &'static str,
) -> Command {
    Command::server(name, arity, "noscript loading stale", run).doc(Group::Connection, since, summary)
}

const fn admin(
    name: &'static str,
    arity: i32,
    run: ServerFn,
    since: &'static str,
    summary: &'static str,
) -> Command {
    Command::admin(name, arity, run).doc(Group::Connection, since, summary)
}

fn id(context: &mut ServerContext<'_>, _: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    reply.integer(context.client().id as i64);
    Ok(())
}

fn getname(context: &mut ServerContext<'_>, _: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    match context.client().name.as_slice() {
        [] => reply.nil(),
        name => reply.bulk(name),
    }
    Ok(())
}

fn setname(context: &mut ServerContext<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    check_name(args.get(2), "Client names")?;
    context.client().name = args.get(2).to_vec();
    reply.ok();
    Ok(())
}

/// Redis has this since 7.2; client libraries call it without asking which version they talk to.
fn setinfo(context: &mut ServerContext<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    let value = args.get(3);
    if args.is(2, "LIB-NAME") {
        check_name(value, "lib-name")?;
        context.client().lib_name = value.to_vec();
    } else if args.is(2, "LIB-VER") {
        check_name(value, "lib-ver")?;
        context.client().lib_version = value.to_vec();
    } else {
        return Err(Error::bytes([b"ERR Unrecognized option '", args.get(2), b"'"].concat()));
    }
    reply.ok();
    Ok(())
}

/// A name must be printable and without spaces, or `CLIENT LIST` could not be taken apart again.
pub fn check_name(name: &[u8], what: &str) -> Result<(), Error> {
    if name.iter().all(|byte| (b'!'..=b'~').contains(byte)) {
        return Ok(());
    }
    Err(Error::other(format!("ERR {what} cannot contain spaces, newlines or special characters.")))
}

/// The dispatcher drops the replies that are not wanted; this one too, unless the mode is `ON`.
fn reply_mode(context: &mut ServerContext<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    let client = context.client();
    if args.is(2, "ON") {
        client.replies = Replies::On;
    } else if args.is(2, "OFF") {
        client.replies = Replies::Off;
    } else if !args.is(2, "SKIP") {
        return Err(Error::Syntax);
    } else if client.replies != Replies::Off {
        client.replies = Replies::SkipNext;
    }
    reply.ok();
    Ok(())
}

fn no_evict(context: &mut ServerContext<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    context.client().no_evict = match () {
        () if args.is(2, "ON") => true,
        () if args.is(2, "OFF") => false,
        () => return Err(Error::Syntax),
    };
    reply.ok();
    Ok(())
}

fn info(context: &mut ServerContext<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    let (conn, state) = (context.conn, &mut *context.state);
    let mut text = String::new();
    if let Some(client) = state.clients.get(conn) {
        describe(client, &state.users, context.deliver.outbox, Some(args), &mut text);
    }
    reply.verbatim("txt", text.as_bytes());
    Ok(())
}

fn list(context: &mut ServerContext<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    let mut ids = None;
    let mut class = None;
    if args.len() == 4 && args.is(2, "TYPE") {
        class = Some(Class::parse(args.get(3))?);
    } else if args.len() > 3 && args.is(2, "ID") {
        let parsed: Option<Vec<i64>> = args.from(3).map(integer::parse).collect();
        ids = Some(parsed.ok_or_else(|| Error::other("ERR Invalid client ID"))?);
    } else if args.len() != 2 {
        return Err(Error::Syntax);
    }
    let all = context.state.clients.by_age();
    let mut listed: Vec<&Client> = all
        .into_iter()
        .filter(|client| !client.killed && class.is_none_or(|class| class.has(client)))
        .collect();
    if let Some(ids) = ids {
        // As asked for: in that order, and twice if named twice.
        let named = |id: &i64| listed.iter().copied().find(|client| client.id as i64 == *id);
        listed = ids.iter().filter_map(named).collect();
    }
    let mut text = String::new();
    for client in listed {
        let running = (client.conn == context.conn).then_some(args);
        describe(client, &context.state.users, context.deliver.outbox, running, &mut text);
    }
    reply.verbatim("txt", text.as_bytes());
    Ok(())
}

fn help_lines(_: &mut ServerContext<'_>, _: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    help(
        reply,
        "CLIENT",
        &[
            "GETNAME",
            "    Return the name of the current connection.",
            "ID",
            "    Return the ID of the current connection.",
            "INFO",
            "    Describe the current connection.",
            "KILL <ip:port>",
            "    Close the connection from this address.",
            "KILL <option> <value> [<option> <value> [...]]",
            "    Close connections and count them. All options must hold:",
            "    * ADDR <ip:port>, LADDR <ip:port>: the client's end, or ours",
            "    * TYPE (NORMAL|MASTER|REPLICA|PUBSUB)",
            "    * USER <username>",
            "    * ID <client-id>",
            "    * SKIPME (YES|NO): spare the current connection (default: yes)",
            "LIST [TYPE <type> | ID <client-id> [<client-id> ...]]",
            "    Describe connections, one on a line.",
            "NO-EVICT (ON|OFF)",
            "    Exempt the current connection from eviction.",
            "PAUSE <milliseconds> [WRITE|ALL]",
            "    Suspend all clients for a while, or those that write.",
            "REPLY (ON|OFF|SKIP)",
            "    Switch the current connection's replies on, off, or skip the next one.",
            "SETINFO (LIB-NAME|LIB-VER) <value>",
            "    Note the client library's name or version.",
            "SETNAME <name>",
            "    Name the current connection.",
            "UNBLOCK <client-id> [TIMEOUT|ERROR]",
            "    End a blocking command of another connection.",
            "UNPAUSE",
            "    End a pause.",
        ],
    );
    Ok(())
}
